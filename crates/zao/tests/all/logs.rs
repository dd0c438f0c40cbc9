//! What a server writes in JSON's form: an object a line whatever happens, and from a request's id to its picture.

use std::io::Write;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::folder::Folder;
use crate::server::{Server, small};

/// Every line as an object.
#[track_caller]
fn objects(server: &Server) -> Vec<Value> {
    let parsed = |line: &String| {
        let value: Value =
            serde_json::from_str(line).unwrap_or_else(|error| panic!("{error} in {line:?}"));
        assert!(value["message"].is_string() && value["level"].is_string(), "{line}");
        value
    };
    server.log().iter().map(parsed).collect()
}

/// Waits for a line like that.
#[track_caller]
fn awaited(server: &Server, what: &str, like: impl Fn(&Value) -> bool) -> Value {
    let begun = Instant::now();
    loop {
        if let Some(line) = objects(server).into_iter().find(|line| like(line)) {
            return line;
        }
        assert!(begun.elapsed() < Duration::from_secs(180), "no {what} in {:#?}", server.log());
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn says<'a>(message: &'a str, field: &'a str, value: &'a Value) -> impl Fn(&Value) -> bool + 'a {
    move |line| line["message"] == message && line[field] == *value
}

#[test]
fn a_requests_id_leads_to_its_job_although_its_worker_is_killed() {
    let folder = Folder::new();
    let server = Server::start(&folder, &["--log", "json", "--max-steps", "1000"]);
    // Long enough that it is not over when its worker is killed.
    let wish = small("a secret of mine", 1, 400).to_string();
    let (status, body) =
        server.ask("POST", "/v1/jobs", "x-request-id: trace-7\r\nx-more: 1\r\n", &wish);
    assert_eq!(status, 202);
    let job: Value = serde_json::from_slice(&body).unwrap();
    let id = &job["id"];

    let started = awaited(&server, "start", says("job started", "job", id));
    assert_eq!((&started["request"], &started["worker"]), (&json!("trace-7"), &json!("worker-0")));
    let worker = awaited(&server, "worker", says("worker started", "restarts", &json!(0)));
    let pid = worker["pid"].to_string();
    // As a process does that is about to die: on its own standard error.
    let mut errors =
        std::fs::OpenOptions::new().write(true).open(format!("/proc/{pid}/fd/2")).unwrap();
    errors
        .write_all(
            b"thread 'engine' panicked at src/x.rs:1:1:\nthe \"moon\" is \x1b[31mfull\xff\n\n",
        )
        .unwrap();
    drop(errors);
    crate::folder::succeed(std::process::Command::new("kill").args(["-KILL", &pid]));

    let panicked = awaited(&server, "panic", |line| {
        line["message"] == "thread 'engine' panicked at src/x.rs:1:1:"
    });
    assert_eq!(panicked["level"], "ERROR");
    assert_eq!(panicked["worker"], "worker-0");
    awaited(&server, "its reason", |line| line["message"] == "the \"moon\" is [31mfull\u{fffd}");
    let lost = awaited(&server, "loss", says("worker lost", "worker", &json!("worker-0")));
    assert!(lost["why"].as_str().unwrap().contains("signal: 9"), "{lost}");
    let done = server.over(&job);
    assert_eq!(done["status"], "completed", "{done}");
    awaited(&server, "another worker", says("worker started", "restarts", &json!(1)));

    let completed = awaited(&server, "end", says("job completed", "job", id));
    assert!(completed["queue_seconds"].is_number() && completed["inference_seconds"].is_number());
    let lines = objects(&server);
    let of_request = lines.iter().filter(|line| line["request"] == "trace-7");
    let messages: Vec<&str> =
        of_request.clone().map(|line| line["message"].as_str().unwrap()).collect();
    for message in [
        "job accepted",
        "answered",
        "job started",
        "job waits again",
        "job started",
        "job completed",
    ] {
        assert!(messages.contains(&message), "{message} is not among {messages:?}");
    }
    assert!(of_request.clone().all(|line| line["job"] == *id), "all are about the job");
    let answered = lines.iter().find(|line| line["message"] == "answered").unwrap();
    assert_eq!(
        (&answered["method"], &answered["route"], &answered["status"], &answered["client"]),
        (&json!("POST"), &json!("/v1/jobs"), &json!(202), &json!("127.0.0.1"))
    );
    assert!(answered["ms"].is_number());
    assert!(!lines.iter().any(|line| line["route"] == "/health/ready"), "probes are not told");
    assert!(!server.log().iter().any(|line| line.contains("secret of mine")), "no prompts");
    server.signal("-TERM");
    std::thread::sleep(Duration::from_millis(300));
    objects(&server);
}

#[test]
fn a_request_is_known_after_a_restart_and_prompts_are_told_if_wanted() {
    let folder = Folder::new();
    let server = Server::start(&folder, &["--log", "json", "--log-prompts"]);
    // Long enough that it is not over when the server is killed.
    let wish = json!({"prompt": "a blue owl", "steps": 100, "width": 256, "height": 256});
    let job = server.submit("one", &wish);
    let accepted = awaited(&server, "acceptance", says("job accepted", "job", &job["id"]));
    assert_eq!(accepted["prompt"], "a blue owl");
    server.signal("-KILL");
    server.ended();
    let server = Server::start(&folder, &["--log", "json"]);
    let completed = awaited(&server, "end", says("job completed", "job", &job["id"]));
    assert_eq!(completed["request"], accepted["request"]);
}

#[test]
fn why_a_server_ends_is_an_object_too() {
    let folder = Folder::new();
    let said = folder.run(&["serve", "--model", "nobody", "--log", "json"]);
    assert_eq!((said.code, said.text()), (Some(2), ""));
    let line: Value = serde_json::from_str(said.err.trim()).unwrap();
    assert!(line["message"].as_str().unwrap().contains("nobody"), "{line}");
    assert_eq!(line["level"], "ERROR");
}
