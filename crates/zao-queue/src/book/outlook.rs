//! When jobs will be done, as the book has them: the scene that a forecast plays is set from what is known, and what was foreseen is kept
//! while it holds. How it is played is [`crate::forecast`]'s, what work costs [`crate::pace`]'s.

use std::collections::BTreeMap;
use std::time::Duration;

use super::Book;
use crate::forecast::{Picture, Scene, Times};
use crate::moment::Moment;
use crate::pace::length;
use crate::wire::Live;

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

/// What was foreseen, and when.
#[derive(Debug)]
pub(super) struct Forecast {
    made: Moment,
    times: Option<Times>,
    freshness: Freshness,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Freshness {
    Fresh,
    /// Somebody made a step: what was foreseen is still about right.
    Aged,
    /// Somebody came or went.
    Stale,
}

/// So much of a step is done where it takes longer than it should.
const ABOUT_TO_END: f64 = 0.95;

/// What is foreseen is not made anew for each of many steps.
const GOOD_FOR: Duration = Duration::from_millis(100);

impl Book {
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
            let step = self.pace.step(pixels).map_or(f64::MAX, |it| it * self.pace.drag_after(0.0));
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

    /// What was foreseen is at most as good as this.
    pub(super) fn age(&mut self, freshness: Freshness) {
        if let Some(forecast) = &mut self.forecast
            && forecast.freshness != Freshness::Stale
        {
            forecast.freshness = freshness;
        }
    }
}
