//! What HTTP needs of those who draw. Processes, devices and how they are watched are not known here.

use zao_api::Quality;

use crate::crew::AdaptersState;
use crate::protocol::Gauges;

/// Those who draw, as a whole.
pub(crate) trait Hands: Send + Sync {
    /// Says that there may be a job now.
    fn wake(&self);
    /// Has a job that may be under way stopped at its next step.
    fn stop(&self, job: &str);
    /// Has the adapter of that name opened before a job names it.
    fn open_adapter(&self, name: &str);
    /// Has the adapter of that name give back its memory.
    fn close_adapter(&self, name: &str);
    /// Has memory given back that is only held for the next picture.
    fn free(&self);
    /// How they are.
    fn health(&self) -> Health;
}

/// How those who draw are.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Health {
    /// Whether anybody draws, or would if there were a job.
    pub(crate) condition: Condition,
    /// Each of them.
    pub(crate) workers: Vec<WorkerHealth>,
}

/// Whether jobs are drawn.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) enum Condition {
    /// Nobody is ready yet.
    #[default]
    Loading,
    /// At least one is ready.
    Ready,
    /// Nobody is, and why; somebody may be again.
    Unwell(String),
    /// Nobody is or will be until zao is started again, and why.
    GivenUp(String),
}

/// One of those who draw.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct WorkerHealth {
    /// What clients are told who drew.
    pub(crate) name: String,
    /// The device in words, once it is known.
    pub(crate) device: Option<String>,
    /// The device as users name it, once it is known.
    pub(crate) device_label: Option<String>,
    /// What its card tells, where it draws on one that does.
    pub(crate) gauges: Option<Gauges>,
    /// In which precision, and why, once it is known.
    pub(crate) precision: Option<(String, String)>,
    /// How its adapters are.
    pub(crate) adapters: AdaptersState,
    /// How often it was replaced.
    pub(crate) restarts: u64,
    /// Bytes of memory that a picture of each quality takes, with the weights, once that is known.
    pub(crate) memory: Vec<(Quality, u64)>,
    /// Bytes of device memory that it holds.
    pub(crate) held_bytes: u64,
    /// The most that it held since it began.
    pub(crate) peak_bytes: u64,
    /// Bytes of device memory that it may still take, where a bound is known.
    pub(crate) free_bytes: Option<u64>,
    /// Adapters that it has loaded.
    pub(crate) loras: u32,
    /// Bytes of main memory that it holds.
    pub(crate) resident_bytes: u64,
}

impl WorkerHealth {
    /// Whether it draws on a card, which has memory of its own.
    pub(crate) fn is_on_card(&self) -> bool {
        self.device_label.as_deref().is_some_and(|label| label.starts_with("cuda"))
    }
}
