//! What a step was seen to cost with how many tokens, to tell whether one more picture at a time pays. A device that
//! is not busy draws two pictures in the time of one; one that is takes twice as long, and the first to come waits
//! for nothing.

use std::collections::BTreeMap;
use std::time::Duration;

/// Seconds a token and step, by the number of tokens.
#[derive(Clone, Debug, Default)]
pub(in crate::draw) struct Pace {
    seen: BTreeMap<u32, f64>,
    refused: u32,
}

/// A measurement moves what is known by this share.
const NEWEST: f64 = 0.25;

/// More at a time has to cost less a token by this share.
const WORTH: f64 = 0.03;

/// What was once found not to pay is tried again after so many refusals.
const AGAIN: u32 = 64;

impl Pace {
    /// A step of `rows` tokens took this long.
    pub(super) fn note(&mut self, rows: usize, took: Duration) {
        if rows == 0 {
            return;
        }
        let cost = took.as_secs_f64() / rows as f64;
        self.seen
            .entry(class(rows))
            .and_modify(|known| *known += NEWEST * (cost - *known))
            .or_insert(cost);
    }

    /// Whether `then` tokens a step cost less each than `now`. What was never seen is worth a try.
    pub(super) fn pays(&mut self, now: usize, then: usize) -> bool {
        if now == 0 || class(now) == class(then) {
            return true;
        }
        let (Some(now), Some(then)) = (self.seen.get(&class(now)), self.seen.get(&class(then)))
        else {
            return true;
        };
        if *then <= (1.0 - WORTH) * *now {
            return true;
        }
        self.refused += 1;
        self.refused.is_multiple_of(AGAIN)
    }
}

/// Counts within an eighth of each other cost about the same a token.
fn class(rows: usize) -> u32 {
    ((rows as f64).log2() * 6.0).round() as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(seconds: f64) -> Duration {
        Duration::from_secs_f64(seconds)
    }

    #[test]
    fn more_at_a_time_is_tried_and_kept_where_it_pays() {
        let mut pace = Pace::default();
        assert!(pace.pays(0, 1000) && pace.pays(300, 600), "nothing is known");
        pace.note(300, seconds(1.0));
        pace.note(600, seconds(1.2));
        pace.note(1200, seconds(2.39));
        assert!(pace.pays(300, 600));
        assert!(!pace.pays(600, 1200), "the device is busy with 600");
        assert!(pace.pays(1200, 2400), "nobody knows");
    }

    #[test]
    fn a_refusal_is_reconsidered_and_newer_measurements_count() {
        let mut pace = Pace::default();
        pace.note(300, seconds(1.0));
        pace.note(600, seconds(2.5));
        let tries = (0..2 * AGAIN).filter(|_| pace.pays(300, 600)).count();
        assert_eq!(tries, 2);
        (0..20).for_each(|_| pace.note(600, seconds(1.1)));
        assert!(pace.pays(300, 600));
    }
}
