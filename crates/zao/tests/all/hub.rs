//! A hub on the loopback interface that serves the built-in model as if it were Z-Image-Turbo.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::model_file;

const REPO: &str = "Tongyi-MAI/Z-Image-Turbo";

/// A file that takes long enough to be interrupted.
pub(crate) const LARGE: &str = "transformer/diffusion_pytorch_model.safetensors";

/// What the server's threads share.
struct Shared {
    files: BTreeMap<String, Vec<u8>>,
    /// Whether the large file stops in its middle.
    stalls: bool,
    /// Path and first byte of each answered request for a file.
    served: Mutex<Vec<(String, usize)>>,
}

/// A running hub.
pub(crate) struct Hub {
    address: String,
    shared: Arc<Shared>,
}

impl Hub {
    pub(crate) fn start(stalls: bool) -> Self {
        let read = |file: String| {
            let content = fs::read(model_file::original().join(&file)).unwrap();
            (file, content)
        };
        let shared = Arc::new(Shared {
            files: model_file::files().into_iter().map(read).collect(),
            stalls,
            served: Mutex::default(),
        });
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let hub = Self { address, shared: Arc::clone(&shared) };
        // The threads end with the test's process.
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let shared = Arc::clone(&shared);
                thread::spawn(move || shared.answer(&stream));
            }
        });
        hub
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Paths and first bytes of what was asked for since the last call.
    pub(crate) fn served(&self) -> Vec<(String, usize)> {
        std::mem::take(&mut *self.shared.served.lock().unwrap())
    }

    /// The size of one file.
    pub(crate) fn size(&self, path: &str) -> u64 {
        self.shared.files[path].len() as u64
    }

    /// The size of all files.
    pub(crate) fn bytes(&self) -> u64 {
        self.shared.files.values().map(|content| content.len() as u64).sum()
    }
}

impl Shared {
    fn answer(&self, stream: &TcpStream) {
        let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
        let Some(request) = lines.next() else { return };
        let headers: Vec<_> = lines.take_while(|line| !line.is_empty()).collect();
        let target = request.split(' ').nth(1).unwrap_or_default();
        // A client that is killed hangs up.
        let _ = match target.strip_prefix(&format!("/{REPO}/resolve/main/")) {
            Some(path) => self.send_file(stream, path, first_byte(&headers)),
            None if target.starts_with(&format!("/api/models/{REPO}/tree/main")) => {
                send(stream, "200 OK", self.list().to_string().as_bytes(), "")
            }
            None => send(stream, "404 Not Found", b"", ""),
        };
    }

    fn list(&self) -> Value {
        let entry = |(path, content): (&String, &Vec<u8>)| {
            let sha: String = Sha256::digest(content).iter().map(|b| format!("{b:02x}")).collect();
            let size = content.len();
            json!({"type": "file", "path": path, "size": size, "oid": "",
                   "lfs": {"oid": sha, "size": size}})
        };
        self.files.iter().map(entry).collect()
    }

    fn send_file(&self, stream: &TcpStream, path: &str, from: usize) -> std::io::Result<()> {
        let Some(content) = self.files.get(path) else {
            return send(stream, "404 Not Found", b"", "");
        };
        self.served.lock().unwrap().push((path.to_owned(), from));
        let (rest, end) = (&content[from..], content.len());
        let (status, range) = match from {
            0 => ("200 OK", String::new()),
            _ => ("206 Partial", format!("Content-Range: bytes {from}-{}/{end}\r\n", end - 1)),
        };
        if path == LARGE && self.stalls {
            let mut stream = stream;
            write!(stream, "HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n", rest.len())?;
            stream.write_all(&rest[..rest.len() / 2])?;
            thread::sleep(Duration::from_secs(600));
            return Ok(());
        }
        send(stream, status, rest, &range)
    }
}

fn first_byte(headers: &[String]) -> usize {
    let range = headers.iter().find_map(|line| {
        let (name, value) = line.split_once(": ")?;
        name.eq_ignore_ascii_case("range").then_some(value)
    });
    range
        .and_then(|range| range.strip_prefix("bytes=")?.strip_suffix('-')?.parse().ok())
        .unwrap_or(0)
}

fn send(mut stream: &TcpStream, status: &str, body: &[u8], more: &str) -> std::io::Result<()> {
    let length = body.len();
    write!(
        stream,
        "HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {length}\r\n{more}\r\n"
    )?;
    stream.write_all(body)
}
