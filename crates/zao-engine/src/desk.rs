//! Where an engine that goes on working gets its jobs from, and whom it tells what becomes of them. Which job comes
//! first, who waits for it and what is kept of it is the desk's business, not the engine's.

use std::time::Duration;

use crate::{Error, Event, Grid, Job, MemoryPlan, Picture};

/// Names a job between a desk and the engine; the desk chooses it, and no two jobs that are under way share one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(pub u64);

/// Hands jobs in and takes pictures out. The engine calls it between two steps, on its own thread: whatever takes
/// longer than a moment belongs on another.
pub trait Desk {
    /// The job to draw next, if there is one now. It is asked when there may be room for one more; a job that it
    /// gave is under way until [`Self::deliver`] or [`Self::fail`] names it.
    fn next(&mut self) -> Option<(Ticket, Job)>;

    /// Whether `joiner` may be drawn together with those that are `seated`, although all of them take longer then. Whoever may not waits
    /// until somebody has left, and nobody overtakes it; with nobody seated this is not asked. How long a step takes is what such steps
    /// took before.
    fn may_join(&mut self, joiner: Lacking, seated: &[Lacking], step: StepTimes) -> bool {
        let _ = (joiner, seated, step);
        true
    }

    /// Whether this job is not wanted any more. It ends with [`Error::Cancelled`] then.
    fn is_given_up(&mut self, ticket: Ticket) -> bool;

    /// Whether this job is to be shown as it looks after `done` of its `of` steps.
    fn wants_preview(&mut self, ticket: Ticket, done: usize, of: usize) -> bool;

    /// Something happened to a job that is under way.
    fn tell(&mut self, ticket: Ticket, news: News);

    /// Something happened to all of them.
    fn notice(&mut self, notice: Notice);

    /// A job is done.
    fn deliver(&mut self, ticket: Ticket, picture: Picture);

    /// A job cannot be done, or is not wanted.
    fn fail(&mut self, ticket: Ticket, error: &Error);
}

/// A job that is drawn, or could be, and the steps that it lacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lacking {
    /// Which one.
    pub ticket: Ticket,
    /// How many of its steps are not done.
    pub steps: usize,
}

/// How long a step takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StepTimes {
    /// Of those that are seated.
    pub now: Duration,
    /// With one that joins them.
    pub joined: Duration,
    /// Of the one that would join, alone.
    pub alone: Duration,
}

/// What happens to one job.
#[derive(Clone, Debug, PartialEq)]
pub enum News {
    /// What [`crate::Engine::draw_each`] tells of a run, for this job's share of it. Counts are the job's own.
    Event(Event),
    /// How it looks so far, smaller than it will be.
    Preview(Picture),
    /// It has to begin again, because memory was short; its picture will be the same.
    Again,
    /// A smaller picture is drawn in its place, of this size: the job said that it may be.
    Smaller(Grid),
}

/// What happens to all jobs of an engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// What the jobs that come now will take of the device's memory, and how many pictures that has room for.
    Planned(Box<MemoryPlan>, usize),
    /// A step of so many pictures is done, and took so many microseconds.
    Stepped(usize, u64),
    /// So many more jobs would be taken once the step that comes now is done: as many as leave with it, and as many more as are seen to
    /// pay. What is handed in beyond that only waits in the engine.
    Wants(usize),
    /// Memory was short, and this was done about it.
    Relieved(Rung),
    /// Pictures joined, whose prompts were known or had to be read.
    Joined {
        /// How many prompts had been read before.
        remembered: u64,
        /// How many were read now, together.
        read: u64,
        /// Adapters that are loaded now.
        adapters: usize,
    },
}

/// What an engine does when memory is short, in the order in which it is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rung {
    /// Everything was given back that was only kept for later.
    Caches,
    /// Fewer pictures are drawn at a time.
    Batch,
    /// A picture is decoded in bands.
    Bands,
    /// The text encoder does not stay in the device's memory.
    TextEncoder,
    /// A smaller picture is drawn, where a job allows that.
    Size,
}
