//! The caller's own job: how far it is, and stopping it. A global "current job" is an idea for one user; here nobody sees or stops another's,
//! nor what the same client sent in another way.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use utoipa::IntoParams;
use zao_api::{Job, JobEvent, JobStatus};
use zao_queue::{JobFilter, Via};

use super::super::formats::{self, Format};
use super::super::guard::Client;
use super::super::read::Asked;
use super::super::{Code, Refusal, Result, jobs};
use super::stamp::stamp;
use super::wire::{Nothing, SdProgress, SdProgressState};
use crate::house::House;

/// The caller's jobs that came by this interface and are not over, the oldest first.
async fn own(house: &Arc<House>, client: Client) -> Result<Vec<Job>> {
    let status = vec![JobStatus::Queued, JobStatus::Running];
    let filter = JobFilter {
        status,
        client: Some(client.address),
        owner: client.owner,
        via: Some(Via::A1111),
        ..JobFilter::default()
    };
    let page =
        house.ledger(move |ledger, now| ledger.jobs(&filter, jobs::MOST_LISTED, now)).await?;
    Ok(page.items.into_iter().rev().collect())
}

/// The one that is meant: the oldest that runs, or else the oldest that waits.
fn current(own: &[Job]) -> Option<&Job> {
    own.iter().find(|job| job.status == JobStatus::Running).or(own.first())
}

/// What to leave out.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Look {
    /// `true` leaves `current_image` null, which saves its bytes. As Python's clients write it, too.
    #[param(pattern = "^([Tt]rue|[Ff]alse|[01])$")]
    skip_current_image: Option<String>,
}

impl Look {
    fn skips(&self) -> Result<bool> {
        match self.skip_current_image.as_deref() {
            None | Some("false" | "False" | "0") => Ok(false),
            Some("true" | "True" | "1") => Ok(true),
            Some(_) => {
                let message = "skip_current_image is true or false";
                Err(Refusal::of("skip_current_image", message))
            }
        }
    }
}

/// How far the caller's job is
#[utoipa::path(
    get, path = "/progress", tag = "a1111", operation_id = "sdProgress",
    params(Look),
    responses(
        (status = 200, description = "The oldest job of this client by this interface that is not over.", body = SdProgress),
        (status = 400, description = "invalid_request"),
        (status = 503, description = "storage_full"),
    ),
)]
pub(super) async fn progress(
    State(house): State<Arc<House>>,
    client: Client,
    Asked(look): Asked<Look>,
) -> Result<Json<SdProgress>> {
    let skips = look.skips()?;
    let own = own(&house, client).await?;
    let Some(job) = current(&own) else { return Ok(Json(SdProgress::default())) };
    let current_image = if skips { None } else { last_shown(&house, job).await? };
    let batches = house.batches.of(&job.id);
    let job_no = batches.iter().position(|id| *id == job.id).unwrap_or(0);
    let step = job.progress.map_or(0, |progress| progress.step);
    Ok(Json(SdProgress {
        progress: job.progress.map_or(0.0, |progress| progress.fraction),
        eta_relative: job.eta_seconds.unwrap_or(0.0),
        state: SdProgressState {
            job: job.id.clone(),
            job_count: batches.len() as u64,
            job_no: job_no as u64,
            job_timestamp: stamp(job.started_at.unwrap_or(job.created_at)),
            sampling_step: step,
            sampling_steps: job.steps,
            ..SdProgressState::default()
        },
        current_image,
        textinfo: Some(in_words(job)),
    }))
}

/// What a job is busy with, in a line.
fn in_words(job: &Job) -> String {
    match (job.progress, job.queue_position) {
        (Some(progress), _) if progress.step > 0 => {
            format!("{}, step {} of {}", progress.stage, progress.step, progress.steps)
        }
        (Some(progress), _) => progress.stage.to_string(),
        (None, Some(place)) if place > 1 => format!("waiting, {} before it", place - 1),
        (None, _) => "waiting, it is next".to_owned(),
    }
}

/// The last picture that was shown of a job on its way, as a PNG in Base64.
async fn last_shown(house: &House, job: &Job) -> Result<Option<String>> {
    let id = House::job_id(&job.id)?;
    let Some(since) = house.ledger.events().since(&id, Some(0)) else { return Ok(None) };
    let last = since.events.iter().rev().find_map(|event| match &event.what {
        JobEvent::Preview { mime, b64, .. } => Some((mime, b64)),
        _ => None,
    });
    let Some((mime, b64)) = last else { return Ok(None) };
    Ok(Some(formats::preview(Format::Png, mime, b64).await.0))
}

/// Cancel the caller's request
///
/// All batches of the one that the oldest job of this client by this interface is of; nobody else's, and none that it sent in another way.
/// `txt2img` answers with the pictures that are done by then, or with `cancelled` where there is none.
#[utoipa::path(
    post, path = "/interrupt", tag = "a1111", operation_id = "sdInterrupt",
    responses(
        (status = 200, description = "It is cancelled, if there was one.", body = Nothing),
        (status = 503, description = "storage_full"),
    ),
)]
pub(super) async fn interrupt(
    State(house): State<Arc<House>>,
    client: Client,
) -> Result<Json<Nothing>> {
    let own = own(&house, client).await?;
    if let Some(job) = current(&own) {
        // Those that wait first, or one of them would begin.
        for id in house.batches.of(&job.id).iter().rev() {
            stop(&house, id).await?;
        }
    }
    Ok(Json(Nothing {}))
}

/// Go on without the batch that is drawn
///
/// Ends the oldest job of this client by this interface. Each of the `n_iter` batches of a request is a job of its own, so those behind it
/// are drawn, and `txt2img` answers with their pictures.
#[utoipa::path(
    post, path = "/skip", tag = "a1111", operation_id = "sdSkip",
    responses(
        (status = 200, description = "The batch is cancelled, if there was one.", body = Nothing),
        (status = 503, description = "storage_full"),
    ),
)]
pub(super) async fn skip(State(house): State<Arc<House>>, client: Client) -> Result<Json<Nothing>> {
    let own = own(&house, client).await?;
    if let Some(job) = current(&own) {
        stop(&house, &job.id).await?;
    }
    Ok(Json(Nothing {}))
}

async fn stop(house: &Arc<House>, job: &str) -> Result<()> {
    match jobs::stop(house, House::job_id(job)?).await {
        // It ended by itself meanwhile, which is what was wanted.
        Err(refusal) if refusal.code == Code::AlreadyOver => Ok(()),
        stopped => stopped,
    }
}
