//! Another program holds the database: short locks are waited for, longer ones are told, and nothing is lost.

use std::time::{Duration, Instant};

use rusqlite::{Connection, TransactionBehavior};
use serde_json::json;

use super::Server;

/// Whoever holds the database, until it is told to let go.
pub(super) struct Lock {
    release: std::sync::mpsc::Sender<()>,
    holding: std::thread::JoinHandle<()>,
}

impl Lock {
    /// Lets go; nobody holds it when this returns.
    pub(super) fn end(self) {
        self.release.send(()).unwrap();
        self.holding.join().unwrap();
    }
}

/// Holds the database from now on.
pub(super) fn lock(server: &Server) -> Lock {
    let file = server.folder.path().join("jobs/jobs.db");
    let (held, is_held) = std::sync::mpsc::channel();
    let (release, is_released) = std::sync::mpsc::channel();
    let holding = std::thread::spawn(move || {
        let mut connection = Connection::open(file).unwrap();
        let lock = connection.transaction_with_behavior(TransactionBehavior::Immediate).unwrap();
        held.send(()).unwrap();
        is_released.recv().unwrap();
        drop(lock);
    });
    is_held.recv().unwrap();
    Lock { release, holding }
}

fn wish(seed: usize) -> serde_json::Value {
    json!({"prompt": "a cat", "width": 32, "height": 32, "steps": 2, "seed": seed})
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_requests_wait_for_a_lock_of_two_seconds() {
    let server = Server::new();
    let before = server.post("/v1/jobs", wish(0)).await.expect(202);
    let time = Duration::from_secs(2);
    let lock = lock(&server);
    let begun = Instant::now();
    let asking = async {
        let asking = (1..13).map(|n| server.post("/v1/jobs", wish(n)));
        (futures_util::future::join_all(asking).await, begun.elapsed())
    };
    let ((answers, took), ()) = tokio::join!(asking, async {
        tokio::time::sleep(time).await;
        lock.end();
    });
    assert!(took >= time, "{took:?}");
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
    let lock = lock(&server);
    let begun = Instant::now();
    let answers =
        futures_util::future::join_all((1..25).map(|n| server.post("/v1/jobs", wish(n)))).await;
    let took = begun.elapsed();
    // In turn it would be almost ten seconds.
    assert!(took < Duration::from_secs(5), "they wait in turn: {took:?}");
    for answer in &answers {
        let error = answer.refused(503, "storage_locked");
        assert!(error["message"].as_str().unwrap().contains("another program"), "{error}");
        assert!(answer.headers.contains_key("retry-after"));
    }
    server.delete(&path).await.refused(503, "storage_locked");
    // Whoever only looks does not wait.
    assert_eq!(server.get(&path).await.expect(200)["status"], "running");
    server.get("/health/ready").await.expect(200);
    lock.end();
    server.pause(false);
    assert_eq!(server.over(&path).await["status"], "completed");
    let jobs = server.get("/v1/jobs").await.expect(200);
    assert_eq!(jobs["jobs"].as_array().unwrap().len(), 1, "what was refused was not kept");
    server.post("/v1/jobs", wish(1)).await.expect(202);
}
