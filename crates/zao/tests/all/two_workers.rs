//! `zao serve` with two devices, which are both the processor here: a worker for each, both draw, and what becomes of one is no
//! matter of the other's. How a single worker is looked after is tested in [`crate::crew`].

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::folder::Folder;
use crate::server::{Server, signal, small};

/// Steps of a picture that is not done before somebody interferes.
const LONG: u32 = 200;

/// Has a server take on pictures of so many steps.
const MANY: [&str; 2] = ["--max-steps", "1000"];

/// A server whose two workers are ready.
fn start(folder: &Folder) -> Server {
    let args = ["--devices", "cpu,cpu", "--threads", "1", "--log", "json", "--drain", "120"];
    let server = Server::start(folder, &[&args[..], &MANY].concat());
    until("both are ready", &server, |lines| {
        (workers(lines, "worker ready").len() == 2).then_some(())
    });
    server
}

/// The log so far.
fn lines(server: &Server) -> Vec<Value> {
    server.log().iter().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Waits for something in the log.
#[track_caller]
fn until<T>(what: &str, server: &Server, found: impl Fn(&[Value]) -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = found(&lines(server)) {
            return found;
        }
        assert!(begun.elapsed() < Duration::from_secs(120), "not {what}: {:#?}", server.log());
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The workers that are named in lines with this message.
fn workers(lines: &[Value], message: &str) -> BTreeSet<String> {
    let named = lines.iter().filter(|line| line["message"] == message);
    named.filter_map(|line| line["worker"].as_str().map(str::to_owned)).collect()
}

/// The process of a worker that has begun a job.
fn drawing(server: &Server, worker: &str) -> u32 {
    until("it draws", server, |lines| workers(lines, "job started").contains(worker).then_some(()));
    let ready = |line: &&Value| line["message"] == "worker ready" && line["worker"] == worker;
    let lines = lines(server);
    let pid = lines.iter().rev().find(ready).unwrap()["pid"].as_u64().unwrap();
    u32::try_from(pid).unwrap()
}

fn submitted(server: &Server, count: u64, steps: u32) -> Vec<Value> {
    (0..count).map(|seed| server.submit(&seed.to_string(), &small("a fox", seed, steps))).collect()
}

/// The picture of a job.
fn picture(server: &Server, job: &Value) -> Vec<u8> {
    let done = server.over(job);
    assert_eq!(done["status"], "completed", "{done}");
    server.get(done["images"][0]["url"].as_str().unwrap()).1
}

#[test]
fn both_draw_and_what_a_killed_one_had_is_drawn_again_bit_for_bit() {
    let folder = Folder::new();
    let server = start(&folder);
    let (_, page) = server.get("/metrics");
    let page = String::from_utf8(page).unwrap();
    for worker in ["worker-0", "worker-1"] {
        let memory = format!("zao_memory_bytes{{kind=\"device\",worker=\"{worker}\"}}");
        assert!(page.contains(&memory), "{page}");
    }
    let of_cards = page.lines().filter(|line| line.starts_with("zao_device_")).count();
    assert_eq!(of_cards, 0, "a processor has no gauges of cards: {page}");

    let jobs = submitted(&server, 6, LONG);
    drawing(&server, "worker-0");
    let killed = drawing(&server, "worker-1");
    signal("-KILL", killed);
    let pictures: Vec<Vec<u8>> = jobs.iter().map(|job| picture(&server, job)).collect();

    let lines = lines(&server);
    let again = lines.iter().filter(|line| line["message"] == "job waits again");
    let again: Vec<&Value> = again.collect();
    assert!(
        !again.is_empty() && again.iter().all(|line| line["worker"] == "worker-1"),
        "{again:?}"
    );
    assert_eq!(workers(&lines, "worker lost"), ["worker-1".to_owned()].into());
    // Each of those alone, on a server that never lost anybody, and one of the other's.
    drop(server);
    let other = Folder::new();
    let alone = Server::start(&other, &MANY);
    let is_again = |job: &Value| again.iter().any(|line| line["job"] == job["id"]);
    let (mut of_killed, of_other): (Vec<u64>, Vec<u64>) =
        (0..6).partition(|seed| is_again(&jobs[*seed as usize]));
    of_killed.extend(of_other.first());
    for seed in of_killed {
        let together = &pictures[seed as usize];
        let job = alone.submit(&seed.to_string(), &small("a fox", seed, LONG));
        let pixels = zao_png::decode_rgb(&picture(&alone, &job)).unwrap();
        assert!(zao_png::decode_rgb(together).unwrap() == pixels, "picture {seed} differs");
    }
}

#[test]
fn one_that_stands_still_is_noticed_while_the_other_goes_on() {
    let folder = Folder::new();
    let server = start(&folder);
    let jobs = submitted(&server, 4, LONG);
    drawing(&server, "worker-0");
    let stopped = drawing(&server, "worker-1");
    let since = Instant::now();
    signal("-STOP", stopped);
    // By now nobody gives it anything any more, although it asked for more.
    std::thread::sleep(Duration::from_secs(5));
    let next = server.submit("next", &small("a hare", 1, 2));
    picture(&server, &next);
    let why = until("noticed", &server, |lines| {
        let lost = lines.iter().find(|line| line["message"] == "worker lost")?;
        assert_eq!(lost["worker"], "worker-1");
        lost["why"].as_str().map(str::to_owned)
    });
    assert!(why.contains("the worker hung: it said nothing"), "{why}");
    // Of silence, which began with its last word.
    assert!(since.elapsed() >= Duration::from_secs(8), "{:?}", since.elapsed());
    let lines = lines(&server);
    let lost = lines.iter().position(|line| line["message"] == "worker lost").unwrap();
    let starts = lines
        .iter()
        .enumerate()
        .filter(|(_, line)| line["message"] == "job started" && line["job"] == next["id"]);
    let starts: Vec<(usize, &Value)> = starts.map(|(at, line)| (at, &line["worker"])).collect();
    // Where the other is slow it may be the one that took its place.
    assert!(
        matches!(starts[..], [(at, worker)] if worker == "worker-0" || at > lost),
        "{starts:?}, lost at {lost}"
    );
    jobs.iter().for_each(|job| drop(picture(&server, job)));
}

#[test]
fn both_finish_what_they_have_when_the_server_is_told_to_stop() {
    let folder = Folder::new();
    let server = start(&folder);
    let jobs = submitted(&server, 40, 40);
    drawing(&server, "worker-0");
    drawing(&server, "worker-1");
    server.signal("-TERM");
    let ended = until("both ended", &server, |lines| {
        Some(workers(lines, "worker ended")).filter(|ended| ended.len() == 2)
    });
    assert_eq!(ended, ["worker-0".to_owned(), "worker-1".to_owned()].into());
    assert!(server.ended().success());
    // What waited is drawn by whoever comes next.
    let server = Server::start(&folder, &[]);
    jobs.iter().for_each(|job| drop(picture(&server, job)));
}

#[test]
fn a_card_is_not_given_to_two_workers() {
    let folder = Folder::new();
    let said =
        folder.run(&["serve", "--model", "demo", "--port", "0", "--devices", "cuda:0,cpu,cuda:0"]);
    assert_eq!(said.code, Some(2), "{said:?}");
    assert!(said.err.contains("--devices names cuda:0 twice"), "{said:?}");
}
