//! A server of pictures whose times and faults are set by the test. It speaks HTTP by hand, so that it can trickle and drop
//! what it sends. What it answers is in [`answers`].

mod answers;
mod pictures;

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

pub(crate) use answers::{NEWS, TOO_MUCH};
pub(crate) use pictures::{SIDE, picture};

/// What is wrong with an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Nothing.
    None,
    /// A picture of half the side.
    Small,
    /// A picture in one colour.
    Constant,
    /// The same picture as always.
    Same,
    /// Half of the bytes of a picture.
    Cut,
    /// 429, to come again after so many seconds.
    Refuse(u32),
    /// 503 with a code.
    Broken,
    /// The connection is closed in the middle of the answer.
    Drop,
    /// No answer.
    Hang,
}

/// Which requests have which fault, by their number.
pub(crate) type Faults = fn(u64) -> Fault;

/// How a server behaves.
#[derive(Clone)]
pub(crate) struct Behaviour {
    /// Of one picture.
    pub(crate) work: Duration,
    /// Pictures at a time.
    pub(crate) slots: usize,
    pub(crate) fault: Faults,
    /// Between the first byte of an answer and its last.
    pub(crate) trickle: Duration,
    /// Nothing is begun from the one to the other, counted from the first request on.
    pub(crate) stall: Option<(Duration, Duration)>,
    /// Pictures depend on how many are drawn at a time.
    pub(crate) unsteady: bool,
    /// Streams of events end after the first preview, once.
    pub(crate) forgetful: bool,
    /// Whether it publishes what two cards do.
    pub(crate) cards: bool,
}

impl Default for Behaviour {
    fn default() -> Self {
        Self {
            work: Duration::from_millis(40),
            slots: 64,
            fault: |_| Fault::None,
            trickle: Duration::ZERO,
            stall: None,
            unsteady: false,
            forgetful: false,
            cards: false,
        }
    }
}

/// A running server; it ends with the test.
pub(crate) struct Server {
    url: String,
    state: Arc<State>,
}

/// What its connections share.
pub(crate) struct State {
    behaviour: Behaviour,
    started: Instant,
    slots: Semaphore,
    numbers: AtomicU64,
    drawing: AtomicUsize,
    begin: std::sync::OnceLock<Instant>,
    jobs: answers::Jobs,
    cancelled: AtomicUsize,
    connections: AtomicUsize,
    bodies: std::sync::Mutex<Vec<serde_json::Value>>,
}

impl Server {
    pub(crate) fn start(behaviour: Behaviour) -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let state = Arc::new(State {
            slots: Semaphore::new(behaviour.slots),
            behaviour,
            started: Instant::now(),
            numbers: AtomicU64::new(0),
            drawing: AtomicUsize::new(0),
            begin: std::sync::OnceLock::new(),
            jobs: answers::Jobs::default(),
            cancelled: AtomicUsize::new(0),
            connections: AtomicUsize::new(0),
            bodies: std::sync::Mutex::default(),
        });
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async move {
                let listener = TcpListener::from_std(listener).unwrap();
                loop {
                    let (stream, _) = listener.accept().await.unwrap();
                    shared.connections.fetch_add(1, Ordering::Relaxed);
                    // A client that goes away is no failure of the server.
                    let state = Arc::clone(&shared);
                    tokio::spawn(async move { serve(stream, state).await.ok() });
                }
            });
        });
        Self { url, state }
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Jobs that were cancelled.
    pub(crate) fn cancelled(&self) -> usize {
        self.state.cancelled.load(Ordering::Relaxed)
    }

    /// Connections that were made.
    pub(crate) fn connections(&self) -> usize {
        self.state.connections.load(Ordering::Relaxed)
    }

    /// Bodies of all requests for pictures.
    pub(crate) fn bodies(&self) -> Vec<serde_json::Value> {
        self.state.bodies.lock().unwrap().clone()
    }
}

/// A request.
pub(crate) struct Asked {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

/// What a connection writes to.
pub(crate) struct Wire(BufReader<TcpStream>);

impl Wire {
    /// A whole answer; between its first byte and its last it takes as long as is wanted.
    pub(crate) async fn answer(
        &mut self,
        status: u16,
        headers: &str,
        body: &[u8],
        trickle: Duration,
    ) -> io::Result<()> {
        let head =
            format!("HTTP/1.1 {status} X\r\n{headers}content-length: {}\r\n\r\n", body.len());
        let bytes = [head.as_bytes(), body].concat();
        if trickle.is_zero() {
            return self.0.get_mut().write_all(&bytes).await;
        }
        let (first, rest) = bytes.split_at(1);
        self.0.get_mut().write_all(first).await?;
        for piece in rest.chunks(rest.len().div_ceil(4)) {
            tokio::time::sleep(trickle / 4).await;
            self.0.get_mut().write_all(piece).await?;
        }
        Ok(())
    }

    /// Half of an answer, and the end of the connection.
    pub(crate) async fn break_off(&mut self, body: &[u8]) -> io::Result<()> {
        let head = format!("HTTP/1.1 200 X\r\ncontent-length: {}\r\n\r\n", body.len());
        let half = [head.as_bytes(), &body[..body.len() / 2]].concat();
        self.0.get_mut().write_all(&half).await?;
        Err(io::ErrorKind::ConnectionAborted.into())
    }

    /// The head of a stream of events.
    pub(crate) async fn begin_events(&mut self, headers: &str) -> io::Result<()> {
        let head = format!(
            "HTTP/1.1 200 OK\r\n{headers}content-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
        );
        self.0.get_mut().write_all(head.as_bytes()).await
    }

    /// A piece of a stream of events; an empty one ends it.
    pub(crate) async fn piece(&mut self, text: &str) -> io::Result<()> {
        let chunk = format!("{:x}\r\n{text}\r\n", text.len());
        self.0.get_mut().write_all(chunk.as_bytes()).await
    }
}

async fn serve(stream: TcpStream, state: Arc<State>) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut wire = Wire(BufReader::new(stream));
    while let Some(asked) = read(&mut wire.0).await? {
        answers::answer(&state, &mut wire, asked).await?;
    }
    Ok(())
}

/// The next request; `None` when the client has gone.
async fn read(stream: &mut BufReader<TcpStream>) -> io::Result<Option<Asked>> {
    let mut head = String::new();
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await? == 0 {
            return Ok(None);
        }
        if line == "\r\n" {
            break;
        }
        head += &line.to_lowercase();
    }
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    let mut body = vec![0; length.map_or(0, |length| length.trim().parse().unwrap())];
    stream.read_exact(&mut body).await?;
    let mut words = head.split(' ');
    let mut word = || words.next().unwrap_or_default().to_owned();
    let (method, path) = (word(), word());
    Ok(Some(Asked { method, path, head, body }))
}
