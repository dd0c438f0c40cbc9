//! How much main memory there is, was used, and may be used. Linux tells; elsewhere nothing is known.

use std::fs;

use crate::Settings;
use crate::devices::{CONTEXT_BYTES, Found};

/// The most main memory this process held at once, in bytes, if the system tells.
#[must_use]
pub fn peak_bytes() -> Option<u64> {
    kilobytes(&fs::read_to_string("/proc/self/status").ok()?, "VmHWM:")
}

/// Main memory that this process holds now, in bytes, if the system tells.
pub(crate) fn resident_bytes() -> Option<u64> {
    kilobytes(&fs::read_to_string("/proc/self/status").ok()?, "VmRSS:")
}

/// How much memory weights and runs may take together, and how much main memory beside a card.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Budget {
    limit: Option<u64>,
    /// The most main memory that the process may take beside a card.
    ram: Option<u64>,
}

/// Main memory that the process takes beside page-locked weights: code, tables, what is read of files at a time, prompts
/// that are remembered.
pub(crate) const PROCESS: u64 = 1_500_000_000;

impl Budget {
    /// A budget of `limit` bytes, or of what the system says is free.
    pub(crate) fn new(limit: Option<u64>) -> Self {
        Self { limit, ram: None }
    }

    /// What settings leave for the device that was found. Where a user says how much of a card the driver may report
    /// for this process, what the driver needs for itself is taken off.
    pub(crate) fn of(settings: &Settings, found: &Found) -> Self {
        let Settings { memory_limit, vram, ram, .. } = settings;
        match found {
            Found::Cpu => Self::new(memory_limit.or(*ram)),
            Found::Cuda(..) => Self::of_card(*memory_limit, *vram, *ram),
        }
    }

    /// A budget on a card: of what weights and runs take, of what the driver reports, and of main memory.
    pub(crate) fn of_card(limit: Option<u64>, vram: Option<u64>, ram: Option<u64>) -> Self {
        let left = vram.map(|vram| vram.saturating_sub(CONTEXT_BYTES));
        Self { limit: limit.into_iter().chain(left).min(), ram }
    }

    /// The bytes in all for somebody who holds `held` of them already. Where neither a user nor the
    /// system sets a bound there is none: the device refuses what it does not have.
    /// `own` is what is free on a device with memory of its own, which a limit cannot raise.
    pub(crate) fn total(self, held: u64, own: Option<u64>) -> u64 {
        let limit = self.limit.unwrap_or(u64::MAX);
        match own {
            Some(own) => limit.min(own.saturating_add(held)),
            None if self.limit.is_some() => limit,
            None => available_bytes().map_or(u64::MAX, |free| free.saturating_add(held)),
        }
    }

    /// Bytes of main memory that may be page-locked for a card by somebody who has locked `held` of them already.
    /// What is free is left to others by a quarter: locked pages cannot be swapped out.
    pub(crate) fn lockable(self, held: u64) -> u64 {
        match (self.ram, available_bytes()) {
            (Some(ram), _) => ram.saturating_sub(PROCESS),
            (None, Some(free)) => free.saturating_add(held) / 4 * 3,
            (None, None) => 0,
        }
    }

    /// Bytes of main memory in which the processor may compute beside a card, for somebody who holds `held` of them
    /// already; [`u64::MAX`] where nobody tells.
    pub(crate) fn main(self, held: u64) -> u64 {
        match (self.ram, available_bytes()) {
            (Some(ram), _) => ram.saturating_sub(PROCESS),
            (None, Some(free)) => free.saturating_add(held),
            (None, None) => u64::MAX,
        }
    }

    /// What a user can do about a budget of `total` bytes that is too small.
    pub(crate) fn remedy(self, total: u64) -> &'static str {
        if self.limit == Some(total) { "raise the memory limit" } else { "close other programs" }
    }
}

/// Bytes that this process can still take without pushing anything out, if the system tells: what
/// the machine has available, or what is left of the control group's limit, whichever is less.
pub(crate) fn available_bytes() -> Option<u64> {
    let machine = kilobytes(&fs::read_to_string("/proc/meminfo").ok()?, "MemAvailable:")?;
    Some(control_group().map_or(machine, |group| machine.min(group)))
}

/// All main memory of the machine, in bytes, if the system tells.
pub(crate) fn machine_bytes() -> Option<u64> {
    kilobytes(&fs::read_to_string("/proc/meminfo").ok()?, "MemTotal:")
}

/// The most that this process's control group may take, in bytes, if there is a limit.
pub(crate) fn limit_bytes() -> Option<u64> {
    fs::read_to_string("/sys/fs/cgroup/memory.max").ok()?.trim().parse().ok()
}

/// The number behind `key` in a file of `key: number kB` lines, in bytes.
fn kilobytes(text: &str, key: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(key))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

/// What is left below the limit of this process's control group (version 2); pages of files count
/// as used there but are given back when needed.
fn control_group() -> Option<u64> {
    let number = |file: &str| -> Option<u64> {
        fs::read_to_string(format!("/sys/fs/cgroup/{file}")).ok()?.trim().parse().ok()
    };
    let (limit, used) = (number("memory.max")?, number("memory.current")?);
    let stat = fs::read_to_string("/sys/fs/cgroup/memory.stat").unwrap_or_default();
    let cached = stat.lines().find_map(|line| line.strip_prefix("file ")?.trim().parse().ok());
    Some(limit.saturating_sub(used.saturating_sub(cached.unwrap_or(0))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proc_files_are_read_in_bytes() {
        let text = "Name:\tzao\nVmHWM:\t    2048 kB\n";
        assert_eq!(kilobytes(text, "VmHWM:"), Some(2 << 20));
        assert_eq!(kilobytes(text, "VmRSS:"), None);
        assert_eq!(kilobytes("VmHWM:\tmany kB", "VmHWM:"), None);
    }

    #[test]
    fn a_limit_counts_what_is_held_and_free_memory_comes_on_top_of_it() {
        assert_eq!(Budget::new(Some(5)).total(3, None), 5);
        assert_eq!(Budget::new(Some(5)).total(3, Some(9)), 5);
        assert_eq!(Budget::new(Some(5)).total(3, Some(1)), 4, "a card has what it has");
        let (free, held) =
            (Budget::default().total(0, None), Budget::default().total(1 << 50, None));
        assert!(held >= free.saturating_add(1 << 49), "{free} {held}");
    }

    #[test]
    fn what_the_driver_may_report_includes_its_own() {
        let gb = 1_000_000_000;
        let total = |limit, vram| Budget::of_card(limit, vram, None).total(0, Some(80 * gb));
        assert_eq!(total(None, Some(8 * gb)), 8 * gb - CONTEXT_BYTES);
        assert_eq!(total(Some(5 * gb), Some(8 * gb)), 5 * gb);
        assert_eq!(total(Some(9 * gb), Some(8 * gb)), 8 * gb - CONTEXT_BYTES);
        assert_eq!(total(None, None), 80 * gb);
        assert_eq!(Budget::of_card(None, None, Some(8 * gb)).lockable(3), 8 * gb - PROCESS);
        assert_eq!(Budget::of_card(None, None, Some(8 * gb)).main(3), 8 * gb - PROCESS);
        assert_eq!(Budget::of_card(None, None, Some(gb)).lockable(3), 0);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_process_uses_less_than_there_is() {
        let (peak, available) = (peak_bytes().unwrap(), available_bytes().unwrap());
        assert!(peak > 1 << 20 && available > 1 << 20, "{peak} {available}");
    }
}
