//! Points in time as the ledger keeps them. No clock is read here: `now` always comes from the caller.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::clocks::Jump;

/// Microseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub(crate) struct Moment(u64);

impl Moment {
    pub(crate) const fn of_micros(micros: u64) -> Self {
        Self(micros)
    }

    pub(crate) const fn micros(self) -> u64 {
        self.0
    }

    pub(crate) const fn millis(self) -> u64 {
        self.0 / 1000
    }

    /// Seconds since 1970, as JSON has them.
    pub(crate) fn seconds(self) -> f64 {
        self.0 as f64 / 1e6
    }

    /// How long ago `earlier` was; nothing, where the clock was put back meanwhile.
    pub(crate) fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }

    pub(crate) fn plus(self, length: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(length.as_micros()).unwrap_or(u64::MAX)))
    }

    /// The same on a clock that jumped.
    pub(crate) fn shifted(self, jump: Jump) -> Self {
        Self(self.0.saturating_add_signed(jump.micros()))
    }

    pub(crate) fn minus(self, length: Duration) -> Self {
        Self(self.0.saturating_sub(u64::try_from(length.as_micros()).unwrap_or(u64::MAX)))
    }
}

impl From<SystemTime> for Moment {
    fn from(time: SystemTime) -> Self {
        // A clock before 1970 is no clock; the beginning of time does least harm.
        let length = time.duration_since(UNIX_EPOCH).unwrap_or_default();
        Self::default().plus(length)
    }
}

impl From<Moment> for SystemTime {
    fn from(moment: Moment) -> Self {
        UNIX_EPOCH + Duration::from_micros(moment.0)
    }
}
