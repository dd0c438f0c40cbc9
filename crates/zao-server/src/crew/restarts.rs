//! When a worker that failed is started again, and when not any more.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::Endurance;

/// The failures of a worker.
#[derive(Debug, Default)]
pub(super) struct Restarts {
    failures: VecDeque<Instant>,
}

/// What to do about a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Start it again after this time.
    After(Duration),
    /// Leave it.
    GiveUp,
}

impl Restarts {
    /// It failed `now`. Failures count for [`Endurance::within`], for the wait as well.
    pub(super) fn failed(&mut self, now: Instant, endurance: &Endurance) -> Verdict {
        let recent = |at: &Instant| now.saturating_duration_since(*at) < endurance.within;
        self.failures.retain(recent);
        self.failures.push_back(now);
        if self.failures.len() >= endurance.failures.max(1) {
            return Verdict::GiveUp;
        }
        let doublings = u32::try_from(self.failures.len() - 1).unwrap_or(u32::MAX);
        let times = 2_u32.checked_pow(doublings).unwrap_or(u32::MAX);
        Verdict::After(endurance.first_wait.saturating_mul(times).min(endurance.longest_wait))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENDURANCE: Endurance = Endurance {
        first_wait: Duration::from_secs(1),
        longest_wait: Duration::from_secs(6),
        failures: 6,
        within: Duration::from_secs(100),
    };

    #[test]
    fn waits_double_to_a_most_and_then_it_is_left() {
        let (mut restarts, now) = (Restarts::default(), Instant::now());
        let mut fail = |second| restarts.failed(now + Duration::from_secs(second), &ENDURANCE);
        let after = |seconds| Verdict::After(Duration::from_secs(seconds));
        let verdicts: Vec<Verdict> = (0..6).map(&mut fail).collect();
        assert_eq!(verdicts, [after(1), after(2), after(4), after(6), after(6), Verdict::GiveUp]);
    }

    #[test]
    fn failures_long_ago_are_forgiven() {
        let (mut restarts, now) = (Restarts::default(), Instant::now());
        for nth in 0..50 {
            let verdict = restarts.failed(now + Duration::from_secs(60 * nth), &ENDURANCE);
            assert!(verdict != Verdict::GiveUp, "{nth}");
        }
    }
}
