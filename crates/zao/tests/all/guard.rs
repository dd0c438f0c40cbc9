//! That a server is what it says: ready when it has drawn, gone when it was drained, and plain about why it cannot begin.

use std::time::{Duration, Instant};

use crate::folder::Folder;
use crate::server::{Server, small};

/// Bytes of their device's memory that workers hold, as `/metrics` says it.
fn held(metrics: &[u8]) -> Option<f64> {
    let is_device = |line: &&str| line.starts_with("zao_memory_bytes{kind=\"device\"");
    let page = std::str::from_utf8(metrics).unwrap();
    let bytes = page.lines().filter(is_device).map(|line| line.rsplit(' ').next()?.parse().ok());
    bytes.collect::<Option<Vec<f64>>>().filter(|all| !all.is_empty()).map(|all| all.iter().sum())
}

/// Waits until what is held is as it should be; a worker tells it twice a second.
fn wait_for(server: &Server, good: impl Fn(f64) -> bool) {
    server.wait("/metrics", |(_, page)| held(page).is_some_and(&good));
}

#[test]
fn a_server_that_is_ready_has_read_its_weights() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    wait_for(&server, |bytes| bytes > 1e7);
    assert!(
        server.json("/v1/images")["images"].as_array().unwrap().is_empty(),
        "nobody asked for it"
    );
    // So has the one that comes after it.
    server.signal("-STOP");
    let lost = server.worker();
    crate::server::signal("-KILL", lost);
    server.signal("-CONT");
    let ready = || server.log().iter().filter(|line| line.contains("worker ready")).count();
    let until = Instant::now() + Duration::from_secs(120);
    while ready() < 2 {
        assert!(Instant::now() < until, "no other worker is ready: {:#?}", server.log());
        std::thread::sleep(Duration::from_millis(20));
    }
    server.wait("/health/ready", |(status, _)| *status == 200);
    wait_for(&server, |bytes| bytes > 1e7);
}

#[test]
fn a_server_that_may_not_warm_up_reads_weights_with_the_first_job() {
    let folder = Folder::new();
    let server = Server::start(&folder, &["--warm-up=false"]);
    std::thread::sleep(Duration::from_millis(1200));
    assert_eq!(held(&server.get("/metrics").1), Some(0.0));
    assert_eq!(server.over(&server.submit("one", &small("a cat", 1, 1)))["status"], "completed");
}

#[test]
fn memory_that_is_given_back_after_a_while_is_taken_again() {
    let folder = Folder::new();
    let server = Server::start(&folder, &["--idle-release", "1"]);
    wait_for(&server, |bytes| bytes == 0.0);
    assert_eq!(server.over(&server.submit("one", &small("a cat", 1, 1)))["status"], "completed");
}

#[test]
fn a_server_that_was_drained_is_gone() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    let job = server.submit("one", &small("a cat", 1, 20));
    let (status, body) = server.ask("POST", "/admin/drain", "", "");
    assert_eq!((status, body.as_slice()), (200, &br#"{"status":"draining"}"#[..]));
    assert!(server.ended().success());
    let server = Server::start(&folder, &[]);
    assert_eq!(server.over(&job)["status"], "completed");
}

#[test]
fn why_a_server_cannot_begin_is_said_once() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    let port = server.address.port().to_string();
    let file = folder.path("file");
    std::fs::write(&file, "").unwrap();
    let inside = file.join("jobs").display().to_string();
    for (args, cause) in [
        (vec!["--port", &port, "--folder", "elsewhere"], "Address already in use"),
        (vec!["--port", "0", "--folder", &inside], "Not a directory"),
    ] {
        let mut command = folder.zao();
        let output = command.args(["serve", "--model", "demo"]).args(&args).output().unwrap();
        let text = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{text}");
        assert_eq!(text.matches(cause).count(), 1, "{text}");
    }
}
