//! Which system this is, as far as it decides how software is installed.

use std::fs;
use std::path::Path;

/// A kind of system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum System {
    /// A container, which gets the driver from the machine that it runs on.
    Container,
    /// Linux inside of Windows, which gets the driver from there.
    Wsl,
    Ubuntu,
    Debian,
    Fedora,
    Arch,
    Windows,
    /// Any other.
    Other,
}

impl System {
    /// This one.
    pub(super) fn find() -> Self {
        if cfg!(windows) {
            return Self::Windows;
        }
        let exists = |path: &&str| Path::new(path).exists();
        let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        if kernel.to_lowercase().contains("microsoft") {
            return Self::Wsl;
        }
        if ["/.dockerenv", "/run/.containerenv"].iter().any(exists) {
            return Self::Container;
        }
        Self::of_release(&fs::read_to_string("/etc/os-release").unwrap_or_default())
    }

    /// The system that `/etc/os-release` tells of.
    fn of_release(text: &str) -> Self {
        let value = |key: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
            line.unwrap_or_default().trim_matches('"').to_owned()
        };
        let (own, like) = (value("ID"), value("ID_LIKE"));
        let names = std::iter::once(own.as_str()).chain(like.split_whitespace());
        let known = |name: &str| {
            Some(match name {
                "ubuntu" => Self::Ubuntu,
                "debian" => Self::Debian,
                "fedora" | "rhel" | "centos" => Self::Fedora,
                "arch" => Self::Arch,
                _ => return None,
            })
        };
        names.into_iter().find_map(known).unwrap_or(Self::Other)
    }

    /// The commands that install or update the driver of NVIDIA cards, where they are the same on every such system.
    pub(super) fn driver_commands(self) -> &'static [&'static str] {
        match self {
            Self::Ubuntu => &["sudo ubuntu-drivers install", "sudo reboot"],
            Self::Debian => &["sudo apt install linux-headers-amd64 nvidia-driver", "sudo reboot"],
            Self::Fedora => &["sudo dnf install akmod-nvidia", "sudo reboot"],
            Self::Arch => &["sudo pacman -S nvidia", "sudo reboot"],
            Self::Container => &["docker run --gpus all ..."],
            Self::Wsl | Self::Windows | Self::Other => &[],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn systems_are_known_by_their_own_name_or_their_kin() {
        for (text, system) in [
            ("NAME=\"Ubuntu\"\nID=ubuntu\nID_LIKE=debian\n", System::Ubuntu),
            ("ID=linuxmint\nID_LIKE=\"ubuntu debian\"\n", System::Ubuntu),
            ("PRETTY_NAME=x\nID=debian\n", System::Debian),
            ("ID=\"rocky\"\nID_LIKE=\"rhel centos fedora\"\n", System::Fedora),
            ("ID=manjaro\nID_LIKE=arch\n", System::Arch),
            ("ID=alpine\n", System::Other),
            ("", System::Other),
        ] {
            assert_eq!(System::of_release(text), system, "{text}");
        }
    }
}
