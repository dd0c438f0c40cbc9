//! Accepting jobs. Those that come at the same time are written with one wait for the disk. Nothing is taken on that cannot be kept.

use std::collections::HashMap;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use zao_api::JobEvent;

use super::{Lasting, Ledger, Writer, commit};
use crate::lock::hold;
use crate::moment::Moment;
use crate::rows::{self, JobRow};
use crate::{Acceptance, Error, JobId, Refusal, Result, Submission};

/// Where submissions gather while others are written. One of those who brought them writes for all: waiting for the writer each for
/// itself, they would be let in one after the other, and each would wait for the disk.
#[derive(Default)]
pub(super) struct Door {
    queue: Mutex<Gathered>,
    /// Something was written: whoever brought it goes, and one of the others writes next.
    written: Condvar,
}

#[derive(Default)]
struct Gathered {
    entries: Vec<Arc<Entry>>,
    somebody_writes: bool,
}

/// A submission, and what became of it.
struct Entry {
    submission: Submission,
    request: String,
    fingerprint: [u8; 32],
    now: Moment,
    outcome: Mutex<Option<Result<Acceptance>>>,
}

/// Bounds of what a refusal says, whatever the estimate is.
const SOONEST: Duration = Duration::from_secs(1);
const LATEST: Duration = Duration::from_secs(600);

/// What a refusal says before the first picture was drawn.
const UNKNOWN: Duration = Duration::from_secs(10);

/// The turn of whoever writes for all. It ends also by a panic, after which somebody else has to write.
struct Turn<'a>(&'a Door);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        hold(&self.0.queue).somebody_writes = false;
        self.0.written.notify_all();
    }
}

impl Ledger {
    /// Takes a job on. When this returns [`Acceptance::Accepted`], the job outlives a kill and a power cut.
    ///
    /// # Errors
    /// [`Error::BadSubmission`], [`Error::StorageFull`], [`Error::Locked`] or [`Error::Database`]: nothing was taken on then.
    pub fn accept(&self, submission: Submission, now: SystemTime) -> Result<Acceptance> {
        submission.check()?;
        if !self.has_room() {
            return Err(Error::StorageFull { doing: "draw more pictures" });
        }
        let request =
            serde_json::to_string(&submission.request).map_err(Error::damaged("request"))?;
        let fingerprint = submission.fingerprint(&request);
        let outcome = Mutex::new(None);
        let entry = Arc::new(Entry { submission, request, fingerprint, now: now.into(), outcome });
        let queued = self.queue_up();
        let mut gathered = hold(&self.door.queue);
        gathered.entries.push(entry.clone());
        loop {
            if let Some(outcome) = hold(&entry.outcome).take() {
                return outcome;
            }
            if !gathered.somebody_writes {
                break;
            }
            let written = self.door.written.wait(gathered);
            gathered = written.unwrap_or_else(PoisonError::into_inner);
        }
        gathered.somebody_writes = true;
        drop(gathered);
        let turn = Turn(&self.door);
        let mut writer = self.writer(queued);
        // All that came while this one waited for the writer, itself among them.
        let entries = std::mem::take(&mut hold(&self.door.queue).entries);
        self.write_entries(&mut writer, &entries);
        drop(writer);
        drop(turn);
        let outcome = hold(&entry.outcome).take();
        outcome.expect("the entries that were written are all that came to the door")
    }

    fn write_entries(&self, writer: &mut Writer, entries: &[Arc<Entry>]) {
        match self.write_together(writer, entries) {
            Ok(acceptances) => {
                for (entry, acceptance) in entries.iter().zip(acceptances) {
                    *hold(&entry.outcome) = Some(Ok(acceptance));
                }
            }
            Err(error) if entries.len() == 1 => *hold(&entries[0].outcome) = Some(Err(error)),
            // None of them would fare better alone, and each would wait as long again.
            Err(Error::Locked { doing }) => {
                for entry in entries {
                    *hold(&entry.outcome) = Some(Err(Error::Locked { doing }));
                }
            }
            // One may be too large for what is left of the disk, and the others not.
            Err(_) => {
                for entry in entries {
                    self.write_entries(writer, std::slice::from_ref(entry));
                }
            }
        }
    }

    /// Writes all in one transaction, and lets memory and listeners know.
    fn write_together(
        &self,
        writer: &mut Writer,
        entries: &[Arc<Entry>],
    ) -> Result<Vec<Acceptance>> {
        let mut ids = Vec::with_capacity(entries.len());
        for entry in entries {
            ids.push(JobId::of(writer.ids.next(entry.now)?));
        }
        let transaction = writer.begin(Lasting::PowerCut)?;
        let mut acceptances = Vec::with_capacity(entries.len());
        let mut written: Vec<JobRow> = Vec::new();
        let mut new: HashMap<&str, usize> = HashMap::new();
        for (entry, id) in entries.iter().zip(ids) {
            let submission = &entry.submission;
            if let Some(repeated) = repeated(&transaction, entry)? {
                acceptances.push(repeated);
                continue;
            }
            let of_client = new.get(submission.client.as_str()).copied().unwrap_or(0);
            let refusal = match self.refusal(entry, written.len(), of_client) {
                Some(refusal) => Some(refusal),
                None => self.too_many_bytes(&transaction, entry)?,
            };
            if let Some(refusal) = refusal {
                acceptances.push(Acceptance::Refused(refusal));
                continue;
            }
            let fingerprint = &entry.fingerprint;
            rows::insert_job(
                &transaction,
                &id,
                submission,
                &entry.request,
                fingerprint,
                entry.now,
            )?;
            written.push(rows::job(&transaction, &id)?);
            *new.entry(&submission.client).or_default() += 1;
            acceptances.push(Acceptance::Accepted(id));
        }
        if written.is_empty() {
            return Ok(acceptances);
        }
        self.leaves_room(&transaction)?;
        commit(transaction)?;
        self.tell_accepted(&written);
        Ok(acceptances)
    }

    /// Why there is no room for what comes with a submission.
    fn too_many_bytes(
        &self,
        transaction: &rusqlite::Transaction<'_>,
        entry: &Entry,
    ) -> Result<Option<Refusal>> {
        let new: usize = entry.submission.inputs.iter().map(|input| input.bytes.len()).sum();
        if new == 0 {
            return Ok(None);
        }
        let kept = rows::number(transaction, "SELECT sum(length(bytes)) FROM inputs", &[])?;
        let has_room = kept + new as u64 <= self.limits.input_bytes;
        let wait = || in_bounds(hold(&self.book).room(entry.now));
        Ok((!has_room).then(|| Refusal::QueueFull { retry_after: wait() }))
    }

    /// Sees that a database of limited size keeps some of it for what becomes of the jobs in it.
    fn leaves_room(&self, transaction: &rusqlite::Transaction<'_>) -> Result<()> {
        let Some(most) = self.limits.database_bytes else { return Ok(()) };
        let pragma = |name: &str| transaction.pragma_query_value(None, name, |row| row.get(0));
        let bytes = || -> rusqlite::Result<u64> {
            let (all, unused): (u64, u64) = (pragma("page_count")?, pragma("freelist_count")?);
            Ok((all - unused) * pragma("page_size")?)
        };
        if bytes().map_err(Error::database("measure itself"))? > most / 10 * 9 {
            return Err(Error::StorageFull { doing: "write down the job" });
        }
        Ok(())
    }

    fn tell_accepted(&self, written: &[JobRow]) {
        let mut book = hold(&self.book);
        for row in written {
            book.wait(row, row.seeds.len());
        }
        let mut events = Vec::with_capacity(written.len());
        for row in written {
            let live = book.live(row.number, row.created);
            let position = live.position.unwrap_or(1);
            book.told(row.number, position);
            let (job, eta_seconds) = (row.id.to_string(), live.eta_seconds);
            events.push((row, JobEvent::Queued { job, position, eta_seconds }));
        }
        drop(book);
        for (row, event) in events {
            self.events.tell(&row.id, event, row.created);
        }
    }

    /// Why there is no room for a submission, with so many written beside it.
    fn refusal(&self, entry: &Entry, new: usize, new_of_client: usize) -> Option<Refusal> {
        let client = &entry.submission.client;
        let mut book = hold(&self.book);
        if book.queued_of(client) + new_of_client >= self.limits.queued_per_client {
            let wait = book.room_of(client, entry.now);
            return Some(Refusal::ClientFull { retry_after: in_bounds(wait) });
        }
        if book.queued() + new >= self.limits.queued {
            let wait = book.room(entry.now);
            return Some(Refusal::QueueFull { retry_after: in_bounds(wait) });
        }
        None
    }
}

/// What a key says about a submission: that it came before, or that another one did.
fn repeated(transaction: &rusqlite::Transaction<'_>, entry: &Entry) -> Result<Option<Acceptance>> {
    let Some(key) = entry.submission.known_as() else { return Ok(None) };
    let found = rows::job_of_key(transaction, &key)?;
    Ok(found.map(|(job, fingerprint)| {
        if fingerprint == entry.fingerprint {
            Acceptance::Repeated(job)
        } else {
            Acceptance::Refused(Refusal::Conflict { job })
        }
    }))
}

fn in_bounds(wait: Option<Duration>) -> Duration {
    wait.unwrap_or(UNKNOWN).clamp(SOONEST, LATEST)
}
