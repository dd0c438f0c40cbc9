//! What goes out to workers and comes back: who may draw which job. Nothing is drawn here.

use std::time::Duration;

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
    /// Whether the worker has nothing: only then it gets a job that is drawn alone.
    pub idle: bool,
}

/// What a piece of work took, which tells how long others will.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cost {
    /// What it was.
    pub piece: Piece,
    /// Pixels of all pictures that it was for. Those of prompts do not count.
    pub pixels: u64,
    /// How many pictures it was for.
    pub pictures: usize,
    /// For how long.
    pub seconds: f64,
}

/// What drawing is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Piece {
    /// A denoising step of all pictures that step together.
    Step,
    /// The prompts of whoever joins them.
    Prompts,
    /// A picture's decoder.
    Decode,
    /// A picture's file, which is made while others go on.
    File,
}

impl Piece {
    pub(crate) const ALL: [Self; 4] = [Self::Step, Self::Prompts, Self::Decode, Self::File];

    /// The name in the database.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Step => "step",
            Self::Prompts => "prompts",
            Self::Decode => "decode",
            Self::File => "file",
        }
    }
}

/// The right to draw a job: a worker has it until the job is over, or was taken from it. The job waits on until the worker says that it
/// has started.
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
    /// How long it may take from its start.
    pub deadline: Duration,
    /// Whether nothing may be drawn beside it, because a worker was lost that had it.
    pub alone: bool,
    /// The id of the request that brought the job, where that is known.
    pub request_id: Option<String>,
}

/// Why a job goes back to those that wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Requeue {
    /// The worker died, or does not answer, while it drew this job. Counts against the job, which may have been the cause; it is drawn
    /// alone from now on, so that those beside it do not pay for it.
    WorkerLost,
    /// The same, but the worker had not begun with the job. Nothing counts; it is drawn alone as well, since the worker may have died of
    /// it before it could say that it began.
    Bystander,
    /// The worker gives the job back, because it stops or has no memory for it now.
    GivenBack,
}

impl Requeue {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::WorkerLost | Self::Bystander => "the worker was lost",
            Self::GivenBack => "the worker gave it back",
        }
    }
}
