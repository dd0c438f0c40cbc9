//! `/v1/jobs`: accepted, looked at, cancelled.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use zao_api::{Job, JobRequest, JobStatus};
use zao_queue::{Acceptance, Cancel, JobFilter, JobId, Refusal as Full, Via};

use super::guard::{Client, somebody_elses};
use super::read::{Asked, Name, Object};
use super::{Code, Refusal, Result, admission};
use crate::house::House;
use crate::story::Arrival;

/// Jobs and pictures that are listed at once, unless asked for another number; and at most.
pub(crate) const LISTED: usize = 50;
pub(crate) const MOST_LISTED: usize = 200;

/// Submit a job
///
/// Nothing is lost once this was answered: the job is drawn although the server is killed meanwhile. Fields that are not in the
/// schema are refused. While no worker is ready the job waits; where every worker was given up, it is kept until the server is
/// started again, and `warnings` says so.
#[utoipa::path(
    post, path = "/v1/jobs", tag = "jobs", operation_id = "submitJob",
    params(
        (
            "Idempotency-Key" = Option<String>, Header, min_length = 1, max_length = 255, pattern = "^[!-~ \\t]+$",
            description = "With the same key a repeated request gets the first one's job.",
        ),
        ("X-Zao-Client" = Option<String>, Header, pattern = "^[A-Za-z0-9_-]{16,64}$", description = "A key of the client's own making: only who sends it again may cancel the job."),
    ),
    request_body(content = JobRequest, example = json!({"prompt": "a red apple", "width": 256, "height": 256, "seed": 7})),
    responses(
        (status = 202, description = "The job is kept and waits.", body = Job, headers(("location" = String, description = "Path of the job."))),
        (status = 200, description = "The job that the same key got before.", body = Job, headers(("location" = String, description = "Path of the job."))),
        (status = 400, description = "invalid_request, invalid_size, prompt_too_long, invalid_image"),
        (status = 404, description = "not_found, unknown_lora"),
        (status = 409, description = "idempotency_conflict"),
        (status = 413, description = "body_too_large"),
        (status = 415, description = "unsupported_media_type"),
        (status = 429, description = "queue_full, client_queue_full"),
        (status = 503, description = "draining, storage_full"),
    ),
)]
pub(crate) async fn submit(
    State(house): State<Arc<House>>,
    client: Client,
    headers: HeaderMap,
    object: Object,
) -> Result<Response> {
    let request: JobRequest = object.only(&JobRequest::FIELDS)?;
    let repeat = Repeat::of(&headers, String::new())?;
    let (id, is_new) = accept_to_keep(&house, client.clone(), Via::Native, repeat, request).await?;
    let job = look_as(&house, id, &client).await?;
    let status = if is_new { StatusCode::ACCEPTED } else { StatusCode::OK };
    let location = HeaderValue::from_str(&job.links.this).ok();
    let mut response = (status, Json(job)).into_response();
    response.headers_mut().extend(location.map(|location| (header::LOCATION, location)));
    Ok(response)
}

/// What a request is known by when it comes again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Repeat {
    pub(super) key: String,
    /// What the key stands for beside the job.
    pub(super) form: String,
}

impl Repeat {
    /// The key that a client sends, if it sends one, for a request of that `form`.
    pub(crate) fn of(headers: &HeaderMap, form: String) -> Result<Option<Self>> {
        let Some(value) = headers.get("idempotency-key") else { return Ok(None) };
        let text = value.to_str().ok().filter(|text| !text.is_empty() && text.len() <= 255);
        let wrong = || {
            let message = "an idempotency key is 1 to 255 visible ASCII characters";
            Refusal::of("Idempotency-Key", message)
        };
        text.map(|text| Some(Self { key: text.to_owned(), form })).ok_or_else(wrong)
    }
}

/// Does something to its end, although the client may hang up meanwhile: then what came of it is dropped as soon as it is there.
pub(super) async fn to_its_end<T: Send + 'static>(
    work: impl Future<Output = Result<T>> + Send + 'static,
) -> Result<T> {
    let done = tokio::spawn(work).await;
    done.unwrap_or_else(|error| Err(Refusal::new(Code::Internal, error.to_string())))
}

/// Takes a request on whose job is drawn whether or not its client waits for it; says whether it is a new job.
pub(super) async fn accept_to_keep(
    house: &Arc<House>,
    client: Client,
    via: Via,
    repeat: Option<Repeat>,
    request: JobRequest,
) -> Result<(JobId, bool)> {
    let house = Arc::clone(house);
    to_its_end(async move { accept(&house, client, via, repeat, request).await }).await
}

/// Takes a request on; says whether it is a new job. Dropped on the way it may leave a job of which nobody was told, so it belongs
/// into [`to_its_end`].
pub(super) async fn accept(
    house: &Arc<House>,
    client: Client,
    via: Via,
    repeat: Option<Repeat>,
    request: JobRequest,
) -> Result<(JobId, bool)> {
    if house.is_closing() {
        let message = "the server is about to stop; send it again in a moment";
        house.metrics.refused(Code::Draining);
        return Err(Refusal::new(Code::Draining, message).after(house.settings.drain));
    }
    let (admitted, asked) = (Arc::clone(house), client.asked.clone());
    let (arrival, acceptance) = house
        .ledger(move |ledger, now| {
            Ok(match admission::submission(&admitted, client, via, repeat, request) {
                Ok(submission) => {
                    let arrival = Arrival::new(&submission, admitted.settings.log_prompts);
                    Ok((arrival, ledger.accept(submission, now)?))
                }
                Err(refusal) => Err(refusal),
            })
        })
        .await??;
    match acceptance {
        Acceptance::Accepted(id) => {
            asked.is_about(&id);
            arrival.accepted(&id);
            house.hands().inspect(|hands| hands.wake());
            Ok((id, true))
        }
        Acceptance::Repeated(id) => {
            asked.is_about(&id);
            arrival.repeated(&id);
            Ok((id, false))
        }
        Acceptance::Refused(full) => Err(counted(house, full)),
    }
}

/// Says that there is no place for a job, and counts it.
fn counted(house: &House, full: Full) -> Refusal {
    let refusal = match full {
        Full::QueueFull { retry_after } => {
            Refusal::new(Code::QueueFull, "as many jobs wait as this server keeps")
                .after(retry_after)
        }
        Full::ClientFull { retry_after } => {
            Refusal::new(Code::ClientQueueFull, "as many of your jobs wait as you may have")
                .after(retry_after)
        }
        Full::Conflict { job } => {
            let message = format!("this key belongs to another request, job {job}; use a new one");
            return Refusal::new(Code::IdempotencyConflict, message).at("Idempotency-Key");
        }
    };
    house.metrics.refused(refusal.code);
    refusal
}

/// A job as it stands.
pub(crate) async fn look(house: &Arc<House>, id: JobId) -> Result<Job> {
    house.ledger(move |ledger, now| ledger.job(&id, now)).await
}

/// The same, as a certain client sees it.
pub(crate) async fn look_as(house: &Arc<House>, id: JobId, client: &Client) -> Result<Job> {
    let viewer = client.viewer();
    house.ledger(move |ledger, now| ledger.job_seen(&id, &viewer, now)).await
}

/// Look at a job
///
/// The truth about a job; events only tell of it.
#[utoipa::path(
    get, path = "/v1/jobs/{id}", tag = "jobs", operation_id = "getJob",
    params(
        ("id" = String, Path, description = "Id of the job."),
        ("X-Zao-Client" = Option<String>, Header, pattern = "^[A-Za-z0-9_-]{16,64}$", description = "The client's key, for `mine`."),
    ),
    responses(
        (status = 200, description = "The job as it stands.", body = Job),
        (status = 400, description = "invalid_request"),
        (status = 404, description = "not_found"),
        (status = 410, description = "expired"),
        (status = 503, description = "storage_full"),
    ),
)]
pub(crate) async fn get(
    State(house): State<Arc<House>>,
    client: Client,
    Name(id): Name,
) -> Result<Json<Job>> {
    Ok(Json(look_as(&house, House::job_id(&id)?, &client).await?))
}

/// Which of a list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Listing {
    /// Only jobs of these statuses, with commas between them.
    #[param(
        pattern = "^((queued|running|completed|failed|cancelled)(,(queued|running|completed|failed|cancelled))*)?$"
    )]
    status: Option<String>,
    /// How many: 1 to 200, 50 unless given. Other numbers mean the nearest of these.
    #[param(minimum = 0)]
    limit: Option<usize>,
    /// Those behind this one: `next` of the page before.
    after: Option<String>,
    /// Only those that came with the key which is sent as `X-Zao-Client`.
    mine: Option<bool>,
}

/// A page of jobs, the newest first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Jobs {
    jobs: Vec<Job>,
    /// What to ask for with `after`; null on the last page.
    #[schema(required)]
    next: Option<String>,
}

/// List jobs
#[utoipa::path(
    get, path = "/v1/jobs", tag = "jobs", operation_id = "listJobs",
    params(
        Listing,
        ("X-Zao-Client" = Option<String>, Header, pattern = "^[A-Za-z0-9_-]{16,64}$", description = "The client's key, for `mine`."),
    ),
    responses(
        (status = 200, description = "A page of jobs, the newest first.", body = Jobs),
        (status = 400, description = "invalid_request"),
        (status = 404, description = "not_found"),
        (status = 503, description = "storage_full"),
    ),
)]
pub(crate) async fn list(
    State(house): State<Arc<House>>,
    client: Client,
    Asked(listing): Asked<Listing>,
) -> Result<Json<Jobs>> {
    let names = listing.status.as_deref().unwrap_or_default().split(',');
    let status = names.map(str::trim).filter(|name| !name.is_empty()).map(|name| {
        let known = |error: zao_api::UnknownName| Refusal::of("status", error.to_string());
        name.parse::<JobStatus>().map_err(known)
    });
    let status = status.collect::<Result<Vec<_>>>()?;
    let after = listing.after.as_deref().map(House::job_id).transpose()?;
    let owner = (listing.mine == Some(true)).then(|| client.owner()).transpose()?;
    let filter =
        JobFilter { status, after, owner, viewer: client.viewer(), ..JobFilter::default() };
    let limit = listing.limit.unwrap_or(LISTED).clamp(1, MOST_LISTED);
    let page = house.ledger(move |ledger, now| ledger.jobs(&filter, limit, now)).await?;
    let next = page.next.map(|id| id.to_string());
    Ok(Json(Jobs { jobs: page.items, next }))
}

/// Cancel a job
///
/// A job that waits is over at once. One that runs ends at its next step, so `status` may still be `running` in the answer. A job that
/// came with a client's key is cancelled by whoever sends that key again, one without from the address or the server's own machine; and
/// any with the admin token.
#[utoipa::path(
    delete, path = "/v1/jobs/{id}", tag = "jobs", operation_id = "cancelJob",
    params(
        ("id" = String, Path, description = "Id of the job."),
        ("X-Zao-Client" = Option<String>, Header, pattern = "^[A-Za-z0-9_-]{16,64}$", description = "The key that the job came with."),
    ),
    responses(
        (status = 200, description = "The job as it stands.", body = Job),
        (status = 400, description = "invalid_request"),
        (status = 403, description = "forbidden"),
        (status = 404, description = "not_found"),
        (status = 409, description = "already_over"),
        (status = 410, description = "expired"),
        (status = 503, description = "storage_full"),
    ),
)]
pub(crate) async fn cancel(
    State(house): State<Arc<House>>,
    client: Client,
    Name(id): Name,
) -> Result<Json<Job>> {
    let id = House::job_id(&id)?;
    let (job, viewer) = (id.clone(), client.viewer());
    if !house.ledger(move |ledger, _| ledger.may_cancel(&job, &viewer)).await? {
        return Err(somebody_elses());
    }
    stop(&house, id.clone()).await?;
    Ok(Json(look_as(&house, id, &client).await?))
}

/// Cancels a job that waits, or has the one that draws it stop.
pub(crate) async fn stop(house: &Arc<House>, id: JobId) -> Result<()> {
    let job = id.clone();
    let cancelled = house.ledger(move |ledger, now| ledger.cancel(&id, now)).await?;
    // One that waits may lie in a worker already, which need not begin with it.
    house.hands().inspect(|hands| hands.stop(job.as_str()));
    match cancelled {
        // Counted when its worker says where it stopped.
        Cancel::Asked => {}
        Cancel::Done => {
            house.metrics.cancelled("queued");
            tracing::info!(job = job.as_str(), "job cancelled while it waited");
        }
    }
    Ok(())
}
