//! How long an event is on its way, from the moment at which the ledger is told to the client that reads it.

use std::sync::atomic::Ordering;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::json;

use super::Server;
use super::wire::Port;
use crate::listen::Pace;

/// Clients that listen to the same job.
const CLIENTS: usize = 16;

fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64()
}

/// Runs at most: where others compile at the same time, a run says more of them.
const RUNS: usize = 5;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_are_there_at_once() {
    let mut runs = Vec::new();
    for _ in 0..RUNS {
        let (p50, p99) = delays().await;
        // On a machine that is left alone p99 is below 5 ms.
        if p50 <= 20.0 && p99 <= 250.0 {
            return;
        }
        runs.push((p50, p99));
    }
    panic!("p50 and p99 in ms: {runs:?}");
}

/// Milliseconds of a run within which half of the events and all but a hundredth came.
async fn delays() -> (f64, f64) {
    let server = Server::new();
    let port = Port::open(&server, Pace::default());
    server.pause(true);
    server.painter.breath.store(4, Ordering::Relaxed);
    let wish = json!({"prompt": "a cat", "width": 32, "height": 32, "steps": 100, "previews": 2});
    let job = server.post("/v1/jobs", wish).await.expect(202);
    let path = job["links"]["events"].as_str().unwrap();
    let mut listening = tokio::task::JoinSet::new();
    for _ in 0..CLIENTS {
        let mut wire = port.call().await;
        wire.send("GET", path, "", "").await;
        wire.head().await;
        listening.spawn(async move {
            let mut delays = Vec::new();
            while let Some(event) = wire.event().await {
                // What waits for the disk is told when that is done.
                if event.name == "step" {
                    delays.push(now() - event.data["at"].as_f64().unwrap());
                }
            }
            delays
        });
    }
    server.pause(false);
    let mut delays: Vec<f64> = listening.join_all().await.into_iter().flatten().collect();
    assert_eq!(delays.len(), CLIENTS * 100);
    delays.sort_by(f64::total_cmp);
    let share = |share: f64| 1000.0 * delays[(share * (delays.len() - 1) as f64) as usize];
    let (p50, p99) = (share(0.5), share(0.99));
    println!("{} events: p50 {p50:.2} ms, p99 {p99:.2} ms", delays.len());
    assert!(delays[0] >= 0.0, "{:?}", delays[0]);
    (p50, p99)
}
