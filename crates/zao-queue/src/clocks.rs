//! The clock on the wall, which somebody may set, held against one that only counts. What follows from a jump is the ledger's.

use std::time::Duration;

use crate::moment::Moment;

/// What the wall clock jumped by, while another one went on evenly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Jump {
    /// Microseconds; forward where above 0.
    micros: i64,
}

/// Less than this is a clock that is corrected a little.
const SMALLEST: Duration = Duration::from_secs(1);

/// From this on a jump says nothing of how old results are.
const GREAT: Duration = Duration::from_secs(60 * 60);

/// For how long after a start or a great jump little is removed for its age: so long has whoever set the clock to see that it is wrong.
const CAREFUL: Duration = Duration::from_secs(60 * 60);

/// The share of what is kept that may be removed for its age meanwhile.
const SHARE: u64 = 8;

/// What is known of both clocks.
#[derive(Debug, Default)]
pub(crate) struct Clocks {
    /// Both at a time since when they went alike.
    alike: Option<(Moment, Duration)>,
    /// What the other one had counted when it was looked at last.
    counted: Duration,
    /// When the wall clock jumped far the last time, by itself.
    jumped: Moment,
    /// How much further on it is than time went, by jumps that were great.
    ahead: Duration,
    careful_until: Duration,
    /// How many jobs may still be removed for their age while there is reason for care, once that was asked.
    left: Option<u64>,
}

/// What is old enough to be removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct OldAge {
    /// It was over before this,
    pub(crate) before: Moment,
    /// and not before this,
    pub(crate) jumped: Moment,
    /// or before this: what was over before a jump is as old as time went since, not as the wall clock has it.
    pub(crate) long_before: Moment,
}

impl Jump {
    /// How far.
    #[must_use]
    pub fn length(self) -> Duration {
        Duration::from_micros(self.micros.unsigned_abs())
    }

    /// Whether the wall clock is later than it was to be.
    #[must_use]
    pub const fn is_forward(self) -> bool {
        self.micros > 0
    }

    pub(crate) const fn micros(self) -> i64 {
        self.micros
    }
}

impl Clocks {
    /// Holds what the wall clock says against what another has counted since the process began. `None` where both went alike.
    pub(crate) fn compare(&mut self, wall: Moment, counted: Duration) -> Option<Jump> {
        self.counted = counted;
        let Some((seen, then)) = self.alike else {
            self.alike = Some((wall, counted));
            self.careful_until = counted.saturating_add(CAREFUL);
            return None;
        };
        let due = seen.plus(counted.saturating_sub(then));
        let jump =
            Jump { micros: wall.micros().cast_signed().wrapping_sub(due.micros().cast_signed()) };
        if jump.length() < SMALLEST {
            // What is too little to count adds up, for it is held against the same time as before.
            return None;
        }
        self.alike = Some((wall, counted));
        if jump.length() >= GREAT {
            let (ahead, length) = (self.ahead, jump.length());
            self.ahead =
                if jump.is_forward() { ahead + length } else { ahead.saturating_sub(length) };
            self.jumped = wall;
            self.careful_until = counted.saturating_add(CAREFUL);
            self.left = None;
        }
        Some(jump)
    }

    /// What is older than `age`.
    pub(crate) fn older_than(&self, age: Duration, now: Moment) -> OldAge {
        let before = now.minus(age);
        let jumped = if self.ahead.is_zero() { Moment::default() } else { self.jumped };
        OldAge { before, jumped, long_before: before.minus(self.ahead) }
    }

    /// How many of `kept` jobs may be removed for their age now.
    pub(crate) fn allowance(&mut self, kept: u64) -> u64 {
        let careful = self.alike.is_some() && self.counted < self.careful_until;
        if !careful {
            return u64::MAX;
        }
        *self.left.get_or_insert((kept / SHARE).max(1))
    }

    /// So many were removed.
    pub(crate) fn removed(&mut self, jobs: u64) {
        self.left = self.left.map(|left| left.saturating_sub(jobs));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: u64 = 3600;

    fn wall(seconds: u64) -> Moment {
        Moment::of_micros(1_767_225_600_000_000).plus(Duration::from_secs(seconds))
    }

    fn counted(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn clocks_that_go_alike_jump_nowhere() {
        let mut clocks = Clocks::default();
        for second in 0..10 {
            assert_eq!(clocks.compare(wall(second), counted(second)), None);
        }
        let old = clocks.older_than(counted(5), wall(10));
        assert_eq!(
            (old.before, old.long_before, old.jumped),
            (wall(5), wall(5), Moment::default())
        );
    }

    #[test]
    fn a_jump_is_told_once_and_small_ones_when_they_have_added_up() {
        let mut clocks = Clocks::default();
        clocks.compare(wall(0), counted(0));
        let jump = clocks.compare(wall(361), counted(1)).unwrap();
        assert_eq!((jump.length(), jump.is_forward()), (counted(360), true));
        assert_eq!(clocks.compare(wall(362), counted(2)), None);
        let jump = clocks.compare(wall(3), counted(3)).unwrap();
        assert_eq!((jump.length(), jump.is_forward()), (counted(360), false));
        let ahead = |tick: u64| wall(3 + tick).plus(Duration::from_millis(300 * tick));
        let told = (1..=7).filter_map(|tick| clocks.compare(ahead(tick), counted(3 + tick)));
        assert_eq!(told.map(Jump::length).collect::<Vec<_>>(), [Duration::from_millis(1200)]);
    }

    #[test]
    fn what_was_over_before_a_jump_is_as_old_as_time_went() {
        let mut clocks = Clocks::default();
        let days = |days: u64| 24 * HOUR * days;
        clocks.compare(wall(0), counted(0));
        clocks.compare(wall(days(9)), counted(1));
        let now = wall(days(9) + HOUR);
        let old = clocks.older_than(counted(days(7)), now);
        let is_old =
            |over: Moment| over < old.before && (over >= old.jumped || over < old.long_before);
        assert!(!is_old(wall(0)) && !is_old(wall(days(9) + 1)));
        let later = wall(days(17));
        let old = clocks.older_than(counted(days(7)), later);
        let is_old =
            |over: Moment| over < old.before && (over >= old.jumped || over < old.long_before);
        assert!(is_old(wall(0)) && is_old(wall(days(9) + 1)));
        clocks.compare(wall(2), counted(2));
        assert_eq!(
            clocks.older_than(counted(1), wall(3)).long_before,
            wall(2),
            "it was set right again"
        );
    }

    #[test]
    fn little_goes_for_its_age_in_the_first_hour_and_after_a_jump() {
        let mut clocks = Clocks::default();
        assert_eq!(clocks.allowance(80), u64::MAX, "nobody holds two clocks together");
        clocks.compare(wall(0), counted(0));
        assert_eq!(clocks.allowance(80), 10);
        clocks.removed(10);
        assert_eq!(clocks.allowance(70), 0);
        clocks.compare(wall(HOUR), counted(HOUR));
        assert_eq!(clocks.allowance(70), u64::MAX);
        clocks.compare(wall(3 * HOUR), counted(HOUR + 1));
        assert_eq!(clocks.allowance(4), 1);
    }
}
