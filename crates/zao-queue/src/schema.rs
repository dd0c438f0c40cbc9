//! The tables and how a database is opened. What the rows mean is [`crate::rows`].

use std::path::Path;

use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use crate::{Error, Limits, Result};

/// The name of the database in the ledger's folder.
pub(crate) const FILE: &str = "jobs.db";

/// What makes version n + 1 of version n. One that was published is never changed; others are added.
const MIGRATIONS: [&str; 5] = [
    "
CREATE TABLE jobs (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    state TEXT NOT NULL,
    client TEXT NOT NULL,
    idempotency_key TEXT UNIQUE,
    fingerprint BLOB NOT NULL,
    priority TEXT NOT NULL,
    request TEXT NOT NULL,
    plan TEXT NOT NULL,
    width INTEGER NOT NULL,
    height INTEGER NOT NULL,
    steps INTEGER NOT NULL,
    seeds TEXT NOT NULL,
    deadline INTEGER NOT NULL,
    created INTEGER NOT NULL,
    started INTEGER,
    finished INTEGER,
    attempt INTEGER NOT NULL DEFAULT 0,
    losses INTEGER NOT NULL DEFAULT 0,
    cancel_wanted INTEGER NOT NULL DEFAULT 0,
    warnings TEXT NOT NULL,
    error TEXT
) STRICT;
CREATE INDEX jobs_in_state ON jobs (state, finished);
CREATE TABLE images (
    id TEXT PRIMARY KEY,
    job INTEGER NOT NULL REFERENCES jobs (number),
    place INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    created INTEGER NOT NULL,
    deleted INTEGER NOT NULL DEFAULT 0,
    UNIQUE (job, place)
) STRICT;
CREATE TABLE inputs (
    job INTEGER NOT NULL REFERENCES jobs (number),
    name TEXT NOT NULL,
    bytes BLOB NOT NULL,
    UNIQUE (job, name)
) STRICT;
CREATE TABLE pace (
    size INTEGER NOT NULL,
    steps INTEGER NOT NULL,
    seconds REAL NOT NULL,
    jobs INTEGER NOT NULL,
    PRIMARY KEY (size, steps)
) STRICT;
",
    "ALTER TABLE jobs ADD COLUMN request_id TEXT;",
    // What whole jobs took told of others as well that were drawn beside them, so nothing of it is kept.
    "
ALTER TABLE jobs ADD COLUMN alone INTEGER NOT NULL DEFAULT 0;
DROP TABLE pace;
CREATE TABLE pace (
    piece TEXT NOT NULL,
    size INTEGER NOT NULL,
    seconds REAL NOT NULL,
    count INTEGER NOT NULL,
    PRIMARY KEY (piece, size)
) STRICT;
",
    "
ALTER TABLE jobs ADD COLUMN owner TEXT;
ALTER TABLE jobs ADD COLUMN via TEXT NOT NULL DEFAULT 'native';
CREATE INDEX jobs_of_owner ON jobs (owner, state) WHERE owner IS NOT NULL;
",
    "
ALTER TABLE images ADD COLUMN kept INTEGER NOT NULL DEFAULT 0;
CREATE INDEX images_kept ON images (job) WHERE kept = 1;
",
    "ALTER TABLE images ADD COLUMN memory INTEGER;",
];

/// The newest version.
const VERSION: i64 = MIGRATIONS.len() as i64;

/// Opens the database for writing, and brings it to the newest version.
///
/// # Errors
/// [`Error::FromTheFuture`], [`Error::Locked`], [`Error::StorageFull`] or [`Error::Database`].
pub(crate) fn open_writer(folder: &Path, limits: &Limits) -> Result<Connection> {
    let failed = Error::database("open the database");
    let mut connection = Connection::open(folder.join(FILE)).map_err(&failed)?;
    connection.busy_timeout(limits.busy).map_err(&failed)?;
    // Room that a picture to begin with took is given back later; this counts only where there are no tables yet.
    connection.pragma_update(None, "auto_vacuum", "INCREMENTAL").map_err(&failed)?;
    connection.pragma_update(None, "journal_mode", "WAL").map_err(&failed)?;
    // What was accepted or finished has to outlive a power cut, not only the process.
    connection.pragma_update(None, "synchronous", "FULL").map_err(&failed)?;
    connection.pragma_update(None, "foreign_keys", true).map_err(&failed)?;
    // What is in the log has to fit into the database in the end, also on a full disk: little enough for the ballast to make room.
    connection.pragma_update(None, "wal_autocheckpoint", 256).map_err(&failed)?;
    // A picture to begin with makes the write-ahead log as large as it is; that is given back.
    connection.pragma_update(None, "journal_size_limit", 16 << 20).map_err(&failed)?;
    if let Some(bytes) = limits.database_bytes {
        let page: u64 =
            connection.pragma_query_value(None, "page_size", |row| row.get(0)).map_err(&failed)?;
        let pages = i64::try_from((bytes / page).max(1)).unwrap_or(i64::MAX);
        connection.pragma_update(None, "max_page_count", pages).map_err(&failed)?;
    }
    migrate(&mut connection, folder)?;
    Ok(connection)
}

/// Opens the database for reading beside the writer.
///
/// # Errors
/// [`Error::Database`].
pub(crate) fn open_reader(folder: &Path, limits: &Limits) -> Result<Connection> {
    let failed = Error::database("open the database");
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(folder.join(FILE), flags).map_err(&failed)?;
    connection.busy_timeout(limits.busy).map_err(&failed)?;
    connection.pragma_update(None, "query_only", true).map_err(&failed)?;
    Ok(connection)
}

fn migrate(connection: &mut Connection, folder: &Path) -> Result<()> {
    let failed = Error::database("bring the database up to date");
    let transaction =
        connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(&failed)?;
    let found: i64 =
        transaction.pragma_query_value(None, "user_version", |row| row.get(0)).map_err(&failed)?;
    let missing = usize::try_from(found).ok().and_then(|found| MIGRATIONS.get(found..));
    let Some(missing) = missing else {
        let folder = folder.to_owned();
        return Err(Error::FromTheFuture { folder, found, known: VERSION });
    };
    if missing.is_empty() {
        return Ok(());
    }
    for migration in missing {
        transaction.execute_batch(migration).map_err(&failed)?;
    }
    transaction.pragma_update(None, "user_version", VERSION).map_err(&failed)?;
    transaction.commit().map_err(&failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_is_made_once_and_opened_again() {
        let folder = tempfile::tempdir().unwrap();
        for _ in 0..2 {
            let connection = open_writer(folder.path(), &Limits::default()).unwrap();
            let mode: String =
                connection.pragma_query_value(None, "journal_mode", |row| row.get(0)).unwrap();
            let sync: i64 =
                connection.pragma_query_value(None, "synchronous", |row| row.get(0)).unwrap();
            assert_eq!((mode.as_str(), sync), ("wal", 2));
        }
    }

    #[test]
    fn a_database_of_a_newer_zao_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let connection = open_writer(folder.path(), &Limits::default()).unwrap();
        connection.pragma_update(None, "user_version", VERSION + 1).unwrap();
        drop(connection);
        let error = open_writer(folder.path(), &Limits::default()).unwrap_err();
        assert!(matches!(error, Error::FromTheFuture { found, .. } if found == VERSION + 1));
    }

    #[test]
    fn jobs_of_an_older_zao_are_kept() {
        let folder = tempfile::tempdir().unwrap();
        let old = Connection::open(folder.path().join(FILE)).unwrap();
        old.execute_batch(MIGRATIONS[0]).unwrap();
        old.pragma_update(None, "user_version", 1).unwrap();
        old.execute_batch(
            "INSERT INTO jobs (id, state, client, fingerprint, priority, request, plan, width, height, steps, seeds,
                 deadline, created, warnings)
             VALUES ('job_1', 'queued', 'ann', x'00', 'normal', '{}', '', 16, 16, 8, '[1]', 1, 1, '[]')",
        )
        .unwrap();
        drop(old);
        let new = open_writer(folder.path(), &Limits::default()).unwrap();
        let read = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?));
        let found: (String, Option<String>, bool) = new
            .query_row("SELECT id, request_id, alone FROM jobs WHERE owner IS NULL", [], read)
            .unwrap();
        assert_eq!(found, ("job_1".to_owned(), None, false));
    }

    #[test]
    fn the_reader_cannot_write() {
        let folder = tempfile::tempdir().unwrap();
        let _writer = open_writer(folder.path(), &Limits::default()).unwrap();
        let reader = open_reader(folder.path(), &Limits::default()).unwrap();
        assert!(reader.execute("DELETE FROM jobs", []).is_err());
    }
}
