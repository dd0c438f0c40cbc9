//! Opening a ledger, and mending what a killed process left. Nothing is drawn again that is there.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use rusqlite::{Connection, Transaction};
use zao_api::{ErrorBody, ErrorCode};

use super::{End, Lasting, Ledger, Writer, accept, commit};
use crate::ballast::Ballast;
use crate::book::Book;
use crate::id::Numbers;
use crate::moment::Moment;
use crate::pictures::PictureFolder;
use crate::rows::{self, ImageRow, JobRow};
use crate::state::State;
use crate::{Error, EventLog, ImageId, Limits, Pictures, Result, schema};

/// What was found and mended when the ledger was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Recovered {
    /// Jobs that wait: those that waited before, and those that ran.
    pub waiting: usize,
    /// Jobs that ran when the process ended, and wait again.
    pub interrupted: usize,
    /// Jobs that ran when the process ended and had all their pictures, so that they are completed now.
    pub completed: usize,
    /// Jobs that ran and were to be cancelled, and are.
    pub cancelled: usize,
    /// Pictures whose file is gone.
    pub lost_pictures: usize,
}

impl Ledger {
    /// Opens the ledger in `folder`, which is made if it is not there: the database `jobs.db` and the pictures in `pictures/`. The
    /// folder is the ledger's alone.
    ///
    /// # Errors
    /// [`Error::InUse`], [`Error::FromTheFuture`], [`Error::Locked`], [`Error::StorageFull`], [`Error::Damaged`], [`Error::File`] or
    /// [`Error::Database`].
    pub fn open(folder: &Path, limits: Limits, now: SystemTime) -> Result<Self> {
        let pictures = PictureFolder::open(&folder.join("pictures"))?;
        Self::open_with(folder, limits, Box::new(pictures), now)
    }

    /// As [`Ledger::open`], with the files of pictures kept elsewhere.
    ///
    /// # Errors
    /// As [`Ledger::open`].
    pub fn open_with(
        folder: &Path,
        limits: Limits,
        pictures: Box<dyn Pictures>,
        now: SystemTime,
    ) -> Result<Self> {
        fs::create_dir_all(folder).map_err(Error::file("make the folder", folder))?;
        let lock = lock(folder)?;
        let ballast = Ballast::new(folder, limits.ballast_bytes);
        let now = Moment::from(now);
        let found = match read(folder, &limits, &*pictures, now) {
            Err(Error::StorageFull { .. }) if ballast.drop_it() => {
                read(folder, &limits, &*pictures, now)?
            }
            found => found?,
        };
        ballast.take_on(pictures.free_bytes(), limits.reserve_bytes);
        let Found { writer, reader, book, events, recovered } = found;
        let in_vain = Arc::clone(&writer.in_vain);
        Ok(Self {
            limits,
            writer: Mutex::new(writer),
            reader: Mutex::new(reader),
            in_vain,
            book: Mutex::new(book),
            clocks: Mutex::default(),
            door: accept::Door::default(),
            events,
            pictures,
            ballast,
            recovered,
            _lock: lock,
        })
    }

    /// What was found and mended when the ledger was opened.
    #[must_use]
    pub fn recovered(&self) -> Recovered {
        self.recovered
    }
}

/// What a folder holds, mended.
struct Found {
    writer: Writer,
    reader: Connection,
    book: Book,
    events: EventLog,
    recovered: Recovered,
}

/// Reads what a folder holds, and mends it.
fn read(folder: &Path, limits: &Limits, pictures: &dyn Pictures, now: Moment) -> Result<Found> {
    let mut writer = Writer::new(schema::open_writer(folder, limits)?, limits.busy);
    let reader = schema::open_reader(folder, limits)?;
    let known: HashSet<ImageId> = rows::images(&writer.connection, "WHERE deleted = 0", &[])?
        .into_iter()
        .map(|image| image.id)
        .collect();
    let found = pictures.tidy(&known)?;

    let transaction = writer.begin(Lasting::PowerCut)?;
    let mut recovered = Recovered::default();
    for lost in known.difference(&found) {
        rows::change(&transaction, "DELETE FROM images WHERE id = ?1", &[&lost.as_str()])?;
        recovered.lost_pictures += 1;
    }
    for row in rows::jobs(&transaction, "WHERE state = 'running' ORDER BY number", &[])? {
        recover(&transaction, row, now, &mut recovered)?;
    }
    commit(transaction)?;

    let mut book = Book::new(limits, rows::pace(&writer.connection)?);
    let events = EventLog::starting(now);
    for row in rows::jobs(&writer.connection, "WHERE state = 'queued' ORDER BY number", &[])? {
        let images = rows::images_of(&writer.connection, row.number)?;
        book.wait(&row, row.missing(&images).len());
        events.open(&row.id);
        recovered.waiting += 1;
    }
    writer.ids = Numbers::after(last_id(&writer)?);
    Ok(Found { writer, reader, book, events, recovered })
}

fn lock(folder: &Path) -> Result<File> {
    let path = Ledger::lock_path(folder);
    let file = File::create(&path).map_err(Error::file("make", &path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(fs::TryLockError::WouldBlock) => Err(Error::InUse(folder.to_owned())),
        // Some network file systems have no locks; there, nobody can be kept out.
        Err(fs::TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => {
            Ok(file)
        }
        Err(fs::TryLockError::Error(error)) => Err(Error::file("lock", &path)(error)),
    }
}

/// Settles what becomes of a job that ran when the process ended.
fn recover(
    transaction: &Transaction<'_>,
    mut row: JobRow,
    now: Moment,
    recovered: &mut Recovered,
) -> Result<()> {
    let images = rows::images_of(transaction, row.number)?;
    let end = if row.cancel_wanted {
        recovered.cancelled += 1;
        End { state: State::Cancelled, error: None }
    } else if row.missing(&images).is_empty() {
        recovered.completed += 1;
        End { state: State::Completed, error: None }
    } else {
        // No loss that counts against the job: nothing is drawn in the process that ended, so the job cannot have been the cause.
        write_back(transaction, &row)?;
        recovered.interrupted += 1;
        return Ok(());
    };
    Ledger::write_end(transaction, &mut row, end, now)
}

/// Has a job wait at its old place again.
pub(super) fn write_back(transaction: &Transaction<'_>, row: &JobRow) -> Result<()> {
    rows::change(
        transaction,
        "UPDATE jobs SET state = 'queued', started = NULL, losses = ?2, alone = ?3 WHERE number = ?1",
        &[&row.number, &row.losses, &row.alone],
    )?;
    Ok(())
}

/// The end of a job that may have been what its workers died of.
pub(super) fn lost_too_often(row: &JobRow) -> End {
    let message = format!(
        "{} workers were lost while they drew this job; ask for a smaller picture or fewer of them",
        row.losses
    );
    End { state: State::Failed, error: Some(ErrorBody { code: ErrorCode::WorkerLost, message }) }
}

/// The greatest id that was ever given.
fn last_id(writer: &Writer) -> Result<u128> {
    let jobs = rows::jobs(&writer.connection, "ORDER BY id DESC LIMIT 1", &[])?;
    let images: Vec<ImageRow> = rows::images(&writer.connection, "ORDER BY id DESC LIMIT 1", &[])?;
    let job = jobs.first().map_or(0, |row| row.id.number());
    Ok(job.max(images.first().map_or(0, |image| image.id.number())))
}
