//! `POST /v1/images/generations`, as OpenAI has it: one answer with all pictures, or a stream that shows how they come to be. A client
//! that hangs up has its job cancelled.

mod answer;
mod wish;

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::response::sse::Event;
use axum::response::{IntoResponse, Response};
use futures_util::stream::unfold;
use serde_json::{Value, json};
use zao_api::{Job, JobEvent, JobStatus};
use zao_queue::JobId;

use super::guard::Client;
use super::read::Object;
use super::{Code, Refusal, Result, events, jobs};
use crate::house::House;
use answer::Answer;
use wish::Wish;

/// `POST /v1/images/generations`.
pub(crate) async fn generate(
    State(house): State<Arc<House>>,
    client: Client,
    headers: HeaderMap,
    object: Object,
) -> Result<Response> {
    let wish = Wish::read(object, &house.model.info().name)?;
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let (id, _) = jobs::accept(&house, client, None, wish.request.clone()).await?;
    let wanted = Wanted::new(Arc::clone(&house), id.clone());
    if wish.stream {
        return stream(house, id, wish, wanted).await;
    }
    let job = events::end(&house, id).await?;
    wanted.done();
    let answer = Answer::new(&house, &wish, &job)?;
    let mut response = Json(answer.whole(&house, host, failure(&job)?).await?).into_response();
    response.headers_mut().extend(timing(&job));
    Ok(response)
}

/// Cancels its job when it is dropped, unless that is done: a handler whose client is gone is dropped.
pub(super) struct Wanted {
    house: Arc<House>,
    id: Option<JobId>,
}

impl Wanted {
    pub(super) fn new(house: Arc<House>, id: JobId) -> Self {
        Self { house, id: Some(id) }
    }

    pub(super) fn done(mut self) {
        self.id = None;
    }
}

impl Drop for Wanted {
    fn drop(&mut self) {
        if let Some(id) = self.id.take() {
            let house = Arc::clone(&self.house);
            // Over already, as likely as not: there is nothing to cancel then, and nobody to tell.
            tokio::spawn(async move { jobs::stop(&house, id).await });
        }
    }
}

/// The job if it has its pictures, or why it has not.
pub(super) fn failure(job: &Job) -> Result<&Job> {
    match job.status {
        JobStatus::Completed => Ok(job),
        JobStatus::Cancelled => Err(Refusal::new(Code::Cancelled, "somebody cancelled this job")),
        _ => {
            let error = job.error.as_ref();
            let message = error.map_or_else(|| "the job failed".to_owned(), |e| e.message.clone());
            let code = error.map_or(Code::Internal, |error| code_of(error.code));
            Err(Refusal::new(code, message))
        }
    }
}

/// A job's failure as the answer of a request.
fn code_of(code: zao_api::ErrorCode) -> Code {
    use zao_api::ErrorCode;
    match code {
        ErrorCode::InvalidRequest => Code::InvalidRequest,
        ErrorCode::OutOfMemory => Code::OutOfMemory,
        ErrorCode::Cancelled => Code::Cancelled,
        ErrorCode::DeadlineExceeded => Code::DeadlineExceeded,
        ErrorCode::WorkerLost => Code::WorkerLost,
        ErrorCode::StorageFull => Code::StorageFull,
        ErrorCode::ModelNotFound
        | ErrorCode::ModelInvalid
        | ErrorCode::Io
        | ErrorCode::Internal => Code::Internal,
    }
}

/// Where the time went, for load testers and those who wonder.
pub(super) fn timing(job: &Job) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let mut add = |name: &'static str, value: String| {
        let value = HeaderValue::from_str(&value).ok();
        headers.extend(value.map(|value| (HeaderName::from_static(name), value)));
    };
    if let Some(timing) = &job.timing {
        let milliseconds = |seconds: f64| seconds * 1000.0;
        add("x-queue-time", format!("{:.6}", timing.queue_seconds));
        add("x-inference-time", format!("{:.6}", timing.inference_seconds));
        add("x-total-time", format!("{:.6}", timing.total_seconds));
        add(
            "server-timing",
            format!(
                "queue;dur={:.3}, inference;dur={:.3}",
                milliseconds(timing.queue_seconds),
                milliseconds(timing.inference_seconds)
            ),
        );
    }
    let seeds: Vec<String> = job.seeds.iter().map(u64::to_string).collect();
    add("x-seed", seeds.join(","));
    headers
}

/// What a stream goes through.
struct Streaming {
    house: Arc<House>,
    wish: Wish,
    follower: events::Follower,
    wanted: Option<Wanted>,
    shown: u32,
}

async fn stream(house: Arc<House>, id: JobId, wish: Wish, wanted: Wanted) -> Result<Response> {
    let follower = events::Follower::of_all(Arc::clone(&house), id).await?;
    let begin = Streaming { house, wish, follower, wanted: Some(wanted), shown: 0 };
    Ok(events::stream(unfold(begin, |mut streaming| async move {
        let event = streaming.next().await?;
        Some((Ok(event), streaming))
    })))
}

impl Streaming {
    async fn next(&mut self) -> Option<Event> {
        loop {
            let (_, event) = self.follower.next_event().await?;
            match event {
                JobEvent::Preview { b64, .. } => {
                    let body = self.partial(&b64);
                    self.shown += 1;
                    return Some(named("image_generation.partial_image", &body));
                }
                JobEvent::Image { image, .. } => {
                    let picture = Answer::stream(&self.house, &self.wish, &image).await;
                    return Some(match picture {
                        Ok(body) => named("image_generation.completed", &body),
                        Err(refusal) => named("error", &refusal.body(None)),
                    });
                }
                JobEvent::Completed { .. } => {
                    self.settle();
                    return None;
                }
                JobEvent::Failed { state, .. } | JobEvent::Cancelled { state, .. } => {
                    self.settle();
                    let refusal = failure(&state).err()?;
                    return Some(named("error", &refusal.body(None)));
                }
                _ => {}
            }
        }
    }

    /// The job is over: there is nothing to cancel any more.
    fn settle(&mut self) {
        if let Some(wanted) = self.wanted.take() {
            wanted.done();
        }
    }

    fn partial(&self, b64: &str) -> Value {
        let created = answer::now();
        json!({
            "type": "image_generation.partial_image", "b64_json": b64, "partial_image_index": self.shown,
            "size": self.wish.size, "quality": self.wish.quality, "background": "opaque",
            "output_format": "png", "created_at": created,
        })
    }
}

fn named(name: &str, body: &Value) -> Event {
    Event::default().event(name).data(body.to_string())
}
