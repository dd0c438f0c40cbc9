//! `/v1/jobs`: accepted, looked at, cancelled.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use zao_api::{Job, JobRequest, JobStatus};
use zao_queue::{Acceptance, Cancel, JobFilter, JobId, Refusal as Full};

use super::guard::Client;
use super::read::Object;
use super::{Code, Refusal, Result, admission};
use crate::house::House;
use crate::story::Arrival;

/// Jobs and pictures that are listed at once, unless asked for another number; and at most.
pub(crate) const LISTED: usize = 50;
pub(crate) const MOST_LISTED: usize = 200;

/// `POST /v1/jobs`.
pub(crate) async fn submit(
    State(house): State<Arc<House>>,
    client: Client,
    headers: HeaderMap,
    object: Object,
) -> Result<Response> {
    let request: JobRequest = object.only(&JobRequest::FIELDS)?;
    let key = headers.get("idempotency-key").map(key).transpose()?;
    let (id, is_new) = accept(&house, client, key, request).await?;
    let job = look(&house, id).await?;
    let status = if is_new { StatusCode::ACCEPTED } else { StatusCode::OK };
    let location = HeaderValue::from_str(&job.links.this).ok();
    let mut response = (status, Json(job)).into_response();
    response.headers_mut().extend(location.map(|location| (header::LOCATION, location)));
    Ok(response)
}

fn key(value: &HeaderValue) -> Result<String> {
    let text = value.to_str().ok().filter(|text| !text.is_empty() && text.len() <= 255);
    text.map(str::to_owned).ok_or_else(|| {
        Refusal::of("Idempotency-Key", "an idempotency key is 1 to 255 visible ASCII characters")
    })
}

/// Takes a request on; says whether it is a new job.
pub(crate) async fn accept(
    house: &Arc<House>,
    client: Client,
    key: Option<String>,
    request: JobRequest,
) -> Result<(JobId, bool)> {
    if house.is_closing() {
        let message = "the server is about to stop; send it again in a moment";
        return Err(Refusal::new(Code::Draining, message).after(house.settings.drain));
    }
    let (admitted, asked) = (Arc::clone(house), client.asked.clone());
    let (arrival, acceptance) = house
        .ledger(move |ledger, now| {
            Ok(match admission::submission(&admitted, client, key, request) {
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
        Acceptance::Refused(full) => Err(match full {
            Full::QueueFull { retry_after } => {
                Refusal::new(Code::QueueFull, "as many jobs wait as this server keeps")
                    .after(retry_after)
            }
            Full::ClientFull { retry_after } => {
                Refusal::new(Code::QueueFull, "as many of your jobs wait as you may have")
                    .after(retry_after)
            }
            Full::Conflict { job } => Refusal::new(
                Code::IdempotencyConflict,
                format!("this key belongs to another request, job {job}; use a new one"),
            )
            .at("Idempotency-Key"),
        }),
    }
}

/// A job as it stands.
pub(crate) async fn look(house: &Arc<House>, id: JobId) -> Result<Job> {
    house.ledger(move |ledger, now| ledger.job(&id, now)).await
}

/// `GET /v1/jobs/{id}`.
pub(crate) async fn get(
    State(house): State<Arc<House>>,
    Path(id): Path<String>,
) -> Result<Json<Job>> {
    Ok(Json(look(&house, House::job_id(&id)?).await?))
}

/// Which of a list.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Listing {
    status: Option<String>,
    limit: Option<usize>,
    after: Option<String>,
}

/// A page of a list, under the name of what it lists.
#[derive(Debug, Serialize)]
pub(crate) struct Jobs {
    jobs: Vec<Job>,
    next: Option<String>,
}

/// `GET /v1/jobs`.
pub(crate) async fn list(
    State(house): State<Arc<House>>,
    Query(listing): Query<Listing>,
) -> Result<Json<Jobs>> {
    let names = listing.status.as_deref().unwrap_or_default().split(',');
    let status = names.map(str::trim).filter(|name| !name.is_empty()).map(|name| {
        let known = |error: zao_api::UnknownName| Refusal::of("status", error.to_string());
        name.parse::<JobStatus>().map_err(known)
    });
    let status = status.collect::<Result<Vec<_>>>()?;
    let after = listing.after.as_deref().map(House::job_id).transpose()?;
    let filter = JobFilter { status, after, ..JobFilter::default() };
    let limit = listing.limit.unwrap_or(LISTED).clamp(1, MOST_LISTED);
    let page = house.ledger(move |ledger, now| ledger.jobs(&filter, limit, now)).await?;
    let next = page.next.map(|id| id.to_string());
    Ok(Json(Jobs { jobs: page.items, next }))
}

/// `DELETE /v1/jobs/{id}`.
pub(crate) async fn cancel(
    State(house): State<Arc<House>>,
    Path(id): Path<String>,
) -> Result<Json<Job>> {
    let id = House::job_id(&id)?;
    stop(&house, id.clone()).await?;
    Ok(Json(look(&house, id).await?))
}

/// Cancels a job that waits, or has the one that draws it stop.
pub(crate) async fn stop(house: &Arc<House>, id: JobId) -> Result<()> {
    let job = id.clone();
    let cancelled = house.ledger(move |ledger, now| ledger.cancel(&id, now)).await?;
    match cancelled {
        // Counted when its worker says where it stopped.
        Cancel::Asked => {
            house.hands().inspect(|hands| hands.stop(job.as_str()));
        }
        Cancel::Done => {
            house.metrics.cancelled("queued");
            tracing::info!(job = job.as_str(), "job cancelled while it waited");
        }
    }
    Ok(())
}
