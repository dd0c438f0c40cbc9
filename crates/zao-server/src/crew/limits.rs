//! How long work usually takes, and from when on it counts as hung.

use std::collections::BTreeMap;
use std::time::Duration;

use zao_api::Stage;

use super::Patience;
use crate::protocol::{Busy, Took};

/// How much a new measurement counts beside what is known.
const WEIGHT: f64 = 0.2;

/// What was measured of a worker. It is kept when the worker is replaced.
#[derive(Clone, Debug, Default)]
pub(super) struct Usual {
    /// Seconds for a unit of work.
    rates: BTreeMap<Stage, f64>,
}

impl Usual {
    /// Some work took so long. Work of very different amounts is compared by its time for each unit.
    pub(super) fn note(&mut self, took: &Took) {
        let rate = took.seconds / took.amount.max(1) as f64;
        if !rate.is_finite() || rate < 0.0 {
            return;
        }
        let known = self.rates.entry(took.stage).or_insert(rate);
        *known += WEIGHT * (rate - *known);
    }

    /// How long `busy` may take.
    pub(super) fn limit(&self, busy: &Busy, patience: &Patience) -> Duration {
        if busy.stage == Stage::Load {
            return patience.load;
        }
        let Some(rate) = self.rates.get(&busy.stage) else {
            return patience.unknown.max(patience.least);
        };
        let seconds = patience.factor * rate * busy.amount.max(1) as f64;
        let usual = Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX);
        usual.max(patience.least)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn busy(stage: Stage, amount: u64) -> Busy {
        Busy { stage, amount, seconds: 0.0 }
    }

    fn took(stage: Stage, amount: u64, seconds: f64) -> Took {
        Took { stage, amount, seconds }
    }

    #[test]
    fn the_limit_follows_what_steps_take_and_how_large_they_are() {
        let (mut usual, patience) = (Usual::default(), Patience::default());
        let step = |amount| busy(Stage::Denoise, amount);
        assert_eq!(usual.limit(&step(100), &patience), patience.unknown, "nothing is known");
        usual.note(&took(Stage::Denoise, 100, 0.5));
        assert_eq!(usual.limit(&step(100), &patience), patience.least);
        assert_eq!(usual.limit(&step(1000), &patience), Duration::from_secs(40));
        for _ in 0..60 {
            usual.note(&took(Stage::Denoise, 100, 3.0));
        }
        let limit = usual.limit(&step(100), &patience).as_secs_f64();
        assert!((23.9..24.1).contains(&limit), "{limit}");
        assert_eq!(usual.limit(&busy(Stage::Decode, 1), &patience), patience.unknown);
    }

    #[test]
    fn reading_weights_is_measured_by_nothing() {
        let (mut usual, patience) = (Usual::default(), Patience::default());
        usual.note(&took(Stage::Load, 1, 1e-9));
        assert_eq!(usual.limit(&busy(Stage::Load, 0), &patience), patience.load);
    }

    #[test]
    fn absurd_measurements_do_no_harm() {
        let (mut usual, patience) = (Usual::default(), Patience::default());
        for seconds in [f64::NAN, -1.0, f64::INFINITY] {
            usual.note(&took(Stage::Text, 0, seconds));
        }
        assert_eq!(usual.limit(&busy(Stage::Text, 0), &patience), patience.unknown);
        usual.note(&took(Stage::Text, 0, 1e300));
        assert_eq!(usual.limit(&busy(Stage::Text, u64::MAX), &patience), Duration::MAX);
    }
}
