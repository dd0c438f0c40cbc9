//! What many jobs do to each other that one worker draws: each has its time, waits visibly, and pays for no other. The rules
//! are tested beside the ledger, the keeper and the worker; here they hold together.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::folder::Folder;
use crate::server::{Server, signal, small};

/// Steps of a picture that is not done before somebody interferes.
const LONG: u32 = 400;

fn listed(server: &Server) -> Vec<Value> {
    server.json("/v1/jobs?limit=100")["jobs"].as_array().unwrap().clone()
}

/// The jobs and what the queue says of itself, both of one moment: the worker takes jobs whenever it likes, so the queue is
/// asked between two lists that tell the same.
fn moment(server: &Server) -> (Vec<Value>, Value) {
    let states = |jobs: &[Value]| -> Vec<(Value, Value)> {
        jobs.iter().map(|job| (job["status"].clone(), job["queue_position"].clone())).collect()
    };
    let until = Instant::now() + Duration::from_secs(60);
    loop {
        let before = listed(server);
        let queue = server.json("/v1/queue");
        let after = listed(server);
        if states(&before) == states(&after) {
            return (after, queue);
        }
        assert!(Instant::now() < until, "no two lists tell the same: {before:?} {after:?}");
    }
}

/// Waits until some job has drawn some of its steps.
fn steps(server: &Server) {
    server.wait("/v1/jobs?limit=100", |(_, body)| {
        let list: Value = serde_json::from_slice(body).unwrap();
        let jobs = list["jobs"].as_array().unwrap();
        jobs.iter().any(|job| job["progress"]["step"].as_u64().is_some_and(|step| step > 2))
    });
}

#[test]
fn twenty_jobs_that_have_twice_the_time_of_one_are_not_all_too_late() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    let wish = |seed: u64, deadline: f64| {
        json!({"prompt": "a lighthouse", "seed": seed, "steps": 40, "width": 128, "height": 128,
               "deadline_seconds": deadline})
    };
    let alone = (0..3).map(|seed| {
        let done = server.over(&server.submit(&format!("alone {seed}"), &wish(seed, 200.0)));
        done["timing"]["inference_seconds"].as_f64().unwrap()
    });
    let alone = alone.fold(0.0, f64::max);
    let submit = |seed: u64| server.submit(&seed.to_string(), &wish(seed, 2.0 * alone));
    let jobs: Vec<Value> = (10..30).map(submit).collect();
    let over: Vec<Value> = jobs.iter().map(|job| server.over(job)).collect();
    let states: Vec<&str> = over.iter().map(|job| job["status"].as_str().unwrap()).collect();
    let completed = states.iter().filter(|state| **state == "completed").count();
    println!("{alone:.2} s alone; {completed} of 20 completed: {states:?}");
    // A machine that does other things may be slow for one or another.
    assert!(completed >= 10, "{alone} s alone: {states:?}");
    // Waiting does not count: the last one waited for many times its deadline.
    let waited = over[19]["timing"]["queue_seconds"].as_f64().unwrap();
    assert!(waited > 4.0 * alone, "{waited}");
}

#[test]
fn what_waits_is_told_as_waiting_and_whoever_is_urgent_passes_it() {
    let folder = Folder::new();
    let server = Server::start(&folder, &["--max-steps", "1000"]);
    for seed in 0..12 {
        server.submit(&seed.to_string(), &small("a cat", seed, LONG));
    }
    steps(&server);
    let mut urgent = small("a dog", 1, LONG);
    urgent["priority"] = "high".into();
    let urgent = server.submit("urgent", &urgent);
    let (jobs, queue) = moment(&server);
    let of = |status: &str| jobs.iter().filter(|job| job["status"] == status).collect::<Vec<_>>();
    let (running, queued) = (of("running"), of("queued"));
    assert_eq!(running.len() + queued.len(), 13);
    for job in &running {
        assert!(job["started_at"].is_number() && job["queue_position"].is_null(), "{job}");
    }
    let places: BTreeSet<u64> =
        queued.iter().map(|job| job["queue_position"].as_u64().unwrap()).collect();
    assert_eq!(places, (1..=queued.len() as u64).collect());
    let place = |job: &Value| {
        let now = jobs.iter().find(|other| other["id"] == job["id"]).unwrap();
        now["queue_position"].as_u64()
    };
    println!("{} run, the urgent one is at {:?}", running.len(), place(&urgent));
    assert!(place(&urgent).is_none_or(|place| place <= 3), "{:?}", place(&urgent));
    assert_eq!(queue["queued"].as_u64().unwrap(), queued.len() as u64);
}

#[test]
fn three_lost_workers_cost_at_most_the_job_that_lost_all_of_them() {
    let folder = Folder::new();
    let server = Server::start(&folder, &["--max-steps", "1000"]);
    let submit = |seed: u64| server.submit(&seed.to_string(), &small("an owl", seed, 150));
    let jobs: Vec<Value> = (0..10).map(submit).collect();
    for _ in 0..3 {
        steps(&server);
        let worker = server.worker();
        signal("-KILL", worker);
        server.wait("/v1/jobs?limit=100", |(_, body)| {
            let list: Value = serde_json::from_slice(body).unwrap();
            let jobs = list["jobs"].as_array().unwrap();
            jobs.iter().all(|job| job["status"] != "running")
        });
    }
    let over: Vec<Value> = jobs.iter().map(|job| server.over(job)).collect();
    let failed: Vec<&Value> = over.iter().filter(|job| job["status"] != "completed").collect();
    assert!(failed.len() <= 1, "{failed:?}");
    assert!(failed.iter().all(|job| job["error"]["code"] == "worker_lost"), "{failed:?}");
}
