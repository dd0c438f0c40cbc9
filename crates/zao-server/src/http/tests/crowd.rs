//! Ten thousand jobs that are queued and cancelled: the server keeps its order, its pace and its memory.

use std::time::{Duration, Instant};

use serde_json::json;

use super::Server;
use super::wire::{MEASURES, Port, resident};
use crate::listen::Pace;

const JOBS: usize = 10_000;
const CLIENTS: usize = 16;

/// Every so many-th is left to be drawn.
const LEFT: usize = 1000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_jobs_are_queued_and_cancelled() {
    let server = Server::with(|settings| {
        settings.ledger.queued = 2 * JOBS;
        settings.ledger.queued_per_client = 2 * JOBS;
    });
    let port = Port::open(&server, Pace::default());
    server.pause(true);
    let measures = MEASURES.lock().await;
    let before = resident();
    let begun = Instant::now();
    let mut submitting = tokio::task::JoinSet::new();
    for client in 0..CLIENTS {
        let mut wire = port.call().await;
        submitting.spawn(async move {
            let mut jobs = Vec::new();
            for seed in (client..JOBS).step_by(CLIENTS) {
                let wish =
                    json!({"prompt": "a cat", "width": 32, "height": 32, "steps": 1, "seed": seed});
                let (status, job) = wire.json("POST", "/v1/jobs", &wish.to_string()).await;
                assert_eq!(status, 202, "{job}");
                jobs.push((seed, job["links"]["self"].as_str().unwrap().to_owned()));
            }
            jobs
        });
    }
    let mut jobs: Vec<(usize, String)> =
        submitting.join_all().await.into_iter().flatten().collect();
    let submitted = begun.elapsed();
    let with_all = resident();
    jobs.sort_unstable();
    let queue = server.get("/v1/queue").await.expect(200);
    assert_eq!(queue["queued"].as_u64().unwrap() + queue["running"].as_u64().unwrap(), JOBS as u64);
    let position = |job: serde_json::Value| job["queue_position"].as_u64();
    assert!(position(server.get(&jobs[JOBS - 1].1).await.expect(200)).unwrap() > 1);

    let begun = Instant::now();
    let mut cancelling = tokio::task::JoinSet::new();
    for client in 0..CLIENTS {
        let mut wire = port.call().await;
        let mine: Vec<String> = jobs
            .iter()
            .filter(|(seed, _)| seed % CLIENTS == client && seed % LEFT != 0)
            .map(|(_, path)| path.clone())
            .collect();
        cancelling.spawn(async move {
            for path in mine {
                let (status, job) = wire.json("DELETE", &path, "").await;
                assert_eq!(status, 200, "{job}");
            }
        });
    }
    cancelling.join_all().await;
    let cancelled = begun.elapsed();
    let after = resident();
    drop(measures);
    println!(
        "{JOBS} jobs: accepted in {submitted:.1?}, cancelled in {cancelled:.1?}; memory {before:?}, {with_all:?}, {after:?} bytes"
    );
    server.pause(false);
    let mut drawn = Vec::new();
    for (seed, path) in jobs.iter().filter(|(seed, _)| seed % LEFT == 0) {
        let done = server.over(path).await;
        assert_eq!(done["status"], "completed", "{done}");
        assert_eq!(done["seeds"], json!([seed]));
        let time = |name: &str| done[name].as_f64().unwrap();
        drawn.push((done["id"].as_str().unwrap().to_owned(), time("started_at")));
    }
    // In the order in which they came, which their ids keep.
    drawn.sort_by(|a, b| a.0.cmp(&b.0));
    assert!(drawn.is_sorted_by(|a, b| a.1 <= b.1), "{drawn:?}");
    assert_eq!(drawn.len(), JOBS / LEFT);
    let limit = Duration::from_secs(600);
    assert!(submitted < limit && cancelled < limit, "{submitted:?} {cancelled:?}");
    if let (Some(before), Some(after)) = (before, after) {
        let each = after.saturating_sub(before) / JOBS as u64;
        assert!(each < 10_000, "{each} bytes for each job");
    }
}
