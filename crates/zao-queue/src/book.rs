//! What the ledger knows in memory: who waits in which order, who was handed out, who runs and how far, how long it will take. It
//! follows the database and never leads it.
//!
//! A job that was handed out waits on, in front of the others, until its worker says that it has started.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use zao_api::Progress;

use crate::clocks::Jump;
use crate::fair::{Charge, FairQueue, Waiting};
use crate::forecast::{Picture, Scene, Times};
use crate::moment::Moment;
use crate::pace::{Pace, length};
use crate::rows::JobRow;
use crate::wire::Live;
use crate::{Claim, Cost, Demand, Error, JobId, Limits, Piece, Result};

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

/// Those that wait and that no worker has, in order; kept as long as nothing changes it.
#[derive(Debug)]
struct Line {
    made: Moment,
    until: Moment,
    /// Those that may go now, and behind them those whose client has as many pictures in flight as it may.
    order: Vec<u64>,
    /// How many may go now.
    free: usize,
    places: BTreeMap<u64, usize>,
}

/// What was foreseen, and when.
#[derive(Debug)]
struct Forecast {
    made: Moment,
    times: Option<Times>,
    freshness: Freshness,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Freshness {
    Fresh,
    /// Somebody made a step: what was foreseen is still about right.
    Aged,
    /// Somebody came or went.
    Stale,
}

/// How busy the ledger is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Outlook {
    /// Jobs that wait.
    pub queued: u64,
    /// Jobs that are drawn.
    pub running: u64,
    /// When a job that came now would probably begin; `None` before the first step of anything.
    pub eta: Option<Duration>,
}

/// How much the last step says of how many pictures step together.
const NEWEST: f64 = 0.3;

/// So much of a step is done where it takes longer than it should.
const ABOUT_TO_END: f64 = 0.95;

/// What is foreseen is not made anew for each of many steps.
const GOOD_FOR: Duration = Duration::from_millis(100);

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
        self.queue.pick(&line.order[..line.free], now, patience, fits)
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

    pub(crate) fn live(&mut self, number: u64, now: Moment) -> Live {
        let place = self.place(number, now);
        let started = self.held.get(&number).filter(|held| held.started.is_some());
        let progress = started.and_then(|held| held.progress);
        if place.is_none() && started.is_none() {
            return Live::default();
        }
        let eta_seconds = self.foreseen(now, |times| times.done.get(&number).copied());
        Live { position: place.map(|place| place as u64 + 1), eta_seconds, progress }
    }

    /// The places that changed since the last call: job, place from 1, seconds until it is done.
    pub(crate) fn news(&mut self, now: Moment) -> Vec<(JobId, u64, Option<f64>)> {
        self.line(now);
        let line = self.line.iter().flat_map(|line| line.order.iter());
        let places: BTreeMap<u64, usize> =
            self.handed.iter().chain(line).copied().zip(0..).collect();
        let told = std::mem::replace(&mut self.told, places);
        let mut moved: Vec<(usize, u64)> = self
            .told
            .iter()
            .filter(|(job, place)| told.get(job) != Some(place))
            .map(|(job, place)| (*place, *job))
            .collect();
        moved.sort_unstable();
        moved
            .into_iter()
            .filter_map(|(_, number)| {
                let job = self.queue.get(number).or_else(|| Some(&self.held.get(&number)?.waiting));
                let job = job?.job.clone();
                let live = self.live(number, now);
                Some((job, live.position?, live.eta_seconds))
            })
            .collect()
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

    /// Remembers that clients were told the place of a job.
    pub(crate) fn told(&mut self, number: u64, position: u64) {
        self.told.insert(number, position.saturating_sub(1) as usize);
    }

    pub(crate) fn outlook(&mut self, now: Moment) -> Outlook {
        let queued = self.queued();
        let running = self.held.len() - self.handed.len();
        let idle = queued == 0 && running < self.workers;
        let next = if idle { Some(0.0) } else { self.foreseen(now, |times| Some(times.next)) };
        Outlook { queued: queued as u64, running: running as u64, eta: next.map(length) }
    }

    /// When there will probably be one job less in the line.
    pub(crate) fn room(&mut self, now: Moment) -> Option<Duration> {
        let first = |times: &Times| times.begins.values().copied().min_by(f64::total_cmp);
        self.foreseen(now, first).map(length)
    }

    /// When the first waiting job of a client will probably begin.
    pub(crate) fn room_of(&mut self, client: &str, now: Moment) -> Option<Duration> {
        self.line(now);
        let line = self.line.iter().flat_map(|line| line.order.iter());
        let first = self.handed.iter().chain(line).copied();
        let first = first.into_iter().find(|number| self.is_of(*number, client))?;
        self.foreseen(now, |times| times.begins.get(&first).copied()).map(length)
    }

    fn is_of(&self, number: u64, client: &str) -> bool {
        let held = self.held.get(&number).map(|held| &held.waiting);
        held.or_else(|| self.queue.get(number)).is_some_and(|it| &*it.client == client)
    }

    /// Seconds from now, where the forecast knows them.
    fn foreseen(&mut self, now: Moment, of: impl Fn(&Times) -> Option<f64>) -> Option<f64> {
        let is_good = |forecast: &Forecast| match forecast.freshness {
            Freshness::Fresh => forecast.made <= now,
            Freshness::Aged => forecast.made <= now && now.since(forecast.made) < GOOD_FOR,
            Freshness::Stale => false,
        };
        if !self.forecast.as_ref().is_some_and(is_good) {
            let times = self.scene(now).play(&self.pace);
            self.forecast = Some(Forecast { made: now, times, freshness: Freshness::Fresh });
        }
        let Forecast { made, times, .. } = self.forecast.as_ref()?;
        let seconds = of(times.as_ref()?)?;
        Some((seconds - now.since(*made).as_secs_f64()).max(0.0))
    }

    /// How things are, for a forecast.
    fn scene(&mut self, now: Moment) -> Scene {
        self.line(now);
        let mut scene = Scene { seats: self.together.round() as usize, ..Scene::default() };
        let mut sittings: BTreeMap<&str, Vec<(Picture, Moment)>> = BTreeMap::new();
        let started = self.held.iter().filter(|(_, held)| held.started.is_some());
        for (job, held) in started {
            for left in held.pictures.values() {
                let pixels = held.waiting.demand.pixels();
                let picture = Picture { job: *job, pixels, left: f64::from(left.steps) };
                match left.since {
                    Some(since) => {
                        sittings.entry(&held.worker).or_default().push((picture, since));
                    }
                    None => scene.queue.push_back(picture),
                }
            }
        }
        for sitting in sittings.into_values() {
            let pixels = sitting.iter().map(|(picture, _)| picture.pixels).sum();
            let step = self.pace.step(pixels).unwrap_or(f64::MAX);
            let advanced = sitting.into_iter().map(|(picture, since)| {
                // A step that takes longer than others did is about to end.
                let share = (now.since(since).as_secs_f64() / step).min(ABOUT_TO_END);
                Picture { left: (picture.left - share).max(0.0), ..picture }
            });
            scene.sittings.push(advanced.collect());
        }
        let most = scene.sittings.iter().map(Vec::len).max().unwrap_or(0);
        scene.seats = scene.seats.max(most).max(1);
        scene.sittings.resize(self.workers.max(scene.sittings.len()), Vec::new());
        let handed = self
            .handed
            .iter()
            .filter_map(|number| self.held.get(number).map(|held| (*number, held.waiting.demand)));
        let line = self.line.iter().flat_map(|line| line.order.iter());
        let line = line.filter_map(|number| Some((*number, self.queue.get(*number)?.demand)));
        for (job, demand) in handed.chain(line) {
            let picture = Picture { job, pixels: demand.pixels(), left: f64::from(demand.steps) };
            scene.queue.extend(std::iter::repeat_n(picture, demand.pictures));
        }
        scene
    }

    /// The place of a job that waits, from 0.
    fn place(&mut self, number: u64, now: Moment) -> Option<usize> {
        let handed = self.handed.len();
        if let Some(place) = self.handed.iter().position(|other| *other == number) {
            return Some(place);
        }
        self.line(now);
        self.line.as_ref()?.places.get(&number).map(|place| handed + place)
    }

    /// Has the line made anew where it holds no more.
    fn line(&mut self, now: Moment) {
        let holds = |line: &Line| line.made <= now && now < line.until;
        if self.line.as_ref().is_some_and(holds) {
            return;
        }
        let (order, until) = self.queue.order(now);
        let (order, free) = self.those_that_may_go(order);
        let places = order.iter().copied().zip(0..).collect();
        self.line = Some(Line { made: now, until, order, free, places });
        self.age(Freshness::Stale);
    }

    /// The line with those behind the others whose client has as many pictures in flight as it may, and how many others there are. They
    /// hold up nobody; the jobs of one client keep their order.
    fn those_that_may_go(&self, order: Vec<u64>) -> (Vec<u64>, usize) {
        let Some(most) = self.in_flight else {
            let all = order.len();
            return (order, all);
        };
        let mut flying: HashMap<&str, usize> = HashMap::new();
        for held in self.held.values() {
            *flying.entry(&*held.waiting.client).or_default() += held.pictures.len();
        }
        let mut full: HashSet<&str> = HashSet::new();
        let may_go = |number: &u64| {
            let Some(waiting) = self.queue.get(*number) else { return false };
            let client = &*waiting.client;
            let pictures = flying.entry(client).or_default();
            let has_room = *pictures == 0 || *pictures + waiting.demand.pictures <= most;
            if full.contains(client) || !has_room {
                full.insert(client);
                return false;
            }
            *pictures += waiting.demand.pictures;
            true
        };
        let (mut order, behind): (Vec<u64>, Vec<u64>) = order.into_iter().partition(may_go);
        let free = order.len();
        order.extend(behind);
        (order, free)
    }

    /// Something came or went: the line holds no more.
    fn change(&mut self) {
        self.line = None;
        self.age(Freshness::Stale);
    }

    /// What was foreseen is at most as good as this.
    fn age(&mut self, freshness: Freshness) {
        if let Some(forecast) = &mut self.forecast
            && forecast.freshness != Freshness::Stale
        {
            forecast.freshness = freshness;
        }
    }
}
