//! `/v1/jobs/{id}/events` and `/v1/queue/events`: what happens, as server-sent events. A client that comes back with `Last-Event-ID` gets
//! what it missed.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::Stream;
use futures_util::stream::unfold;
use serde::Serialize;
use serde_json::Value;
use tokio::sync::Notify;
use utoipa::ToSchema;
use zao_api::{Job, JobEvent, JobStatus};
use zao_queue::{Event as Happened, JobId};

use super::guard::Client;
use super::read::Name;
use super::{Code, Refusal, Result, jobs, openai, queue};
use crate::house::House;

/// An event of a stream: with `text/event-stream` a schema is that of one event, not of the stream.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SentEvent {
    /// Of a job: a counter, for `Last-Event-ID`.
    id: Option<String>,
    /// What happened.
    event: String,
    /// JSON, as the stream's description says.
    #[schema(content_media_type = "application/json")]
    data: String,
}

/// How long a stream is silent at most.
const KEEP_ALIVE: Duration = Duration::from_secs(10);

/// Follow a job
///
/// Server-sent events. `event:` and `data:` of each are those of a `JobEvent`, `id:` is a counter of the job. The first event is a
/// `snapshot`, the last one `completed`, `failed` or `cancelled`. Whoever comes back with `Last-Event-ID` gets what was missed of
/// the last 256; where that is not known any more, a `snapshot` first. A comment every 10 s keeps the connection open.
#[utoipa::path(
    get, path = "/v1/jobs/{id}/events", tag = "jobs", operation_id = "followJob",
    params(
        ("id" = String, Path, description = "Id of the job."),
        ("Last-Event-ID" = Option<u64>, Header, format = "uint64", minimum = 0, description = "The last event that the client has."),
        ("X-Zao-Client" = Option<String>, Header, pattern = "^[A-Za-z0-9_-]{16,64}$", description = "The client's key, for `mine` of the job in events."),
    ),
    responses(
        (status = 200, description = "Events until the job is over.", content_type = "text/event-stream", body = SentEvent),
        (status = 400, description = "invalid_request"),
        (status = 404, description = "not_found"),
        (status = 410, description = "expired"),
        (status = 503, description = "storage_full"),
    ),
)]
pub(crate) async fn of_job(
    State(house): State<Arc<House>>,
    client: Client,
    Name(id): Name,
    headers: HeaderMap,
) -> Result<Response> {
    let id = House::job_id(&id)?;
    let place = house.listen()?;
    let seen = headers.get("last-event-id").map(last_seen).transpose()?;
    let mut follower = Follower::new(Arc::clone(&house), id.clone(), seen).await?;
    if let Ok(job) = jobs::look_as(&house, id, &client).await {
        (follower.mine, follower.changeable) = (job.mine, job.changeable);
    }
    Ok(stream(unfold((follower, place), |(mut follower, place)| async move {
        let event = follower.next().await?;
        Some((Ok(event), (follower, place)))
    })))
}

fn last_seen(value: &HeaderValue) -> Result<u64> {
    let number = value.to_str().ok().and_then(|text| text.trim().parse().ok());
    number.ok_or_else(|| {
        Refusal::of("Last-Event-ID", "the id of an event of this server is a number")
    })
}

/// A stream of events, as proxies leave it alone.
pub(crate) fn stream<S>(events: S) -> Response
where
    S: Stream<Item = std::result::Result<Event, Infallible>> + Send + 'static,
{
    let mut response =
        Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache, no-transform"));
    let buffering = HeaderName::from_static("x-accel-buffering");
    headers.insert(buffering, HeaderValue::from_static("no"));
    response
}

/// Somebody who follows a job.
pub(crate) struct Follower {
    house: Arc<House>,
    id: JobId,
    bell: Arc<Notify>,
    /// The last event that was sent.
    seen: u64,
    /// Shared with the ledger and all others who follow: somebody who does not read must not keep copies of previews.
    ready: VecDeque<Arc<Happened>>,
    over: bool,
    /// Whether anything was told.
    told: bool,
    /// Whether the job is of whoever follows it.
    mine: bool,
    /// Whether they may cancel it.
    changeable: bool,
}

impl Follower {
    /// Follows a job from the event behind `seen` on, or from now.
    pub(crate) async fn new(house: Arc<House>, id: JobId, seen: Option<u64>) -> Result<Self> {
        let mut follower = Self::before(house, id, 0);
        // What happens between these two is sent twice rather than never.
        let since = follower.house.ledger.events().since(&follower.id, seen);
        // An event that never was says nothing of what was missed, and nothing would ever come after it.
        let seen = seen.filter(|seen| since.as_ref().is_none_or(|since| *seen <= since.last));
        follower.seen = seen.unwrap_or(0);
        let missed = since.as_ref().is_none_or(|since| since.gap || seen.is_none());
        if missed {
            follower.snapshot(since.map_or(0, |since| since.last)).await?;
        }
        Ok(follower)
    }

    /// Follows a job from its beginning on, as far as it is known: whoever hands one in and then listens may come late for what a worker
    /// shows at once.
    pub(crate) async fn of_all(house: Arc<House>, id: JobId) -> Result<Self> {
        let mut follower = Self::before(house, id, 0);
        match follower.house.ledger.events().since(&follower.id, Some(0)) {
            Some(since) => {
                follower.seen = since.last;
                follower.ready.extend(since.events);
                follower.over = since.over;
            }
            None => follower.snapshot(0).await?,
        }
        Ok(follower)
    }

    /// Somebody who has not looked yet.
    fn before(house: Arc<House>, id: JobId, seen: u64) -> Self {
        let (bell, ready) = (house.bells.of(&id), VecDeque::new());
        Self {
            house,
            id,
            bell,
            seen,
            ready,
            over: false,
            told: false,
            mine: false,
            changeable: false,
        }
    }

    /// Begins with how the job stands.
    async fn snapshot(&mut self, last: u64) -> Result<()> {
        let job = jobs::look(&self.house, self.id.clone()).await?;
        self.seen = self.seen.max(last);
        let over = end_of(&job);
        let snapshot = JobEvent::Snapshot { job: self.id.to_string(), state: Box::new(job) };
        self.over |= over.is_some();
        std::iter::once(snapshot).chain(over).for_each(|what| self.push(what));
        Ok(())
    }

    fn push(&mut self, what: JobEvent) {
        self.ready.push_back(Arc::new(Happened { id: self.seen, at: SystemTime::now(), what }));
    }

    /// The next event with its number, or `None` after the last.
    pub(crate) async fn next_event(&mut self) -> Option<(u64, JobEvent)> {
        let happened = self.next_happened().await?;
        Some((happened.id, happened.what.clone()))
    }

    async fn next_happened(&mut self) -> Option<Arc<Happened>> {
        loop {
            if let Some(happened) = self.ready.pop_front() {
                self.seen = self.seen.max(happened.id);
                self.told = true;
                return Some(happened);
            }
            if self.over {
                return None;
            }
            let bell = Arc::clone(&self.bell);
            let rung = bell.notified();
            tokio::pin!(rung);
            // From here on nothing is missed.
            rung.as_mut().enable();
            match self.house.ledger.events().since(&self.id, Some(self.seen)) {
                Some(since) if since.gap => {
                    if self.snapshot(since.last).await.is_err() {
                        return None;
                    }
                }
                Some(since) if !since.events.is_empty() => {
                    self.ready.extend(since.events);
                    self.over = since.over;
                }
                // The connection broke between a snapshot and the end that it came with, or the client asks for the end again.
                Some(since) if since.over && !self.told => {
                    let end = end_of(&jobs::look(&self.house, self.id.clone()).await.ok()?)?;
                    self.over = true;
                    self.push(end);
                }
                Some(since) if since.over => return None,
                Some(_) => rung.await,
                // Over for so long that its events are forgotten: the job says how it ended.
                None => {
                    if self.snapshot(self.seen).await.is_err() || !self.over {
                        return None;
                    }
                }
            }
        }
    }

    /// That a server which is about to stop still finishes the job: what no worker began with by then waits until the next start, and
    /// whoever waits for it would be hung up on.
    async fn will_be_drawn(&self) -> Result<()> {
        let house = &self.house;
        if !house.is_closing() {
            return Ok(());
        }
        match jobs::look(house, self.id.clone()).await?.status {
            JobStatus::Queued => {
                let message = "the server is about to stop and has not begun with this; send it again in a moment";
                Err(Refusal::new(Code::Draining, message).after(house.settings.drain))
            }
            _ => Ok(()),
        }
    }

    async fn next(&mut self) -> Option<Event> {
        let happened = self.next_happened().await?;
        // An event is an object of two fields; taking it apart cannot fail.
        let mut value = serde_json::to_value(&happened.what).ok()?;
        let name = value.get("event").and_then(Value::as_str)?.to_owned();
        let mut data = value.get_mut("data").map(Value::take)?;
        let at = happened.at.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64();
        data.as_object_mut()?.insert("at".into(), at.into());
        // Events are shared by all who follow a job, and whose it is depends on who looks.
        self.tell_whose(&mut data);
        Some(Event::default().id(happened.id.to_string()).event(name).data(data.to_string()))
    }

    fn tell_whose(&self, data: &mut Value) {
        let tell = |shown: &mut Value| shown["changeable"] = self.changeable.into();
        data.get_mut("image").into_iter().for_each(tell);
        let Some(state) = data.get_mut("state").filter(|state| state.is_object()) else { return };
        tell(state);
        state["mine"] = self.mine.into();
        let images = state.get_mut("images").and_then(Value::as_array_mut);
        images.into_iter().flatten().for_each(tell);
    }
}

/// The last event of a job that is over.
fn end_of(job: &Job) -> Option<JobEvent> {
    let (id, state) = (job.id.clone(), Box::new(job.clone()));
    match job.status {
        JobStatus::Queued | JobStatus::Running => None,
        JobStatus::Completed => Some(JobEvent::Completed { job: id, state }),
        JobStatus::Failed => Some(JobEvent::Failed { job: id, state }),
        JobStatus::Cancelled => Some(JobEvent::Cancelled { job: id, state }),
    }
}

/// How often the queue is told of at most.
const QUEUE_EVERY: Duration = Duration::from_millis(250);

/// Follow the queue
///
/// Server-sent events called `queue`, each with an `Outlook` as its data: one at once, and one whenever it changes, at most four a
/// second. The stream has no end.
#[utoipa::path(
    get, path = "/v1/queue/events", tag = "jobs", operation_id = "followQueue",
    params(("X-Zao-Client" = Option<String>, Header, pattern = "^[A-Za-z0-9_-]{16,64}$", description = "The client's key, for `mine`."),),
    responses(
        (status = 200, description = "Events without end.", content_type = "text/event-stream", body = SentEvent),
        (status = 400, description = "invalid_request"),
    ),
)]
pub(crate) async fn of_queue(State(house): State<Arc<House>>, client: Client) -> Result<Response> {
    let place = house.listen()?;
    let begin = (house, client, None::<Value>, place);
    Ok(stream(unfold(begin, |(house, client, told, place)| async move {
        loop {
            let now = serde_json::to_value(queue::outlook(&house, &client).await).ok()?;
            if told.as_ref() != Some(&now) {
                let event = Event::default().event("queue").data(now.to_string());
                return Some((Ok(event), (house, client, Some(now), place)));
            }
            tokio::time::sleep(QUEUE_EVERY).await;
        }
    })))
}

/// How often those who wait ask whether anybody draws at all.
const STILL_DRAWING: Duration = Duration::from_secs(1);

/// The next event of a job that a client waits for, or `None` after the last; an error where nobody will draw it.
pub(crate) async fn next_while_drawing(
    house: &Arc<House>,
    follower: &mut Follower,
) -> Result<Option<JobEvent>> {
    loop {
        // An event that was found is taken before the next wait, so one that is given up early loses none.
        let next = tokio::time::timeout(STILL_DRAWING, follower.next_event());
        match next.await {
            Ok(event) => return Ok(event.map(|(_, event)| event)),
            Err(_) => {
                openai::still_drawing(house)?;
                follower.will_be_drawn().await?;
            }
        }
    }
}

/// Waits until a job is over.
pub(crate) async fn end(house: &Arc<House>, id: JobId) -> Result<Job> {
    let mut follower = Follower::new(Arc::clone(house), id.clone(), None).await?;
    while let Some(event) = next_while_drawing(house, &mut follower).await? {
        match event {
            JobEvent::Completed { state, .. }
            | JobEvent::Failed { state, .. }
            | JobEvent::Cancelled { state, .. } => return Ok(*state),
            _ => {}
        }
    }
    let job = jobs::look(house, id).await?;
    if end_of(&job).is_some() {
        return Ok(job);
    }
    Err(Refusal::new(Code::Internal, "the job's events ended before the job did; look at it again"))
}
