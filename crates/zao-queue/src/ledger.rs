//! The ledger: one writer, one reader, and what is known in memory. What it does with jobs is in the modules below.

mod accept;
mod cancel;
mod keep;
mod look;
mod open;
mod report;
mod sweep;
mod take;
mod time;

use std::fs::File;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use rusqlite::{Connection, Transaction, TransactionBehavior};
use zao_api::{ErrorBody, Job, JobEvent};

pub use cancel::Cancel;
pub use look::{Counts, ImageFilter, JobFilter, Page};
pub use open::Recovered;
pub use sweep::Swept;

use crate::ballast::Ballast;
use crate::book::Book;
use crate::clocks::Clocks;
use crate::id::Numbers;
use crate::lock::hold;
use crate::moment::Moment;
use crate::rows::{self, JobRow};
use crate::state::State;
use crate::wire::{self, Live};
use crate::{Error, EventLog, Limits, Pictures, Result};

/// The durable ledger of jobs. All operations may be called from any thread; those that change something take turns, and each waits for
/// the disk.
pub struct Ledger {
    limits: Limits,
    // Whoever takes several of these takes them in this order.
    writer: Mutex<Writer>,
    reader: Mutex<Connection>,
    /// How often somebody waited for another program in vain.
    in_vain: Arc<AtomicU64>,
    book: Mutex<Book>,
    clocks: Mutex<Clocks>,
    door: accept::Door,
    events: EventLog,
    pictures: Box<dyn Pictures>,
    ballast: Ballast,
    recovered: Recovered,
    /// Keeps other processes out for as long as this one lives.
    _lock: File,
}

/// How long a database is waited for that others have waited for in vain.
const SHORT: Duration = Duration::from_millis(50);

/// How often others had waited in vain when somebody began to wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Queued(u64);

/// The connection that writes.
struct Writer {
    connection: Connection,
    ids: Numbers,
    /// How far a commit goes.
    lasting: Lasting,
    /// How long to wait for other programs.
    busy: Duration,
    /// The same of whoever has it now.
    patience: Duration,
    in_vain: Arc<AtomicU64>,
}

/// What a change outlives once it is committed. Changes keep their order in any case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lasting {
    /// The process. After a power cut the last few changes may be missing, as if they had not been asked for.
    Kill,
    /// A power cut as well: the commit waits for the disk.
    PowerCut,
}

/// How a job ends.
#[derive(Debug, Clone)]
struct End {
    state: State,
    error: Option<ErrorBody>,
}

impl Ledger {
    /// What happened to jobs lately.
    #[must_use]
    pub fn events(&self) -> &EventLog {
        &self.events
    }

    /// Tells the listeners of each job that waits its place, where that is another than they were told last. Meant to be called a few
    /// times a second.
    pub fn tell_positions(&self, now: std::time::SystemTime) {
        let now = Moment::from(now);
        let news = hold(&self.book).news(now);
        for (job, position, eta_seconds) in news {
            let event = JobEvent::Queued { job: job.to_string(), position, eta_seconds };
            self.events.tell(&job, event, now);
        }
    }

    /// Does something that has to be possible on a full disk as well; if it is not, with the room that was kept for that.
    fn even_when_full<T>(&self, action: impl Fn() -> Result<T>) -> Result<T> {
        match action() {
            Err(Error::StorageFull { .. }) if self.ballast.drop_it() => action(),
            outcome => outcome,
        }
    }

    /// Ends a job in the database: its state, and what is needed no more. Pictures stay.
    fn write_end(
        transaction: &Transaction<'_>,
        row: &mut JobRow,
        end: End,
        now: Moment,
    ) -> Result<()> {
        row.state.check(end.state, &row.id)?;
        row.state = end.state;
        row.finished = Some(now);
        row.error = end.error;
        let error = row.error.as_ref().map(serde_json::to_string).transpose();
        rows::change(
            transaction,
            "UPDATE jobs SET state = ?2, finished = ?3, error = ?4, cancel_wanted = 0 WHERE number = ?1",
            &[
                &row.number,
                &row.state.as_str(),
                &now.micros(),
                &error.map_err(Error::damaged("error"))?,
            ],
        )?;
        rows::change(transaction, "DELETE FROM inputs WHERE job = ?1", &[&row.number])?;
        Ok(())
    }

    /// Lets memory and listeners know of a job that ended in the database.
    fn tell_end(&self, row: &JobRow, job: Job) {
        hold(&self.book).end(row.number);
        let (id, state) = (row.id.to_string(), Box::new(job));
        let event = match row.state {
            State::Completed => JobEvent::Completed { job: id, state },
            State::Failed => JobEvent::Failed { job: id, state },
            State::Cancelled => JobEvent::Cancelled { job: id, state },
            State::Queued | State::Running | State::Expired => return,
        };
        self.events.tell(&row.id, event, row.finished.unwrap_or_default());
    }

    /// Where somebody stands who begins to wait for the writer.
    fn queue_up(&self) -> Queued {
        Queued(self.in_vain.load(Ordering::Relaxed))
    }

    /// The connection that writes, for whoever began to wait for it at `queued`.
    fn writer(&self, queued: Queued) -> MutexGuard<'_, Writer> {
        let mut writer = hold(&self.writer);
        // Whoever stood in line while another waited for the database in vain has waited with it. Waiting as long again, each in turn,
        // the last of many would wait for minutes.
        let waited = self.queue_up() != queued;
        writer.patience = if waited { SHORT.min(writer.busy) } else { writer.busy };
        writer
    }

    /// The file that is locked for as long as the ledger is open.
    fn lock_path(folder: &std::path::Path) -> PathBuf {
        folder.join("lock")
    }
}

impl Writer {
    fn new(connection: Connection, busy: Duration) -> Self {
        let (ids, lasting) = (Numbers::after(0), Lasting::PowerCut);
        Self { connection, ids, lasting, busy, patience: busy, in_vain: Arc::default() }
    }

    /// Begins to write; waits for other programs that do, for as long as whoever has the writer has patience.
    fn begin(&mut self, lasting: Lasting) -> Result<Transaction<'_>> {
        let failed = Error::database("begin to write");
        if self.lasting != lasting {
            let synchronous = match lasting {
                Lasting::Kill => "NORMAL",
                Lasting::PowerCut => "FULL",
            };
            self.connection.pragma_update(None, "synchronous", synchronous).map_err(&failed)?;
            self.lasting = lasting;
        }
        self.connection.busy_timeout(self.patience).map_err(&failed)?;
        let begun = self.connection.transaction_with_behavior(TransactionBehavior::Immediate);
        begun.map_err(|error| {
            let error = failed(error);
            if matches!(error, Error::Locked { .. }) {
                self.in_vain.fetch_add(1, Ordering::Relaxed);
            }
            error
        })
    }
}

/// Makes a change, and has it last as was said when it was begun.
fn commit(transaction: Transaction<'_>) -> Result<()> {
    transaction.commit().map_err(Error::database("make the change last"))
}

/// A job that is over, as clients see it.
fn seen(transaction: &Transaction<'_>, row: &JobRow) -> Result<Job> {
    wire::job(row, &rows::images_of(transaction, row.number)?, Live::default())
}

impl std::fmt::Debug for Ledger {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ledger").field("limits", &self.limits).finish_non_exhaustive()
    }
}
