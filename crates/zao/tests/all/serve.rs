//! The server as its clients meet it: jobs over HTTP on a port of this machine, kept whatever is killed. What HTTP says about each kind of
//! request is tested beside the routes.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::folder::Folder;

/// A server in a process of its own.
pub(crate) struct Server {
    process: Child,
    pub(crate) address: SocketAddr,
    log: Arc<Mutex<Vec<String>>>,
}

impl Server {
    pub(crate) fn start(folder: &Folder, args: &[&str]) -> Self {
        let mut process = folder
            .zao()
            .args(["serve", "--model", "demo", "--port", "0"])
            .args(args)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stderr.take().unwrap()).lines();
        let log = Arc::new(Mutex::new(Vec::new()));
        let address = loop {
            let line = lines.next().expect("the server ended before it listened").unwrap();
            log.lock().unwrap().push(line.clone());
            if let Some((_, rest)) = line.split_once("http://") {
                let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.' && c != ':');
                break rest[..end.unwrap_or(rest.len())].parse().unwrap();
            }
        };
        // Somebody has to read it, or the server would wait for that.
        let kept = Arc::clone(&log);
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                kept.lock().unwrap().push(line);
            }
        });
        let server = Self { process, address, log };
        server.wait("/health/ready", |(status, _)| *status == 200);
        server
    }

    pub(crate) fn ask(
        &self,
        method: &str,
        path: &str,
        headers: &str,
        body: &str,
    ) -> (u16, Vec<u8>) {
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        let length = body.len();
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-type: application/json\r\n\
             content-length: {length}\r\n{headers}\r\n{body}"
        )
        .unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        let head = answer.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
        let text = String::from_utf8_lossy(&answer[..head]).to_lowercase();
        let status = text.split(' ').nth(1).unwrap().parse().unwrap();
        let body = answer[head + 4..].to_vec();
        (status, if text.contains("transfer-encoding: chunked") { unchunked(&body) } else { body })
    }

    pub(crate) fn get(&self, path: &str) -> (u16, Vec<u8>) {
        self.ask("GET", path, "", "")
    }

    fn json(&self, path: &str) -> Value {
        let (status, body) = self.get(path);
        assert_eq!(status, 200, "{path}: {}", String::from_utf8_lossy(&body));
        serde_json::from_slice(&body).unwrap()
    }

    pub(crate) fn submit(&self, key: &str, wish: &Value) -> Value {
        let header = format!("idempotency-key: {key}\r\n");
        let (status, body) = self.ask("POST", "/v1/jobs", &header, &wish.to_string());
        assert!(status == 200 || status == 202, "{status}: {}", String::from_utf8_lossy(&body));
        serde_json::from_slice(&body).unwrap()
    }

    /// The lines of its log so far.
    pub(crate) fn log(&self) -> Vec<String> {
        self.log.lock().unwrap().clone()
    }

    /// Asks until the answer is as it should be.
    fn wait(&self, path: &str, good: impl Fn(&(u16, Vec<u8>)) -> bool) -> Vec<u8> {
        let begun = Instant::now();
        loop {
            let answer = self.get(path);
            if good(&answer) {
                return answer.1;
            }
            let text = String::from_utf8_lossy(&answer.1);
            assert!(
                begun.elapsed() < Duration::from_secs(120),
                "{path} stays {}: {text}",
                answer.0
            );
            std::thread::sleep(Duration::from_millis(30));
        }
    }

    pub(crate) fn over(&self, job: &Value) -> Value {
        let path = job["links"]["self"].as_str().unwrap();
        let body = self.wait(path, |(_, body)| {
            let job: Value = serde_json::from_slice(body).unwrap();
            !matches!(job["status"].as_str(), Some("queued" | "running"))
        });
        serde_json::from_slice(&body).unwrap()
    }

    pub(crate) fn signal(&self, name: &str) {
        crate::folder::succeed(
            std::process::Command::new("kill").args([name, &self.process.id().to_string()]),
        );
    }

    /// Waits until it has ended; says how.
    pub(crate) fn ended(mut self) -> std::process::ExitStatus {
        self.process.wait().unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended, as it should.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn unchunked(mut body: &[u8]) -> Vec<u8> {
    let mut whole = Vec::new();
    while let Some(end) = body.windows(2).position(|window| window == b"\r\n") {
        let length = usize::from_str_radix(std::str::from_utf8(&body[..end]).unwrap(), 16).unwrap();
        whole.extend_from_slice(&body[end + 2..end + 2 + length]);
        body = &body[end + 4 + length..];
    }
    whole
}

pub(crate) fn small(prompt: &str, seed: u64, steps: u32) -> Value {
    json!({"prompt": prompt, "seed": seed, "steps": steps, "width": 64, "height": 64})
}

#[test]
fn a_job_gives_the_picture_that_generate_draws() {
    let folder = Folder::new();
    folder.draw(&["--seed", "7", "--model", "demo", "--output", "alone.png"]);
    let server = Server::start(&folder, &[]);
    let wish =
        json!({"prompt": "a red apple", "seed": 7, "width": 64, "height": 64, "previews": 2});
    let done = server.over(&server.submit("one", &wish));
    assert_eq!(done["status"], "completed", "{done}");
    let (_, png) = server.get(done["images"][0]["url"].as_str().unwrap());
    assert_eq!(zao_png::decode_rgb(&png).unwrap(), folder.pixels("alone.png"));
    let recipe = server.json(&format!("{}/recipe", done["images"][0]["url"].as_str().unwrap()));
    let alone = zao_png::read(&folder.bytes("alone.png")).unwrap().origin;
    let zao_png::Origin::Zao(alone) = alone else { panic!("zao drew it") };
    assert_eq!(recipe, serde_json::to_value(alone).unwrap());
    let (_, events) = server.get(done["links"]["events"].as_str().unwrap());
    assert!(String::from_utf8(events).unwrap().contains("event: completed"));
}

#[test]
fn what_was_accepted_is_drawn_once_although_the_server_is_killed() {
    let folder = Folder::new();
    let wish = |seed| small("a cat", seed, 25);
    let mut jobs = Vec::new();
    let mut pictures = std::collections::BTreeSet::new();
    for round in 0..3_u64 {
        let server = Server::start(&folder, &[]);
        for seed in 0..4 {
            jobs.push(server.submit(&format!("{round}-{seed}"), &wish(10 * round + seed)));
        }
        // Some are drawn, some wait: whatever the moment.
        std::thread::sleep(Duration::from_millis(150 + 170 * round));
        server.signal("-KILL");
        server.ended();
    }
    let server = Server::start(&folder, &[]);
    for (at, job) in jobs.iter().enumerate() {
        let (round, seed) = (at as u64 / 4, at as u64 % 4);
        let again = server.submit(&format!("{round}-{seed}"), &wish(10 * round + seed));
        assert_eq!(again["id"], job["id"], "the key made no second job");
        let done = server.over(job);
        assert_eq!(done["status"], "completed", "{done}");
        let images = done["images"].as_array().unwrap();
        assert_eq!(images.len(), 1, "{done}");
        let (status, png) = server.get(images[0]["url"].as_str().unwrap());
        assert_eq!((status, &png[1..4]), (200, &b"PNG"[..]));
        assert!(pictures.insert(images[0]["id"].as_str().unwrap().to_owned()));
    }
    let listed = server.json("/v1/images?limit=200");
    assert_eq!(listed["images"].as_array().unwrap().len(), jobs.len());
}

#[test]
fn a_server_that_is_told_to_stop_finishes_what_runs_and_keeps_what_waits() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    let jobs: Vec<Value> =
        (0..40).map(|seed| server.submit(&seed.to_string(), &small("an owl", seed, 20))).collect();
    std::thread::sleep(Duration::from_millis(100));
    server.signal("-TERM");
    assert!(server.ended().success());
    let server = Server::start(&folder, &[]);
    for job in &jobs {
        assert_eq!(server.over(job)["status"], "completed");
    }
}

#[test]
fn jobs_are_drawn_together_and_each_is_what_it_is_alone() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    let jobs: Vec<Value> = (0..12)
        .map(|seed| server.submit(&seed.to_string(), &small("a boat", seed, 4 + seed as u32 % 3)))
        .collect();
    let together: Vec<Vec<u8>> = jobs
        .iter()
        .map(|job| server.get(server.over(job)["images"][0]["url"].as_str().unwrap()).1)
        .collect();
    for (seed, png) in together.into_iter().enumerate() {
        let wish = small("a boat", seed as u64, 4 + seed as u32 % 3);
        let alone = server.over(&server.submit(&format!("alone {seed}"), &wish));
        let alone = server.get(alone["images"][0]["url"].as_str().unwrap()).1;
        assert!(png == alone, "picture {seed} differs");
    }
}
