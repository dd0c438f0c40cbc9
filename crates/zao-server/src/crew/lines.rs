//! What a worker's process writes to standard error (a panic, a library's complaint): each line becomes one of this process's log,
//! with the worker's name and the jobs that it has. Its words as a worker are [`super::child`]'s.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read};
use std::sync::{Arc, Mutex, PoisonError};

use crate::protocol::JobId;

/// Bytes of a line; what is longer comes out as several.
const LONGEST: u64 = 8 << 10;

/// The jobs that a worker has. Clones are the same.
#[derive(Clone, Debug, Default)]
pub(super) struct Having(Arc<Mutex<BTreeSet<JobId>>>);

impl Having {
    pub(super) fn add(&self, job: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(job.to_owned());
    }

    pub(super) fn remove(&self, job: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(job);
    }

    /// All of them, in one text.
    pub(super) fn text(&self) -> Option<String> {
        let jobs = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let jobs: Vec<&str> = jobs.iter().map(String::as_str).collect();
        (!jobs.is_empty()).then(|| jobs.join(" "))
    }
}

/// Logs lines until there are none any more. It is read whatever happens: a process whose standard error is full hangs.
pub(super) fn listen(errors: impl Read, worker: &str, pid: u32, having: &Having) {
    let mut errors = BufReader::new(errors);
    let mut line = Vec::new();
    loop {
        line.clear();
        match (&mut errors).take(LONGEST).read_until(b'\n', &mut line) {
            // A pipe that cannot be read is one whose process is gone.
            Ok(0) | Err(_) => return,
            Ok(_) => say(&plain(&line), worker, pid, having),
        }
    }
}

fn say(line: &str, worker: &str, pid: u32, having: &Having) {
    if line.is_empty() {
        return;
    }
    let job = having.text();
    if is_grave(line) {
        tracing::error!(worker, pid, job, "{line}");
    } else {
        tracing::warn!(worker, pid, job, "{line}");
    }
}

/// Whether a process that says this is about to end.
fn is_grave(line: &str) -> bool {
    ["panicked at", "memory allocation of", "overflowed its stack", "fatal runtime error"]
        .iter()
        .any(|last| line.contains(last))
}

/// A line without what would colour or move a terminal.
fn plain(line: &[u8]) -> String {
    let text = String::from_utf8_lossy(line);
    let text = text.replace('\t', " ");
    text.chars().filter(|c| !c.is_control()).collect::<String>().trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_made_plain() {
        assert_eq!(plain(b"\x1b[31mno\x07\tmemory\r\n"), "[31mno memory");
        assert_eq!(plain(b"\xff\n"), "\u{fffd}");
    }

    #[test]
    fn a_panic_is_grave_and_a_complaint_is_not() {
        assert!(is_grave("thread 'main' panicked at src/main.rs:1:1:"));
        assert!(is_grave("memory allocation of 1000 bytes failed"));
        assert!(!is_grave("libpng warning: iCCP"));
    }

    #[test]
    fn the_jobs_of_a_worker_are_those_it_has_now() {
        let having = Having::default();
        assert_eq!(having.text(), None);
        having.add("job_2");
        having.add("job_1");
        assert_eq!(having.text().as_deref(), Some("job_1 job_2"));
        having.remove("job_1");
        assert_eq!(having.text().as_deref(), Some("job_2"));
    }
}
