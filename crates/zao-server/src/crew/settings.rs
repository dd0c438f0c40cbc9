//! How a crew is to be led. The numbers are of machines, not of taste: how slow is hung, how often is too often.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

/// How a crew is to be led.
#[derive(Clone, Debug)]
pub struct CrewSettings {
    /// The workers, one for each device.
    pub workers: Vec<WorkerCommand>,
    /// How long work may take.
    pub patience: Patience,
    /// How often a worker may fail.
    pub endurance: Endurance,
    /// Bytes of main memory, beside mapped files, above which a worker is replaced as soon as what it has is done.
    pub memory_limit: Option<u64>,
}

/// How to start a worker.
#[derive(Clone, Debug)]
pub struct WorkerCommand {
    /// What it is called, for instance after its device.
    pub name: String,
    /// The program.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<OsString>,
}

/// How long work may take before it counts as hung.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// Anything may take this long; so long may a worker be silent.
    pub least: Duration,
    /// A step may take so many times what such steps usually take.
    pub factor: f64,
    /// Work of a kind that was never seen to end may take this long.
    pub unknown: Duration,
    /// Reading weights may stand still for this long.
    pub load: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            least: Duration::from_secs(10),
            factor: 8.0,
            unknown: Duration::from_secs(600),
            load: Duration::from_secs(900),
        }
    }
}

/// How often a worker may fail, and how soon it is replaced.
#[derive(Clone, Copy, Debug)]
pub struct Endurance {
    /// How long to wait after the first failure; twice as long after each further one.
    pub first_wait: Duration,
    /// How long at most.
    pub longest_wait: Duration,
    /// After so many failures
    pub failures: usize,
    /// within this time it is not replaced any more.
    pub within: Duration,
}

impl Default for Endurance {
    fn default() -> Self {
        Self {
            first_wait: Duration::from_millis(500),
            longest_wait: Duration::from_secs(60),
            failures: 6,
            within: Duration::from_secs(600),
        }
    }
}
