//! Times of many requests as a few numbers. Which requests belong together is decided by the caller.

use hdrhistogram::Histogram as Hdr;
use serde::{Deserialize, Serialize};

/// Fewer values than this do not have a 99th percentile worth the name.
const ENOUGH_FOR_P99: u64 = 100;

/// A day: no request is waited for so long.
const LONGEST_MICROS: u64 = 86_400_000_000;

/// How values, in seconds or as shares, are spread.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Spread {
    /// How many values.
    pub n: u64,
    /// Their mean.
    pub mean: f64,
    /// Their standard deviation.
    pub deviation: f64,
    /// The median.
    pub p50: f64,
    /// 90 of 100 are no greater.
    pub p90: f64,
    /// 95 of 100 are no greater.
    pub p95: f64,
    /// 99 of 100 are no greater; `null` below 100 values.
    pub p99: Option<f64>,
    /// The greatest.
    pub max: f64,
}

/// Collects values: percentiles to three digits, the mean exactly.
pub(crate) struct Histogram {
    micros: Hdr<u64>,
    sum: f64,
    squares: f64,
    max: f64,
}

impl Histogram {
    pub(crate) fn new() -> Self {
        let micros = Hdr::new_with_bounds(1, LONGEST_MICROS, 3).expect("the bounds are far apart");
        Self { micros, sum: 0.0, squares: 0.0, max: 0.0 }
    }

    pub(crate) fn add(&mut self, seconds: f64) {
        let micros = (seconds * 1e6).round().clamp(0.0, LONGEST_MICROS as f64) as u64;
        self.micros.saturating_record(micros);
        self.sum += seconds;
        self.squares += seconds * seconds;
        self.max = self.max.max(seconds);
    }

    /// The numbers; `None` without values.
    pub(crate) fn spread(&self) -> Option<Spread> {
        let n = self.micros.len();
        if n == 0 {
            return None;
        }
        let mean = self.sum / n as f64;
        let variance = (self.squares / n as f64 - mean * mean).max(0.0);
        // A bucket's upper end may lie above the greatest value.
        let at = |quantile| (self.micros.value_at_quantile(quantile) as f64 / 1e6).min(self.max);
        Some(Spread {
            n,
            mean,
            deviation: variance.sqrt(),
            p50: at(0.5),
            p90: at(0.9),
            p95: at(0.95),
            p99: (n >= ENOUGH_FOR_P99).then(|| at(0.99)),
            max: self.max,
        })
    }
}

impl Extend<f64> for Histogram {
    fn extend<T: IntoIterator<Item = f64>>(&mut self, values: T) {
        values.into_iter().for_each(|value| self.add(value));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spread(values: impl Iterator<Item = f64>) -> Spread {
        let mut histogram = Histogram::new();
        histogram.extend(values);
        histogram.spread().unwrap()
    }

    #[test]
    fn percentiles_are_right_to_three_digits() {
        let spread = spread((1..=1000).map(|ms| f64::from(ms) / 1e3));
        for (given, expected) in [
            (spread.p50, 0.5),
            (spread.p90, 0.9),
            (spread.p95, 0.95),
            (spread.p99.unwrap(), 0.99),
            (spread.max, 1.0),
            (spread.mean, 0.5005),
        ] {
            assert!((given / expected - 1.0).abs() < 2e-3, "{given} is not {expected}");
        }
        assert!((spread.deviation - 0.288_67).abs() < 1e-4);
    }

    #[test]
    fn a_hundred_values_are_needed_for_one_in_a_hundred() {
        assert_eq!(spread((0..99).map(f64::from)).p99, None);
        assert!(spread((0..100).map(f64::from)).p99.is_some());
    }

    #[test]
    fn hours_are_as_good_as_microseconds() {
        let spread = spread([0.000_005, 7200.0].into_iter());
        assert!((spread.max - 7200.0).abs() < 1e-9 && (spread.p50 - 5e-6).abs() < 1e-9);
        assert_eq!(Histogram::new().spread(), None);
    }
}
