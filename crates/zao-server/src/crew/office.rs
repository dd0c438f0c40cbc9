//! Who has the jobs: what a crew asks of the rest of the server.

use std::fmt;
use std::time::Duration;

use super::CrewState;
use crate::protocol::{Count, Draw, JobId, Report, Took};

/// A job for a worker, with what of it is still to be drawn.
pub type Assignment = Draw;

/// Hands jobs out and takes what becomes of them. Everything is called on the crew's own thread, one call at a time:
/// what takes long here delays every worker's reports, though none of their steps.
pub trait Office: Send + Sync {
    /// The next job for `worker`, which has room for `room` pictures; a job may have more. It is the worker's until a
    /// last report ([`Report::is_last`]) or [`Self::lost`] names it.
    fn next(&self, worker: &str, room: u32) -> Option<Assignment>;

    /// Something happened to a job of `worker`.
    fn report(&self, worker: &str, job: &str, report: Report);

    /// These jobs are nobody's any more: `worker` had them. Pictures that were reported before are whole.
    fn lost(&self, worker: &str, jobs: Vec<JobId>, why: Lost);

    /// A worker did so much in such a time.
    fn took(&self, _took: &Took) {}

    /// Something happened at a worker that is worth counting.
    fn counted(&self, _count: &Count) {}

    /// Something changed in how the workers are, beside counters.
    fn changed(&self, state: CrewState);
}

/// Why a worker is replaced.
#[derive(Clone, Debug, PartialEq)]
pub enum Lost {
    /// Its process ended by itself.
    Ended {
        /// How, and its last words.
        how: String,
    },
    /// It was in one step, or silent, for longer than it may.
    Hung {
        /// What it was busy with, in words.
        what: String,
        /// For how long.
        after: Duration,
    },
    /// It had nothing to do, and its device did not answer when it was looked at.
    Unanswered {
        /// For how long.
        after: Duration,
    },
    /// It wrote something that is no message.
    Garbage {
        /// What was wrong.
        what: String,
    },
    /// It was to be done by now, because the server ends.
    Drained,
}

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ended { how } => write!(f, "the worker ended: {how}"),
            Self::Hung { what, after } => {
                write!(f, "the worker hung: {what} for {:.1} s", after.as_secs_f64())
            }
            Self::Unanswered { after } => {
                let seconds = after.as_secs_f64();
                write!(
                    f,
                    "the worker hung: its device, which had nothing to do, did not answer for {seconds:.1} s"
                )
            }
            Self::Garbage { what } => write!(f, "the worker sent {what}"),
            Self::Drained => f.write_str("the server ends before the job was done"),
        }
    }
}
