//! Who looks on while a run works. Nothing here decides what a run does, except that it stops.

use std::time::Instant;

use crate::{CancelToken, Error, Event, Picture, Result, Stage, Timings};

/// Who looks on: events and pictures out, cancellation in, time by stage, and how far the work is.
pub(crate) struct Watch<'a> {
    events: &'a dyn Fn(Event),
    cancel: &'a CancelToken,
    deliver: &'a mut dyn FnMut(Picture),
    timings: Timings,
    stage: Stage,
    since: Instant,
    steps: Count,
    pictures: Count,
}

/// So many of so many.
#[derive(Clone, Copy, Default)]
struct Count {
    done: usize,
    of: usize,
}

impl<'a> Watch<'a> {
    pub(crate) fn new(
        events: &'a dyn Fn(Event),
        cancel: &'a CancelToken,
        deliver: &'a mut dyn FnMut(Picture),
    ) -> Self {
        let (timings, since) = (Timings::default(), Instant::now());
        let (steps, pictures) = (Count::default(), Count::default());
        Self { events, cancel, deliver, timings, stage: Stage::Text, since, steps, pictures }
    }

    /// Says how much there will be to do.
    pub(crate) fn expect(&mut self, steps: usize, pictures: usize) {
        self.steps.of = steps;
        self.pictures.of = pictures;
    }

    /// Ends the running stage and begins another; returns the one that ended.
    pub(crate) fn enter(&mut self, stage: Stage) -> Stage {
        (self.events)(Event::Stage(stage));
        self.resume(stage)
    }

    /// Goes back to a stage that was interrupted, without telling anybody.
    pub(crate) fn resume(&mut self, stage: Stage) -> Stage {
        *self.timings.of(self.stage) += self.since.elapsed();
        self.since = Instant::now();
        std::mem::replace(&mut self.stage, stage)
    }

    /// Tells of an event.
    pub(crate) fn tell(&self, event: Event) {
        (self.events)(event);
    }

    /// Notes and tells that a step is done which began at `since`.
    pub(crate) fn stepped(&mut self, since: Instant) {
        self.timings.steps.push(since.elapsed());
        self.steps.done += 1;
        let Count { done, of } = self.steps;
        self.tell(Event::Step { done, of });
    }

    /// Hands a finished picture over, notes it and tells of it. What the caller does with it is not
    /// counted as this stage's time.
    pub(crate) fn decoded(&mut self, picture: Picture) {
        self.resume(self.stage);
        (self.deliver)(picture);
        self.since = Instant::now();
        self.pictures.done += 1;
        let Count { done, of } = self.pictures;
        self.tell(Event::Decoded { done, of });
    }

    /// Stops the run if somebody asked for it.
    pub(crate) fn check(&self) -> Result<()> {
        if self.cancel.is_cancelled() { Err(Error::Cancelled) } else { Ok(()) }
    }

    /// Where the time went.
    pub(crate) fn finish(mut self) -> Timings {
        self.resume(Stage::Text);
        self.timings
    }
}
