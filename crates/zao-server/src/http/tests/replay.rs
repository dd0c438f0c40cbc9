//! Streams that break: whoever comes back with the last event that was seen gets all that is missing, and nothing twice.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use serde_json::json;
use zao_api::JobEvent;

use super::Server;
use super::wire::{Port, Told};
use crate::listen::Pace;

const TIME: Duration = Duration::from_secs(30);

/// The first `most` events behind `last`, after which the client hangs up; fewer where the stream ends.
async fn some(port: &Port, path: &str, last: Option<u64>, most: usize) -> Vec<Told> {
    let mut wire = port.call().await;
    let header = last.map_or_else(String::new, |last| format!("last-event-id: {last}\r\n"));
    wire.send("GET", path, &header, "").await;
    assert_eq!(wire.head().await.0, 200);
    let mut told = Vec::new();
    while told.len() < most
        && let Some(event) = tokio::time::timeout(TIME, wire.event()).await.expect("an event comes")
    {
        told.push(event);
    }
    told
}

async fn a_job(server: &Server) -> (String, String) {
    let wish = json!({"prompt": "a cat", "width": 32, "height": 32, "steps": 5, "previews": 2, "count": 2});
    let job = server.post("/v1/jobs", wish).await.expect(202);
    let link = |name: &str| job["links"][name].as_str().unwrap().to_owned();
    let this = link("self");
    // That it runs may be seen before it is told, and what is told of then is what comes behind that.
    let events = Arc::clone(&server.painter.house.lock().unwrap().clone().unwrap().ledger);
    let id: zao_queue::JobId = job["id"].as_str().unwrap().parse().unwrap();
    let has_started = || {
        let since = events.events().since(&id, Some(0));
        let is_start = |it: &Arc<zao_queue::Event>| matches!(it.what, JobEvent::Started { .. });
        since.is_some_and(|since| since.events.iter().any(is_start))
    };
    while !has_started() {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    (this, link("events"))
}

/// What there is to tell of such a job once it runs.
const TOLD: [&str; 13] = [
    "stage",
    "step",
    "step",
    "step",
    "step",
    "step",
    "preview",
    "preview",
    "image",
    "preview",
    "preview",
    "image",
    "completed",
];

fn names(told: &[Told]) -> Vec<&str> {
    told.iter().map(|event| event.name.as_str()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_that_breaks_behind_every_event_misses_none_while_a_picture_is_drawn() {
    let server = Server::new();
    let port = Port::open(&server, Pace::default());
    server.pause(true);
    server.painter.breath.store(10, Ordering::Relaxed);
    // Previews are not kept of what is over, and a client that is slow would miss some.
    server.painter.holds_back.store(true, Ordering::Relaxed);
    let (_, path) = a_job(&server).await;
    let first = some(&port, &path, None, 1).await;
    assert_eq!(first[0].name, "snapshot");
    server.pause(false);
    let mut last = first[0].id;
    let mut told: Vec<Told> = Vec::new();
    while told.last().is_none_or(|event| event.name != "completed") {
        let one = some(&port, &path, Some(last), 1).await;
        let [event] = one.as_slice() else { panic!("the stream ended after {told:?}") };
        last = event.id;
        told.push(event.clone());
        let holds_back = told.len() + 1 < TOLD.len();
        server.painter.holds_back.store(holds_back, Ordering::Relaxed);
    }
    assert_eq!(names(&told), TOLD);
    assert!(told.windows(2).all(|two| two[0].id < two[1].id), "{told:?}");
    assert!(told.iter().all(|event| event.data["at"].as_f64().unwrap() > 1.7e9));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wherever_a_stream_breaks_the_rest_is_told() {
    let server = Server::new();
    let port = Port::open(&server, Pace::default());
    server.pause(true);
    // While it is drawn, so that previews are still kept.
    server.painter.holds_back.store(true, Ordering::Relaxed);
    let (this, path) = a_job(&server).await;
    let begin = some(&port, &path, None, 1).await[0].id;
    server.pause(false);
    let known = TOLD.len() - 1;
    let all = some(&port, &path, Some(begin), known).await;
    assert_eq!(names(&all), TOLD[..known]);
    for cut in 0..known {
        let before = some(&port, &path, Some(begin), cut).await;
        let last = before.last().map_or(begin, |event| event.id);
        let rest = some(&port, &path, Some(last), known - cut).await;
        let both: Vec<Told> = before.into_iter().chain(rest).collect();
        assert_eq!(both, all, "cut behind {cut}");
    }
    server.painter.holds_back.store(false, Ordering::Relaxed);
    server.over(&this).await;
    // Over: a stream has the state and the end, and may break between the two, or be asked for again.
    let both = some(&port, &path, None, 9).await;
    assert_eq!(names(&both), ["snapshot", "completed"]);
    for event in &both {
        let rest = some(&port, &path, Some(event.id), 9).await;
        assert_eq!(names(&rest), ["completed"], "behind {}", event.name);
    }
}
