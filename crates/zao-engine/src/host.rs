//! What the machine is that drawing runs on: processor, memory, driver and cards, libraries. It only looks; what follows
//! from it is said elsewhere.

use std::fs;
use std::num::NonZeroUsize;

use crate::devices::{
    CardFacts, DriverState, InstalledLibrary, LibraryPlaces, cards_on_the_bus, cpu, driver,
    driver_release, installed_libraries, survey,
};
use crate::memory::{available_bytes, limit_bytes, machine_bytes};
use crate::{Instructions, ResolvedPrecision, Result};

/// A machine as it is now.
#[derive(Clone, Debug)]
pub struct Host {
    /// What computes where there is no card.
    pub processor: Processor,
    /// Its main memory.
    pub memory: MainMemory,
    /// The driver of NVIDIA cards.
    pub driver: DriverState,
    /// The driver's own version, where the system tells.
    pub driver_release: Option<String>,
    /// NVIDIA cards that are plugged in, whether the driver shows them or not.
    pub plugged_in: usize,
    /// Those that the driver shows.
    pub cards: Vec<CardFacts>,
    /// NVIDIA's libraries that are installed; none is needed.
    pub libraries: Vec<InstalledLibrary>,
}

/// A processor, as far as this process may use it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Processor {
    /// What its maker calls it, where the system tells.
    pub name: Option<String>,
    /// The instructions that it is used with, in words.
    pub instructions: String,
    /// Cores that this process may use: affinity and limits of its control group count.
    pub usable: usize,
    /// Cores that the system shows.
    pub cores: usize,
}

/// Main memory in bytes, as far as the system tells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MainMemory {
    /// All there is.
    pub total: Option<u64>,
    /// What this process can still take: of the machine or of its control group, whichever is less.
    pub free: Option<u64>,
    /// The most that the control group may take, if it is less than all.
    pub limit: Option<u64>,
}

/// Looks at this machine. `instructions` are those the processor is to be used with, `places` where libraries may lie.
///
/// # Errors
/// Instructions that the processor has not got.
pub fn look(instructions: Option<Instructions>, places: &LibraryPlaces) -> Result<Host> {
    let total = machine_bytes();
    let limit = limit_bytes().filter(|&limit| total.is_none_or(|total| limit < total));
    Ok(Host {
        processor: processor(instructions)?,
        memory: MainMemory { total, free: available_bytes(), limit },
        driver: driver(),
        driver_release: driver_release(),
        plugged_in: cards_on_the_bus(),
        cards: survey().unwrap_or_default(),
        libraries: installed_libraries(places),
    })
}

fn processor(instructions: Option<Instructions>) -> Result<Processor> {
    let about = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let usable = std::thread::available_parallelism().map_or(1, usize::from);
    let one = Some(NonZeroUsize::MIN);
    let device = cpu(ResolvedPrecision::F32, one, instructions)?;
    Ok(Processor {
        name: name_in(&about),
        instructions: zao_backend::Backend::describe(&device).numerics,
        usable,
        cores: cores_in(&about).max(usable),
    })
}

/// What the first core is called.
fn name_in(about: &str) -> Option<String> {
    let line = about.lines().find_map(|line| line.strip_prefix("model name"))?;
    let name = line.split_once(':')?.1.split_whitespace().collect::<Vec<_>>().join(" ");
    (!name.is_empty()).then_some(name)
}

/// How many cores are listed.
fn cores_in(about: &str) -> usize {
    about
        .lines()
        .filter(|line| line.split(':').next().is_some_and(|key| key.trim() == "processor"))
        .count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_processor_is_read_as_linux_writes_it() {
        let about = "processor\t: 0\nmodel name\t: A  Fast CPU @ 3 GHz \n\nprocessor\t: 1\n\
                     model name\t: A Fast CPU\n";
        assert_eq!(name_in(about).as_deref(), Some("A Fast CPU @ 3 GHz"));
        assert_eq!(cores_in(about), 2);
        assert_eq!((name_in(""), cores_in("")), (None, 0));
    }

    #[test]
    fn any_machine_can_be_looked_at() {
        let machine = look(None, &LibraryPlaces::default()).unwrap();
        let Processor { usable, cores, instructions, .. } = &machine.processor;
        assert!((1..=*cores).contains(usable) && !instructions.is_empty());
        let MainMemory { total, free, limit } = machine.memory;
        assert!(free.zip(total).is_none_or(|(free, total)| free <= total));
        assert!(limit.zip(total).is_none_or(|(limit, total)| limit < total));
        let ready = matches!(machine.driver, DriverState::Ready { .. });
        assert!(ready || machine.cards.is_empty());
    }
}
