//! `zao serve` in a process of its own, and a client of it. What is asked is up to the tests.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
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
        Self::run(folder.zao(), args)
    }

    /// Starts it through `command`, which ends with the program.
    pub(crate) fn run(command: Command, args: &[&str]) -> Self {
        let server = Self::listening(command, "demo", args);
        server.wait("/health/ready", |(status, _)| *status == 200);
        server
    }

    /// The same with a model that may be none, as soon as it listens.
    pub(crate) fn listening(mut command: Command, model: &str, args: &[&str]) -> Self {
        command.args(["serve", "--model", model, "--port", "0"]).args(args);
        let mut process = command.stderr(Stdio::piped()).spawn().unwrap();
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
        Self { process, address, log }
    }

    pub(crate) fn ask(
        &self,
        method: &str,
        path: &str,
        headers: &str,
        body: &str,
    ) -> (u16, Vec<u8>) {
        let mut stream = self.begin(method, path, headers, body);
        let mut answer = Vec::new();
        let read = stream.read_to_end(&mut answer);
        let head = answer.windows(4).position(|window| window == b"\r\n\r\n");
        let head = head.unwrap_or_else(|| panic!("{method} {path}: {read:?}, {answer:?}"));
        let text = String::from_utf8_lossy(&answer[..head]).to_lowercase();
        let status = text.split(' ').nth(1).unwrap().parse().unwrap();
        let body = answer[head + 4..].to_vec();
        if let Err(error) = read {
            // So ends the connection of a server that need not read all of what it refuses; its answer has to be whole.
            let length = text.lines().find_map(|line| line.strip_prefix("content-length: "));
            let is_whole = length.is_some_and(|length| length.parse() == Ok(body.len()));
            let is_cut_off = error.kind() == ErrorKind::ConnectionReset;
            assert!(is_cut_off && is_whole, "{method} {path}: {error}, {text}");
        }
        (status, if text.contains("transfer-encoding: chunked") { unchunked(&body) } else { body })
    }

    pub(crate) fn get(&self, path: &str) -> (u16, Vec<u8>) {
        self.ask("GET", path, "", "")
    }

    pub(crate) fn json(&self, path: &str) -> Value {
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
    pub(crate) fn wait(&self, path: &str, good: impl Fn(&(u16, Vec<u8>)) -> bool) -> Vec<u8> {
        let begun = Instant::now();
        loop {
            let answer = self.get(path);
            if good(&answer) {
                return answer.1;
            }
            let text = String::from_utf8_lossy(&answer.1);
            assert!(
                begun.elapsed() < Duration::from_secs(300),
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

    pub(crate) fn pid(&self) -> u32 {
        self.process.id()
    }

    pub(crate) fn signal(&self, name: &str) {
        signal(name, self.pid());
    }

    /// The process of its worker.
    pub(crate) fn worker(&self) -> u32 {
        let threads = std::fs::read_dir(format!("/proc/{}/task", self.pid())).unwrap();
        let children = threads.filter_map(|thread| {
            std::fs::read_to_string(thread.unwrap().path().join("children")).ok()
        });
        let children: Vec<u32> = children
            .flat_map(|pids| {
                pids.split_whitespace().map(|pid| pid.parse().unwrap()).collect::<Vec<_>>()
            })
            .collect();
        assert_eq!(children.len(), 1, "{children:?}");
        children[0]
    }

    /// A place as the server sees it, which may have disks of its own.
    pub(crate) fn its(&self, path: &std::path::Path) -> PathBuf {
        let path = path.strip_prefix("/").unwrap();
        PathBuf::from(format!("/proc/{}/root", self.pid())).join(path)
    }

    /// Bytes of main memory that it holds.
    pub(crate) fn resident(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        1024 * line.trim().trim_end_matches(" kB").parse::<u64>().unwrap()
    }

    /// Asks, and leaves the answer to be read.
    pub(crate) fn begin(&self, method: &str, path: &str, headers: &str, body: &str) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        let length = body.len();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-type: application/json\r\n\
             content-length: {length}\r\n{headers}\r\n{body}"
        );
        match stream.write_all(request.as_bytes()) {
            Ok(()) => {}
            // It has read enough to refuse it: the answer says so.
            Err(error)
                if matches!(error.kind(), ErrorKind::ConnectionReset | ErrorKind::BrokenPipe) => {}
            Err(error) => panic!("{method} {path}: {error}"),
        }
        stream
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

pub(crate) fn signal(name: &str, pid: u32) {
    crate::folder::succeed(Command::new("kill").args([name, &pid.to_string()]));
}

pub(crate) fn small(prompt: &str, seed: u64, steps: u32) -> Value {
    json!({"prompt": prompt, "seed": seed, "steps": steps, "width": 64, "height": 64})
}
