//! How long pictures take, learnt from those that were drawn. What is ahead in the queue is NOT known here.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::Demand;

/// Weight of the newest picture in an average, once there are enough: a machine that was busy with something else is forgotten after
/// some pictures.
const NEWEST: f64 = 0.25;

/// Sizes within a quarter of a power of two count as the same.
const SIZES_PER_OCTAVE: f64 = 4.0;

/// Seconds for a pixel and a step, where nothing was ever drawn; only proportions between jobs matter then.
const UNKNOWN: f64 = 1e-6;

/// Averages of seconds for a pixel and a step, by size and steps.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Pace {
    averages: BTreeMap<Class, Average>,
}

/// Pictures that take about as long for each pixel and step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Class {
    /// Logarithm of the pixels, in quarters of a power of two.
    pub(crate) size: i64,
    pub(crate) steps: u32,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Average {
    /// Seconds for a pixel and a step.
    pub(crate) seconds: f64,
    /// How many jobs it is the average of.
    pub(crate) jobs: u64,
}

impl Pace {
    pub(crate) fn of(averages: impl IntoIterator<Item = (Class, Average)>) -> Self {
        Self { averages: averages.into_iter().collect() }
    }

    /// What the average would be with one more job, whose pictures took `seconds` in all; `None` for a job that says nothing.
    pub(crate) fn with(&self, demand: &Demand, seconds: f64) -> Option<(Class, Average)> {
        let work = demand.pixel_steps() * demand.pictures as f64;
        if work <= 0.0 || !seconds.is_finite() || seconds <= 0.0 {
            return None;
        }
        let class = Class::of(demand);
        let seen = self.averages.get(&class).copied().unwrap_or(Average { seconds: 0.0, jobs: 0 });
        let jobs = seen.jobs + 1;
        let weight = (1.0 / jobs as f64).max(NEWEST);
        let seconds = seen.seconds + weight * (seconds / work - seen.seconds);
        Some((class, Average { seconds, jobs }))
    }

    pub(crate) fn learn(&mut self, class: Class, average: Average) {
        self.averages.insert(class, average);
    }

    /// Seconds for one picture, where such ones were drawn before.
    pub(crate) fn measured(&self, demand: &Demand) -> Option<f64> {
        let average = self.averages.get(&Class::of(demand))?;
        Some(average.seconds * demand.pixel_steps())
    }

    /// Seconds for all pictures of a job, by the most similar ones that were drawn; `None` before the first.
    pub(crate) fn estimate(&self, demand: &Demand) -> Option<f64> {
        let class = Class::of(demand);
        let distance = |other: &Class| {
            let sizes = (other.size - class.size) as f64 / SIZES_PER_OCTAVE;
            let steps = (f64::from(other.steps) / f64::from(class.steps)).log2();
            sizes.abs() + steps.abs()
        };
        let nearest =
            self.averages.iter().min_by(|a, b| distance(a.0).total_cmp(&distance(b.0)))?.1;
        Some(nearest.seconds * demand.pixel_steps() * demand.pictures as f64)
    }

    /// What a job costs its client in turns: its seconds, or something proportional to them.
    pub(crate) fn cost(&self, demand: &Demand) -> f64 {
        let pictures = demand.pictures as f64;
        self.estimate(demand).unwrap_or(UNKNOWN * demand.pixel_steps() * pictures)
    }
}

impl Class {
    fn of(demand: &Demand) -> Self {
        let size = (demand.pixels().log2() * SIZES_PER_OCTAVE).round();
        Self { size: size as i64, steps: demand.steps }
    }
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

    fn learn(pace: &mut Pace, demand: &Demand, seconds: f64) {
        let (class, average) = pace.with(demand, seconds).unwrap();
        pace.learn(class, average);
    }

    #[test]
    fn nothing_is_known_before_the_first_picture() {
        let pace = Pace::default();
        assert_eq!(pace.estimate(&demand(1024, 8, 1)), None);
        let (small, large) = (pace.cost(&demand(512, 8, 1)), pace.cost(&demand(1024, 8, 2)));
        assert!((large / small - 8.0).abs() < 1e-9);
    }

    #[test]
    fn an_estimate_is_what_such_pictures_took() {
        let mut pace = Pace::default();
        learn(&mut pace, &demand(1024, 8, 2), 8.0);
        assert!((pace.measured(&demand(1024, 8, 1)).unwrap() - 4.0).abs() < 1e-9);
        assert!((pace.estimate(&demand(1024, 8, 3)).unwrap() - 12.0).abs() < 1e-9);
        // Another size was not measured, and is still estimated.
        assert_eq!(pace.measured(&demand(512, 8, 1)), None);
        assert!((pace.estimate(&demand(512, 8, 1)).unwrap() - 1.0).abs() < 1e-9);
        // The more similar one decides.
        learn(&mut pace, &demand(256, 8, 1), 1.0);
        assert!((pace.estimate(&demand(256, 4, 1)).unwrap() - 0.5).abs() < 1e-9);
        assert!((pace.estimate(&demand(1024, 4, 1)).unwrap() - 2.0).abs() < 1e-9);
    }

    #[test]
    fn a_slow_time_is_forgotten_after_some_pictures() {
        let mut pace = Pace::default();
        learn(&mut pace, &demand(1024, 8, 1), 100.0);
        for _ in 0..30 {
            learn(&mut pace, &demand(1024, 8, 1), 2.0);
        }
        assert!((pace.estimate(&demand(1024, 8, 1)).unwrap() - 2.0).abs() < 0.1);
    }

    #[test]
    fn nonsense_is_not_learnt() {
        let pace = Pace::default();
        for seconds in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert_eq!(pace.with(&demand(1024, 8, 1), seconds), None);
        }
        assert_eq!(pace.with(&demand(1024, 8, 0), 1.0), None);
        assert_eq!(length(f64::NAN), Duration::ZERO);
        assert_eq!(length(1e300), Duration::MAX);
    }
}
