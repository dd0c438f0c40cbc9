//! How much main memory this process holds, and the machine has. Nothing is done about it here.

/// Bytes of main memory that the system cannot take back: without the pages of files, which are only mapped.
pub(crate) fn bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    Some(of(&status, "RssAnon:")? + of(&status, "RssShmem:")?)
}

/// Bytes of main memory that the machine has.
pub(crate) fn machine_bytes() -> Option<u64> {
    of(&std::fs::read_to_string("/proc/meminfo").ok()?, "MemTotal:")
}

fn of(text: &str, key: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(key))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes * 1024)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    #[test]
    fn memory_that_was_written_to_counts() {
        let counted = || {
            let before = super::bytes().unwrap();
            let block = std::hint::black_box(vec![1_u8; 64 << 20]);
            let after = super::bytes().unwrap();
            assert!(super::machine_bytes().unwrap() > after);
            drop(block);
            after >= before + (48 << 20)
        };
        // Tests beside this one may give as much back meanwhile.
        assert!((0..10).any(|_| counted()), "what was written to is not seen");
    }
}
