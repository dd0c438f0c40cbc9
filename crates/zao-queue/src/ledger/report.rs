//! What workers report: pictures, progress, and the end of a job. Reports on a job that was taken from the worker are refused.

use std::time::SystemTime;

use zao_api::{ErrorBody, Image, JobEvent, Progress};

use super::{End, Lasting, Ledger, commit, seen};
use crate::lock::hold;
use crate::moment::Moment;
use crate::rows::{self, ImageRow, JobRow};
use crate::state::State;
use crate::wire;
use crate::{Claim, Cost, Error, ImageId, Result};

/// A picture as it was brought.
struct Finished<'a> {
    png: &'a [u8],
    /// Bytes of the device's memory that were held for it.
    memory: Option<u64>,
}

impl Ledger {
    /// Keeps a picture: `png` is the whole file. When this returns, it outlives a kill and a power cut. A second one for the same place
    /// changes nothing, and the first is given back. A job with a picture has started.
    ///
    /// # Errors
    /// [`Error::StorageFull`]: the job is still this worker's, and the picture can be brought again when there is room, or the job
    /// failed. [`Error::Stale`], [`Error::NoSuchPicture`], [`Error::File`], and those of the database.
    pub fn finished_picture(
        &self,
        claim: &Claim,
        index: u32,
        png: &[u8],
        now: SystemTime,
    ) -> Result<Image> {
        self.keep_picture(claim, index, &Finished { png, memory: None }, now)
    }

    /// The same, of a picture while which was drawn so many bytes of the device's `memory` were held.
    ///
    /// # Errors
    /// As [`Self::finished_picture`].
    pub fn measured_picture(
        &self,
        claim: &Claim,
        index: u32,
        png: &[u8],
        memory: u64,
        now: SystemTime,
    ) -> Result<Image> {
        self.keep_picture(claim, index, &Finished { png, memory: Some(memory) }, now)
    }

    fn keep_picture(
        &self,
        claim: &Claim,
        index: u32,
        finished: &Finished<'_>,
        now: SystemTime,
    ) -> Result<Image> {
        self.started(claim, now)?;
        let now = Moment::from(now);
        let id = {
            let mut writer = hold(&self.writer);
            hold(&self.book).claimed(claim)?;
            let row = rows::job(&writer.connection, &claim.job)?;
            if index as usize >= row.seeds.len() {
                let (job, count) = (row.id, row.seeds.len());
                return Err(Error::NoSuchPicture { job, count, index });
            }
            let images = rows::images_of(&writer.connection, row.number)?;
            if let Some(image) = images.iter().find(|image| image.place == index) {
                return shown(&row, image);
            }
            ImageId::of(writer.ids.next(now)?)
        };
        // The file first, so that there is never a row without one; and without the writer, because others need not wait for it.
        self.pictures.store(&id, finished.png)?;
        let stored = self.even_when_full(|| self.write_picture(claim, &id, index, finished, now));
        if stored.as_ref().map_or(true, |(_, row)| row.id != id) {
            // Should this fail, the file is removed when the ledger is opened again.
            let _ = self.pictures.remove(&id);
        }
        let (image, row) = stored?;
        hold(&self.book).stored(claim.number, index);
        if row.id == id {
            let job = claim.job.to_string();
            self.events.tell(&claim.job, JobEvent::Image { job, image: image.clone() }, now);
        }
        Ok(image)
    }

    /// Writes a picture down whose file is there; gives the row that stands for its place, which may be an earlier one.
    fn write_picture(
        &self,
        claim: &Claim,
        id: &ImageId,
        index: u32,
        finished: &Finished<'_>,
        now: Moment,
    ) -> Result<(Image, ImageRow)> {
        let (bytes, memory) = (finished.png.len() as u64, finished.memory);
        let mut writer = self.writer(self.queue_up());
        hold(&self.book).claimed(claim)?;
        let transaction = writer.begin(Lasting::PowerCut)?;
        let row = rows::job(&transaction, &claim.job)?;
        rows::change(
            &transaction,
            "INSERT INTO images (id, job, place, bytes, created, memory) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
             ON CONFLICT (job, place) DO NOTHING",
            &[&id.as_str(), &row.number, &index, &bytes, &now.micros(), &memory],
        )?;
        let images = rows::images_of(&transaction, row.number)?;
        let image = images
            .into_iter()
            .find(|image| image.place == index)
            .ok_or_else(|| Error::NoImage(id.clone()))?;
        let seen = shown(&row, &image)?;
        commit(transaction)?;
        Ok((seen, image))
    }

    /// How far the worker is. `picture` is the index of the one that a step was of, with how many of its steps are done; `None` where all
    /// of the job step together. Of a job that has not started nothing is told.
    ///
    /// # Errors
    /// [`Error::Stale`].
    pub fn progress(
        &self,
        claim: &Claim,
        progress: Progress,
        picture: Option<(u32, u32)>,
        now: SystemTime,
    ) -> Result<()> {
        let now = Moment::from(now);
        let (before, eta_seconds) = {
            let mut book = hold(&self.book);
            if book.claimed(claim)?.started.is_none() {
                return Ok(());
            }
            let before = book.advance(claim, progress, picture, now)?;
            (before, book.live(claim.number, now).eta_seconds)
        };
        let job = claim.job.to_string();
        if before.is_none_or(|before| before.stage != progress.stage) {
            let (job, stage) = (job.clone(), progress.stage);
            self.events.tell(&claim.job, JobEvent::Stage { job, stage }, now);
        }
        let Progress { step, steps, .. } = progress;
        if step > 0 && before.is_none_or(|before| before.step != step || picture.is_some()) {
            let step = picture.map_or(step, |(_, done)| done);
            let picture = picture.map(|(index, _)| index);
            let event = JobEvent::Step { job, step, steps, eta_seconds, picture };
            self.events.tell(&claim.job, event, now);
        }
        Ok(())
    }

    /// What a piece of work took. All that is said of times is made of this.
    pub fn spent(&self, cost: &Cost) {
        hold(&self.book).learn(cost);
    }

    /// What a picture looks like so far: `b64` is a small picture of the type `mime` in Base64, of `size` width and height.
    ///
    /// # Errors
    /// [`Error::Stale`].
    pub fn preview(
        &self,
        claim: &Claim,
        index: u32,
        mime: &str,
        b64: String,
        size: (u32, u32),
        now: SystemTime,
    ) -> Result<()> {
        hold(&self.book).claimed(claim)?;
        let (width, height) = size;
        let (job, mime) = (claim.job.to_string(), mime.to_owned());
        let event = JobEvent::Preview { job, index, mime, b64, width, height };
        self.events.tell(&claim.job, event, now.into());
        Ok(())
    }

    /// What the client should know although the job goes on.
    ///
    /// # Errors
    /// [`Error::Stale`], and those of the database.
    pub fn warn(&self, claim: &Claim, message: &str, now: SystemTime) -> Result<()> {
        let mut writer = self.writer(self.queue_up());
        hold(&self.book).claimed(claim)?;
        let transaction = writer.begin(Lasting::Kill)?;
        let mut row = rows::job(&transaction, &claim.job)?;
        row.warnings.push(message.to_owned());
        let warnings =
            serde_json::to_string(&row.warnings).map_err(Error::damaged("list of warnings"))?;
        let statement = "UPDATE jobs SET warnings = ?2 WHERE number = ?1";
        rows::change(&transaction, statement, &[&row.number, &warnings])?;
        commit(transaction)?;
        let (job, message) = (row.id.to_string(), message.to_owned());
        self.events.tell(&row.id, JobEvent::Warning { job, message }, now.into());
        Ok(())
    }

    /// All pictures of a job are stored.
    ///
    /// # Errors
    /// [`Error::Incomplete`] if they are not, [`Error::Stale`], and those of the database.
    pub fn completed(&self, claim: &Claim, now: SystemTime) -> Result<()> {
        self.end(claim, &End { state: State::Completed, error: None }, now.into())
    }

    /// A job will not be drawn. Pictures that are stored remain.
    ///
    /// # Errors
    /// [`Error::Stale`], and those of the database.
    pub fn failed(&self, claim: &Claim, error: ErrorBody, now: SystemTime) -> Result<()> {
        self.end(claim, &End { state: State::Failed, error: Some(error) }, now.into())
    }

    /// The worker stopped drawing a job that nobody wants any more. Pictures that are stored remain.
    ///
    /// # Errors
    /// [`Error::Stale`], and those of the database.
    pub fn cancelled(&self, claim: &Claim, now: SystemTime) -> Result<()> {
        self.end(claim, &End { state: State::Cancelled, error: None }, now.into())
    }

    fn end(&self, claim: &Claim, end: &End, now: Moment) -> Result<()> {
        self.even_when_full(|| self.try_end(claim, end.clone(), now))
    }

    fn try_end(&self, claim: &Claim, end: End, now: Moment) -> Result<()> {
        let mut writer = self.writer(self.queue_up());
        let lessons = {
            let mut book = hold(&self.book);
            book.claimed(claim)?;
            book.lessons()
        };
        let transaction = writer.begin(Lasting::PowerCut)?;
        let mut row = rows::job(&transaction, &claim.job)?;
        if end.state == State::Completed {
            let missing = row.missing(&rows::images_of(&transaction, row.number)?).len();
            if missing > 0 {
                return Err(Error::Incomplete { job: row.id, missing });
            }
        }
        Self::write_end(&transaction, &mut row, end, now)?;
        for (class, average) in lessons {
            rows::store_pace(&transaction, class, average)?;
        }
        let job = seen(&transaction, &row)?;
        commit(transaction)?;
        self.tell_end(&row, job);
        Ok(())
    }
}

fn shown(row: &JobRow, image: &ImageRow) -> Result<Image> {
    Ok(wire::picture(row, image, &row.request()?.request.prompt))
}
