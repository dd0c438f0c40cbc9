//! Numbers as people read them.

use std::time::Duration;

/// Bytes with a unit of a thousand, as disks and downloads are counted.
pub(crate) fn bytes(count: u64) -> String {
    let units = [(1_000_000_000_000, "TB"), (1_000_000_000, "GB"), (1_000_000, "MB"), (1000, "kB")];
    match units.into_iter().find(|&(unit, _)| count >= unit) {
        Some((unit, name)) => format!("{:.1} {name}", count as f64 / unit as f64),
        None => format!("{count} B"),
    }
}

/// Seconds with two decimals.
pub(crate) fn seconds(duration: Duration) -> String {
    format!("{:.2} s", duration.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_fitting_unit_is_used() {
        assert_eq!(bytes(999), "999 B");
        assert_eq!(bytes(36_000_000), "36.0 MB");
        assert_eq!(bytes(32_880_000_000), "32.9 GB");
    }
}
