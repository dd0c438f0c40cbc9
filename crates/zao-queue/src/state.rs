//! The states of a job and which may follow which. What a change entails is NOT done here.

use zao_api::JobStatus;

use crate::{Error, JobId, Result};

/// What a job is, as the database has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum State {
    /// Waits for its turn.
    Queued,
    /// A worker has it.
    Running,
    /// All its pictures were drawn.
    Completed,
    /// It will not be drawn.
    Failed,
    /// Nobody wants it any more.
    Cancelled,
    /// It was over, and what it drew was removed: all that is known is that it was there.
    Expired,
}

impl State {
    pub(crate) const ALL: [Self; 6] = [
        Self::Queued,
        Self::Running,
        Self::Completed,
        Self::Failed,
        Self::Cancelled,
        Self::Expired,
    ];

    /// The states that may follow this one.
    pub(crate) const fn next(self) -> &'static [Self] {
        match self {
            // A job that lost its workers too often fails while it waits again.
            Self::Queued => &[Self::Running, Self::Cancelled, Self::Failed],
            Self::Running => &[Self::Completed, Self::Failed, Self::Cancelled, Self::Queued],
            Self::Completed | Self::Failed | Self::Cancelled => &[Self::Expired],
            Self::Expired => &[],
        }
    }

    /// Whether `next` may follow.
    ///
    /// # Errors
    /// [`Error::WrongState`].
    pub(crate) fn check(self, next: Self, job: &JobId) -> Result<()> {
        if self.next().contains(&next) {
            return Ok(());
        }
        Err(Error::WrongState { job: job.clone(), from: self.as_str(), to: next.as_str() })
    }

    /// The name in the database.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Expired => "expired",
        }
    }

    pub(crate) fn read(name: &str) -> Result<Self> {
        let known = Self::ALL.into_iter().find(|state| state.as_str() == name);
        known.ok_or_else(|| Error::Damaged { what: "state", why: format!("it says {name:?}") })
    }

    /// What a client sees; `None` for a job that is only remembered.
    pub(crate) const fn status(self) -> Option<JobStatus> {
        match self {
            Self::Queued => Some(JobStatus::Queued),
            Self::Running => Some(JobStatus::Running),
            Self::Completed => Some(JobStatus::Completed),
            Self::Failed => Some(JobStatus::Failed),
            Self::Cancelled => Some(JobStatus::Cancelled),
            Self::Expired => None,
        }
    }
}

impl From<JobStatus> for State {
    fn from(status: JobStatus) -> Self {
        match status {
            JobStatus::Queued => Self::Queued,
            JobStatus::Running => Self::Running,
            JobStatus::Completed => Self::Completed,
            JobStatus::Failed => Self::Failed,
            JobStatus::Cancelled => Self::Cancelled,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pair_of_states_is_decided() {
        let job = JobId::of(1);
        // A row for each state to come from, a column for each to come into, both in the order of `ALL`.
        let rows = [
            [false, true, false, true, true, false],
            [true, false, true, true, true, false],
            [false, false, false, false, false, true],
            [false, false, false, false, false, true],
            [false, false, false, false, false, true],
            [false; 6],
        ];
        for (from, row) in State::ALL.into_iter().zip(rows) {
            for (to, allowed) in State::ALL.into_iter().zip(row) {
                assert_eq!(from.check(to, &job).is_ok(), allowed, "{from:?} to {to:?}");
            }
        }
    }

    #[test]
    fn names_in_the_database_are_read_back_and_no_others() {
        for state in State::ALL {
            assert_eq!(State::read(state.as_str()).unwrap(), state);
            let seen = state.status().map(|status| (State::from(status), status.as_str()));
            assert_eq!(seen, (state != State::Expired).then_some((state, state.as_str())));
        }
        assert!(State::read("paused").is_err());
    }
}
