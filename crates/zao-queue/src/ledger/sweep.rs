//! Removing what was kept long enough, oldest first. Jobs that are not over are never touched, nor pictures that somebody wants to stay:
//! of a job with such a picture the others are removed, and it stays itself.

use std::time::{Duration, SystemTime};

use rusqlite::ToSql;

use super::{Lasting, Ledger, commit};
use crate::lock::hold;
use crate::moment::Moment;
use crate::rows::{self, JobRow};
use crate::state::State;
use crate::{Error, ImageId, Result};

/// Jobs that one sweep removes at most: nobody has to wait for longer than that takes.
const AT_ONCE: u64 = 32;

/// Tombstones that one sweep removes at most.
const TOMBSTONES_AT_ONCE: u64 = 256;

/// Pages of the database (4 kB) that are kept although nothing is in them.
const PAGES_KEPT: u64 = 1024;

/// Pages that one sweep gives back at most.
const PAGES_AT_ONCE: u64 = 512;

/// What a sweep removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Swept {
    /// Jobs, which answer that they are expired from now on.
    pub jobs: usize,
    /// Pictures, of theirs and of jobs that have others which stay.
    pub images: usize,
    /// Bytes of those.
    pub bytes: u64,
    /// Whether there is more to remove: sweep again soon.
    pub more: bool,
}

/// What is old: over before ?1, and either since the wall clock jumped (?2) or before ?3.
const OLD: &str = "finished < ?1 AND (finished >= ?2 OR finished < ?3)";

/// What has something to remove: no picture that stays, or another beside it.
const REMOVABLE: &str = "(NOT EXISTS (SELECT 1 FROM images WHERE job = number AND kept = 1)
    OR EXISTS (SELECT 1 FROM images WHERE job = number AND kept = 0 AND deleted = 0))";

const OVER: &str = "state IN ('completed', 'failed', 'cancelled')";

impl Ledger {
    /// Removes some of what is older than the limit of time or beyond those of size and number. Meant to be called every few seconds,
    /// and again at once while there is more. In the first hour in which [`Self::compare_clocks`] is called, and in the one after a
    /// great jump, an eighth of the jobs goes for its age at most.
    ///
    /// # Errors
    /// [`Error::File`] where a picture cannot be removed (it is when the ledger is opened again), and those of the database.
    pub fn sweep(&self, now: SystemTime) -> Result<Swept> {
        let (mut swept, files) = self.even_when_full(|| self.forget(now.into()))?;
        // Files last: one that remains is removed when the ledger is opened again, a row without a file would lead nowhere.
        let removals: Vec<Result<()>> =
            files.iter().map(|file| self.pictures.remove(file)).collect();
        removals.into_iter().collect::<Result<()>>()?;
        swept.more |= self.give_pages_back()?;
        self.ballast.take_on(self.pictures.free_bytes(), self.limits.reserve_bytes);
        Ok(swept)
    }

    /// Removes rows, and tells which files nobody needs any more.
    fn forget(&self, now: Moment) -> Result<(Swept, Vec<ImageId>)> {
        let mut swept = Swept::default();
        let mut files: Vec<ImageId> = Vec::new();
        let mut writer = self.writer(self.queue_up());
        let over = rows::number(
            &writer.connection,
            &format!("SELECT count(*) FROM jobs WHERE {OVER}"),
            &[],
        )?;
        let mut old = self.too_old(&writer.connection, now)?;
        let allowance = hold(&self.clocks).allowance(over);
        old.truncate(usize::try_from(allowance).unwrap_or(usize::MAX));
        let by_age = old.len() as u64;
        let many = self.too_many(&writer.connection)?;
        let forgotten = self.forgotten(&writer.connection, now)?;
        swept.more = old.len().max(many.len()) as u64 >= AT_ONCE || forgotten;
        if old.is_empty() && many.is_empty() && !forgotten {
            return Ok((swept, files));
        }
        let transaction = writer.begin(Lasting::Kill)?;
        let mut removed: Vec<u64> = Vec::new();
        for row in old.into_iter().chain(many) {
            if removed.contains(&row.number) {
                continue;
            }
            removed.push(row.number);
            row.state.check(State::Expired, &row.id)?;
            let images = rows::images_of(&transaction, row.number)?;
            let stays = images.iter().any(|image| image.kept);
            for image in images.into_iter().filter(|image| !image.kept) {
                swept.images += usize::from(!image.deleted);
                swept.bytes += image.bytes;
                files.push(image.id);
            }
            if stays {
                let statement =
                    "UPDATE images SET deleted = 1, bytes = 0 WHERE job = ?1 AND kept = 0";
                rows::change(&transaction, statement, &[&row.number])?;
            } else {
                bury(&transaction, &row, now)?;
                swept.jobs += 1;
            }
        }
        let statement = format!(
            "DELETE FROM jobs WHERE number IN
                 (SELECT number FROM jobs WHERE state = 'expired' AND {OLD} ORDER BY finished LIMIT {TOMBSTONES_AT_ONCE})"
        );
        let [before, jumped, long_before] = self.older_than(self.limits.retention.tombstones, now);
        rows::change(&transaction, &statement, &[&before, &jumped, &long_before])?;
        commit(transaction)?;
        hold(&self.clocks).removed(by_age);
        Ok((swept, files))
    }

    /// Gives some of the room in the database that nothing is in back to the disk; whether there is more. What is soon needed again is
    /// kept.
    fn give_pages_back(&self) -> Result<bool> {
        let failed = Error::database("give room back to the disk");
        let writer = hold(&self.writer);
        let unused = || {
            writer.connection.pragma_query_value(None, "freelist_count", |row| row.get::<_, u64>(0))
        };
        if unused().map_err(&failed)? <= PAGES_KEPT {
            return Ok(false);
        }
        let statement = format!("PRAGMA incremental_vacuum({PAGES_AT_ONCE})");
        let mut statement = writer.connection.prepare(&statement).map_err(&failed)?;
        // A page is given back by each step, so all of them have to be taken.
        let mut steps = statement.query([]).map_err(&failed)?;
        while steps.next().map_err(&failed)?.is_some() {}
        Ok(unused().map_err(&failed)? > PAGES_KEPT)
    }

    fn too_old(&self, connection: &rusqlite::Connection, now: Moment) -> Result<Vec<JobRow>> {
        let [before, jumped, long_before] = self.older_than(self.limits.retention.age, now);
        oldest(connection, &format!("AND {OLD}"), &[&before, &jumped, &long_before])
    }

    /// The values of [`OLD`].
    fn older_than(&self, age: Duration, now: Moment) -> [u64; 3] {
        let old = hold(&self.clocks).older_than(age, now);
        [old.before, old.jumped, old.long_before].map(Moment::micros)
    }

    /// The oldest jobs without which what is left is within the limits of number and size, or as many of them as one sweep removes.
    fn too_many(&self, connection: &rusqlite::Connection) -> Result<Vec<JobRow>> {
        let retention = &self.limits.retention;
        let count = format!("SELECT count(*) FROM jobs WHERE {OVER}");
        let over = rows::number(connection, &count, &[])?.saturating_sub(retention.jobs);
        let mut chosen = if over > 0 { oldest(connection, "", &[])? } else { Vec::new() };
        chosen.truncate(usize::try_from(over).unwrap_or(usize::MAX));

        let bytes = rows::number(connection, "SELECT sum(bytes) FROM images", &[])?;
        let mut over = bytes.saturating_sub(retention.bytes);
        if over == 0 {
            return Ok(chosen);
        }
        // Only jobs with pictures that may go: to forget the others would make no room.
        let with_pictures = "AND number IN (SELECT job FROM images WHERE bytes > 0 AND kept = 0)";
        for row in oldest(connection, with_pictures, &[])? {
            if over == 0 {
                break;
            }
            let of_job = "SELECT sum(bytes) FROM images WHERE job = ?1 AND kept = 0";
            over = over.saturating_sub(rows::number(connection, of_job, &[&row.number])?);
            chosen.push(row);
        }
        Ok(chosen)
    }

    /// Whether there are tombstones to remove.
    fn forgotten(&self, connection: &rusqlite::Connection, now: Moment) -> Result<bool> {
        let [before, jumped, long_before] = self.older_than(self.limits.retention.tombstones, now);
        let statement = format!(
            "SELECT count(*) FROM (SELECT 1 FROM jobs WHERE state = 'expired' AND {OLD} LIMIT 1)"
        );
        Ok(rows::number(connection, &statement, &[&before, &jumped, &long_before])? > 0)
    }
}

/// The oldest jobs that are over, and that `which` holds for.
fn oldest(
    connection: &rusqlite::Connection,
    which: &str,
    values: &[&dyn ToSql],
) -> Result<Vec<JobRow>> {
    let clause = format!("WHERE {OVER} AND {REMOVABLE} {which} ORDER BY finished LIMIT {AT_ONCE}");
    rows::jobs(connection, &clause, values)
}

/// Leaves of a job that it was there, since when it is not, and its key, which still must not make another.
fn bury(connection: &rusqlite::Connection, row: &JobRow, now: Moment) -> Result<()> {
    rows::change(connection, "DELETE FROM images WHERE job = ?1", &[&row.number])?;
    rows::change(
        connection,
        "UPDATE jobs SET state = 'expired', finished = ?2, request = '{}', plan = '', warnings = '[]', error = NULL WHERE number = ?1",
        &[&row.number, &now.micros()],
    )?;
    Ok(())
}
