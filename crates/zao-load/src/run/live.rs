//! What is seen while a measurement goes on, and how it is ended early. Showing it is the work of the caller.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::record::Sample;
use crate::report::{Load, Row};

/// What there is to see.
#[derive(Debug)]
pub enum Live<'a> {
    /// A row goes on.
    Going {
        /// What the server is given to do.
        load: Load,
        /// Since the row began, its ramp included.
        elapsed: Duration,
        /// Requests that are over.
        ended: u64,
        /// Of those, the ones that did not bring the right picture.
        failed: u64,
        /// Requests on their way.
        in_flight: usize,
        /// Mean seconds of the last requests.
        seconds: Option<f64>,
    },
    /// A row is done.
    Row(&'a Row),
}

/// Ends a measurement early; clones end the same one.
#[derive(Debug, Clone, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Sends nothing more, waits for what is on its way, and reports.
    pub fn ask(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether somebody asked.
    #[must_use]
    pub fn is_asked(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Counts the requests of a row that goes on.
pub(super) struct Progress {
    load: Load,
    begin: Instant,
    ended: u64,
    failed: u64,
    seconds: Option<f64>,
}

impl Progress {
    pub(super) fn of(load: Load) -> Self {
        Self { load, begin: Instant::now(), ended: 0, failed: 0, seconds: None }
    }

    pub(super) fn note(&mut self, sample: &Sample) {
        self.ended += 1;
        self.failed += u64::from(!sample.is_correct());
        let seconds = sample.seconds();
        // The last ten weigh as much as all before them.
        self.seconds = Some(self.seconds.map_or(seconds, |mean| mean + 0.1 * (seconds - mean)));
    }

    pub(super) fn show(&self, in_flight: usize) -> Live<'static> {
        let &Self { load, begin, ended, failed, seconds } = self;
        Live::Going { load, elapsed: begin.elapsed(), ended, failed, in_flight, seconds }
    }
}
