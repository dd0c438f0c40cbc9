//! What follows where time went otherwise than the wall clock has it, and where a job waited for too long.

use std::time::{Duration, SystemTime};

use zao_api::{ErrorBody, ErrorCode};

use super::{End, Lasting, Ledger, commit, seen};
use crate::clocks::Jump;
use crate::lock::hold;
use crate::moment::Moment;
use crate::rows::{self, JobRow};
use crate::state::State;
use crate::{JobId, Result};

/// Jobs that are given up at once at most: nobody has to wait for longer than that takes.
const AT_ONCE: u64 = 32;

impl Ledger {
    /// Holds the wall clock against one that only counts, from whatever beginning. Where somebody set the wall clock, or the machine
    /// slept, jobs that wait and run have done so for as long as before, and no result is older for it. Meant to be called a few times a
    /// second, before [`Self::overdue`] and [`Self::sweep`]; who never calls it trusts the wall clock.
    ///
    /// # Errors
    /// Those of the database, which then has the times of jobs under way as they were; all else is done.
    pub fn compare_clocks(&self, now: SystemTime, counted: Duration) -> Result<Option<Jump>> {
        let now = Moment::from(now);
        let Some(jump) = hold(&self.clocks).compare(now, counted) else { return Ok(None) };
        hold(&self.book).shift(jump);
        self.even_when_full(|| self.shift_rows(jump))?;
        Ok(Some(jump))
    }

    /// Times that durations are told of: how long a job waited and was drawn.
    fn shift_rows(&self, jump: Jump) -> Result<()> {
        let mut writer = self.writer(self.queue_up());
        let transaction = writer.begin(Lasting::Kill)?;
        let statement = "UPDATE jobs SET created = max(created + ?1, 0), started = max(started + ?1, 0) WHERE state IN ('queued', 'running')";
        rows::change(&transaction, statement, &[&jump.micros()])?;
        commit(transaction)
    }

    /// Gives up on jobs that no worker took within the time that they may wait; says on which. There may be more.
    ///
    /// # Errors
    /// Those of the database.
    pub fn give_up_waiting(&self, now: SystemTime) -> Result<Vec<JobId>> {
        let Some(limit) = self.limits.wait else { return Ok(Vec::new()) };
        self.even_when_full(|| self.try_give_up_waiting(limit, now.into()))
    }

    fn try_give_up_waiting(&self, limit: Duration, now: Moment) -> Result<Vec<JobId>> {
        let mut writer = self.writer(self.queue_up());
        let before = now.minus(limit).micros();
        // One that was drawn already has waited no longer than it may.
        let clause = format!(
            "WHERE state = 'queued' AND attempt = 0 AND created < ?1 ORDER BY number LIMIT {AT_ONCE}"
        );
        let waiting: Vec<JobRow> = rows::jobs(&writer.connection, &clause, &[&before])?;
        if waiting.is_empty() {
            return Ok(Vec::new());
        }
        let transaction = writer.begin(Lasting::Kill)?;
        let mut ended = Vec::with_capacity(waiting.len());
        for mut row in waiting {
            let end = End { state: State::Failed, error: Some(waited_too_long(limit)) };
            Self::write_end(&transaction, &mut row, end, now)?;
            let job = seen(&transaction, &row)?;
            ended.push((row, job));
        }
        commit(transaction)?;
        drop(writer);
        let ids = ended.iter().map(|(row, _)| row.id.clone()).collect();
        for (row, job) in ended {
            self.tell_end(&row, job);
        }
        Ok(ids)
    }
}

fn waited_too_long(limit: Duration) -> ErrorBody {
    let message = format!(
        "it waited longer than jobs may here ({} s) and no worker came to it; send it again when fewer wait",
        limit.as_secs()
    );
    ErrorBody { code: ErrorCode::DeadlineExceeded, message }
}
