//! What the ledger knows in memory: who waits in which order, who runs and how far, how long it will take. It follows the database and
//! never leads it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use zao_api::Progress;

use crate::clocks::Jump;
use crate::fair::{Charge, FairQueue, Waiting};
use crate::moment::Moment;
use crate::pace::{Average, Class, Pace, length};
use crate::rows::JobRow;
use crate::wire::Live;
use crate::{Claim, Demand, Error, JobId, Limits, Result};

/// What is known in memory.
#[derive(Debug)]
pub(crate) struct Book {
    queue: FairQueue,
    running: BTreeMap<u64, Running>,
    pace: Pace,
    at_once: f64,
    line: Option<Line>,
}

/// A job that a worker has.
#[derive(Debug)]
pub(crate) struct Running {
    pub(crate) waiting: Waiting,
    pub(crate) charge: Charge,
    pub(crate) attempt: u32,
    pub(crate) started: Moment,
    pub(crate) deadline: Moment,
    pub(crate) cancel_wanted: bool,
    pub(crate) progress: Option<Progress>,
}

/// Those that wait, in order; kept as long as nothing changes it.
#[derive(Debug)]
struct Line {
    made: Moment,
    until: Moment,
    order: Vec<u64>,
    places: BTreeMap<u64, usize>,
    /// Seconds of all in front of each place.
    ahead: Vec<f64>,
    /// What clients were told last.
    told: BTreeMap<u64, usize>,
}

/// How busy the ledger is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Outlook {
    /// Jobs that wait.
    pub queued: u64,
    /// Jobs that are drawn.
    pub running: u64,
    /// When a job that came now would probably begin; `None` before the first picture was drawn.
    pub eta: Option<Duration>,
}

impl Book {
    pub(crate) fn new(limits: &Limits, pace: Pace) -> Self {
        Self {
            queue: FairQueue::new(limits.ageing),
            running: BTreeMap::new(),
            pace,
            at_once: f64::from(limits.at_once.max(1)),
            line: None,
        }
    }

    pub(crate) fn queue(&self) -> &FairQueue {
        &self.queue
    }

    pub(crate) fn pace(&self) -> &Pace {
        &self.pace
    }

    pub(crate) fn running(&self) -> &BTreeMap<u64, Running> {
        &self.running
    }

    /// Learns how long a job's pictures took.
    pub(crate) fn learn(&mut self, class: Class, average: Average) {
        let is_first = self.pace == Pace::default();
        self.pace.learn(class, average);
        self.queue.price(|demand| self.pace.cost(demand));
        if is_first {
            // What was charged so far was no time, and cannot be compared with what comes.
            self.queue.forget_turns();
        }
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
        };
        self.queue.add(row.number, waiting);
        self.change();
    }

    /// Which of those that wait a worker should take.
    pub(crate) fn pick(
        &mut self,
        now: Moment,
        patience: Duration,
        fits: &dyn Fn(&Demand) -> bool,
    ) -> Option<u64> {
        self.line(now);
        let order = &self.line.as_ref()?.order;
        self.queue.pick(order, now, patience, fits)
    }

    /// A worker took a job.
    pub(crate) fn start(&mut self, row: &JobRow, now: Moment) {
        let Some((waiting, charge)) = self.queue.take(row.number, now) else { return };
        let running = Running {
            waiting,
            charge,
            attempt: row.attempt,
            started: now,
            deadline: now.plus(row.deadline),
            cancel_wanted: row.cancel_wanted,
            progress: None,
        };
        self.running.insert(row.number, running);
        self.change();
    }

    /// A worker gave a job back, or lost it, with so many pictures still missing.
    pub(crate) fn wait_again(&mut self, number: u64, missing: usize) {
        let Some(Running { mut waiting, charge, .. }) = self.running.remove(&number) else {
            return;
        };
        waiting.demand.pictures = missing;
        waiting.cost = self.pace.cost(&waiting.demand);
        self.queue.add_again(number, waiting, charge);
        self.change();
    }

    /// A job is over.
    pub(crate) fn end(&mut self, number: u64) {
        self.queue.remove(number);
        self.running.remove(&number);
        self.change();
    }

    /// The job that a claim is for.
    ///
    /// # Errors
    /// [`Error::Stale`] if the worker has it no more.
    pub(crate) fn claimed(&mut self, claim: &Claim) -> Result<&mut Running> {
        self.running
            .get_mut(&claim.number)
            .filter(|running| running.attempt == claim.attempt)
            .ok_or_else(|| Error::Stale { job: claim.job.clone() })
    }

    pub(crate) fn want_cancelled(&mut self, number: u64) {
        if let Some(running) = self.running.get_mut(&number) {
            running.cancel_wanted = true;
        }
    }

    pub(crate) fn live(&mut self, number: u64, now: Moment) -> Live {
        if let Some(running) = self.running.get(&number) {
            let eta_seconds = self.remaining(running, now);
            return Live { position: None, eta_seconds, progress: running.progress };
        }
        let Some(place) = self.place(number, now) else { return Live::default() };
        let own = self.queue.get(number).and_then(|waiting| self.pace.estimate(&waiting.demand));
        let eta_seconds = own.zip(self.begins(place, now)).map(|(own, begins)| own + begins);
        Live { position: Some(place as u64 + 1), eta_seconds, progress: None }
    }

    /// The places that changed since the last call: job, place from 1, seconds until it is done.
    pub(crate) fn news(&mut self, now: Moment) -> Vec<(JobId, u64, Option<f64>)> {
        self.line(now);
        let Some(line) = &mut self.line else { return Vec::new() };
        let told = std::mem::replace(&mut line.told, line.places.clone());
        let moved: Vec<u64> = line
            .order
            .iter()
            .filter(|job| told.get(job) != line.places.get(job))
            .copied()
            .collect();
        moved
            .into_iter()
            .filter_map(|number| {
                let job = self.queue.get(number)?.job.clone();
                let live = self.live(number, now);
                Some((job, live.position?, live.eta_seconds))
            })
            .collect()
    }

    /// The wall clock jumped: what waits and runs has done so for as long as before.
    pub(crate) fn shift(&mut self, jump: Jump) {
        self.queue.shift(jump);
        for running in self.running.values_mut() {
            running.started = running.started.shifted(jump);
            running.deadline = running.deadline.shifted(jump);
        }
        self.change();
    }

    /// Remembers that clients were told the place of a job.
    pub(crate) fn told(&mut self, number: u64, position: u64) {
        if let Some(line) = &mut self.line {
            line.told.insert(number, position.saturating_sub(1) as usize);
        }
    }

    pub(crate) fn outlook(&mut self, now: Moment) -> Outlook {
        let queued = self.queue.len();
        let eta = self.begins(queued, now).map(length);
        Outlook { queued: queued as u64, running: self.running.len() as u64, eta }
    }

    /// When there will probably be one job less in the line.
    pub(crate) fn room(&mut self, now: Moment) -> Option<Duration> {
        let running = self.running.values().map(|running| self.remaining(running, now));
        let first = running.collect::<Option<Vec<f64>>>()?.into_iter().min_by(f64::total_cmp)?;
        Some(length(first))
    }

    /// When the first waiting job of a client will probably begin.
    pub(crate) fn room_of(&mut self, client: &str, now: Moment) -> Option<Duration> {
        self.line(now);
        let line = self.line.as_ref()?;
        let place = line.order.iter().position(|number| {
            self.queue.get(*number).is_some_and(|waiting| &*waiting.client == client)
        })?;
        self.begins(place, now).map(length)
    }

    /// Seconds until whoever stands at a place will probably begin; `None` before the first picture was drawn.
    fn begins(&mut self, place: usize, now: Moment) -> Option<f64> {
        let idle = (self.running.len() as f64) < self.at_once;
        if self.pace == Pace::default() {
            return (idle && place == 0).then_some(0.0);
        }
        self.line(now);
        let ahead = self.line.as_ref()?.ahead.get(place).copied()?;
        if idle && place == 0 {
            return Some(0.0);
        }
        let running: f64 =
            self.running.values().filter_map(|running| self.remaining(running, now)).sum();
        Some((running + ahead) / self.at_once)
    }

    /// Seconds until a running job will probably be done.
    fn remaining(&self, running: &Running, now: Moment) -> Option<f64> {
        let elapsed = now.since(running.started).as_secs_f64();
        let fraction = running.progress.map_or(0.0, |progress| progress.fraction);
        // Its own steps say more than those of others, once there are some.
        if (0.2..=1.0).contains(&fraction) {
            return Some(elapsed * (1.0 - fraction) / fraction);
        }
        let estimate = self.pace.estimate(&running.waiting.demand)?;
        Some((estimate - elapsed).max(0.0))
    }

    fn place(&mut self, number: u64, now: Moment) -> Option<usize> {
        self.line(now);
        self.line.as_ref()?.places.get(&number).copied()
    }

    /// Has the line made anew where it holds no more.
    fn line(&mut self, now: Moment) {
        let holds = |line: &Line| line.made <= now && now < line.until;
        let is_stale = !self.line.as_ref().is_some_and(holds);
        let told = match self.line.take_if(|_| is_stale) {
            Some(line) => line.told,
            None if is_stale => BTreeMap::new(),
            None => return,
        };
        let (order, until) = self.queue.order(now);
        let places = order.iter().copied().zip(0..).collect();
        let mut ahead = vec![0.0];
        for number in &order {
            let cost = self.queue.get(*number).map_or(0.0, |waiting| waiting.cost);
            ahead.push(ahead.last().copied().unwrap_or(0.0) + cost);
        }
        self.line = Some(Line { made: now, until, order, places, ahead, told });
    }

    /// Something came or went: the line holds no more, but what was told is remembered.
    fn change(&mut self) {
        if let Some(line) = &mut self.line {
            line.until = Moment::default();
        }
    }
}
