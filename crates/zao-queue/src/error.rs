//! What can go wrong with the ledger. Why a submission is turned away is no error but a [`Refusal`](crate::Refusal).

use std::io;
use std::path::{Path, PathBuf};

use zao_api::JobStatus;

use crate::{ImageId, JobId};

/// What the operations of this crate give back.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong, and what to do next.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Another process has the ledger open.
    #[error("{} is in use by another process; stop it, or give this one a folder of its own", .0.display())]
    InUse(PathBuf),
    /// A newer version of zao wrote the ledger.
    #[error(
        "{} has version {found} and this zao knows up to {known}; use the zao that wrote it, or another folder", .folder.display()
    )]
    FromTheFuture {
        /// Where it lies.
        folder: PathBuf,
        /// Its version.
        found: i64,
        /// The newest that this zao knows.
        known: i64,
    },
    /// The disk, or what the ledger may take of it, is full.
    #[error("no room is left to {doing}; free some of the disk, or let fewer pictures be kept")]
    StorageFull {
        /// What needed the room.
        doing: &'static str,
    },
    /// Somebody else held the database for too long.
    #[error(
        "the database is locked by another program, so this could not {doing}; close it and try again"
    )]
    Locked {
        /// What had to wait.
        doing: &'static str,
    },
    /// There is no such job.
    #[error("there is no job {0}; GET /v1/jobs lists those that there are")]
    NoJob(JobId),
    /// There was such a job, and what it drew was removed after some time.
    #[error("what job {0} drew was removed after some time; draw it again with its seed")]
    Expired(JobId),
    /// There is no such picture.
    #[error("there is no picture {0}; GET /v1/images lists those that there are")]
    NoImage(ImageId),
    /// As much is kept for good as may be.
    #[error(
        "picture {image} cannot be kept for good: pictures that are already take {kept} of the {most} {unit} that they may, which is half of \
         all that is kept; let another go first, or have the server keep more (--keep-size, --keep-jobs)"
    )]
    KeptFull {
        /// The picture.
        image: ImageId,
        /// What there is too little of: bytes, or jobs.
        unit: &'static str,
        /// How much of it is taken.
        kept: u64,
        /// How much may be.
        most: u64,
    },
    /// The job cannot be cancelled any more.
    #[error("job {job} is already {status}; there is nothing left to cancel")]
    AlreadyOver {
        /// The job.
        job: JobId,
        /// What became of it.
        status: JobStatus,
    },
    /// A worker reports on a job that was taken from it.
    #[error("job {job} is not this worker's any more; drop it and ask for the next")]
    Stale {
        /// The job.
        job: JobId,
    },
    /// A job in this state cannot come into that one.
    #[error("job {job} is {from}, from where it cannot become {to}; look at it again")]
    WrongState {
        /// The job.
        job: JobId,
        /// Its state.
        from: &'static str,
        /// The state that was wanted.
        to: &'static str,
    },
    /// A worker says that a job is done, and pictures are missing.
    #[error("job {job} lacks {missing} of its pictures; store them before it is completed")]
    Incomplete {
        /// The job.
        job: JobId,
        /// How many.
        missing: usize,
    },
    /// A worker brings a picture that the job has no place for.
    #[error(
        "job {job} has {count} pictures, so there is no place for one with index {index}; count from 0"
    )]
    NoSuchPicture {
        /// The job.
        job: JobId,
        /// How many pictures it has.
        count: usize,
        /// Which was brought.
        index: u32,
    },
    /// A text is no id.
    #[error("{text:?} is no id of a {what}; copy it as the server gave it")]
    BadId {
        /// What it should have named.
        what: &'static str,
        /// The text.
        text: String,
    },
    /// The submission contradicts itself.
    #[error("the job cannot be kept: {0}")]
    BadSubmission(&'static str),
    /// A file could not be read or written.
    #[error("cannot {doing} {}: {why}; see that it is a folder this user may write to", .path.display())]
    File {
        /// What was being done.
        doing: &'static str,
        /// With what.
        path: PathBuf,
        /// Why it failed. Not as a source: the message has it, and whoever prints both says everything twice.
        why: io::Error,
    },
    /// What the database holds cannot be read.
    #[error(
        "the database holds a {what} that this zao cannot read ({why}); move the folder away to begin anew"
    )]
    Damaged {
        /// What.
        what: &'static str,
        /// Why not.
        why: String,
    },
    /// The database failed in another way.
    #[error(
        "the database could not {doing}: {why}; if it persists, move the folder away to begin anew"
    )]
    Database {
        /// What was being done.
        doing: &'static str,
        /// What it said; no source, likewise.
        why: rusqlite::Error,
    },
    /// The system gives no random numbers.
    #[error("the system gives no random numbers for ids: {0}; try again")]
    NoRandomness(getrandom::Error),
}

impl Error {
    pub(crate) fn database(doing: &'static str) -> impl Fn(rusqlite::Error) -> Self {
        use rusqlite::ErrorCode::{DatabaseBusy, DatabaseLocked, DiskFull};
        move |why| match why.sqlite_error_code() {
            Some(DiskFull) => Self::StorageFull { doing },
            Some(DatabaseBusy | DatabaseLocked) => Self::Locked { doing },
            _ => Self::Database { doing, why },
        }
    }

    pub(crate) fn file(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |why| match why.kind() {
            io::ErrorKind::StorageFull
            | io::ErrorKind::QuotaExceeded
            | io::ErrorKind::FileTooLarge => Self::StorageFull { doing },
            _ => Self::File { doing, path: path.to_owned(), why },
        }
    }

    pub(crate) fn damaged(what: &'static str) -> impl Fn(serde_json::Error) -> Self {
        move |error| Self::Damaged { what, why: error.to_string() }
    }

    /// Whether the same operation may succeed later although nothing of it is changed.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        matches!(self, Self::StorageFull { .. } | Self::Locked { .. } | Self::NoRandomness(_))
    }
}
