//! Who waits in which order, and the places that clients were told. The order is [`crate::fair`]'s.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::Book;
use super::outlook::Freshness;
use crate::JobId;
use crate::moment::Moment;

/// Those that wait and that no worker has, in order; kept as long as nothing changes it.
#[derive(Debug)]
pub(super) struct Line {
    made: Moment,
    until: Moment,
    /// Those that may go now, and behind them those whose client has as many pictures in flight as it may.
    pub(super) order: Vec<u64>,
    /// How many may go now.
    free: usize,
    places: BTreeMap<u64, usize>,
}

impl Line {
    pub(super) fn those_that_may_go(&self) -> &[u64] {
        &self.order[..self.free]
    }
}

impl Book {
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

    /// Remembers that clients were told the place of a job.
    pub(crate) fn told(&mut self, number: u64, position: u64) {
        self.told.insert(number, position.saturating_sub(1) as usize);
    }

    /// The place of a job that waits, from 0.
    pub(super) fn place(&mut self, number: u64, now: Moment) -> Option<usize> {
        let handed = self.handed.len();
        if let Some(place) = self.handed.iter().position(|other| *other == number) {
            return Some(place);
        }
        self.line(now);
        self.line.as_ref()?.places.get(&number).map(|place| handed + place)
    }

    /// Has the line made anew where it holds no more.
    pub(super) fn line(&mut self, now: Moment) {
        let holds = |line: &Line| line.made <= now && now < line.until;
        if self.line.as_ref().is_some_and(holds) {
            return;
        }
        let (order, until) = self.queue.order(now);
        let (order, free) = self.set_back(order);
        let places = order.iter().copied().zip(0..).collect();
        self.line = Some(Line { made: now, until, order, free, places });
        self.age(Freshness::Stale);
    }

    /// The line with those behind the others whose client has as many pictures in flight as it may, and how many others there are. They
    /// hold up nobody; the jobs of one client keep their order.
    fn set_back(&self, order: Vec<u64>) -> (Vec<u64>, usize) {
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
}
