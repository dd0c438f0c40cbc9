//! When a worker that failed is started again, and when not any more.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::Endurance;

/// The failures of a worker.
#[derive(Debug, Default)]
pub(super) struct Restarts {
    failures: VecDeque<Instant>,
    /// How many in a row failed before they could draw.
    in_vain: usize,
}

/// What to do about a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Start it again after this time.
    After(Duration),
    /// Leave it: it failed too often in a time.
    GiveUp,
    /// Leave it: it failed too often without ever being ready, however long each attempt took.
    GiveUpInVain,
}

impl Restarts {
    /// It failed `now`, and before that could draw, or never could. Failures count for [`Endurance::within`], for the wait as well. Those
    /// of one that is not ready in between count for ever: where weights are damaged, reading them may take longer than that.
    pub(super) fn failed(
        &mut self,
        now: Instant,
        was_ready: bool,
        endurance: &Endurance,
    ) -> Verdict {
        self.in_vain = if was_ready { 0 } else { self.in_vain + 1 };
        let recent = |at: &Instant| now.saturating_duration_since(*at) < endurance.within;
        self.failures.retain(recent);
        self.failures.push_back(now);
        if self.failures.len() >= endurance.failures.max(1) {
            return Verdict::GiveUp;
        }
        if self.in_vain >= endurance.failures.max(1) {
            return Verdict::GiveUpInVain;
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
        let mut fail =
            |second| restarts.failed(now + Duration::from_secs(second), true, &ENDURANCE);
        let after = |seconds| Verdict::After(Duration::from_secs(seconds));
        let verdicts: Vec<Verdict> = (0..6).map(&mut fail).collect();
        assert_eq!(verdicts, [after(1), after(2), after(4), after(6), after(6), Verdict::GiveUp]);
    }

    #[test]
    fn failures_long_ago_are_forgiven() {
        let (mut restarts, now) = (Restarts::default(), Instant::now());
        for nth in 0..50 {
            let verdict = restarts.failed(now + Duration::from_secs(60 * nth), true, &ENDURANCE);
            assert!(matches!(verdict, Verdict::After(_)), "{nth}");
        }
    }

    #[test]
    fn one_that_is_never_ready_is_left_however_long_its_attempts_take() {
        let (mut restarts, now) = (Restarts::default(), Instant::now());
        let mut fail = |nth: u32, was_ready| {
            restarts.failed(now + nth * Duration::from_secs(1000), was_ready, &ENDURANCE)
        };
        let verdicts: Vec<Verdict> = (0..5).map(|nth| fail(nth, false)).collect();
        assert_eq!(verdicts, [Verdict::After(Duration::from_secs(1)); 5]);
        assert!(matches!(fail(5, true), Verdict::After(_)), "it was ready for once");
        let verdicts: Vec<Verdict> = (6..12).map(|nth| fail(nth, false)).collect();
        assert_eq!(verdicts.last(), Some(&Verdict::GiveUpInVain));
        assert_eq!(verdicts.iter().filter(|it| matches!(it, Verdict::After(_))).count(), 5);
    }
}
