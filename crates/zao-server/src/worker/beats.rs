//! The thread that tells the parent that this process lives, whatever the engine's thread does.

use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::time::Duration;
use std::{io, thread};

use super::outbox::Outbox;
use super::pulse::Pulse;
use crate::protocol::{Beat, Word};

/// Often enough that one may be late.
const EVERY: Duration = Duration::from_millis(500);

/// Tells until the returned value is dropped.
pub(super) fn start(pulse: Arc<Pulse>, outbox: Outbox) -> io::Result<Sender<()>> {
    let (alive, over) = mpsc::channel::<()>();
    let tell = move || {
        while over.recv_timeout(EVERY) == Err(RecvTimeoutError::Timeout) {
            let resident_bytes = resident_bytes();
            outbox.say(Word::Beat(Beat { resident_bytes, ..pulse.beat() }));
        }
    };
    thread::Builder::new().name("beats".into()).spawn(tell)?;
    Ok(alive)
}

/// Bytes of main memory that the system cannot take back: without the pages of files, which are only mapped.
fn resident_bytes() -> Option<u64> {
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
        let before = super::resident_bytes().unwrap();
        let block = std::hint::black_box(vec![1_u8; 64 << 20]);
        let after = super::resident_bytes().unwrap();
        assert!(after >= before + (48 << 20), "{before} {after} {}", block.len());
    }
}
