//! What drawing costs, learnt from the pieces that it is made of: a denoising step of all that step together, prompts that are read, a
//! decoder, a file. A whole job teaches nothing, since its time has that of others in it. What is ahead in the queue is NOT known here.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::{Cost, Demand, Piece};

/// Weight of the newest measurement in an average, once there are enough: a machine that was busy with something else is forgotten after
/// some steps.
const NEWEST: f64 = 0.1;

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
    unsaved: BTreeSet<Class>,
}

/// Work that costs about the same a pixel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Class {
    pub(crate) piece: Piece,
    /// Logarithm of the pixels, in quarters of a power of two; 0 for prompts.
    pub(crate) size: i64,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Average {
    /// Seconds for a pixel, or for prompts that are read together.
    pub(crate) seconds: f64,
    /// How many measurements it is the average of.
    pub(crate) count: u64,
}

impl Pace {
    pub(crate) fn of(averages: impl IntoIterator<Item = (Class, Average)>) -> Self {
        Self { averages: averages.into_iter().collect(), unsaved: BTreeSet::new() }
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
        let seconds = cost.seconds / amount;
        if amount < 1.0 || !seconds.is_finite() || seconds <= 0.0 {
            return;
        }
        let class = Class { piece: cost.piece, size: size(amount) };
        let average = self.averages.entry(class).or_insert(Average { seconds, count: 0 });
        average.count += 1;
        let weight = (1.0 / average.count as f64).max(NEWEST);
        average.seconds += weight * (seconds - average.seconds);
        self.unsaved.insert(class);
    }

    /// What was learnt since the last call.
    pub(crate) fn unsaved(&mut self) -> Vec<(Class, Average)> {
        let classes = std::mem::take(&mut self.unsaved);
        classes.into_iter().filter_map(|it| Some((it, *self.averages.get(&it)?))).collect()
    }

    /// Seconds of a step of pictures with so many pixels in all; `None` before the first.
    pub(crate) fn step(&self, pixels: f64) -> Option<f64> {
        Some(self.nearest(Piece::Step, pixels)? * pixels)
    }

    /// Seconds of what comes before the first step of a job, as far as known.
    pub(crate) fn before(&self) -> f64 {
        self.nearest(Piece::Prompts, 1.0).unwrap_or(0.0)
    }

    /// Seconds for which the decoder of a picture keeps everybody waiting, as far as known.
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

    /// Seconds for all pictures of a job that is drawn alone; `None` before the first step of anything.
    pub(crate) fn estimate(&self, demand: &Demand) -> Option<f64> {
        let pixels = demand.pixels();
        let picture = f64::from(demand.steps) * self.step(pixels)? + self.decode(pixels);
        Some(self.before() + demand.pictures as f64 * picture + self.file(pixels))
    }

    /// What a job costs its client in turns: its seconds, or something proportional to them.
    pub(crate) fn cost(&self, demand: &Demand) -> f64 {
        let pictures = demand.pictures as f64;
        self.estimate(demand).unwrap_or(UNKNOWN * demand.pixel_steps() * pictures)
    }

    /// Seconds for a unit of such work, between those of the sizes next to it that were measured.
    fn nearest(&self, piece: Piece, amount: f64) -> Option<f64> {
        let place = amount.max(1.0).log2() * SIZES_PER_OCTAVE;
        let of = |size: i64| Class { piece, size };
        let (floor, ceiling) = (place.floor() as i64, place.ceil() as i64);
        let below = self.averages.range(of(i64::MIN)..=of(floor)).next_back();
        let above = self.averages.range(of(ceiling)..=of(i64::MAX)).next();
        match (below, above) {
            (Some((low, cheap)), Some((high, dear))) if low.size < high.size => {
                let share = (place - low.size as f64) / (high.size - low.size) as f64;
                Some(cheap.seconds + share * (dear.seconds - cheap.seconds))
            }
            (Some((_, average)), _) | (None, Some((_, average))) => Some(average.seconds),
            (None, None) => None,
        }
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
mod tests {
    use super::*;

    fn demand(side: u32, steps: u32, pictures: usize) -> Demand {
        Demand { width: side, height: side, steps, pictures }
    }

    fn learn(pace: &mut Pace, piece: Piece, side: u64, seconds: f64) {
        pace.learn(&Cost { piece, pixels: side * side, pictures: 1, seconds });
    }

    fn close(found: Option<f64>, expected: f64) {
        assert!(found.is_some_and(|found| (found / expected - 1.0).abs() < 1e-9), "{found:?}");
    }

    #[test]
    fn nothing_is_known_before_the_first_step() {
        let pace = Pace::default();
        assert!(pace.is_unknown());
        assert_eq!(pace.estimate(&demand(1024, 8, 1)), None);
        let (small, large) = (pace.cost(&demand(512, 8, 1)), pace.cost(&demand(1024, 8, 2)));
        assert!((large / small - 8.0).abs() < 1e-9);
    }

    #[test]
    fn a_job_costs_its_prompt_its_steps_its_decoder_and_the_last_file() {
        let mut pace = Pace::default();
        learn(&mut pace, Piece::Step, 1024, 0.5);
        close(pace.estimate(&demand(1024, 8, 2)), 8.0);
        learn(&mut pace, Piece::Prompts, 1, 0.25);
        learn(&mut pace, Piece::Decode, 1024, 1.0);
        learn(&mut pace, Piece::File, 1024, 0.125);
        close(pace.estimate(&demand(1024, 8, 2)), 10.375);
        close(pace.measured(&demand(1024, 8, 7)), 5.375);
        // Another size was not measured, and is still estimated.
        assert_eq!(pace.measured(&demand(256, 8, 1)), None);
        close(pace.estimate(&demand(256, 8, 1)), 0.25 + 5.125 / 16.0);
    }

    #[test]
    fn a_step_of_many_says_what_a_step_of_one_costs_and_sizes_between_are_between() {
        let mut pace = Pace::default();
        // Four of 512 at once, as dear a pixel as one of 1024.
        pace.learn(&Cost { piece: Piece::Step, pixels: 4 * 512 * 512, pictures: 4, seconds: 4.0 });
        close(pace.step(512.0 * 512.0), 1.0);
        close(pace.measured(&demand(512, 2, 1)), 2.0);
        // Small steps cost more a pixel.
        learn(&mut pace, Piece::Step, 256, 0.5);
        close(pace.step(256.0 * 256.0), 0.5);
        close(pace.step(512.0 * 512.0), 1.5);
        close(pace.step(2048.0 * 2048.0), 16.0);
    }

    #[test]
    fn a_slow_time_is_forgotten_after_some_steps() {
        let mut pace = Pace::default();
        learn(&mut pace, Piece::Step, 1024, 100.0);
        (0..80).for_each(|_| learn(&mut pace, Piece::Step, 1024, 2.0));
        assert!((pace.step(1024.0 * 1024.0).unwrap() - 2.0).abs() < 0.1);
    }

    #[test]
    fn what_was_learnt_is_given_out_once_to_be_kept() {
        let mut pace = Pace::default();
        learn(&mut pace, Piece::Step, 1024, 1.0);
        learn(&mut pace, Piece::Step, 1024, 1.0);
        let unsaved = pace.unsaved();
        assert_eq!(unsaved.len(), 1);
        assert_eq!(Pace::of(unsaved), pace);
        assert_eq!(pace.unsaved(), []);
    }

    #[test]
    fn nonsense_is_not_learnt() {
        let mut pace = Pace::default();
        for seconds in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            learn(&mut pace, Piece::Step, 1024, seconds);
        }
        learn(&mut pace, Piece::Step, 0, 1.0);
        assert_eq!(pace, Pace::default());
        assert_eq!(length(f64::NAN), Duration::ZERO);
        assert_eq!(length(1e300), Duration::MAX);
    }
}
