//! How much main memory this process holds. Nothing is done about it here.

/// Bytes of main memory that the system cannot take back: without the pages of files, which are only mapped.
pub(crate) fn bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let kilobytes = |key: &str| -> Option<u64> {
        let line = status.lines().find_map(|line| line.strip_prefix(key))?;
        line.trim().strip_suffix("kB")?.trim().parse().ok()
    };
    Some((kilobytes("RssAnon:")? + kilobytes("RssShmem:")?) * 1024)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    #[test]
    fn memory_that_was_written_to_counts() {
        let before = super::bytes().unwrap();
        let block = std::hint::black_box(vec![1_u8; 64 << 20]);
        let after = super::bytes().unwrap();
        assert!(after >= before + (48 << 20), "{before} {after} {}", block.len());
    }
}
