//! Cancelling. A job that waits is over at once; a worker that draws one has to look.

use std::time::SystemTime;

use super::{End, Lasting, Ledger, commit, seen};
use crate::lock::hold;
use crate::moment::Moment;
use crate::rows;
use crate::state::State;
use crate::{Claim, Error, JobId, Result};

/// What cancelling a job did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cancel {
    /// It waited, and is cancelled.
    Done,
    /// It is drawn; its worker is told, and will stop at the next step. This holds through a restart.
    Asked,
}

impl Ledger {
    /// Cancels a job. That this outlives a power cut is not waited for: at worst a job is drawn that nobody wants.
    ///
    /// # Errors
    /// [`Error::AlreadyOver`], [`Error::Expired`], [`Error::NoJob`], and those of the database.
    pub fn cancel(&self, id: &JobId, now: SystemTime) -> Result<Cancel> {
        self.even_when_full(|| self.try_cancel(id, now.into()))
    }

    fn try_cancel(&self, id: &JobId, now: Moment) -> Result<Cancel> {
        let mut writer = self.writer(self.queue_up());
        let transaction = writer.begin(Lasting::Kill)?;
        let mut row = rows::job(&transaction, id)?;
        match row.state {
            State::Queued => {
                let end = End { state: State::Cancelled, error: None };
                Self::write_end(&transaction, &mut row, end, now)?;
                let job = seen(&transaction, &row)?;
                commit(transaction)?;
                self.tell_end(&row, job);
                Ok(Cancel::Done)
            }
            State::Running => {
                let statement = "UPDATE jobs SET cancel_wanted = 1 WHERE number = ?1";
                rows::change(&transaction, statement, &[&row.number])?;
                commit(transaction)?;
                hold(&self.book).want_cancelled(row.number);
                Ok(Cancel::Asked)
            }
            State::Completed | State::Failed | State::Cancelled | State::Expired => {
                Err(match row.state.status() {
                    Some(status) => Error::AlreadyOver { job: row.id, status },
                    None => Error::Expired(row.id),
                })
            }
        }
    }

    /// Whether a worker should stop drawing a job: it was cancelled, or is not this worker's any more. Cheap enough for every step.
    #[must_use]
    pub fn should_stop(&self, claim: &Claim) -> bool {
        hold(&self.book).claimed(claim).map_or(true, |running| running.cancel_wanted)
    }
}
