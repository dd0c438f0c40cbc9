//! When requests come that do not wait for each other. Whether a server keeps up is seen elsewhere.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Numbers;

/// How requests of one rate follow each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Arrivals {
    /// `poisson`: as people come who know nothing of each other.
    #[default]
    Poisson,
    /// `constant`: one after each equal span of time.
    Constant,
}

impl Arrivals {
    /// The moments from the begin on, for as long as `duration`.
    pub(crate) fn moments(self, per_second: f64, duration: Duration, seed: u64) -> Vec<Duration> {
        let mut numbers = Numbers::new(seed);
        let mut moments = Vec::new();
        let mut at = 0.0;
        loop {
            at += match self {
                // 1 - u is never 0, so its logarithm is finite.
                Self::Poisson => -(1.0 - numbers.unit()).ln() / per_second,
                Self::Constant if moments.is_empty() => 0.0,
                Self::Constant => 1.0 / per_second,
            };
            match Duration::try_from_secs_f64(at) {
                Ok(moment) if moment < duration => moments.push(moment),
                _ => return moments,
            }
        }
    }
}

impl std::str::FromStr for Arrivals {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "poisson" => Ok(Self::Poisson),
            "constant" => Ok(Self::Constant),
            _ => Err("use poisson or constant".into()),
        }
    }
}

/// A request with its moment.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Moment {
    /// From the begin on.
    pub(crate) at: Duration,
    /// What is asked then.
    pub(crate) wish: super::Wish,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_kept_and_a_seed_is_a_plan() {
        let minute = Duration::from_secs(600);
        let moments = Arrivals::Poisson.moments(5.0, minute, 7);
        assert!((2800..3200).contains(&moments.len()), "{}", moments.len());
        assert_eq!(moments, Arrivals::Poisson.moments(5.0, minute, 7));
        assert_ne!(moments, Arrivals::Poisson.moments(5.0, minute, 8));
        assert!(moments.is_sorted());
    }

    #[test]
    fn spans_between_strangers_vary_as_much_as_they_last() {
        let moments = Arrivals::Poisson.moments(10.0, Duration::from_secs(1000), 1);
        let spans: Vec<f64> =
            moments.windows(2).map(|pair| (pair[1] - pair[0]).as_secs_f64()).collect();
        let mean = spans.iter().sum::<f64>() / spans.len() as f64;
        let variance =
            spans.iter().map(|span| (span - mean).powi(2)).sum::<f64>() / spans.len() as f64;
        assert!((variance.sqrt() / mean - 1.0).abs() < 0.05, "{variance} {mean}");
    }

    #[test]
    fn constant_is_constant() {
        let moments = Arrivals::Constant.moments(4.0, Duration::from_secs(1), 1);
        assert_eq!(moments, [0, 250, 500, 750].map(Duration::from_millis));
    }
}
