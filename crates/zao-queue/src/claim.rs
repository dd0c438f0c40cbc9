//! What goes out to workers and comes back: who may draw which job. Nothing is drawn here.

use std::time::SystemTime;

use zao_api::JobRequest;

use crate::{Input, JobId};

/// How much a job has to draw.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Demand {
    /// Width of each picture in pixels.
    pub width: u32,
    /// Height of each picture in pixels.
    pub height: u32,
    /// Denoising steps of each picture.
    pub steps: u32,
    /// How many pictures.
    pub pictures: usize,
}

impl Demand {
    /// Pixels times steps of one picture, to which its time is about proportional.
    pub(crate) fn pixel_steps(&self) -> f64 {
        f64::from(self.width) * f64::from(self.height) * f64::from(self.steps)
    }

    pub(crate) fn pixels(&self) -> f64 {
        f64::from(self.width) * f64::from(self.height)
    }
}

/// A worker with room.
pub struct Offer<'a> {
    /// What clients are told of who draws their job.
    pub worker: &'a str,
    /// Whether the worker has room for a job. An idle worker has room for any.
    pub fits: &'a dyn Fn(&Demand) -> bool,
}

/// The right to draw a job: a worker has it until the job is over, or was taken from it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Claim {
    pub(crate) job: JobId,
    pub(crate) number: u64,
    pub(crate) attempt: u32,
}

impl Claim {
    /// The job.
    #[must_use]
    pub fn job(&self) -> &JobId {
        &self.job
    }

    /// Which attempt at the job this is, from 1.
    #[must_use]
    pub fn attempt(&self) -> u32 {
        self.attempt
    }
}

/// A job that a worker took.
#[derive(Debug, Clone, PartialEq)]
pub struct Claimed {
    /// To be shown with all that is reported.
    pub claim: Claim,
    /// What was asked for.
    pub request: JobRequest,
    /// What the submission left for the worker.
    pub plan: String,
    /// How much there is to draw: the pictures that are missing.
    pub demand: Demand,
    /// The pictures that are missing: index and seed. What an earlier worker stored is not drawn again.
    pub missing: Vec<(u32, u64)>,
    /// Bytes that came with the job.
    pub inputs: Vec<Input>,
    /// When the job has to be over.
    pub deadline: SystemTime,
    /// The id of the request that brought the job, where that is known.
    pub request_id: Option<String>,
}

/// Why a job goes back to those that wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Requeue {
    /// The worker died, or does not answer. Counts against the job, which may have been the cause.
    WorkerLost,
    /// The worker gives the job back, because it stops or has no memory for it now.
    GivenBack,
}

impl Requeue {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::WorkerLost => "the worker was lost",
            Self::GivenBack => "the worker gave it back",
        }
    }
}
