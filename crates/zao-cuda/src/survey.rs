//! The driver and the cards of this machine as they are, also where they cannot be used. For people who want to know
//! why; nothing is opened for drawing here, and nothing is decided.

use std::fs;
use std::path::Path;

use zao_backend::Result;

use crate::driver::{self, Card, Context};
use crate::kernels::built_for;

/// Whether there is a driver that can be used. Versions are those of its CUDA interface, major and minor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DriverState {
    /// None is installed, or it is not visible to this process.
    Missing,
    /// It lacks what is used here.
    TooOld {
        /// What it offers.
        cuda: (u32, u32),
    },
    /// It is there and does not start.
    Failing {
        /// What it said.
        message: String,
    },
    /// It can be used.
    Ready {
        /// What it offers.
        cuda: (u32, u32),
    },
}

/// A card, whether it can be used or not.
#[derive(Clone, Debug, PartialEq)]
pub struct CardFacts {
    /// What a user types: `cuda:0`.
    pub label: String,
    /// What its maker calls it.
    pub name: String,
    /// Compute capability, major and minor.
    pub capability: (u32, u32),
    /// Device memory, in bytes.
    pub memory: u64,
    /// Bytes of it that nobody uses, or why it does not tell.
    pub free: Result<u64, String>,
    /// Whose kernels it runs.
    pub served: Served,
    /// How it is connected, if the system tells.
    pub bus: Option<Bus>,
}

/// Where the kernels come from that a card runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Served {
    /// They were compiled for this architecture.
    Built(&'static str),
    /// The driver compiles them, because the card is newer than they are.
    ByDriver,
    /// There are none for a card that old.
    No,
}

/// A PCI Express connection, as fast as both ends can.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bus {
    /// Transfers a second on each lane, in units of 10^9.
    pub gigatransfers: f64,
    /// Number of lanes.
    pub lanes: u32,
}

impl Bus {
    /// The number by which people know it: 4 for PCIe 4.0.
    #[must_use]
    pub fn generation(self) -> u32 {
        let doublings = (self.gigatransfers / 2.5).log2().round();
        // The step from 2 to 3 was 5 to 8, and all others are doublings.
        doublings.clamp(0.0, 10.0) as u32 + 1
    }

    /// Bytes a second in one direction, without what packets cost.
    #[must_use]
    pub fn bytes_per_second(self) -> f64 {
        let coding = if self.generation() < 3 { 0.8 } else { 128.0 / 130.0 };
        self.gigatransfers * 1e9 * f64::from(self.lanes) * coding / 8.0
    }
}

/// The state of the driver.
#[must_use]
pub fn driver() -> DriverState {
    if !driver::is_installed() {
        return DriverState::Missing;
    }
    let numbers = |version: i32| {
        let version = version.unsigned_abs();
        (version / 1000, version % 1000 / 10)
    };
    match (driver::offered_version(), driver::driver_version()) {
        (Ok(offered), _) if !driver::is_new_enough(offered) => {
            DriverState::TooOld { cuda: numbers(offered) }
        }
        (_, Ok(version)) => DriverState::Ready { cuda: numbers(version) },
        (_, Err(error)) => DriverState::Failing { message: error.to_string() },
    }
}

/// The driver's own version, as in `580.95.05`, where the system tells.
#[must_use]
pub fn driver_release() -> Option<String> {
    release_in(&fs::read_to_string("/proc/driver/nvidia/version").ok()?)
}

/// How many NVIDIA graphics cards are plugged in, whether there is a driver for them or not.
#[must_use]
pub fn cards_on_the_bus() -> usize {
    let read = |path: &Path, file| fs::read_to_string(path.join(file)).unwrap_or_default();
    let is_card = |path: &Path| {
        let class = read(path, "class");
        read(path, "vendor").trim() == "0x10de"
            && ["0x0300", "0x0302"].iter().any(|graphics| class.starts_with(graphics))
    };
    let devices = fs::read_dir("/sys/bus/pci/devices").into_iter().flatten().flatten();
    devices.filter(|device| is_card(&device.path())).count()
}

/// Every card that the driver shows to this process. One that does not answer is left out.
///
/// # Errors
/// No usable driver.
pub fn survey() -> Result<Vec<CardFacts>> {
    Ok((0..driver::cards()?).filter_map(|ordinal| facts(ordinal).ok()).collect())
}

fn facts(ordinal: usize) -> Result<CardFacts> {
    let (card, device) = Card::find(ordinal)?;
    let served = match built_for(&card) {
        Ok(Some(architecture)) => Served::Built(architecture),
        Ok(None) => Served::ByDriver,
        Err(_) => Served::No,
    };
    let free = Context::new(ordinal).and_then(|context| context.free_bytes());
    let bus =
        Card::bus_id(device).and_then(|id| bus_of(&Path::new("/sys/bus/pci/devices").join(id)));
    Ok(CardFacts {
        free: free.map(|bytes| bytes as u64).map_err(|error| error.to_string()),
        memory: card.memory as u64,
        label: card.label,
        name: card.name,
        capability: card.capability,
        served,
        bus,
    })
}

/// The connection of the device at this place of the system. A card that is idle runs it slower; what it can is told.
fn bus_of(device: &Path) -> Option<Bus> {
    let read = |file| fs::read_to_string(device.join(file)).ok();
    let speed = read("max_link_speed")?;
    let lanes = read("current_link_width").or_else(|| read("max_link_width"))?;
    let gigatransfers = speed.split_whitespace().next()?.parse().ok()?;
    let lanes = lanes.trim().parse().ok().filter(|&lanes| lanes > 0)?;
    Some(Bus { gigatransfers, lanes })
}

/// The first word of digits and points behind "Kernel Module".
fn release_in(text: &str) -> Option<String> {
    let words = text.lines().next()?.split_whitespace();
    let is_version =
        |word: &&str| word.contains('.') && word.chars().all(|c| c == '.' || c.is_ascii_digit());
    words.into_iter().find(is_version).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_release_is_found_in_what_both_kinds_of_module_say() {
        for (text, release) in [
            (
                "NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.104.05  Sat Aug 19\nGCC version: 12.2",
                Some("535.104.05"),
            ),
            (
                "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  580.95.05  Release Build",
                Some("580.95.05"),
            ),
            ("", None),
        ] {
            assert_eq!(release_in(text).as_deref(), release);
        }
    }

    #[test]
    fn connections_are_known_by_their_generation() {
        for (gigatransfers, generation, gigabytes) in
            [(2.5, 1, 4.0), (5.0, 2, 8.0), (8.0, 3, 15.75), (16.0, 4, 31.5), (32.0, 5, 63.0)]
        {
            let bus = Bus { gigatransfers, lanes: 16 };
            assert_eq!(bus.generation(), generation, "{gigatransfers}");
            assert!((bus.bytes_per_second() / 1e9 - gigabytes).abs() < 0.1, "{gigatransfers}");
        }
    }

    #[test]
    fn a_connection_is_read_as_linux_writes_it() {
        let device = tempfile::tempdir().unwrap();
        assert_eq!(bus_of(device.path()), None);
        for (file, text) in [("max_link_speed", "16.0 GT/s PCIe\n"), ("current_link_width", "8\n")]
        {
            fs::write(device.path().join(file), text).unwrap();
        }
        assert_eq!(bus_of(device.path()), Some(Bus { gigatransfers: 16.0, lanes: 8 }));
        fs::write(device.path().join("current_link_width"), "0\n").unwrap();
        assert_eq!(bus_of(device.path()), None, "a card inside of a virtual machine");
    }

    #[test]
    fn the_state_of_the_driver_agrees_with_what_opening_a_card_says() {
        match (driver(), crate::Card::count()) {
            (DriverState::Ready { .. }, counted) => {
                let cards = survey().unwrap();
                assert!(cards.len() <= counted.unwrap());
            }
            (_, counted) => assert!(counted.is_err() && survey().is_err()),
        }
    }
}
