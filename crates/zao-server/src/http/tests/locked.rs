//! Another program holds the database: short locks are waited for, longer ones are told, and nothing is lost.

use std::time::{Duration, Instant};

use rusqlite::{Connection, TransactionBehavior};
use serde_json::json;

use super::Server;

/// Holds the database for so long, from now on.
fn lock(server: &Server, time: Duration) -> std::thread::JoinHandle<()> {
    let file = server.folder.path().join("jobs/jobs.db");
    let (held, is_held) = std::sync::mpsc::channel();
    let holding = std::thread::spawn(move || {
        let mut connection = Connection::open(file).unwrap();
        let lock = connection.transaction_with_behavior(TransactionBehavior::Immediate).unwrap();
        held.send(()).unwrap();
        std::thread::sleep(time);
        drop(lock);
    });
    is_held.recv().unwrap();
    holding
}

fn wish(seed: usize) -> serde_json::Value {
    json!({"prompt": "a cat", "width": 32, "height": 32, "steps": 2, "seed": seed})
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_requests_wait_for_a_lock_of_two_seconds() {
    let server = Server::new();
    let before = server.post("/v1/jobs", wish(0)).await.expect(202);
    let holding = lock(&server, Duration::from_secs(2));
    let begun = Instant::now();
    let answers =
        futures_util::future::join_all((1..13).map(|n| server.post("/v1/jobs", wish(n)))).await;
    assert!(begun.elapsed() >= Duration::from_millis(1900));
    holding.join().unwrap();
    for job in answers.iter().map(|answer| answer.expect(202)).chain([before]) {
        let done = server.over(job["links"]["self"].as_str().unwrap()).await;
        assert_eq!(done["status"], "completed", "{done}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_longer_lock_is_told_and_nothing_is_lost() {
    let server = Server::with(|settings| settings.ledger.busy = Duration::from_millis(400));
    server.pause(true);
    let waits = server.post("/v1/jobs", wish(0)).await.expect(202);
    let path = waits["links"]["self"].as_str().unwrap().to_owned();
    // It is the painter's before the lock, for nothing can be handed out meanwhile.
    while server.get(&path).await.json()["status"] == "queued" {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let holding = lock(&server, Duration::from_secs(3));
    let begun = Instant::now();
    let answers =
        futures_util::future::join_all((1..25).map(|n| server.post("/v1/jobs", wish(n)))).await;
    let took = begun.elapsed();
    assert!(took < Duration::from_millis(2500), "they wait in turn: {took:?}");
    for answer in &answers {
        let error = answer.refused(503, "storage_locked");
        assert!(error["message"].as_str().unwrap().contains("another program"), "{error}");
        assert!(answer.headers.contains_key("retry-after"));
    }
    server.delete(&path).await.refused(503, "storage_locked");
    // Whoever only looks does not wait.
    assert_eq!(server.get(&path).await.expect(200)["status"], "running");
    server.get("/health/ready").await.expect(200);
    holding.join().unwrap();
    server.pause(false);
    assert_eq!(server.over(&path).await["status"], "completed");
    let jobs = server.get("/v1/jobs").await.expect(200);
    assert_eq!(jobs["jobs"].as_array().unwrap().len(), 1, "what was refused was not kept");
    server.post("/v1/jobs", wish(1)).await.expect(202);
}
