//! How workers are, for whoever wants to know.

use std::sync::Arc;

use crate::protocol::{Busy, Facts, Gauges};

/// How all workers are.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CrewState {
    /// Each of them, in the order of the settings.
    pub workers: Vec<WorkerState>,
    /// Whether nothing more is handed out, because all are to end.
    pub draining: bool,
}

impl CrewState {
    /// Whether some worker draws or could.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        !self.draining && self.workers.iter().any(|worker| worker.phase == Phase::Ready)
    }

    /// Why none will draw again, where all are given up.
    #[must_use]
    pub fn given_up(&self) -> Option<&str> {
        let reason = |worker: &'_ WorkerState| matches!(worker.phase, Phase::GivenUp { .. });
        if self.workers.is_empty() || !self.workers.iter().all(reason) {
            return None;
        }
        self.workers.iter().find_map(|worker| match &worker.phase {
            Phase::GivenUp { reason } => Some(reason.as_str()),
            _ => None,
        })
    }
}

/// How a worker is.
#[derive(Clone, Debug, PartialEq)]
pub struct WorkerState {
    /// What it is called.
    pub name: String,
    /// What it is doing.
    pub phase: Phase,
    /// What it draws with, once it was ready.
    pub facts: Option<Arc<Facts>>,
    /// Its process.
    pub pid: Option<u32>,
    /// Jobs that it has.
    pub jobs: usize,
    /// What its engine is busy with, as it said last.
    pub busy: Option<Busy>,
    /// How its adapters are.
    pub adapters: AdaptersState,
    /// Bytes of the device's memory that it holds.
    pub held_bytes: u64,
    /// The most that it held since it began.
    pub peak_bytes: u64,
    /// Bytes of the device's memory that it may still take, where a bound is known.
    pub free_bytes: Option<u64>,
    /// Adapters that it has loaded.
    pub loras: u32,
    /// Bytes of main memory that it holds, beside mapped files.
    pub resident_bytes: Option<u64>,
    /// What its card tells, where it draws on one that does.
    pub gauges: Option<Gauges>,
    /// How often it was replaced.
    pub restarts: u64,
    /// Why it was replaced the last time.
    pub last_failure: Option<String>,
}

/// How the adapters of a worker are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AdaptersState {
    /// Names of those that are open.
    pub open: Vec<String>,
    /// Names of those that could not be opened when that was wanted, and why.
    pub refused: Vec<(String, String)>,
}

/// What a worker is doing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Phase {
    /// It opens its model.
    Loading,
    /// It draws, or waits for something to draw.
    Ready,
    /// It finishes what it has, and is replaced or ends.
    Draining,
    /// It is being ended.
    Ending,
    /// It failed, and is started again soon.
    BackingOff,
    /// It failed too often, and is not started any more.
    GivenUp {
        /// What is wrong, and what to do.
        reason: String,
    },
    /// It ended because it was to.
    Ended,
}
