//! What breaks around a server that runs: its disk, its database, its workers, its clients. What was accepted is drawn all the same, and is
//! what it would have been. Single answers are tested beside the routes, workers alone in [`crate::crew`].

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use rusqlite::{Connection, TransactionBehavior};
use serde_json::{Value, json};

use crate::folder::Folder;
use crate::server::{Server, signal, small};

/// Steps of a picture that is not done before somebody interferes.
const LONG: u32 = 1000;

fn link<'a>(job: &'a Value, name: &str) -> &'a str {
    job["links"][name].as_str().unwrap()
}

fn picture(server: &Server, job: &Value) -> Vec<u8> {
    let done = server.over(job);
    assert_eq!(done["status"], "completed", "{done}");
    server.get(done["images"][0]["url"].as_str().unwrap()).1
}

/// Waits until a job has drawn some of its steps.
fn steps(server: &Server, job: &Value) {
    server.wait(link(job, "self"), |(_, body)| {
        let job: Value = serde_json::from_slice(body).unwrap();
        job["progress"]["step"].as_u64().is_some_and(|step| step > 2)
    });
}

/// The names of the events of a stream that is read to its end.
fn events(stream: TcpStream) -> Vec<String> {
    let lines = BufReader::new(stream).lines().map_while(Result::ok);
    lines.filter_map(|line| line.strip_prefix("event: ").map(str::to_owned)).collect()
}

#[test]
fn whoever_follows_a_job_sees_its_worker_replaced_and_gets_the_same_picture() {
    let folder = Folder::new();
    let server = Server::start(&folder, &["--max-steps", "1000"]);
    let wish = small("a lighthouse", 1, LONG);
    let mut broken = Vec::new();
    for how in ["-KILL", "-STOP"] {
        let job = server.submit(how, &wish);
        let stream = server.begin("GET", link(&job, "events"), "", "");
        steps(&server, &job);
        let (worker, since) = (server.worker(), Instant::now());
        signal(how, worker);
        let told = events(stream);
        assert_eq!(told.iter().filter(|name| *name == "requeued").count(), 1, "{how}: {told:?}");
        assert_eq!(told.last().map(String::as_str), Some("completed"), "{how}");
        assert!(since.elapsed() < Duration::from_secs(200), "{how}: {:?}", since.elapsed());
        broken.push((how, picture(&server, &job)));
    }
    let whole = picture(&server, &server.submit("alone", &wish));
    for (how, broken) in broken {
        assert!(broken == whole, "{how}: another picture");
    }
}

#[test]
fn a_machine_that_stood_still_loses_no_worker() {
    let folder = Folder::new();
    let server = Server::start(&folder, &["--max-steps", "1000"]);
    let job = server.submit("slept", &small("a lighthouse", 2, LONG));
    steps(&server, &job);
    let worker = server.worker();
    server.signal("-STOP");
    signal("-STOP", worker);
    // Longer than a worker may be silent, or at one step.
    std::thread::sleep(Duration::from_secs(12));
    signal("-CONT", worker);
    server.signal("-CONT");
    picture(&server, &job);
    assert_eq!(server.worker(), worker);
}

#[test]
fn clients_that_hang_up_free_the_worker_and_jobs_go_on_without_theirs() {
    let folder = Folder::new();
    let server = Server::start(&folder, &["--max-steps", "1000"]);
    let openai = json!({"prompt": "a cat", "size": "256x256", "steps": 1000});
    let mut streamed = openai.clone();
    streamed["stream"] = true.into();
    let a1111 = json!({"prompt": "a cat", "width": 256, "height": 256, "steps": 1000});
    for (what, path, wish) in [
        ("whole", "/v1/images/generations", openai),
        ("streamed", "/v1/images/generations", streamed),
        ("a1111", "/sdapi/v1/txt2img", a1111),
    ] {
        let client = server.begin("POST", path, "", &wish.to_string());
        let newest = || server.json("/v1/jobs?limit=1")["jobs"][0].clone();
        let begun = Instant::now();
        while newest()["progress"]["step"].as_u64().is_none_or(|step| step < 2) {
            assert!(begun.elapsed() < Duration::from_secs(120), "{what} does not begin");
            std::thread::sleep(Duration::from_millis(20));
        }
        let job = newest();
        drop(client);
        let hung_up = Instant::now();
        assert_eq!(server.over(&job)["status"], "cancelled", "{what}");
        // Free is who draws for somebody else.
        picture(&server, &server.submit(&format!("behind {what}"), &small("a dog", 1, 2)));
        println!("{what}: the worker is free after {:?}", hung_up.elapsed());
        assert!(hung_up.elapsed() < Duration::from_secs(60), "{what}: {:?}", hung_up.elapsed());
    }
    // A job of its own is there whether anybody listens or not.
    let job = server.submit("native", &small("a cat", 3, LONG));
    let stream = server.begin("GET", link(&job, "events"), "", "");
    steps(&server, &job);
    drop(stream);
    picture(&server, &job);
}

#[test]
fn jobs_that_are_drawn_while_another_program_holds_the_database_are_all_there() {
    let folder = Folder::new();
    let jobs = folder.path("jobs");
    let server =
        Server::start(&folder, &["--max-steps", "1000", "--folder", jobs.to_str().unwrap()]);
    // The first is not done before the database is locked, the others may be.
    let submit = |seed: u64| {
        let steps = if seed == 0 { LONG } else { 30 };
        server.submit(&seed.to_string(), &small("an owl", seed, steps))
    };
    let jobs: Vec<Value> = (0..6).map(submit).collect();
    steps(&server, &jobs[0]);
    let mut other = Connection::open(folder.path("jobs/jobs.db")).unwrap();
    other.busy_timeout(Duration::from_secs(10)).unwrap();
    let lock = other.transaction_with_behavior(TransactionBehavior::Immediate).unwrap();
    // Longer than anybody waits.
    let (held, body) = (Instant::now(), small("late", 1, 2).to_string());
    let (status, told) = server.ask("POST", "/v1/jobs", "", &body);
    let told: Value = serde_json::from_slice(&told).unwrap();
    assert_eq!((status, &told["error"]["code"]), (503, &json!("storage_locked")), "{told}");
    assert!(held.elapsed() >= Duration::from_secs(4), "{:?}", held.elapsed());
    std::thread::sleep(Duration::from_secs(6).saturating_sub(held.elapsed()));
    assert_eq!(server.get("/health/live").0, 200);
    drop(lock);
    for job in &jobs {
        picture(&server, job);
    }
    assert_eq!(server.json("/v1/jobs")["jobs"].as_array().unwrap().len(), jobs.len());
}

/// Jobs that wait, more than a worker takes at once.
const WAIT: u64 = 120;

/// `zao` where a disk of so many kilobytes is mounted at `at`; `None` where this user may not mount one.
fn on_a_small_disk(folder: &Folder, at: &Path, kilobytes: u32) -> Option<Command> {
    let mount = format!("mount -t tmpfs -o size={kilobytes}k none \"$0\" && exec \"$@\"");
    let mounted = |program: &str| {
        let mut command = folder.command("unshare");
        command.env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
        command.args(["--map-root-user", "--mount", "sh", "-c", &mount]).arg(at).arg(program);
        command
    };
    let can = mounted("true").status().is_ok_and(|status| status.success());
    can.then(|| mounted(env!("CARGO_BIN_EXE_zao")))
}

/// Takes all that is left of a disk, which is never more than `most` bytes. What was written stays, whatever the server writes meanwhile.
fn fill(file: &Path, most: usize) {
    let mut file = fs::File::create(file).unwrap();
    let chunk = vec![7; 1 << 20];
    let mut written = 0;
    for size in [chunk.len(), 4096, 1] {
        while let Ok(more) = file.write(&chunk[..size])
            && more > 0
        {
            written += more;
            assert!(written <= most, "this disk is larger than the test's");
        }
    }
}

#[test]
fn on_a_full_disk_nothing_is_taken_on_and_nothing_is_lost() {
    let folder = Folder::new();
    let disk = folder.aside("disk");
    fs::create_dir(&disk).unwrap();
    let Some(command) = on_a_small_disk(&folder, &disk, 96_000) else {
        println!("no small disk can be mounted here, so no full disk was tried");
        return;
    };
    let jobs = disk.join("jobs");
    let server = Server::run(
        command,
        &["--max-steps", "1000", "--queue-per-client", "200", "--folder", jobs.to_str().unwrap()],
    );
    picture(&server, &server.submit("before", &small("a cat", 1, 2)));
    // One that is drawn, and others behind it.
    let runs = server.submit("runs", &small("a cat", 2, LONG));
    steps(&server, &runs);
    let wait: Vec<Value> = (0..WAIT)
        .map(|seed| server.submit(&format!("waits {seed}"), &small("an owl", seed, 20)))
        .collect();
    let full = server.its(&disk.join("others"));
    fill(&full, 100_000_000);
    let body = small("a dog", 3, 2).to_string();
    let (status, told) = server.ask("POST", "/v1/jobs", "", &body);
    let told: Value = serde_json::from_slice(&told).unwrap();
    assert_eq!((status, &told["error"]["code"]), (503, &json!("storage_full")), "{told}");
    // What is drawn and finds no room says so; what waits is not begun to fail as well.
    let ended = server.over(&runs);
    if ended["status"] == "failed" {
        assert_eq!(ended["error"]["code"], "storage_full", "{ended}");
    }
    assert_eq!(server.get("/health/live").0, 200);
    let told = server.wait("/health/ready", |(status, _)| *status == 503);
    let told: Value = serde_json::from_slice(&told).unwrap();
    let reason = told["reason"].as_str().unwrap();
    assert!(told["status"] == "unhealthy" && reason.contains("no room for pictures"), "{told}");
    let is = |status: &str, job: &Value| server.json(link(job, "self"))["status"] == status;
    // What the worker had in hand already is begun once the first is over.
    let count = |status: &str| wait.iter().filter(|job| is(status, job)).count();
    let begun = Instant::now();
    let waiting = loop {
        let before = count("queued");
        std::thread::sleep(Duration::from_millis(500));
        if count("running") == 0 && count("queued") == before {
            break before;
        }
        assert!(begun.elapsed() < Duration::from_secs(120), "what was begun does not end");
    };
    assert!(waiting > 0, "all were begun");
    std::thread::sleep(Duration::from_millis(1500));
    assert_eq!(count("queued"), waiting, "some were begun");
    let (status, _) = server.ask("DELETE", link(wait.last().unwrap(), "self"), "", "");
    assert_eq!(status, 200, "what waits can be cancelled");
    fs::remove_file(&full).unwrap();
    let mut drawn = 0;
    for job in &wait[..wait.len() - 1] {
        let done = server.over(job);
        match done["status"].as_str() {
            Some("completed") => drawn += 1,
            Some("failed") => assert_eq!(done["error"]["code"], "storage_full", "{done}"),
            _ => panic!("{done}"),
        }
    }
    assert!(drawn >= waiting - 1, "{drawn} of {waiting} that waited");
    picture(&server, &server.submit("behind", &small("a dog", 4, 2)));
    server.wait("/health/ready", |(status, _)| *status == 200);
}

/// Clients that only listen.
const IDLE: usize = 1000;

/// Has the system allow this process more open files than a program usually has. Where it refuses, they may be enough.
fn allow_many_files() {
    let pid = std::process::id().to_string();
    let _ = Command::new("prlimit").args(["--pid", &pid, "--nofile=8192:"]).status();
}

#[test]
fn a_thousand_clients_that_listen_take_little_memory_and_all_hear_what_happens() {
    allow_many_files();
    let folder = Folder::new();
    let server = Server::start(&folder, &["--max-steps", "1000"]);
    picture(&server, &server.submit("warm", &small("a cat", 1, 2)));
    let before = server.resident();
    let mut clients: Vec<BufReader<TcpStream>> = (0..IDLE)
        .map(|_| {
            let stream = server.begin("GET", "/v1/queue/events", "", "");
            BufReader::with_capacity(512, stream)
        })
        .collect();
    // Until each has the line that was asked for.
    let until = |clients: &mut Vec<BufReader<TcpStream>>, wanted: &str| {
        let begun = Instant::now();
        for client in clients {
            let mut line = String::new();
            while !line.starts_with(wanted) {
                // Signs of life never end.
                assert!(begun.elapsed() < Duration::from_secs(120), "no {wanted:?} is heard");
                line.clear();
                assert_ne!(client.read_line(&mut line).unwrap(), 0, "a stream ended");
            }
        }
    };
    until(&mut clients, "data: ");
    let open = server.resident();
    // A sign of life, which is a comment.
    until(&mut clients, ":");
    // It is drawn for longer than clients are told at most how the queue is.
    server.submit("next", &small("a cat", 2, LONG));
    until(&mut clients, "data: {\"eta_seconds\"");
    let used = server.resident().max(open).saturating_sub(before);
    println!("{IDLE} clients: {used} bytes of main memory more");
    assert!(used <= 50_000_000, "{used} bytes");
}
