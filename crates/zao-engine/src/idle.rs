//! When an engine that has nothing to do gives its memory back. There is no thread and no clock here: who owns the
//! engine says what time it is, and releases it when the timer says so.
//!
//! ```
//! # use std::time::{Duration, Instant};
//! # use zao_engine::IdleTimer;
//! let mut timer = IdleTimer::new(Duration::from_secs(300));
//! let drawn = Instant::now();
//! timer.idle_since(drawn);
//! // Wait for work no longer than this, then ask.
//! assert_eq!(timer.left(drawn), Some(Duration::from_secs(300)));
//! assert!(!timer.is_due(drawn + Duration::from_secs(299)));
//! assert!(timer.is_due(drawn + Duration::from_secs(300)), "now `Engine::release` is called");
//! ```

use std::time::{Duration, Instant};

/// Tells when an engine has been idle for long enough. Once due it is silent until there was work again.
#[derive(Clone, Copy, Debug)]
pub struct IdleTimer {
    after: Duration,
    /// Since when there has been nothing to do; `None` while there is work, and once memory is given back.
    since: Option<Instant>,
}

impl IdleTimer {
    /// A timer for an engine that holds nothing yet, to be due `after` so long without work.
    #[must_use]
    pub const fn new(after: Duration) -> Self {
        Self { after, since: None }
    }

    /// Work begins.
    pub const fn busy(&mut self) {
        self.since = None;
    }

    /// The last work ended `now`.
    pub const fn idle_since(&mut self, now: Instant) {
        self.since = Some(now);
    }

    /// How long it is until memory is to be given back; zero if that is overdue, `None` if there is none to give.
    #[must_use]
    pub fn left(&self, now: Instant) -> Option<Duration> {
        let idle = now.saturating_duration_since(self.since?);
        Some(self.after.saturating_sub(idle))
    }

    /// Whether memory is to be given back `now`. It says so once.
    #[must_use = "it says so once"]
    pub fn is_due(&mut self, now: Instant) -> bool {
        let due = self.left(now) == Some(Duration::ZERO);
        if due {
            self.since = None;
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    #[test]
    fn it_is_due_once_and_again_after_the_next_work() {
        let begin = Instant::now();
        let mut timer = IdleTimer::new(5 * MINUTE);
        assert!(!timer.is_due(begin + 100 * MINUTE), "nothing was drawn, nothing is held");
        timer.busy();
        assert_eq!(timer.left(begin + 100 * MINUTE), None, "a long picture is no idleness");
        timer.idle_since(begin);
        assert_eq!(timer.left(begin + 2 * MINUTE), Some(3 * MINUTE));
        assert!(!timer.is_due(begin + 4 * MINUTE));
        assert!(timer.is_due(begin + 7 * MINUTE));
        assert!(!timer.is_due(begin + 8 * MINUTE));
        assert_eq!(timer.left(begin + 8 * MINUTE), None);
        timer.busy();
        timer.idle_since(begin + 9 * MINUTE);
        assert!(timer.is_due(begin + 14 * MINUTE));
    }

    #[test]
    fn work_in_between_begins_the_time_anew() {
        let begin = Instant::now();
        let mut timer = IdleTimer::new(MINUTE);
        for minute in 0..5 {
            timer.idle_since(begin + minute * MINUTE);
            assert!(!timer.is_due(begin + minute * MINUTE + MINUTE / 2));
            timer.busy();
        }
        timer.idle_since(begin + 5 * MINUTE);
        assert!(timer.is_due(begin + 6 * MINUTE));
    }

    #[test]
    fn a_clock_that_stands_or_a_time_of_zero_does_no_harm() {
        let now = Instant::now();
        let mut timer = IdleTimer::new(Duration::ZERO);
        timer.idle_since(now + MINUTE);
        assert_eq!(timer.left(now), Some(Duration::ZERO));
        assert!(timer.is_due(now));
        let mut never = IdleTimer::new(Duration::MAX);
        never.idle_since(now);
        assert!(!never.is_due(now + 10_000 * MINUTE));
    }
}
