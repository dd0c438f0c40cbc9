//! What drawing costs, learnt from the pieces that it is made of: a denoising step of all that step together, prompts that are read, a
//! decoder, a file. A whole job teaches nothing, since its time has that of others in it. What is ahead in the queue is NOT known here.
//!
//! A measurement says two things: what such work costs, and how busy the machine is with something else. The first is kept by kind
//! and size, as it is on the machine as it usually is; the second is one number for all, [`Drag`], which one step of any size moves.

mod drag;
mod sizes;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::{Cost, Demand, Piece};
use drag::Drag;

/// Weight of the newest measurement in an average, once there are enough.
const NEWEST: f64 = 0.05;

/// An average of fewer says nothing of the machine.
const ENOUGH: u64 = 3;

/// What took so many times as long as it should, or as short, counts as if it had not been quite that: it was held up once, and the next
/// will not be.
const BEYOND_BELIEF: f64 = 3.0;

/// Sizes within a quarter of a power of two count as the same.
const SIZES_PER_OCTAVE: f64 = 4.0;

/// A picture counts as measured if steps of at most so many times its pixels, or so many times fewer, were. A full sitting has four times
/// as many and more.
const ALIKE: f64 = 4.0;

/// Seconds for a pixel and a step, where nothing was ever drawn; only proportions between jobs matter then.
const UNKNOWN: f64 = 1e-6;

/// Averages of seconds for a pixel by kind and size of work; of prompts, seconds for each time that some are read.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Pace {
    averages: BTreeMap<Class, Average>,
    drag: Drag,
    unsaved: BTreeSet<Class>,
}

/// Work that costs about the same a pixel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Class {
    pub(crate) piece: Piece,
    /// Logarithm of the pixels, in quarters of a power of two; 0 for prompts.
    pub(crate) size: i64,
}

#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Average {
    /// Seconds for a pixel, or for prompts that are read together.
    pub(crate) seconds: f64,
    /// How many measurements it is the average of.
    pub(crate) count: u64,
}

impl Pace {
    pub(crate) fn of(averages: impl IntoIterator<Item = (Class, Average)>) -> Self {
        Self { averages: averages.into_iter().collect(), ..Self::default() }
    }

    /// Whether nothing was ever drawn, so that no time can be told.
    pub(crate) fn is_unknown(&self) -> bool {
        self.nearest(Piece::Step, 1.0).is_none()
    }

    /// Takes a measurement in; what says nothing changes nothing.
    pub(crate) fn learn(&mut self, cost: &Cost) {
        let amount = match cost.piece {
            Piece::Prompts => 1.0,
            Piece::Step | Piece::Decode | Piece::File => cost.pixels as f64,
        };
        if amount < 1.0 || !cost.seconds.is_finite() || cost.seconds <= 0.0 {
            return;
        }
        let class = Class { piece: cost.piece, size: size(amount) };
        let known = self.averages.get(&class).copied();
        let known = known.filter(|average| average.count >= ENOUGH);
        let mut seconds = cost.seconds;
        if let Some(average) = known {
            let usual = average.seconds * amount;
            let expected = usual * self.drag.now();
            seconds = seconds.clamp(expected / BEYOND_BELIEF, expected * BEYOND_BELIEF);
            // Files are made beside steps, and prompts differ in length.
            if matches!(cost.piece, Piece::Step | Piece::Decode) {
                self.drag.learn(seconds, usual);
            }
        }
        let seconds = seconds / amount / self.drag.now();
        let before = self.averages.get(&class).copied().or_else(|| {
            // The first of a size may have been held up; those next to it, of which there were more, count as one of it.
            Some(Average { seconds: self.alike(class, amount)?, count: 1 })
        });
        let average = self.averages.entry(class).or_default();
        *average = before.unwrap_or_default();
        average.count += 1;
        let weight = (1.0 / average.count as f64).max(NEWEST);
        average.seconds += weight * (seconds - average.seconds);
        self.unsaved.insert(class);
    }

    /// What was learnt since the last call, as the machine was of late.
    pub(crate) fn unsaved(&mut self) -> Vec<(Class, Average)> {
        let lately = self.drag.lately();
        let average = |class| {
            let Average { seconds, count } = *self.averages.get(&class)?;
            Some((class, Average { seconds: lately * seconds, count }))
        };
        std::mem::take(&mut self.unsaved).into_iter().filter_map(average).collect()
    }

    /// How many times as long as usual everything will take after so many seconds from now.
    pub(crate) fn drag_after(&self, seconds: f64) -> f64 {
        self.drag.after(seconds)
    }

    /// Seconds that a step of pictures with so many pixels in all usually takes; `None` before the first.
    pub(crate) fn step(&self, pixels: f64) -> Option<f64> {
        Some(self.nearest(Piece::Step, pixels)? * pixels)
    }

    /// Seconds that usually come before the first step of a job, as far as known.
    pub(crate) fn before(&self) -> f64 {
        self.nearest(Piece::Prompts, 1.0).unwrap_or(0.0)
    }

    /// Seconds for which the decoder of a picture usually keeps everybody waiting, as far as known.
    pub(crate) fn decode(&self, pixels: f64) -> f64 {
        self.nearest(Piece::Decode, pixels).unwrap_or(0.0) * pixels
    }

    /// Seconds from a decoded picture to its file, while others go on, as far as known.
    pub(crate) fn file(&self, pixels: f64) -> f64 {
        self.nearest(Piece::File, pixels).unwrap_or(0.0) * pixels
    }

    /// Seconds for one picture that is drawn alone, where such ones were drawn before.
    pub(crate) fn measured(&self, demand: &Demand) -> Option<f64> {
        let reach = (ALIKE.log2() * SIZES_PER_OCTAVE) as i64;
        let own = size(demand.pixels());
        let is_alike =
            |class: &Class| class.piece == Piece::Step && (class.size - own).abs() <= reach;
        self.averages.keys().any(is_alike).then_some(())?;
        self.estimate(&Demand { pictures: 1, ..*demand })
    }

    /// Seconds for all pictures of a job that is drawn alone, on the machine as it was of late; `None` before the first step of anything.
    pub(crate) fn estimate(&self, demand: &Demand) -> Option<f64> {
        Some(self.drag.lately() * self.usual(demand)?)
    }

    fn usual(&self, demand: &Demand) -> Option<f64> {
        let pixels = demand.pixels();
        let picture = f64::from(demand.steps) * self.step(pixels)? + self.decode(pixels);
        Some(self.before() + demand.pictures as f64 * picture + self.file(pixels))
    }

    /// What a job costs its client in turns: the seconds that it usually takes, or something proportional to them.
    pub(crate) fn cost(&self, demand: &Demand) -> f64 {
        let pictures = demand.pictures as f64;
        self.usual(demand).unwrap_or(UNKNOWN * demand.pixel_steps() * pictures)
    }

    /// Seconds for a unit of such work, by those of sizes next to it that were measured.
    fn nearest(&self, piece: Piece, amount: f64) -> Option<f64> {
        let place = amount.max(1.0).log2() * SIZES_PER_OCTAVE;
        let (here, of) = (place.floor() as i64, |size: i64| Class { piece, size });
        let point = |(class, average): (&Class, &Average)| (class.size as f64, average.seconds);
        let below = self.averages.range(of(i64::MIN)..=of(here)).rev().map(point);
        let above = self.averages.range(of(here + 1)..=of(i64::MAX)).map(point);
        sizes::at(place, below, above)
    }

    /// The same, where a size next to it was measured often enough.
    fn alike(&self, class: Class, amount: f64) -> Option<f64> {
        let reach = SIZES_PER_OCTAVE as i64;
        let of = |size: i64| Class { size, ..class };
        let mut near = self.averages.range(of(class.size - reach)..=of(class.size + reach));
        near.any(|(_, average)| average.count >= ENOUGH)
            .then(|| self.nearest(class.piece, amount))
            .flatten()
    }
}

fn size(amount: f64) -> i64 {
    (amount.max(1.0).log2() * SIZES_PER_OCTAVE).round() as i64
}

/// Seconds as a length of time; an estimate beyond all sense is as long as can be waited for.
pub(crate) fn length(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds.max(0.0)).unwrap_or(Duration::MAX)
}

#[cfg(test)]
mod tests;
