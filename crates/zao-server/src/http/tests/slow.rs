//! Clients that are slow, or say nothing at all: they are let go in the end, and keep nobody waiting until then.

use std::time::{Duration, Instant};

use serde_json::json;
use tokio::io::AsyncReadExt;

use super::wire::{MEASURES, Port, Wire, length_of, resident};
use super::{Haste, Server};
use crate::listen::Pace;

const SOON: Duration = Duration::from_secs(20);

fn pace(head: u64, stall: u64) -> Pace {
    Pace { head: Duration::from_millis(head), stall: Duration::from_millis(stall) }
}

/// Others are answered at once meanwhile.
async fn others_are_answered(port: &Port) {
    let mut other = port.call().await;
    for _ in 0..20 {
        assert_eq!(other.json("GET", "/v1/queue", "").await.0, 200);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn heads_that_do_not_end_are_waited_for_only_so_long() {
    let server = Server::new();
    let port = Port::open(&server, pace(3000, 60_000));
    let mut silent = Vec::new();
    for begun in ["", "GET /v1/jobs HTTP/1.1\r\nhost: localhost\r\n"] {
        for _ in 0..20 {
            let mut wire = port.call().await;
            wire.write(begun).await;
            silent.push(wire);
        }
    }
    let mut drips = port.call().await;
    drips.write("GET /v1/jobs HTTP/1.1\r\n").await;
    let dripping = tokio::spawn(async move {
        use tokio::io::AsyncWriteExt;
        // A letter of a header now and then, for as long as it is taken.
        for _ in 0..400 {
            if drips.stream.get_mut().write_all(b"x").await.is_err() {
                return true;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        false
    });
    others_are_answered(&port).await;
    for wire in &mut silent {
        assert!(wire.closes_within(SOON).await);
    }
    assert!(dripping.await.unwrap(), "a head that drips is read for ever");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bodies_that_do_not_come_are_refused() {
    let haste = Haste { grace: Duration::from_millis(300), rate: 1000 };
    let server = Server::of(|_| (), haste);
    let port = Port::open(&server, Pace::default());
    for path in ["/v1/jobs", "/v1/images/generations", "/sdapi/v1/txt2img", "/v1/png-info"] {
        let mut wire = port.call().await;
        let begun = "host: localhost\r\ncontent-type: application/json\r\ncontent-length: 1000";
        wire.write(&format!("POST {path} HTTP/1.1\r\n{begun}\r\n\r\n{{\"prompt\": ")).await;
        others_are_answered(&port).await;
        let (status, body) = tokio::time::timeout(SOON, wire.answer()).await.unwrap();
        let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
        assert_eq!((status, &body["error"]["code"]), (408, &json!("request_timeout")), "{path}");
        assert!(wire.closes_within(SOON).await, "{path}: half a body is still to come");
    }
    assert_eq!(server.get("/v1/jobs").await.expect(200)["jobs"], json!([]));
}

/// The path of a picture of 12 MB, more than systems keep of what is not read.
async fn large_picture(server: &Server) -> String {
    let wish = json!({"prompt": "noise", "width": 2048, "height": 2048, "steps": 1});
    let job = server.post("/v1/jobs", wish).await.expect(202);
    let done = server.over(job["links"]["self"].as_str().unwrap()).await;
    done["images"][0]["url"].as_str().unwrap().to_owned()
}

fn large() -> Server {
    Server::with(|settings| settings.request.pixels = 2048 * 2048)
}

/// Asks for a picture and reads only the head of the answer.
async fn ask_and_wait(port: &Port, path: &str) -> (Wire, usize) {
    let mut wire = port.call().await;
    wire.send("GET", path, "", "").await;
    let (status, head) = wire.head().await;
    assert_eq!(status, 200);
    (wire, length_of(&head))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pictures_that_nobody_reads_take_no_memory_and_nobodys_time() {
    let server = large();
    let path = large_picture(&server).await;
    let port = Port::open(&server, pace(30_000, 4000));
    let measures = MEASURES.lock().await;
    let before = resident();
    let mut unread = Vec::new();
    for _ in 0..40 {
        unread.push(ask_and_wait(&port, &path).await.0);
    }
    others_are_answered(&port).await;
    // Whoever reads a little now and then gets all of it, however long that takes: longer than the others are waited for.
    let (mut slow, length) = ask_and_wait(&port, &path).await;
    let mut read = Vec::new();
    for _ in 0..8 {
        tokio::time::sleep(Duration::from_millis(900)).await;
        let mut some = vec![0; 300_000];
        slow.stream.read_exact(&mut some).await.unwrap();
        read.extend_from_slice(&some);
    }
    let after = resident();
    drop(measures);
    slow.stream.take((length - read.len()) as u64).read_to_end(&mut read).await.unwrap();
    assert_eq!(zao_png::decode_rgb(&read).unwrap().width, 2048);
    if let (Some(before), Some(after)) = (before, after) {
        let each = after.saturating_sub(before) / 40;
        assert!(each < 3_000_000, "{each} bytes for each client that does not read");
    }
    for wire in &mut unread {
        assert!(wire.closes_within(SOON).await, "it is let go");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_that_nobody_reads_hold_nobody_up() {
    let server = Server::new();
    let port = Port::open(&server, Pace::default());
    server.pause(true);
    let wish = json!({"prompt": "noise", "width": 32, "height": 32, "steps": 4, "count": 16, "previews": 8});
    let job = server.post("/v1/jobs", wish).await.expect(202);
    let path = job["links"]["events"].as_str().unwrap();
    let measures = MEASURES.lock().await;
    let before = resident();
    let mut unread = Vec::new();
    for _ in 0..50 {
        let mut wire = port.call().await;
        wire.send("GET", path, "", "").await;
        assert_eq!(wire.head().await.0, 200);
        unread.push(wire);
    }
    let mut reads = port.call().await;
    reads.send("GET", path, "", "").await;
    reads.head().await;
    let begun = Instant::now();
    server.pause(false);
    let mut previews = 0;
    while let Some(event) = reads.event().await {
        previews += usize::from(event.name == "preview");
    }
    assert_eq!(server.over(job["links"]["self"].as_str().unwrap()).await["status"], "completed");
    // Sooner than one that does not read is let go.
    let most = Duration::from_secs(50);
    assert!(most < Pace::default().stall && begun.elapsed() < most, "{:?}", begun.elapsed());
    // Whoever keeps up sees all 128 but for those that go when the job is over.
    assert!(previews > 0);
    if let (Some(before), Some(after)) = (before, resident()) {
        // Copies of their own would be 13 MB each.
        let each = after.saturating_sub(before) / 50;
        assert!(each < 4_000_000, "{each} bytes for each client that does not read");
    }
    drop(measures);
}
