//! Rows and what is known of them in memory, as clients see them. Nothing is read or decided here.

use zao_api::{Image, Job, JobLinks, JobStatus, JobTiming, Progress};

use crate::moment::Moment;
use crate::rows::{ImageRow, JobRow};
use crate::{Error, Result, Viewer};

/// What only memory knows of a job.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Live {
    pub(crate) position: Option<u64>,
    pub(crate) eta_seconds: Option<f64>,
    pub(crate) progress: Option<Progress>,
}

/// A job as clients see it.
///
/// # Errors
/// [`Error::Expired`] for one that is only remembered.
pub(crate) fn job(row: &JobRow, images: &[ImageRow], live: Live) -> Result<Job> {
    let status = row.state.status().ok_or_else(|| Error::Expired(row.id.clone()))?;
    let request = row.request()?;
    let deleted = deleted(row, status, images);
    let peak_memory_bytes = images.iter().filter_map(|image| image.memory).max();
    let shown = images.iter().filter(|image| !image.deleted);
    let images = shown.map(|image| picture(row, image, &request.request.prompt)).collect();
    Ok(Job {
        id: row.id.to_string(),
        // Who looks is not known here.
        mine: false,
        changeable: false,
        status,
        created_at: row.created.seconds(),
        started_at: row.started.map(Moment::seconds),
        finished_at: row.finished.map(Moment::seconds),
        request,
        seeds: row.seeds.clone(),
        width: row.width,
        height: row.height,
        steps: row.steps,
        queue_position: live.position.filter(|_| status == JobStatus::Queued),
        eta_seconds: live.eta_seconds,
        progress: live.progress.filter(|_| status == JobStatus::Running),
        images,
        images_deleted: deleted as u32,
        peak_memory_bytes,
        timing: timing(row),
        warnings: row.warnings.clone(),
        error: row.error.clone(),
        links: JobLinks {
            this: format!("/v1/jobs/{}", row.id),
            events: format!("/v1/jobs/{}/events", row.id),
        },
    })
}

/// How many pictures were there and are not any more. A job that was completed had all of them, also those of which not even a row is left.
fn deleted(row: &JobRow, status: JobStatus, images: &[ImageRow]) -> usize {
    let there = images.iter().filter(|image| !image.deleted).count();
    match status {
        JobStatus::Completed => row.seeds.len().saturating_sub(there),
        _ => images.len() - there,
    }
}

/// A picture as clients see it.
pub(crate) fn picture(row: &JobRow, image: &ImageRow, prompt: &str) -> Image {
    Image {
        id: image.id.to_string(),
        job: row.id.to_string(),
        index: image.place,
        url: format!("/v1/images/{}", image.id),
        thumb_url: format!("/v1/images/{}?thumb=256", image.id),
        seed: row.seeds.get(image.place as usize).copied().unwrap_or_default(),
        width: row.width,
        height: row.height,
        prompt: prompt.to_owned(),
        bytes: image.bytes,
        created_at: image.created.seconds(),
        kept: image.kept,
        changeable: false,
    }
}

/// A job with what depends on who looks.
pub(crate) fn job_seen(viewer: &Viewer, row: &JobRow, mut job: Job) -> Job {
    let owner = row.owner.as_ref();
    job.mine = viewer.is(owner);
    job.changeable = viewer.may_change(owner, &row.client);
    for image in &mut job.images {
        image.changeable = job.changeable;
    }
    job
}

fn timing(row: &JobRow) -> Option<JobTiming> {
    let finished = row.finished?;
    let started = row.started.unwrap_or(finished);
    Some(JobTiming {
        queue_seconds: started.since(row.created).as_secs_f64(),
        inference_seconds: finished.since(started).as_secs_f64(),
        total_seconds: finished.since(row.created).as_secs_f64(),
    })
}
