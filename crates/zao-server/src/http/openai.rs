//! `POST /v1/images/generations`, as OpenAI has it: one answer with all pictures, or a stream that shows how they come to be. A client
//! that hangs up has its job cancelled.

mod answer;
mod wish;

use std::collections::VecDeque;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::sse::Event;
use axum::response::{IntoResponse, Response};
use futures_util::stream::unfold;
use serde::Serialize;
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};
use zao_api::{Image, Job, JobEvent, JobRequest, JobStatus};
use zao_queue::{JobId, Via};

use super::guard::Client;
use super::jobs::Repeat;
use super::read::Object;
use super::{Code, Refusal, Result, events, formats, jobs, timing};
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
/// in the schema are accepted and named in `ignored`. A connection that is dropped cancels the job, unless it came with an
/// `Idempotency-Key`: whoever sends the same again with that key gets the same job, and waits for it if need be.
#[utoipa::path(
    post, path = "/v1/images/generations", tag = "openai", operation_id = "generateImage",
    params((
        "Idempotency-Key" = Option<String>, Header, min_length = 1, max_length = 255, pattern = "^[!-~ \\t]+$",
        description = "With the same key a repeated request gets the first one's answer.",
    )),
    request_body(content = GenerateImage, example = json!({"prompt": "a red apple", "size": "256x256", "n": 2})),
    responses(
        (
            status = 200, description = "The pictures, or the events of their making.",
            content((Drawn = "application/json"), (events::SentEvent = "text/event-stream")),
        ),
        (status = 400, description = "invalid_request, invalid_size, prompt_too_long"),
        (status = 404, description = "unknown_lora, unknown_model"),
        (status = 409, description = "idempotency_conflict, cancelled"),
        (status = 410, description = "expired"),
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
    headers: HeaderMap,
    object: Object,
) -> Result<Response> {
    let wish = Wish::read(object, house.model.info(), house.settings.request.steps)?;
    let server = client.server.clone();
    let request = wish.request.clone();
    let (id, wanted) = match Repeat::of(&headers, wish.form.clone())? {
        Some(repeat) => (accept_to_come_again(&house, client, repeat, request).await?, None),
        None => {
            let (id, wanted) = accept_for_now(&house, client, Via::OpenAi, request).await?;
            (id, Some(wanted))
        }
    };
    if wish.stream {
        return stream(house, id, wish, wanted).await;
    }
    let job = end(&house, id, wanted).await?;
    let answer = Answer::new(&house, &wish, &job)?;
    let mut response = Json(answer.whole(&house, &server, failure(&job)?).await?).into_response();
    response.headers_mut().extend(timing::headers(&job));
    Ok(response)
}

/// Takes a request on whose client waits for it, which makes sense only where somebody draws. Whoever hangs up before it is taken on has
/// its job cancelled once it is there.
pub(super) async fn accept_for_now(
    house: &Arc<House>,
    client: Client,
    via: Via,
    request: JobRequest,
) -> Result<(JobId, Wanted)> {
    still_drawing(house)?;
    let house = Arc::clone(house);
    jobs::to_its_end(async move {
        let (id, _) = jobs::accept(&house, client, via, None, request).await?;
        Ok((id.clone(), Wanted::new(house, id)))
    })
    .await
}

/// The same of one that may come again, which gets the job that this one left.
async fn accept_to_come_again(
    house: &Arc<House>,
    client: Client,
    repeat: Repeat,
    request: JobRequest,
) -> Result<JobId> {
    still_drawing(house)?;
    let kept = jobs::accept_to_keep(house, client, Via::OpenAi, Some(repeat), request).await;
    kept.map(|(id, _)| id)
}

/// That somebody draws, or will.
pub(super) fn still_drawing(house: &House) -> Result<()> {
    match house.health().condition {
        Condition::GivenUp(why) => Err(Refusal::new(Code::NoWorker, why)),
        Condition::Ready | Condition::Loading | Condition::Unwell(_) => Ok(()),
    }
}

/// Cancels its job when it is dropped, unless that is done: a handler whose client is gone is dropped, and so is what came of an
/// acceptance that it does not wait for any more.
pub(super) struct Wanted {
    house: Arc<House>,
    id: Option<JobId>,
}

impl Wanted {
    pub(super) fn new(house: Arc<House>, id: JobId) -> Self {
        Self { house, id: Some(id) }
    }

    /// There is nothing to cancel any more.
    fn done(mut self) {
        self.id = None;
    }

    /// Cancels it, although its client is still there.
    pub(super) fn cancel(mut self) {
        self.give_up();
    }

    fn give_up(&mut self) {
        if let Some(id) = self.id.take() {
            let house = Arc::clone(&self.house);
            // Over already, as likely as not: there is nothing to cancel then, and nobody to tell.
            tokio::spawn(async move { jobs::stop(&house, id).await });
        }
    }
}

/// Waits until a job is over, which is cancelled where nobody will draw it.
pub(super) async fn end(house: &Arc<House>, id: JobId, wanted: Option<Wanted>) -> Result<Job> {
    let over = events::end(house, id).await;
    match &over {
        Ok(_) => wanted.into_iter().for_each(Wanted::done),
        Err(_) => wanted.into_iter().for_each(Wanted::cancel),
    }
    over
}

impl Drop for Wanted {
    fn drop(&mut self) {
        if self.id.is_some() {
            self.house.metrics.client_gone();
        }
        self.give_up();
    }
}

/// The job if it has its pictures, or why it has not.
pub(super) fn failure(job: &Job) -> Result<&Job> {
    match job.status {
        JobStatus::Completed if job.images_deleted == 0 => Ok(job),
        JobStatus::Completed => {
            let message = "pictures of this job were deleted; send it with another key to have it drawn again";
            Err(Refusal::new(Code::Expired, message))
        }
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
    /// There until the job is over, where it is cancelled for a client that hangs up.
    wanted: Option<Wanted>,
    /// `WIDTHxHEIGHT` of the pictures.
    size: String,
    shown: u32,
    /// Whether it was said that the job comes to nothing, after which nothing more is said.
    failed: bool,
    /// Ids of the pictures that were sent, and those that are left when the job is over.
    sent: Vec<String>,
    left: VecDeque<Image>,
}

/// The way of a job and its pictures, wherever it is by now.
pub(super) async fn stream(
    house: Arc<House>,
    id: JobId,
    wish: Wish,
    wanted: Option<Wanted>,
) -> Result<Response> {
    let job = jobs::look(&house, id.clone()).await?;
    // From its first event on: it may be on its way already.
    let follower = events::Follower::of_all(Arc::clone(&house), id).await?;
    let begin = Streaming {
        house,
        wish,
        follower,
        wanted,
        size: format!("{}x{}", job.width, job.height),
        shown: 0,
        failed: false,
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
                    self.wanted.take().into_iter().for_each(Wanted::cancel);
                    if std::mem::replace(&mut self.failed, true) {
                        return None;
                    }
                    return Some(named("error", &refusal.body(None)));
                }
            };
            match event {
                JobEvent::Preview { mime, b64, .. } => {
                    let body = self.partial(&mime, &b64).await;
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
                    if let Err(refusal) = failure(&state) {
                        return Some(named("error", &refusal.body(None)));
                    }
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

    async fn partial(&self, mime: &str, b64: &str) -> PartialImage {
        let (b64_json, output_format) = formats::preview(self.wish.format, mime, b64).await;
        PartialImage {
            kind: "image_generation.partial_image",
            b64_json,
            partial_image_index: self.shown,
            size: self.size.clone(),
            quality: self.wish.quality,
            background: "opaque",
            output_format,
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
    /// `WIDTHxHEIGHT` of the picture that it becomes.
    size: String,
    quality: &'static str,
    background: &'static str,
    /// `png`, `jpeg` or `webp`.
    output_format: String,
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
