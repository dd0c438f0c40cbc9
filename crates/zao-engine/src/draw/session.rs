//! Working through jobs that come and go: between two steps pictures leave and others join, as far as the memory
//! that was reserved has room for them and drawing more at a time pays.
//!
//! A *sitting* is a time during which the reserved memory stays as it is. Jobs that do not fit into it wait until it is
//! over. What may fail for one job fails for it alone.

mod envelope;
mod ladder;
mod pace;
mod seats;
mod sitting;

use std::borrow::Cow;
use std::collections::VecDeque;

use zao_backend::Backend;

use super::{Artist, Draw};
use crate::desk::{Desk, News, Notice, Rung, Ticket};
use crate::model::ModelFiles;
use crate::watch::Watch;
use crate::work::{Work, smaller_in_words};
use crate::{CancelToken, Error, Event, Grid, Job, Result};
pub(super) use envelope::Rehearsed;
use ladder::Ladder;
pub(super) use pace::Pace;
use sitting::Sitting;

/// A job that a desk handed in.
type Handed = (Ticket, Job);

/// Works through what `desk` hands in until it has nothing more.
pub(super) fn work_through<B: Backend>(
    artist: &mut Artist<B>,
    model: &ModelFiles,
    desk: &mut dyn Desk,
) -> Result<()> {
    let mut waiting = VecDeque::new();
    let mut ladder = Ladder::new();
    loop {
        while waiting.len() < ladder.at_once() {
            let Some(handed) = desk.next() else { break };
            waiting.push_back(handed);
        }
        waiting.retain(|(ticket, _)| !dismissed(desk, *ticket));
        if waiting.is_empty() {
            return Ok(());
        }
        let mut sitting = Sitting::new(artist, model, &mut *desk, &mut waiting, ladder.at_once());
        let Err(error) = sitting.hold() else {
            ladder.fits();
            continue;
        };
        let lost = sitting.into_lost();
        artist.release();
        let short = is_short_of_memory(&error);
        let rung = if short { ladder.climb(lost.len()) } else { None };
        let Some(rung) = rung else {
            // The last thing to try, where the job allows it; what does not is told why it cannot be drawn.
            let (lost, smaller) =
                if short { shrunk(model, desk, lost) } else { (lost, Vec::new()) };
            give_back(desk, &mut waiting, smaller);
            if lost.is_empty() {
                continue;
            }
            let error = explained(artist, model, &lost, error);
            lost.iter().for_each(|(ticket, _)| desk.fail(*ticket, &error));
            if matches!(error, Error::Device(zao_backend::Error::Device { .. })) {
                waiting.iter().for_each(|(ticket, _)| desk.fail(*ticket, &error));
                return Err(error);
            }
            continue;
        };
        if rung == Rung::Caches {
            artist.rest(model);
        }
        desk.notice(Notice::Relieved(rung));
        give_back(desk, &mut waiting, lost);
    }
}

/// Jobs wait again, in front of the others.
fn give_back(desk: &mut dyn Desk, waiting: &mut VecDeque<Handed>, jobs: Vec<Handed>) {
    for (ticket, job) in jobs.into_iter().rev() {
        desk.tell(ticket, News::Again);
        waiting.push_front((ticket, job));
    }
}

/// Those of `jobs` that must not be drawn smaller, and the others a tier smaller.
fn shrunk(
    model: &ModelFiles,
    desk: &mut dyn Desk,
    jobs: Vec<Handed>,
) -> (Vec<Handed>, Vec<Handed>) {
    let (mut whole, mut smaller) = (Vec::new(), Vec::new());
    for (ticket, job) in jobs {
        match job.smaller(model.size_multiple()) {
            Some(other) => {
                tell_of_smaller(desk, ticket, &job, &other);
                smaller.push((ticket, other));
            }
            None => whole.push((ticket, job)),
        }
    }
    (whole, smaller)
}

/// Says that `smaller` is drawn in place of `job`.
fn tell_of_smaller(desk: &mut dyn Desk, ticket: Ticket, job: &Job, smaller: &Job) {
    let size = Grid::new(smaller.ask().height, smaller.ask().width);
    desk.notice(Notice::Relieved(Rung::Size));
    desk.tell(ticket, News::Event(Event::Warning(smaller_in_words(job, size))));
    desk.tell(ticket, News::Smaller(size));
}

/// The same failure with what would fit, where it was memory.
fn explained<B: Backend>(
    artist: &Artist<B>,
    model: &ModelFiles,
    lost: &[Handed],
    error: Error,
) -> Error {
    if !is_short_of_memory(&error) {
        return error;
    }
    let (events, cancel, mut deliver) = (|_| (), CancelToken::new(), drop);
    let watch = Watch::new(&events, &cancel, &mut deliver);
    let work = lost.iter().map(|(_, job)| Work::new(model, Cow::Borrowed(job), &watch));
    let work: Result<Vec<_>> = work.collect();
    work.and_then(|work| artist.planning(model).no_longer_fits(&work)).unwrap_or(error)
}

/// Whether the device had less memory than it said when it was planned with.
fn is_short_of_memory(error: &Error) -> bool {
    matches!(error, Error::Device(zao_backend::Error::OutOfMemory { .. }))
}

/// Ends a job that nobody wants any more.
fn dismissed(desk: &mut dyn Desk, ticket: Ticket) -> bool {
    let given_up = desk.is_given_up(ticket);
    if given_up {
        desk.fail(ticket, &Error::Cancelled);
    }
    given_up
}
