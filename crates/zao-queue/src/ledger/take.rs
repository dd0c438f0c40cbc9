//! Handing jobs to workers, and taking them back. What a worker reports is [`super::report`].

use std::time::SystemTime;

use rusqlite::Transaction;
use zao_api::{JobEvent, JobStatus};

use super::open::{lost_too_often, write_back};
use super::{End, Lasting, Ledger, commit, seen};
use crate::book::Held;
use crate::fair::Waiting;
use crate::lock::hold;
use crate::moment::Moment;
use crate::rows::{self, JobRow};
use crate::state::State;
use crate::{Claim, Claimed, Demand, JobId, Offer, Requeue, Result};

/// The share of the reserve without which no job is begun that was accepted before.
const PICTURES: u64 = 4;

impl Ledger {
    /// The job that a worker should draw next, which is the worker's from now on; `None` if none waits that fits. It waits on, in front of
    /// the others, until [`started`](Self::started) says that the worker began with it: what lies in a worker is not drawn yet. While the
    /// disk is full all jobs stay here: to draw one would only make it fail.
    ///
    /// # Errors
    /// [`Error::StorageFull`](crate::Error::StorageFull), [`Error::Locked`](crate::Error::Locked) or
    /// [`Error::Database`](crate::Error::Database): the job waits on then, and nobody has it.
    pub fn next(&self, offer: &Offer<'_>, now: SystemTime) -> Result<Option<Claimed>> {
        let now = Moment::from(now);
        if self.room() < self.limits.reserve_bytes / PICTURES {
            return Ok(None);
        }
        let mut writer = self.writer(self.queue_up());
        while let Some((number, id)) = self.picked(offer, now) {
            let transaction = writer.begin(Lasting::Kill)?;
            let row = rows::job(&transaction, &id)?;
            match row.state {
                // That it runs says the database only if an earlier answer of the disk was lost, since nobody has it.
                State::Queued | State::Running => {
                    return self.hand_out(transaction, row, offer, now).map(Some);
                }
                State::Completed | State::Failed | State::Cancelled | State::Expired => {
                    hold(&self.book).end(number);
                }
            }
        }
        Ok(None)
    }

    /// Whether the disk has room for the pictures of a job that came now; without, none is accepted.
    #[must_use]
    pub fn has_room(&self) -> bool {
        self.room() >= self.limits.reserve_bytes
    }

    /// Bytes of the disk that are free, as far as can be told.
    fn room(&self) -> u64 {
        self.pictures.free_bytes().unwrap_or(u64::MAX)
    }

    /// The job whose turn it is.
    fn picked(&self, offer: &Offer<'_>, now: Moment) -> Option<(u64, JobId)> {
        let mut book = hold(&self.book);
        let fits = |it: &Waiting| (offer.idle || !it.alone) && (offer.fits)(&it.demand);
        let number = book.pick(now, self.limits.patience, &fits)?;
        Some((number, book.waiting(number)?.job.clone()))
    }

    fn hand_out(
        &self,
        transaction: Transaction<'_>,
        mut row: JobRow,
        offer: &Offer<'_>,
        now: Moment,
    ) -> Result<Claimed> {
        let number = row.number;
        row.attempt += 1;
        rows::change(
            &transaction,
            "UPDATE jobs SET state = 'queued', attempt = ?2, started = NULL WHERE number = ?1",
            &[&number, &row.attempt],
        )?;
        let missing = row.missing(&rows::images_of(&transaction, number)?);
        let inputs = rows::inputs(&transaction, number)?;
        let request = row.request()?;
        commit(transaction)?;

        hold(&self.book).hand_out(&row, &missing, offer.worker, now);
        let demand = Demand { pictures: missing.len(), ..row.demand() };
        Ok(Claimed {
            claim: Claim { job: row.id, number, attempt: row.attempt },
            request,
            plan: row.plan,
            demand,
            missing,
            inputs,
            deadline: row.deadline,
            alone: row.alone,
            request_id: row.request_id,
        })
    }

    /// The worker began with a job, at `at`: from then on it runs, and its deadline counts. Said again it changes nothing. A full disk is
    /// no reason to refuse it: what a worker draws already would have neither a deadline nor an end.
    ///
    /// # Errors
    /// [`Error::Stale`](crate::Error::Stale), and those of the database.
    pub fn started(&self, claim: &Claim, at: SystemTime) -> Result<()> {
        self.even_when_full(|| self.try_start(claim, at.into()))
    }

    fn try_start(&self, claim: &Claim, at: Moment) -> Result<()> {
        if hold(&self.book).claimed(claim)?.started.is_some() {
            return Ok(());
        }
        let mut writer = self.writer(self.queue_up());
        // Somebody may have cancelled it meanwhile.
        let worker = hold(&self.book).claimed(claim)?.worker.to_string();
        let transaction = writer.begin(Lasting::Kill)?;
        rows::change(
            &transaction,
            "UPDATE jobs SET state = 'running', started = ?2 WHERE number = ?1",
            &[&claim.number, &at.micros()],
        )?;
        commit(transaction)?;
        hold(&self.book).start(claim.number, at);
        let job = claim.job.to_string();
        self.events.tell(&claim.job, JobEvent::Started { job, worker }, at);
        Ok(())
    }

    /// Takes a job from its worker: it waits at its old place again, with the pictures that are stored. It ends instead if it was to be
    /// cancelled, if nothing of it is missing, or if it lost too many workers; what became of it is given back.
    ///
    /// # Errors
    /// [`Error::Stale`](crate::Error::Stale) if it is not this worker's any more, and those of the database.
    pub fn requeue(&self, claim: &Claim, reason: Requeue, now: SystemTime) -> Result<JobStatus> {
        self.even_when_full(|| self.try_requeue(claim, reason, now.into()))
    }

    fn try_requeue(&self, claim: &Claim, reason: Requeue, now: Moment) -> Result<JobStatus> {
        let mut writer = self.writer(self.queue_up());
        let (cancel_wanted, had_started) = {
            let mut book = hold(&self.book);
            let held = book.claimed(claim)?;
            (held.cancel_wanted, held.started.is_some())
        };
        let transaction = writer.begin(Lasting::Kill)?;
        let mut row = rows::job(&transaction, &claim.job)?;
        let missing = row.missing(&rows::images_of(&transaction, row.number)?).len();
        row.losses += u32::from(reason == Requeue::WorkerLost);
        row.alone |= reason != Requeue::GivenBack;
        let end = if cancel_wanted {
            Some(End { state: State::Cancelled, error: None })
        } else if missing == 0 {
            Some(End { state: State::Completed, error: None })
        } else if row.losses >= self.limits.losses {
            Some(lost_too_often(&row))
        } else {
            None
        };
        if let Some(end) = end {
            Self::write_end(&transaction, &mut row, end, now)?;
            let job = seen(&transaction, &row)?;
            commit(transaction)?;
            let status = job.status;
            self.tell_end(&row, job);
            return Ok(status);
        }
        if row.state != State::Queued {
            row.state.check(State::Queued, &row.id)?;
        }
        write_back(&transaction, &row)?;
        commit(transaction)?;
        hold(&self.book).wait_again(&row, missing);
        // Of what had not started nobody was told anything else than that it waits.
        if !had_started {
            return Ok(JobStatus::Queued);
        }
        let (job, reason) = (row.id.to_string(), reason.as_str().to_owned());
        self.events.tell(&row.id, JobEvent::Requeued { job, reason }, now);
        Ok(JobStatus::Queued)
    }

    /// The jobs that run for longer than they may: whoever draws them should stop, and
    /// [`failed`](Self::failed) says that they are over.
    #[must_use]
    pub fn overdue(&self, now: SystemTime) -> Vec<Claim> {
        let now = Moment::from(now);
        let book = hold(&self.book);
        let is_over =
            |held: &Held| held.started.is_some_and(|started| started.plus(held.allowed) <= now);
        let overdue = book.held().iter().filter(|(_, held)| is_over(held));
        overdue
            .map(|(number, held)| Claim {
                job: held.waiting.job.clone(),
                number: *number,
                attempt: held.attempt,
            })
            .collect()
    }
}
