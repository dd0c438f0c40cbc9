//! `POST /v1/images/generations`, as OpenAI has it: one answer with all pictures, or a stream that shows how they come to be. A client
//! that hangs up has its job cancelled.

mod answer;
mod wish;

use std::collections::VecDeque;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::sse::Event;
use axum::response::{IntoResponse, Response};
use futures_util::stream::unfold;
use serde::Serialize;
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};
use zao_api::{Image, Job, JobEvent, JobRequest, JobStatus};
use zao_queue::{JobId, Via};

use super::guard::Client;
use super::read::Object;
use super::{Code, Refusal, Result, events, jobs, timing};
use crate::hands::Condition;
use crate::house::House;
use answer::{Answer, CompletedImage, Drawn};
use wish::GenerateImage;
pub(super) use wish::Wish;

/// Draw pictures, as OpenAI has it
///
/// The answer comes when all pictures are there, however long that takes: while a worker loads its model the request waits. With
/// `stream` it is server-sent events: `image_generation.partial_image` (`PartialImage`) up to `partial_images` times a picture, and
/// `image_generation.completed` (`CompletedImage`) once a picture; a failure is an event `error` with an `Error`. Fields that are not
/// in the schema are accepted and named in `ignored`. A connection that is dropped cancels the job.
#[utoipa::path(
    post, path = "/v1/images/generations", tag = "openai", operation_id = "generateImage",
    request_body(content = GenerateImage, example = json!({"prompt": "a red apple", "size": "256x256", "n": 2})),
    responses(
        (
            status = 200, description = "The pictures, or the events of their making.",
            content((Drawn = "application/json"), (events::SentEvent = "text/event-stream")),
        ),
        (status = 400, description = "invalid_request, invalid_size, prompt_too_long"),
        (status = 404, description = "unknown_lora, unknown_model"),
        (status = 409, description = "cancelled"),
        (status = 413, description = "body_too_large"),
        (status = 415, description = "unsupported_media_type"),
        (status = 429, description = "queue_full, client_queue_full"),
        (status = 503, description = "draining, no_worker, worker_lost, out_of_memory, storage_full"),
        (status = 504, description = "deadline_exceeded"),
    ),
)]
pub(crate) async fn generate(
    State(house): State<Arc<House>>,
    client: Client,
    object: Object,
) -> Result<Response> {
    let wish = Wish::read(object, &house.model.info().name)?;
    let server = client.server.clone();
    let id = accept_for_now(&house, client, Via::OpenAi, wish.request.clone()).await?;
    let wanted = Wanted::new(Arc::clone(&house), id.clone());
    if wish.stream {
        return stream(house, id, wish, wanted).await;
    }
    let job = events::end(&house, id).await?;
    wanted.done();
    let answer = Answer::new(&house, &wish, &job)?;
    let mut response = Json(answer.whole(&house, &server, failure(&job)?).await?).into_response();
    response.headers_mut().extend(timing::headers(&job));
    Ok(response)
}

/// Takes a request on whose client waits for it, which makes sense only where somebody draws.
pub(super) async fn accept_for_now(
    house: &Arc<House>,
    client: Client,
    via: Via,
    request: JobRequest,
) -> Result<JobId> {
    still_drawing(house)?;
    Ok(jobs::accept(house, client, via, None, request).await?.0)
}

/// That somebody draws, or will.
pub(super) fn still_drawing(house: &House) -> Result<()> {
    match house.health().condition {
        Condition::GivenUp(why) => Err(Refusal::new(Code::NoWorker, why)),
        Condition::Ready | Condition::Loading | Condition::Unwell(_) => Ok(()),
    }
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
            let refusal = Refusal::new(code, message);
            // The message names the size that would fit.
            Err(if code == Code::OutOfMemory { refusal.at("size") } else { refusal })
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

/// What a stream goes through.
struct Streaming {
    house: Arc<House>,
    wish: Wish,
    follower: events::Follower,
    wanted: Option<Wanted>,
    shown: u32,
    /// Ids of the pictures that were sent, and those that are left when the job is over.
    sent: Vec<String>,
    left: VecDeque<Image>,
}

/// The way of a job and its pictures, wherever it is by now.
pub(super) async fn stream(
    house: Arc<House>,
    id: JobId,
    wish: Wish,
    wanted: Wanted,
) -> Result<Response> {
    // From its first event on: it may be on its way already.
    let follower = events::Follower::of_all(Arc::clone(&house), id).await?;
    let begin = Streaming {
        house,
        wish,
        follower,
        wanted: Some(wanted),
        shown: 0,
        sent: Vec::new(),
        left: VecDeque::new(),
    };
    Ok(events::stream(unfold(begin, |mut streaming| async move {
        let event = streaming.next().await?;
        Some((Ok(event), streaming))
    })))
}

impl Streaming {
    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(image) = self.left.pop_front() {
                return Some(self.picture(&image).await);
            }
            let event = match events::next_while_drawing(&self.house, &mut self.follower).await {
                Ok(event) => event?,
                // Dropping what is wanted cancels the job, which nobody will draw for this client.
                Err(refusal) => {
                    self.wanted.take()?;
                    return Some(named("error", &refusal.body(None)));
                }
            };
            match event {
                JobEvent::Preview { b64, .. } => {
                    let body = self.partial(&b64);
                    self.shown += 1;
                    return Some(named("image_generation.partial_image", &body));
                }
                JobEvent::Image { image, .. } => {
                    let picture = self.picture(&image).await;
                    self.sent.push(image.id);
                    return Some(picture);
                }
                JobEvent::Completed { state, .. } => {
                    self.settle();
                    // A quick job may have been over before it was followed, and its other events forgotten.
                    let is_left = |image: &Image| !self.sent.contains(&image.id);
                    self.left = state.images.into_iter().filter(is_left).collect();
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

    async fn picture(&self, image: &Image) -> Event {
        match Answer::stream(&self.house, &self.wish, image).await {
            Ok(body) => named("image_generation.completed", &body),
            Err(refusal) => named("error", &refusal.body(None)),
        }
    }

    /// The job is over: there is nothing to cancel any more.
    fn settle(&mut self) {
        if let Some(wanted) = self.wanted.take() {
            wanted.done();
        }
    }

    fn partial(&self, b64: &str) -> PartialImage {
        PartialImage {
            kind: "image_generation.partial_image",
            b64_json: b64.to_owned(),
            partial_image_index: self.shown,
            size: self.wish.size.clone(),
            quality: self.wish.quality.clone(),
            background: "opaque",
            output_format: "png",
            created_at: answer::now(),
        }
    }
}

/// The data of an event `image_generation.partial_image`.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct PartialImage {
    /// `image_generation.partial_image`.
    #[serde(rename = "type")]
    kind: &'static str,
    /// A small picture of what is on its way.
    b64_json: String,
    /// Which one, from 0.
    partial_image_index: u32,
    size: String,
    quality: String,
    background: &'static str,
    output_format: &'static str,
    /// Seconds since 1970.
    created_at: u64,
}

fn named(name: &str, body: &impl Serialize) -> Event {
    // These types have nothing that JSON cannot hold.
    let data = serde_json::to_string(body).unwrap_or_default();
    Event::default().event(name).data(data)
}

/// Types that only the text of the document names.
pub(super) fn told() -> [(String, RefOr<Schema>); 2] {
    [
        (PartialImage::name().into(), PartialImage::schema()),
        (CompletedImage::name().into(), CompletedImage::schema()),
    ]
}
