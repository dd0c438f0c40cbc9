//! Whether a server has settled: when the last windows of a row are alike, measuring for longer tells nothing new. What is in a row is
//! decided in [`super::closed`].

use std::time::Instant;

use crate::record::Sample;
use crate::settings::Settling;

/// Windows that have to be alike.
const WINDOWS: u32 = 3;

/// Fewer requests than this in a window are no measure of anything.
const LEAST: usize = 5;

/// How the last windows of a row are.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Windows {
    /// Alike: what is measured from this moment on is enough.
    Settled(Instant),
    /// So far apart, as a share of the least.
    Apart(f64),
    /// Too short, or too little in them.
    TooFew,
}

/// Looks at the last windows before `now` of a row that began at `begin`.
pub(super) fn look(
    samples: &[Sample],
    begin: Instant,
    now: Instant,
    settling: Settling,
) -> Windows {
    let length = settling.window;
    let Some(from) = now.checked_sub(WINDOWS * length).filter(|from| *from >= begin) else {
        return Windows::TooFew;
    };
    let mut rates = Vec::new();
    let mut times = Vec::new();
    for window in 0..WINDOWS {
        let (start, end) = (from + window * length, from + (window + 1) * length);
        let ended = |it: &&Sample| {
            it.is_correct() && it.moments.end.is_some_and(|at| at > start && at <= end)
        };
        let seconds: Vec<f64> = samples.iter().filter(ended).map(Sample::seconds).collect();
        if seconds.len() < LEAST {
            return Windows::TooFew;
        }
        rates.push(seconds.len() as f64);
        times.push(seconds.iter().sum::<f64>() / seconds.len() as f64);
    }
    let apart = apart(&rates).max(apart(&times));
    if apart <= settling.within { Windows::Settled(from) } else { Windows::Apart(apart) }
}

/// By how much the greatest is above the least.
fn apart(values: &[f64]) -> f64 {
    let least = values.iter().copied().fold(f64::INFINITY, f64::min);
    let most = values.iter().copied().fold(0.0, f64::max);
    most / least - 1.0
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::record::{Ending, Moments, Told};

    const SECOND: Duration = Duration::from_secs(1);

    /// Requests that end one after the other, a second of them at each of these rates.
    fn samples(begin: Instant, rates: &[u32]) -> Vec<Sample> {
        let mut samples = Vec::new();
        for (second, &rate) in (0..).zip(rates) {
            for place in 0..rate {
                let end = begin + second * SECOND + (place + 1) * SECOND / rate;
                // As long as it is for one client that waits.
                let moments = Moments { end: Some(end), ..Moments::from(end - SECOND / rate) };
                let ending = Ending::Correct;
                samples.push(Sample {
                    moments,
                    told: Told::default(),
                    refusals: 0,
                    pictures: 1,
                    ending,
                });
            }
        }
        samples
    }

    #[test]
    fn a_row_is_settled_when_its_last_three_windows_are_alike() {
        let begin = Instant::now();
        let settling = Settling { within: 0.1, window: SECOND };
        let look = |rates: &[u32]| {
            let now = begin + SECOND * rates.len() as u32;
            look(&samples(begin, rates), begin, now, settling)
        };
        assert_eq!(look(&[20, 20]), Windows::TooFew);
        assert_eq!(look(&[5, 10, 20, 20, 21]), Windows::Settled(begin + 2 * SECOND));
        let Windows::Apart(apart) = look(&[20, 20, 10, 20]) else { panic!("they differ") };
        assert!((apart - 1.0).abs() < 1e-6, "{apart}");
        assert_eq!(look(&[4, 4, 4, 4]), Windows::TooFew);
    }
}
