//! What many jobs do to each other that one worker draws: each has its time, waits visibly, and pays for no other. The rules
//! are tested beside the ledger, the keeper and the worker; here they hold together.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::folder::Folder;
use crate::server::{Server, signal, small};

/// Steps of a picture that is not done before somebody interferes.
const LONG: u32 = 1000;

fn listed(server: &Server) -> Vec<Value> {
    server.json("/v1/jobs?limit=100")["jobs"].as_array().unwrap().clone()
}

/// The jobs and what the queue says of itself, both of one moment: the worker takes jobs whenever it likes, so the queue is
/// asked between two lists that tell the same, and has to tell as many.
fn moment(server: &Server) -> (Vec<Value>, Value) {
    let states = |jobs: &[Value]| -> Vec<(Value, Value)> {
        jobs.iter().map(|job| (job["status"].clone(), job["queue_position"].clone())).collect()
    };
    let until = Instant::now() + Duration::from_secs(60);
    loop {
        let before = listed(server);
        let queue = server.json("/v1/queue");
        let after = listed(server);
        let queued = after.iter().filter(|job| job["status"] == "queued").count() as u64;
        if states(&before) == states(&after) && queue["queued"] == queued {
            return (after, queue);
        }
        assert!(Instant::now() < until, "nothing tells the same: {before:?} {queue} {after:?}");
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

/// What became of twenty jobs that came at once, each with twice the time that one takes alone.
#[derive(Debug)]
struct Twenty {
    /// Seconds.
    alone: f64,
    completed: usize,
    /// Seconds that the last one waited.
    waited: f64,
}

/// Measures one alone, and has twenty drawn. No seed and no key is one of another round's.
fn twenty(server: &Server, round: u64) -> Twenty {
    let submit = |seed: u64, deadline: f64| {
        let seed = 100 * round + seed;
        let wish = json!({"prompt": "a lighthouse", "seed": seed, "steps": 40, "width": 128,
                          "height": 128, "deadline_seconds": deadline});
        server.submit(&seed.to_string(), &wish)
    };
    let mut alone: Vec<f64> = (0..3)
        .map(|seed| {
            let done = server.over(&submit(seed, 200.0));
            done["timing"]["inference_seconds"].as_f64().unwrap()
        })
        .collect();
    alone.sort_by(f64::total_cmp);
    let alone = alone[1];
    let jobs: Vec<Value> = (10..30).map(|seed| submit(seed, 2.0 * alone)).collect();
    let over: Vec<Value> = jobs.iter().map(|job| server.over(job)).collect();
    let completed = over.iter().filter(|job| job["status"] == "completed").count();
    let waited = over[19]["timing"]["queue_seconds"].as_f64().unwrap();
    Twenty { alone, completed, waited }
}

#[test]
fn twenty_jobs_that_have_twice_the_time_of_one_are_not_all_too_late() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    // A machine that does other things may be slow for one or another, and for all that came after it was measured.
    let mut rounds = Vec::new();
    let holds = (0..3).any(|round| {
        let twenty = twenty(&server, round);
        println!("{twenty:?}");
        // Waiting does not count: the last one waited for many times what one takes.
        let holds = twenty.completed >= 10 && twenty.waited > 2.0 * twenty.alone;
        rounds.push(twenty);
        holds
    });
    assert!(holds, "{rounds:?}");
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
    assert_eq!(queue["queued"].as_u64().unwrap(), queued.len() as u64);
    // It passes all but what the worker has in hand already, which waits in front of the others until it is begun.
    let until = Instant::now() + Duration::from_secs(120);
    loop {
        let jobs = listed(&server);
        let now = jobs.iter().find(|job| job["id"] == urgent["id"]).unwrap();
        let place = now["queue_position"].as_u64();
        if now["status"] == "running" || place.is_some_and(|place| place <= 3) {
            println!("{} run, the urgent one is at {place:?}", running.len());
            break;
        }
        assert!(jobs.iter().all(|job| job["status"] != "completed"), "others came first: {jobs:?}");
        assert!(Instant::now() < until, "it passes nobody: {jobs:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn three_lost_workers_cost_at_most_the_job_that_lost_all_of_them() {
    let folder = Folder::new();
    let server = Server::start(&folder, &["--max-steps", "1000"]);
    let submit = |seed: u64| server.submit(&seed.to_string(), &small("an owl", seed, 150));
    let jobs: Vec<Value> = (0..10).map(submit).collect();
    let said = |what: &str| server.log().iter().filter(|line| line.contains(what)).count();
    for lost in 0..3 {
        // What the one before had waits again once another is ready, and nothing is told of its steps any more.
        let until = Instant::now() + Duration::from_secs(120);
        while said("worker ready") <= lost {
            assert!(Instant::now() < until, "no worker is ready: {:#?}", server.log());
            std::thread::sleep(Duration::from_millis(20));
        }
        steps(&server);
        signal("-KILL", server.worker());
    }
    let over: Vec<Value> = jobs.iter().map(|job| server.over(job)).collect();
    let failed: Vec<&Value> = over.iter().filter(|job| job["status"] != "completed").collect();
    assert_eq!(said("worker lost"), 3, "{:#?}", server.log());
    assert!(failed.len() <= 1, "{failed:?}");
    assert!(failed.iter().all(|job| job["error"]["code"] == "worker_lost"), "{failed:?}");
}
