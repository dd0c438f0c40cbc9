//! Looking at jobs and pictures. Nothing is changed, but for [`Ledger::delete_image`].

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use rusqlite::ToSql;
use zao_api::{Image, Job, JobStatus};

use super::{Lasting, Ledger, commit};
use crate::book::Outlook;
use crate::lock::hold;
use crate::moment::Moment;
use crate::pace::length;
use crate::rows::{self, ImageRow};
use crate::state::State;
use crate::wire;
use crate::{Demand, Error, ImageId, JobId, Owner, Result, Via, Viewer};

/// Which jobs to list.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct JobFilter {
    /// Only jobs in one of these; empty is all.
    pub status: Vec<JobStatus>,
    /// Only jobs of this client.
    pub client: Option<String>,
    /// Only jobs of whoever this is.
    pub owner: Option<Owner>,
    /// Only jobs that came this way.
    pub via: Option<Via>,
    /// Whoever looks, so that it can be said which are theirs.
    pub viewer: Viewer,
    /// Only jobs that are older than this one.
    pub after: Option<JobId>,
}

/// Which pictures to list.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ImageFilter {
    /// Only pictures of whoever this is.
    pub owner: Option<Owner>,
    /// Whoever looks, so that it can be said which they may delete.
    pub viewer: Viewer,
    /// Only pictures that are older than this one.
    pub after: Option<ImageId>,
}

/// Some of a list, newest first.
#[derive(Debug, Clone, PartialEq)]
pub struct Page<T, Id> {
    /// The items.
    pub items: Vec<T>,
    /// What to list after for the next page; `None` if there is none.
    pub next: Option<Id>,
}

/// How many jobs there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Jobs that wait.
    pub queued: u64,
    /// Jobs that are drawn.
    pub running: u64,
    /// Jobs with all their pictures.
    pub completed: u64,
    /// Jobs that will not be drawn.
    pub failed: u64,
    /// Jobs that nobody wanted.
    pub cancelled: u64,
    /// Pictures that are kept.
    pub images: u64,
    /// Bytes of their files.
    pub image_bytes: u64,
}

impl Ledger {
    /// A job.
    ///
    /// # Errors
    /// [`Error::NoJob`], [`Error::Expired`] for one that was removed, and those of the database.
    pub fn job(&self, id: &JobId, now: SystemTime) -> Result<Job> {
        let reader = hold(&self.reader);
        let row = rows::job(&reader, id)?;
        let images = rows::images_of(&reader, row.number)?;
        drop(reader);
        let live = hold(&self.book).live(row.number, now.into());
        wire::job(&row, &images, live)
    }

    /// A job, and what of it depends on who looks.
    ///
    /// # Errors
    /// As [`Ledger::job`].
    pub fn job_seen(&self, id: &JobId, viewer: &Viewer, now: SystemTime) -> Result<Job> {
        let row = rows::job(&hold(&self.reader), id)?;
        Ok(wire::job_seen(viewer, &row, self.job(id, now)?))
    }

    /// Jobs, newest first, `limit` at most.
    ///
    /// # Errors
    /// Those of the database.
    pub fn jobs(
        &self,
        filter: &JobFilter,
        limit: usize,
        now: SystemTime,
    ) -> Result<Page<Job, JobId>> {
        let status =
            |status: &JobStatus| filter.status.is_empty() || filter.status.contains(status);
        let states: Vec<String> = JobStatus::ALL
            .iter()
            .filter(|it| status(it))
            .map(|it| format!("'{}'", State::from(*it).as_str()))
            .collect();
        let mut clause = format!("WHERE state IN ({})", states.join(", "));
        let mut values: Vec<&dyn ToSql> = Vec::new();
        let after = filter.after.as_ref().map(JobId::as_str);
        if let Some(after) = &after {
            values.push(after);
            clause += &format!(" AND id < ?{}", values.len());
        }
        if let Some(client) = &filter.client {
            values.push(client);
            clause += &format!(" AND client = ?{}", values.len());
        }
        let owner = filter.owner.as_ref().map(Owner::as_str);
        if let Some(owner) = &owner {
            values.push(owner);
            clause += &format!(" AND owner = ?{}", values.len());
        }
        let via = filter.via.map(Via::as_str);
        if let Some(via) = &via {
            values.push(via);
            clause += &format!(" AND via = ?{}", values.len());
        }
        clause += &format!(" ORDER BY id DESC LIMIT {}", limit.saturating_add(1));
        let mut found = Vec::new();
        {
            let reader = hold(&self.reader);
            for row in rows::jobs(&reader, &clause, &values)? {
                let images = rows::images_of(&reader, row.number)?;
                found.push((row, images));
            }
        }
        let has_more = found.len() > limit;
        found.truncate(limit);
        let next = found.last().filter(|_| has_more).map(|(row, _)| row.id.clone());
        let mut book = hold(&self.book);
        let items = found
            .iter()
            .map(|(row, images)| {
                let job = wire::job(row, images, book.live(row.number, now.into()))?;
                Ok(wire::job_seen(&filter.viewer, row, job))
            })
            .collect::<Result<_>>()?;
        Ok(Page { items, next })
    }

    /// Whether somebody may cancel a job.
    ///
    /// # Errors
    /// [`Error::NoJob`], and those of the database.
    pub fn may_cancel(&self, id: &JobId, viewer: &Viewer) -> Result<bool> {
        let row = rows::job(&hold(&self.reader), id)?;
        Ok(viewer.may_change(row.owner.as_ref(), &row.client))
    }

    /// Whether somebody may delete a picture.
    ///
    /// # Errors
    /// [`Error::NoImage`], and those of the database.
    pub fn may_delete(&self, id: &ImageId, viewer: &Viewer) -> Result<bool> {
        let clause = "WHERE number = (SELECT job FROM images WHERE id = ?1 AND deleted = 0)";
        let found = rows::jobs(&hold(&self.reader), clause, &[&id.as_str()])?;
        let row = found.into_iter().next().ok_or_else(|| Error::NoImage(id.clone()))?;
        Ok(viewer.may_change(row.owner.as_ref(), &row.client))
    }

    /// How many jobs of somebody wait or are drawn.
    ///
    /// # Errors
    /// Those of the database.
    pub fn under_way(&self, owner: &Owner) -> Result<u64> {
        let statement =
            "SELECT count(*) FROM jobs WHERE owner = ?1 AND state IN ('queued', 'running')";
        rows::number(&hold(&self.reader), statement, &[&owner.as_str()])
    }

    /// Pictures, newest first, `limit` at most.
    ///
    /// # Errors
    /// Those of the database.
    pub fn images(&self, filter: &ImageFilter, limit: usize) -> Result<Page<Image, ImageId>> {
        let reader = hold(&self.reader);
        let mut clause = "WHERE deleted = 0".to_owned();
        let mut values: Vec<&dyn ToSql> = Vec::new();
        let after = filter.after.as_ref().map(ImageId::as_str);
        if let Some(after) = &after {
            values.push(after);
            clause += &format!(" AND id < ?{}", values.len());
        }
        let owner = filter.owner.as_ref().map(Owner::as_str);
        if let Some(owner) = &owner {
            values.push(owner);
            clause +=
                &format!(" AND job IN (SELECT number FROM jobs WHERE owner = ?{})", values.len());
        }
        clause += &format!(" ORDER BY id DESC LIMIT {}", limit.saturating_add(1));
        let mut found = rows::images(&reader, &clause, &values)?;
        let has_more = found.len() > limit;
        found.truncate(limit);
        let next = found.last().filter(|_| has_more).map(|image| image.id.clone());
        let items = found
            .iter()
            .filter_map(|image| shown(&reader, image, &filter.viewer).transpose())
            .collect::<Result<_>>()?;
        Ok(Page { items, next })
    }

    /// A picture.
    ///
    /// # Errors
    /// [`Error::NoImage`], and those of the database.
    pub fn image(&self, id: &ImageId) -> Result<Image> {
        let reader = hold(&self.reader);
        let found = rows::images(&reader, "WHERE id = ?1 AND deleted = 0", &[&id.as_str()])?;
        let nobody = Viewer::default();
        let image =
            found.first().map(|image| shown(&reader, image, &nobody)).transpose()?.flatten();
        image.ok_or_else(|| Error::NoImage(id.clone()))
    }

    /// Where the file of a picture is, which may be removed at any time after.
    ///
    /// # Errors
    /// As [`Ledger::image`].
    pub fn image_file(&self, id: &ImageId) -> Result<PathBuf> {
        self.image(id)?;
        Ok(self.pictures.path(id))
    }

    /// Removes a picture. Its job remains, and does not draw it again.
    ///
    /// # Errors
    /// As [`Ledger::image`], and [`Error::File`].
    pub fn delete_image(&self, id: &ImageId) -> Result<()> {
        let mut writer = self.writer(self.queue_up());
        let transaction = writer.begin(Lasting::Kill)?;
        let statement =
            "UPDATE images SET deleted = 1, bytes = 0, kept = 0 WHERE id = ?1 AND deleted = 0";
        if rows::change(&transaction, statement, &[&id.as_str()])? == 0 {
            return Err(Error::NoImage(id.clone()));
        }
        commit(transaction)?;
        drop(writer);
        self.pictures.remove(id)
    }

    /// The place of a job among those that wait, 1 being next; `None` if it does not wait.
    #[must_use]
    pub fn position(&self, id: &JobId, now: SystemTime) -> Option<u64> {
        let number = rows::job(&hold(&self.reader), id).ok()?.number;
        hold(&self.book).live(number, now.into()).position
    }

    /// How many wait and run, and what a job that came now would wait.
    #[must_use]
    pub fn outlook(&self, now: SystemTime) -> Outlook {
        hold(&self.book).outlook(Moment::from(now))
    }

    /// How long one picture of this kind takes, where such ones were drawn before. `demand.pictures` does not count.
    #[must_use]
    pub fn measured(&self, demand: &Demand) -> Option<Duration> {
        hold(&self.book).pace().measured(demand).map(length)
    }

    /// How many jobs there are, and how many pictures.
    ///
    /// # Errors
    /// Those of the database.
    pub fn counts(&self) -> Result<Counts> {
        let reader = hold(&self.reader);
        let of = |status: JobStatus| {
            let statement = "SELECT count(*) FROM jobs WHERE state = ?1";
            rows::number(&reader, statement, &[&State::from(status).as_str()])
        };
        let sum = |what: &str| {
            let statement = format!("SELECT {what} FROM images WHERE deleted = 0");
            rows::number(&reader, &statement, &[])
        };
        Ok(Counts {
            queued: of(JobStatus::Queued)?,
            running: of(JobStatus::Running)?,
            completed: of(JobStatus::Completed)?,
            failed: of(JobStatus::Failed)?,
            cancelled: of(JobStatus::Cancelled)?,
            images: sum("count(*)")?,
            image_bytes: sum("sum(bytes)")?,
        })
    }
}

/// The picture as `viewer` sees it; `None` if its job is gone.
fn shown(
    reader: &rusqlite::Connection,
    image: &ImageRow,
    viewer: &Viewer,
) -> Result<Option<Image>> {
    let rows = rows::jobs(reader, "WHERE number = ?1", &[&image.job])?;
    let Some(row) = rows.first() else { return Ok(None) };
    let picture = wire::picture(row, image, &row.request()?.request.prompt);
    let changeable = viewer.may_change(row.owner.as_ref(), &row.client);
    Ok(Some(Image { changeable, ..picture }))
}
