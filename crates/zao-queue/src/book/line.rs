//! Who waits in which order, and the places that clients were told. The order is [`crate::fair`]'s.

use std::collections::BTreeMap;

use super::Book;
use super::outlook::Freshness;
use crate::JobId;
use crate::moment::Moment;

/// Those that wait and that no worker has, in order; kept as long as nothing changes it.
#[derive(Debug)]
pub(super) struct Line {
    made: Moment,
    until: Moment,
    pub(super) order: Vec<u64>,
    places: BTreeMap<u64, usize>,
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
        let places = order.iter().copied().zip(0..).collect();
        self.line = Some(Line { made: now, until, order, places });
        self.age(Freshness::Stale);
    }
}
