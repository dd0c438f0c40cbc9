//! What the ledger knows in memory: who waits in which order, who was handed out, who runs and how far, how long it will take. It
//! follows the database and never leads it.
//!
//! A job that was handed out waits on, in front of the others, until its worker says that it has started. Who waits where is in `line`, when
//! things will be done in `outlook`.

mod line;
mod outlook;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use zao_api::Progress;

use crate::clocks::Jump;
use crate::fair::{Charge, FairQueue, Waiting};
use crate::moment::Moment;
use crate::pace::{Pace, length};
use crate::rows::JobRow;
use crate::{Claim, Cost, Demand, Error, Limits, Piece, Result};
use line::Line;
pub use outlook::Outlook;
use outlook::{Forecast, Freshness};

/// What is known in memory.
#[derive(Debug)]
pub(crate) struct Book {
    queue: FairQueue,
    held: BTreeMap<u64, Held>,
    /// Those of them that have not started, in the order in which they were handed out.
    handed: Vec<u64>,
    pace: Pace,
    workers: usize,
    /// How many pictures of one client workers may have.
    in_flight: Option<usize>,
    /// How many pictures step together while others wait.
    together: f64,
    line: Option<Line>,
    /// The places that clients were told last.
    told: BTreeMap<u64, usize>,
    forecast: Option<Forecast>,
}

/// A job that a worker has.
#[derive(Debug)]
pub(crate) struct Held {
    pub(crate) waiting: Waiting,
    pub(crate) charge: Charge,
    pub(crate) attempt: u32,
    pub(crate) worker: Arc<str>,
    /// How long it may take from its start.
    pub(crate) allowed: Duration,
    pub(crate) started: Option<Moment>,
    pub(crate) cancel_wanted: bool,
    pub(crate) progress: Option<Progress>,
    /// The pictures that are not stored, by their index.
    pictures: BTreeMap<u32, Left>,
}

/// What a picture lacks.
#[derive(Debug, Clone, Copy)]
struct Left {
    steps: u32,
    /// Since when it is in the step that it is in; `None` before its first.
    since: Option<Moment>,
}

/// How much the last step says of how many pictures step together.
const NEWEST: f64 = 0.3;

impl Book {
    pub(crate) fn new(limits: &Limits, pace: Pace) -> Self {
        Self {
            queue: FairQueue::new(limits.ageing),
            held: BTreeMap::new(),
            handed: Vec::new(),
            pace,
            workers: limits.at_once.max(1) as usize,
            in_flight: limits.in_flight_per_client,
            together: 1.0,
            line: None,
            told: BTreeMap::new(),
            forecast: None,
        }
    }

    /// The job that waits under this number, and that no worker has.
    pub(crate) fn waiting(&self, number: u64) -> Option<&Waiting> {
        self.queue.get(number)
    }

    /// How many wait, also of those that were handed out.
    pub(crate) fn queued(&self) -> usize {
        self.queue.len() + self.handed.len()
    }

    /// The same of one client.
    pub(crate) fn queued_of(&self, client: &str) -> usize {
        let is_of = |number: &&u64| self.is_of(**number, client);
        self.queue.of_client(client) + self.handed.iter().filter(is_of).count()
    }

    pub(crate) fn pace(&self) -> &Pace {
        &self.pace
    }

    pub(crate) fn held(&self) -> &BTreeMap<u64, Held> {
        &self.held
    }

    /// Learns what a piece of work took.
    pub(crate) fn learn(&mut self, cost: &Cost) {
        let was_unknown = self.pace.is_unknown();
        self.pace.learn(cost);
        if was_unknown && !self.pace.is_unknown() {
            // What was charged so far was no time, and cannot be compared with what comes.
            self.queue.forget_turns();
            self.price();
        }
        if cost.piece == Piece::Step {
            let pictures = cost.pictures as f64;
            // Where nobody waits there may be few because no more are wanted, and the more there are the more there may be.
            let is_scarce = self.queued() == 0;
            let moved = self.together + NEWEST * (pictures - self.together);
            self.together = if is_scarce { self.together.max(pictures) } else { moved }.max(1.0);
        }
        if matches!(cost.piece, Piece::Prompts | Piece::Decode) && self.workers == 1 {
            self.stand_still(length(cost.seconds));
        }
        self.age(Freshness::Aged);
    }

    /// While a prompt is read or a picture decoded nobody steps.
    fn stand_still(&mut self, time: Duration) {
        for held in self.held.values_mut() {
            let begun = held.pictures.values_mut().filter_map(|left| left.since.as_mut());
            begun.for_each(|since| *since = since.plus(time));
        }
    }

    /// What was learnt and is not in the database; jobs cost what is known now.
    pub(crate) fn lessons(&mut self) -> Vec<(crate::pace::Class, crate::pace::Average)> {
        let lessons = self.pace.unsaved();
        if !lessons.is_empty() {
            self.price();
        }
        lessons
    }

    fn price(&mut self) {
        let pace = &self.pace;
        self.queue.price(|demand| pace.cost(demand));
        self.change();
    }

    /// Lets a job wait, of which `missing` pictures are to be drawn.
    pub(crate) fn wait(&mut self, row: &JobRow, missing: usize) {
        let demand = Demand { pictures: missing, ..row.demand() };
        let waiting = Waiting {
            job: row.id.clone(),
            client: Arc::from(row.client.as_str()),
            priority: row.priority,
            since: row.created,
            cost: self.pace.cost(&demand),
            demand,
            alone: row.alone,
        };
        self.queue.add(row.number, waiting);
        self.change();
    }

    /// Which of those that wait a worker should take.
    pub(crate) fn pick(
        &mut self,
        now: Moment,
        patience: Duration,
        fits: &dyn Fn(&Waiting) -> bool,
    ) -> Option<u64> {
        self.line(now);
        let line = self.line.as_ref()?;
        self.queue.pick(line.those_that_may_go(), now, patience, fits)
    }

    /// A worker took a job, of which these pictures are to be drawn.
    pub(crate) fn hand_out(
        &mut self,
        row: &JobRow,
        missing: &[(u32, u64)],
        worker: &str,
        now: Moment,
    ) {
        let Some((waiting, charge)) = self.queue.take(row.number, now) else { return };
        let left = Left { steps: row.steps, since: None };
        let held = Held {
            waiting,
            charge,
            attempt: row.attempt,
            worker: Arc::from(worker),
            allowed: row.deadline,
            started: None,
            cancel_wanted: row.cancel_wanted,
            progress: None,
            pictures: missing.iter().map(|(index, _)| (*index, left)).collect(),
        };
        self.held.insert(row.number, held);
        self.handed.push(row.number);
        self.change();
    }

    /// The worker began with a job.
    pub(crate) fn start(&mut self, number: u64, at: Moment) {
        let Some(held) = self.held.get_mut(&number) else { return };
        held.started = Some(at);
        if let Some(first) = held.pictures.values_mut().next() {
            first.since = Some(at);
        }
        self.handed.retain(|handed| *handed != number);
        self.change();
    }

    /// How far a job is; with a picture and how many of its steps are done, or for all of its pictures alike. Gives what was said before.
    ///
    /// # Errors
    /// [`Error::Stale`].
    pub(crate) fn advance(
        &mut self,
        claim: &Claim,
        progress: Progress,
        picture: Option<(u32, u32)>,
        now: Moment,
    ) -> Result<Option<Progress>> {
        let held = self.claimed(claim)?;
        let before = held.progress.replace(progress);
        let steps = held.waiting.demand.steps;
        for (index, left) in &mut held.pictures {
            let done = match picture {
                Some((of, done)) if of == *index => done,
                None if progress.step > 0 => progress.step,
                _ => continue,
            };
            let lacks = steps.saturating_sub(done);
            if lacks != left.steps || left.since.is_none() {
                *left = Left { steps: lacks, since: Some(now) };
            }
        }
        self.age(Freshness::Aged);
        Ok(before)
    }

    /// A picture of a job is stored.
    pub(crate) fn stored(&mut self, number: u64, index: u32) {
        if let Some(held) = self.held.get_mut(&number) {
            held.pictures.remove(&index);
        }
        if self.in_flight.is_some() {
            self.line = None;
        }
        self.age(Freshness::Aged);
    }

    /// A worker gave a job back, or lost it, with so many pictures still missing.
    pub(crate) fn wait_again(&mut self, row: &JobRow, missing: usize) {
        let number = row.number;
        let Some(Held { mut waiting, charge, .. }) = self.held.remove(&number) else { return };
        self.handed.retain(|handed| *handed != number);
        waiting.demand.pictures = missing;
        waiting.alone = row.alone;
        waiting.cost = self.pace.cost(&waiting.demand);
        self.queue.add_again(number, waiting, charge);
        self.change();
    }

    /// A job is over.
    pub(crate) fn end(&mut self, number: u64) {
        self.queue.remove(number);
        self.held.remove(&number);
        self.handed.retain(|handed| *handed != number);
        self.told.remove(&number);
        self.change();
    }

    /// The job that a claim is for.
    ///
    /// # Errors
    /// [`Error::Stale`] if the worker has it no more.
    pub(crate) fn claimed(&mut self, claim: &Claim) -> Result<&mut Held> {
        self.held
            .get_mut(&claim.number)
            .filter(|held| held.attempt == claim.attempt)
            .ok_or_else(|| Error::Stale { job: claim.job.clone() })
    }

    pub(crate) fn want_cancelled(&mut self, number: u64) {
        if let Some(held) = self.held.get_mut(&number) {
            held.cancel_wanted = true;
        }
    }

    /// The wall clock jumped: what waits and runs has done so for as long as before.
    pub(crate) fn shift(&mut self, jump: Jump) {
        self.queue.shift(jump);
        for held in self.held.values_mut() {
            held.started = held.started.map(|at| at.shifted(jump));
            for left in held.pictures.values_mut() {
                left.since = left.since.map(|at| at.shifted(jump));
            }
        }
        self.change();
    }

    fn is_of(&self, number: u64, client: &str) -> bool {
        let held = self.held.get(&number).map(|held| &held.waiting);
        held.or_else(|| self.queue.get(number)).is_some_and(|it| &*it.client == client)
    }

    /// Something came or went: the line holds no more.
    fn change(&mut self) {
        self.line = None;
        self.age(Freshness::Stale);
    }
}
