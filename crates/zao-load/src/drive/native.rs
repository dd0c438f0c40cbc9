//! zao's own jobs: one is handed in, its events are followed, its pictures are fetched. Whoever gives up before that cancels
//! it, so that a measurement leaves no work behind.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use hyper::{Method, StatusCode};
use serde_json::Value;
use zao_api::{Job, JobStatus};

use super::{Drawn, Manner, json, refusal, with_extra};
use crate::foreseen::Foreseen;
use crate::http::{Answer, Client, Event, Events, Question};
use crate::plan::Wish;
use crate::record::{Moments, Told, Trouble};

/// A stream of events that ends too soon is taken up again so often.
const MOST_RECONNECTIONS: usize = 5;
const BEFORE_RECONNECTING: Duration = Duration::from_millis(200);

/// Hands a job in and waits for its pictures.
pub(super) async fn draw(
    client: &Arc<Client>,
    manner: &Manner,
    wish: &Wish,
    moments: &mut Moments,
) -> Result<Drawn, Trouble> {
    let body = serde_json::to_value(&wish.request)
        .map_err(|error| Trouble::bad_answer(format!("the request cannot be written: {error}")))?;
    let question = Question::post(client.path("/v1/jobs"), &with_extra(body, &manner.extra));
    let answer = client.ask(&question).await?;
    moments.first_byte = Some(answer.first_byte);
    let mut answer = refusal::check(client, answer).await?;
    let job: Job = json("the job", &client.read(&mut answer).await?)?;
    let mut unfinished =
        Unfinished { client: Arc::clone(client), path: Some(client.path(&job.links.this)) };
    let job = follow(client, &job, moments).await?;
    unfinished.path = None;
    if job.status != JobStatus::Completed {
        return Err(match job.error {
            Some(error) => Trouble::failed(code(&error), error.message),
            None => Trouble::failed(job.status.as_str(), "the server says no more"),
        });
    }
    let mut pictures = Vec::with_capacity(job.images.len());
    for image in &job.images {
        pictures.push(picture(client, &image.url).await?);
        moments.end = Some(Instant::now());
    }
    let told = Told {
        queue: job.timing.map(|timing| timing.queue_seconds),
        inference: job.timing.map(|timing| timing.inference_seconds),
        memory_bytes: None,
    };
    Ok(Drawn { pictures, size: Some((job.width, job.height)), told })
}

/// The name of a failure on the wire.
fn code(error: &zao_api::ErrorBody) -> String {
    let code = serde_json::to_value(error.code).ok();
    code.as_ref().and_then(Value::as_str).unwrap_or("failed").to_owned()
}

/// Follows the events of a job until it is over.
async fn follow(client: &Arc<Client>, job: &Job, moments: &mut Moments) -> Result<Job, Trouble> {
    let mut last_id = String::new();
    let mut foreseen = Foreseen::default();
    let mut trouble = None;
    for round in 0..=MOST_RECONNECTIONS {
        if round > 0 {
            tokio::time::sleep(BEFORE_RECONNECTING).await;
        }
        let told = (&mut *moments, &mut foreseen);
        match listen(client, &job.links.events, &mut last_id, told).await {
            Ok(Some(job)) => {
                moments.eta_errors = foreseen.errors();
                return Ok(job);
            }
            Ok(None) => {}
            // Only a connection that breaks is worth another; what a server says, it says.
            Err(Trouble::Failed { code, detail }) if is_connection(&code) => {
                trouble = Some(Trouble::Failed { code, detail });
            }
            Err(trouble) => return Err(trouble),
        }
    }
    let silent = || Trouble::failed("connection_lost", "the events ended before the job was over");
    Err(trouble.unwrap_or_else(silent))
}

fn is_connection(code: &str) -> bool {
    matches!(code, "connection_lost" | "connect")
}

/// Listens to one stream; `None` when it ends before the job does.
async fn listen(
    client: &Arc<Client>,
    path: &str,
    last_id: &mut String,
    (moments, foreseen): (&mut Moments, &mut Foreseen),
) -> Result<Option<Job>, Trouble> {
    let mut question = Question::get(client.path(path));
    if !last_id.is_empty() {
        question.headers.push(("last-event-id", last_id.clone()));
    }
    let answer = client.ask(&question).await?;
    let mut answer = refusal::check(client, answer).await?;
    let mut events = Events::default();
    while let Some(Event { event, id, data }) = events.next(&mut answer).await? {
        let (now, clock) = (Instant::now(), SystemTime::now());
        *last_id = id;
        foreseen.hear(&event, &data);
        if is_told_at_once(&event) {
            moments.news.extend(delay(&data, clock));
        }
        match event.as_str() {
            "preview" => {
                let preview: Value = json("a preview", data.as_bytes())?;
                if preview["b64"].as_str().is_some_and(|text| !text.is_empty()) {
                    moments.first_preview.get_or_insert(now);
                }
            }
            "completed" | "failed" | "cancelled" => {
                let mut last: Value = json("the last event", data.as_bytes())?;
                let job = serde_json::from_value(last["state"].take()).map_err(|error| {
                    Trouble::bad_answer(format!("the job cannot be read: {error}"))
                })?;
                use_again(client, answer);
                return Ok(Some(job));
            }
            _ => {}
        }
    }
    client.keep(&mut answer);
    Ok(None)
}

/// Whether an event is told when it happens. Pictures and ends are kept on the disk first, which is not the way to the client.
fn is_told_at_once(event: &str) -> bool {
    matches!(event, "started" | "stage" | "step" | "preview" | "requeued")
}

/// Seconds since the moment that an event names.
fn delay(data: &str, now: SystemTime) -> Option<f64> {
    #[derive(serde::Deserialize)]
    struct Stamped {
        at: f64,
    }
    let Stamped { at } = serde_json::from_str(data).ok()?;
    let now = now.duration_since(UNIX_EPOCH).ok()?.as_secs_f64();
    // Clocks that disagree a little must not make it arrive before it happened.
    Some((now - at).max(0.0))
}

/// Reads what stands behind the last event, beside everything else, so that the connection can be kept.
fn use_again(client: &Arc<Client>, mut answer: Answer) {
    let client = Arc::clone(client);
    tokio::spawn(async move {
        while let Ok(Some(_)) = answer.chunk().await {}
        client.keep(&mut answer);
    });
}

async fn picture(client: &Client, url: &str) -> Result<Bytes, Trouble> {
    let path = client.target().path_of(url);
    let path =
        path.ok_or_else(|| Trouble::bad_answer(format!("the picture is elsewhere: {url}")))?;
    let answer = client.ask(&Question::get(path)).await?;
    if answer.status != StatusCode::OK {
        refusal::check(client, answer).await?;
        return Err(Trouble::bad_answer(format!("{url} is empty")));
    }
    let mut answer = answer;
    client.read(&mut answer).await
}

/// A job that nobody will wait for if this is dropped.
struct Unfinished {
    client: Arc<Client>,
    path: Option<String>,
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        let Some(path) = self.path.take() else { return };
        let (client, question) =
            (Arc::clone(&self.client), Question { method: Method::DELETE, ..Question::get(path) });
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            // Whether it helps is not waited for: the request is over already.
            runtime.spawn(async move { client.fetch(&question).await.map(drop) });
        }
    }
}
