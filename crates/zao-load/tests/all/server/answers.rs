//! What the server of these tests answers, in the three protocols.

use std::collections::HashMap;
use std::io;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use base64::Engine as _;
use serde_json::{Value, json};
use tokio::sync::watch;

use super::{Asked, Fault, SIDE, State, Wire, picture};

/// Jobs by their number: what happened to them, and their picture.
pub(crate) type Jobs = Mutex<HashMap<u64, Job>>;

#[derive(Clone)]
pub(crate) struct Job {
    events: watch::Receiver<Vec<(&'static str, Value)>>,
    picture: Vec<u8>,
}

pub(crate) async fn answer(state: &Arc<State>, wire: &mut Wire, asked: Asked) -> io::Result<()> {
    let at = asked.path.trim_start_matches('/').split('/').collect::<Vec<_>>();
    match (asked.method.as_str(), &at[..]) {
        ("get", ["health"]) => wire.answer(200, "", b"{}", Duration::ZERO).await,
        ("get", ["metrics"]) => {
            wire.answer(200, "", metrics(state).as_bytes(), Duration::ZERO).await
        }
        ("post", ["v1", "images", "generations"]) => openai(state, wire, &asked).await,
        ("post", ["sdapi", "v1", "txt2img"]) => a1111(state, wire, &asked).await,
        ("post", ["v1", "jobs"]) => create(state, wire, &asked).await,
        ("get", ["v1", "jobs", id, "events"]) => events(state, wire, id, &asked).await,
        ("delete", ["v1", "jobs", _]) => {
            state.cancelled.fetch_add(1, Ordering::Relaxed);
            wire.answer(200, "", b"{}", Duration::ZERO).await
        }
        ("get", ["v1", "images", id]) => {
            let picture = job(state, id).picture;
            wire.answer(200, "", &picture, state.behaviour.trickle).await
        }
        _ => wire.answer(404, "", b"{\"error\":{\"code\":\"not_found\"}}", Duration::ZERO).await,
    }
}

fn metrics(state: &State) -> String {
    let waiting = state.drawing.load(Ordering::Relaxed).saturating_sub(state.behaviour.slots);
    let cards = if state.behaviour.cards { cards(state) } else { String::new() };
    format!(
        "# TYPE zao_vram_bytes gauge\nzao_vram_bytes{{kind=\"peak\"}} 5000000000\nzao_queue_depth {waiting}\n{cards}"
    )
}

/// Two cards of 300 and 500 watts, whose counters run since the server began; the second does not tell its temperature.
fn cards(state: &State) -> String {
    let seconds = state.started.elapsed().as_secs_f64();
    let card = |number: usize, watts: f64, share: f64| {
        let labels = format!("{{device=\"cuda:{number}\",worker=\"worker-{number}\"}}");
        format!(
            "zao_device_power_watts{labels} {watts}\nzao_device_utilization_ratio{labels} {share}\n\
             zao_device_energy_joules_total{labels} {}\nzao_device_memory_used_bytes{labels} {}\n",
            1e6 + watts * seconds,
            2e10 + 1e9 * number as f64,
        )
    };
    let hot = "zao_device_temperature_celsius{device=\"cuda:0\",worker=\"worker-0\"} 61\n";
    card(0, 300.0, 0.8) + &card(1, 500.0, 0.6) + hot
}

/// Takes a request in: its body, its fault. Answers it where the fault is that it is not served.
async fn admit(
    state: &State,
    wire: &mut Wire,
    asked: &Asked,
) -> io::Result<Option<(Value, Fault)>> {
    let number = state.numbers.fetch_add(1, Ordering::Relaxed);
    state.begin.get_or_init(Instant::now);
    let fault = (state.behaviour.fault)(number);
    let body: Value = serde_json::from_slice(&asked.body).unwrap();
    state.bodies.lock().unwrap().push(body.clone());
    match fault {
        Fault::Refuse(seconds) => {
            let headers = format!("retry-after: {seconds}\r\n");
            let body = json!({"error": {"code": "queue_full", "message": "too many"}}).to_string();
            wire.answer(429, &headers, body.as_bytes(), Duration::ZERO).await?;
            Ok(None)
        }
        Fault::Broken => {
            let body =
                json!({"error": {"code": "out_of_memory", "message": "draw less"}}).to_string();
            wire.answer(503, "", body.as_bytes(), Duration::ZERO).await?;
            Ok(None)
        }
        Fault::Hang => {
            tokio::time::sleep(Duration::from_secs(60)).await;
            Err(io::ErrorKind::TimedOut.into())
        }
        fault => Ok(Some((body, fault))),
    }
}

/// Waits for a slot and draws; gives seconds in the queue and of work.
async fn draw(state: &State, body: &Value, fault: Fault) -> (Vec<u8>, f64, f64) {
    let begin = Instant::now();
    state.drawing.fetch_add(1, Ordering::Relaxed);
    if let Some((from, to)) = state.behaviour.stall {
        let since = state.begin.get().unwrap().elapsed();
        if (from..to).contains(&since) {
            tokio::time::sleep(to - since).await;
        }
    }
    let slot = state.slots.acquire().await.unwrap();
    let queue = begin.elapsed().as_secs_f64();
    tokio::time::sleep(state.behaviour.work).await;
    drop(slot);
    let together = state.drawing.fetch_sub(1, Ordering::Relaxed);
    let seed = body["seed"].as_u64().unwrap();
    let seed = if state.behaviour.unsteady && together > 1 { seed ^ 1 } else { seed };
    (picture(seed, fault), queue, begin.elapsed().as_secs_f64() - queue)
}

fn base64(bytes: &[u8]) -> String {
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

fn timing((queue, inference): (f64, f64)) -> String {
    format!("x-queue-time: {queue}\r\nx-inference-time: {inference}\r\n")
}

async fn openai(state: &Arc<State>, wire: &mut Wire, asked: &Asked) -> io::Result<()> {
    let Some((body, fault)) = admit(state, wire, asked).await? else { return Ok(()) };
    if body["stream"] == true {
        return openai_stream(state, wire, &body, fault).await;
    }
    let (picture, queue, inference) = draw(state, &body, fault).await;
    let answer = json!({"data": [{"b64_json": base64(&picture)}]}).to_string();
    if fault == Fault::Drop {
        return wire.break_off(answer.as_bytes()).await;
    }
    wire.answer(200, &timing((queue, inference)), answer.as_bytes(), state.behaviour.trickle).await
}

async fn openai_stream(
    state: &State,
    wire: &mut Wire,
    body: &Value,
    fault: Fault,
) -> io::Result<()> {
    wire.begin_events("").await?;
    wire.piece(": alive\n\n").await?;
    tokio::time::sleep(state.behaviour.work / 2).await;
    let partial = json!({"type": "image_generation.partial_image", "b64_json": "aGk=", "partial_image_index": 0});
    wire.piece(&format!("event: image_generation.partial_image\ndata: {partial}\n\n")).await?;
    if fault == Fault::Drop {
        return Err(io::ErrorKind::ConnectionAborted.into());
    }
    let (picture, queue, inference) = draw(state, body, fault).await;
    let last = json!({
        "type": "image_generation.completed", "b64_json": base64(&picture),
        "queue_seconds": queue, "inference_seconds": inference,
    });
    wire.piece(&format!("event: image_generation.completed\ndata: {last}\n\n")).await?;
    wire.piece("").await
}

async fn a1111(state: &Arc<State>, wire: &mut Wire, asked: &Asked) -> io::Result<()> {
    let Some((body, fault)) = admit(state, wire, asked).await? else { return Ok(()) };
    let (picture, queue, inference) = draw(state, &body, fault).await;
    let answer = json!({"images": [base64(&picture)], "parameters": {}, "info": "{}"}).to_string();
    wire.answer(200, &timing((queue, inference)), answer.as_bytes(), state.behaviour.trickle).await
}

fn job(state: &State, id: &str) -> Job {
    let number: u64 = id.trim_start_matches(|c: char| !c.is_ascii_digit()).parse().unwrap();
    state.jobs.lock().unwrap()[&number].clone()
}

async fn create(state: &Arc<State>, wire: &mut Wire, asked: &Asked) -> io::Result<()> {
    let Some((body, fault)) = admit(state, wire, asked).await? else { return Ok(()) };
    let number = state.jobs.lock().unwrap().len() as u64;
    let (sender, events) = watch::channel(vec![("queued", json!({"position": 1}))]);
    let begun = Job { events, picture: Vec::new() };
    state.jobs.lock().unwrap().insert(number, begun);
    let queued = description(number, &body, "queued", None);
    let (state, shared) = (Arc::clone(state), body.clone());
    tokio::spawn(async move {
        tokio::time::sleep(state.behaviour.work / 2).await;
        let tell = |event, data| sender.send_modify(|events| events.push((event, data)));
        // It says that it happened a little before.
        let at = seconds_since_1970() - NEWS.as_secs_f64();
        let eta = NEWS + state.behaviour.work + TOO_MUCH;
        tell("step", json!({"step": 1, "steps": 2, "eta_seconds": eta.as_secs_f64(), "at": at}));
        tell(
            "preview",
            json!({"index": 0, "mime": "image/png", "b64": "aGk=", "width": 1, "height": 1, "at": at}),
        );
        if fault == Fault::Drop {
            let mut last = description(number, &shared, "failed", None);
            last["error"] = json!({"code": "worker_lost", "message": "again and again"});
            return tell("failed", json!({"state": last}));
        }
        let (picture, queue, inference) = draw(&state, &shared, fault).await;
        state.jobs.lock().unwrap().get_mut(&number).unwrap().picture = picture;
        let last = description(number, &shared, "completed", Some((queue, inference)));
        tell("completed", json!({"state": last, "at": seconds_since_1970()}));
    });
    wire.answer(202, "", queued.to_string().as_bytes(), Duration::ZERO).await
}

/// How old a preview is when it is told.
pub(crate) const NEWS: Duration = Duration::from_millis(30);

/// So much later than it will be is a job foreseen to be done.
pub(crate) const TOO_MUCH: Duration = Duration::from_millis(500);

fn seconds_since_1970() -> f64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.unwrap().as_secs_f64()
}

/// A job as [`zao_api::Job`] has it.
fn description(number: u64, request: &Value, status: &str, timing: Option<(f64, f64)>) -> Value {
    let image = json!({
        "id": format!("img_{number}"), "job": format!("job_{number}"), "index": 0,
        "url": format!("/v1/images/img_{number}"), "thumb_url": "", "seed": request["seed"], "width": SIDE,
        "height": SIDE, "prompt": request["prompt"], "bytes": 1, "created_at": 1.0,
    });
    let images = if timing.is_some() { json!([image]) } else { json!([]) };
    json!({
        "id": format!("job_{number}"), "status": status, "created_at": 1.0, "started_at": null,
        "finished_at": null, "request": request, "seeds": [request["seed"]], "width": SIDE, "height": SIDE,
        "steps": 4, "queue_position": null, "eta_seconds": null, "progress": null, "images": images,
        "timing": timing.map(|(queue, inference)| json!({
            "queue_seconds": queue, "inference_seconds": inference, "total_seconds": queue + inference,
        })),
        "warnings": [], "error": null,
        "links": {"self": format!("/v1/jobs/job_{number}"), "events": format!("/v1/jobs/job_{number}/events")},
    })
}

async fn events(state: &Arc<State>, wire: &mut Wire, id: &str, asked: &Asked) -> io::Result<()> {
    let last = asked.head.lines().find_map(|line| line.strip_prefix("last-event-id: "));
    let mut next: usize = last.map_or(0, |id| id.trim().parse::<usize>().unwrap() + 1);
    let mut happened = job(state, id).events;
    wire.begin_events("").await?;
    wire.piece(": alive\n\n").await?;
    loop {
        let new = happened.borrow_and_update()[next..].to_vec();
        for (event, data) in new {
            wire.piece(&format!("id: {next}\nevent: {event}\ndata: {data}\n\n")).await?;
            next += 1;
            if matches!(event, "completed" | "failed") {
                return wire.piece("").await;
            }
            if state.behaviour.forgetful && event == "preview" {
                return Err(io::ErrorKind::ConnectionAborted.into());
            }
        }
        happened.changed().await.unwrap();
    }
}
