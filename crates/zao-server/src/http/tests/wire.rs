//! The interface over a port: connections as the server holds them, and a client that sees every byte. What is answered is tested without.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::watch;

use super::Server;
use crate::listen::{self, Pace};

/// A server at a port, for as long as this lives.
pub(super) struct Port {
    pub(super) address: SocketAddr,
    _open: watch::Sender<bool>,
}

impl Port {
    pub(super) fn open(server: &Server, pace: Pace) -> Self {
        let listener = listen::bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
        let address = listener.local_addr().unwrap();
        let (open, gone) = watch::channel(false);
        tokio::spawn(listen::serve(listener, server.router.clone(), pace, gone));
        Self { address, _open: open }
    }

    /// A connection with little room for what is not read yet.
    pub(super) async fn call(&self) -> Wire {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(8 << 10).unwrap();
        Wire { stream: BufReader::with_capacity(1024, socket.connect(self.address).await.unwrap()) }
    }
}

/// A client's end of a connection.
pub(super) struct Wire {
    pub(super) stream: BufReader<TcpStream>,
}

/// An event as it came.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Told {
    pub(super) id: u64,
    pub(super) name: String,
    pub(super) data: Value,
}

impl Wire {
    pub(super) async fn write(&mut self, text: &str) {
        self.stream.get_mut().write_all(text.as_bytes()).await.unwrap();
    }

    pub(super) async fn send(&mut self, method: &str, path: &str, headers: &str, body: &str) {
        let length = body.len();
        self.write(&format!(
            "{method} {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n{headers}content-length: {length}\r\n\r\n{body}"
        ))
        .await;
    }

    /// Status and headers of an answer, in lower case.
    pub(super) async fn head(&mut self) -> (u16, String) {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            let read = self.stream.read_line(&mut head).await.unwrap();
            assert!(read > 0, "the connection ended in {head:?}");
        }
        let head = head.to_lowercase();
        (head.split(' ').nth(1).unwrap().parse().unwrap(), head)
    }

    /// An answer of a length that is told.
    pub(super) async fn answer(&mut self) -> (u16, Vec<u8>) {
        let (status, head) = self.head().await;
        let mut body = vec![0; length_of(&head)];
        self.stream.read_exact(&mut body).await.unwrap();
        (status, body)
    }

    /// Asks, and reads the JSON that is answered.
    pub(super) async fn json(&mut self, method: &str, path: &str, body: &str) -> (u16, Value) {
        self.send(method, path, "", body).await;
        let (status, body) = self.answer().await;
        (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
    }

    /// The next event of a stream whose head was read; `None` when it is over.
    pub(super) async fn event(&mut self) -> Option<Told> {
        let (mut id, mut name) = (0, String::new());
        loop {
            let mut line = String::new();
            if self.stream.read_line(&mut line).await.unwrap_or(0) == 0 {
                return None;
            }
            // The lengths of chunks stand between, which look like no field.
            match line.trim_end().split_once(": ") {
                Some(("id", number)) => id = number.parse().unwrap(),
                Some(("event", kind)) => name = kind.to_owned(),
                Some(("data", json)) => {
                    let data = serde_json::from_str(json).unwrap();
                    return Some(Told { id, name, data });
                }
                _ if line == "0\r\n" => return None,
                _ => {}
            }
        }
    }

    /// Whether the other end closes within this time; what it still sends is not kept.
    pub(super) async fn closes_within(&mut self, time: Duration) -> bool {
        let mut bytes = vec![0; 64 << 10];
        let end = async { while self.stream.read(&mut bytes).await.is_ok_and(|read| read > 0) {} };
        tokio::time::timeout(time, end).await.is_ok()
    }
}

pub(super) fn length_of(head: &str) -> usize {
    let (_, rest) = head.split_once("content-length: ").unwrap();
    rest.lines().next().unwrap().trim().parse().unwrap()
}

/// Held while a test compares what this process holds before and after, so that no other one that takes much does the same meanwhile.
pub(super) static MEASURES: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

/// Bytes of main memory that this process holds, where the system tells.
pub(super) fn resident() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(1024 * line.trim().trim_end_matches(" kB").parse::<u64>().ok()?)
}
