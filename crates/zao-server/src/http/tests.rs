//! The interface as clients meet it, with somebody who paints at once in the place of workers.

mod a1111;
mod contract;
mod corpus;
mod crowd;
mod delay;
mod events;
mod guard;
mod images;
mod jobs;
mod limits;
mod locked;
mod metrics;
mod openai;
mod operation;
mod others;
mod page;
mod prompt;
mod prompts;
mod repeated;
mod replay;
mod schema;
mod slow;
mod wire;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime};

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::http::{HeaderMap, Method, Request, StatusCode};
use serde_json::Value;
use tempfile::TempDir;
use tower::ServiceExt;
use zao_api::{ErrorBody, ErrorCode, Progress, Quality, Stage};
use zao_engine::ModelFacts;
use zao_queue::{Claimed, Ledger, Limits, Offer};
use zao_weights::{AdapterFolder, Source};

use super::Haste;
use crate::crew::{AdaptersState, CrewSettings, Endurance, Patience};
use crate::hands::{Condition, Hands, Health, WorkerHealth};
use crate::house::House;
use crate::protocol::Gauges;
use crate::settings::{RequestLimits, Settings};

/// A server without a port.
struct Server {
    router: Router,
    painter: Arc<Painter>,
    thread: Option<JoinHandle<()>>,
    folder: TempDir,
}

/// Somebody who paints pictures of one colour.
struct Painter {
    house: Mutex<Option<Arc<House>>>,
    /// Whether it waits before each picture until it may.
    paused: AtomicBool,
    /// Whether it waits before it says that a job is done.
    holds_back: AtomicBool,
    /// Whether it has drawn everything of a job, and waits for that.
    is_held: AtomicBool,
    /// Milliseconds between what it reports.
    breath: AtomicU64,
    stopped: Mutex<Vec<String>>,
    ended: AtomicBool,
    condition: Mutex<Condition>,
    adapters: Mutex<AdaptersState>,
    gauges: Mutex<Option<Gauges>>,
    /// The device that it draws on, as users name it.
    device: Mutex<&'static str>,
    /// What it planned, once it is ready.
    memory: Mutex<Option<Vec<(Quality, u64)>>>,
}

impl Hands for Painter {
    fn wake(&self) {}

    fn stop(&self, job: &str) {
        self.stopped.lock().unwrap().push(job.into());
    }

    fn open_adapter(&self, name: &str) {
        let mut adapters = self.adapters.lock().unwrap();
        match name {
            "torn" => adapters.refused.push((name.into(), "it fits no layer".into())),
            _ => adapters.open.push(name.into()),
        }
    }

    fn close_adapter(&self, name: &str) {
        self.adapters.lock().unwrap().open.retain(|open| open != name);
    }

    fn free(&self) {}

    fn health(&self) -> Health {
        let adapters = self.adapters.lock().unwrap().clone();
        let memory = self.memory.lock().unwrap().clone();
        let worker = WorkerHealth {
            name: "painter".into(),
            device_label: Some((*self.device.lock().unwrap()).into()),
            gauges: *self.gauges.lock().unwrap(),
            device: memory.is_some().then(|| "an easel".into()),
            memory: memory.unwrap_or_default(),
            held_bytes: 5,
            peak_bytes: 7,
            free_bytes: Some(9),
            loras: 1,
            adapters,
            ..WorkerHealth::default()
        };
        Health { condition: self.condition.lock().unwrap().clone(), workers: vec![worker] }
    }
}

impl Painter {
    /// What its card tells from now on.
    fn card_tells(&self, gauges: Option<Gauges>) {
        *self.gauges.lock().unwrap() = gauges;
    }

    fn work(&self) {
        while !self.ended.load(Ordering::Relaxed) {
            let house = self.house.lock().unwrap().clone().unwrap();
            let offer = Offer { worker: "painter", fits: &|_| true, idle: true };
            match house.ledger.next(&offer, SystemTime::now()).unwrap() {
                // One that was cancelled meanwhile is begun no more.
                Some(claimed) => match house.ledger.started(&claimed.claim, SystemTime::now()) {
                    Ok(()) => self.paint(&house, &claimed),
                    Err(error) => assert!(matches!(error, zao_queue::Error::Stale { .. })),
                },
                None => std::thread::sleep(Duration::from_millis(2)),
            }
        }
    }

    fn paint(&self, house: &House, claimed: &Claimed) {
        let (ledger, claim, now) = (&house.ledger, &claimed.claim, SystemTime::now());
        while self.paused.load(Ordering::Relaxed) && !self.ended.load(Ordering::Relaxed) {
            if self.stopped.lock().unwrap().iter().any(|job| *job == claim.job().to_string()) {
                return ledger.cancelled(claim, now).unwrap();
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        if claimed.request.request.prompt.contains("too much") {
            let message = "a picture of 1x1 would fit".to_owned();
            let error = ErrorBody { code: ErrorCode::OutOfMemory, message };
            return ledger.failed(claim, error, now).unwrap();
        }
        let steps = claimed.demand.steps;
        let is_noise = claimed.request.request.prompt.contains("noise");
        for step in 1..=steps {
            let fraction = f64::from(step) / f64::from(steps);
            let progress = Progress { stage: Stage::Denoise, step, steps, fraction };
            ledger.progress(claim, progress, None, SystemTime::now()).unwrap();
            self.breathe();
        }
        let (width, height) = (claimed.demand.width, claimed.demand.height);
        for &(index, seed) in &claimed.missing {
            for _ in 0..claimed.request.previews.unwrap_or(0) {
                let b64 = if is_noise { "A".repeat(100_000) } else { "UE5H".into() };
                let now = SystemTime::now();
                ledger.preview(claim, index, "image/png", b64, (8, 8), now).unwrap();
                self.breathe();
            }
            let rgb = if is_noise {
                noise((3 * width * height) as usize)
            } else {
                let colour = [seed as u8, (seed >> 8) as u8, index as u8];
                colour.repeat((width * height) as usize)
            };
            let png = zao_png::encode_plain(&rgb, width, height).unwrap();
            let stored = ledger.measured_picture(claim, index, &png, HELD, SystemTime::now());
            stored.unwrap();
            self.breathe();
        }
        while self.holds_back.load(Ordering::Relaxed) && !self.ended.load(Ordering::Relaxed) {
            self.is_held.store(true, Ordering::Relaxed);
            std::thread::sleep(Duration::from_millis(2));
        }
        self.is_held.store(false, Ordering::Relaxed);
        ledger.completed(claim, SystemTime::now()).unwrap();
    }

    fn breathe(&self) {
        let breath = self.breath.load(Ordering::Relaxed);
        if breath > 0 {
            std::thread::sleep(Duration::from_millis(breath));
        }
    }
}

/// How long something is waited for that comes at once on a machine which does nothing else.
const PATIENCE: Duration = Duration::from_secs(120);

/// Bytes of its device that the painter holds for a picture.
const HELD: u64 = 3 << 20;

/// Bytes that no compression makes smaller.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as u8
    };
    (0..length).map(|_| next()).collect()
}

/// A server's rooms in a folder of their own, with nobody who draws.
pub(crate) fn house(change: impl FnOnce(&mut Settings), haste: Haste) -> (Arc<House>, TempDir) {
    let folder = TempDir::new().unwrap();
    let mut settings = Settings {
        address: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
        folder: folder.path().join("jobs"),
        token: None,
        admin_token: None,
        host_names: Vec::new(),
        public_url: None,
        origins: Vec::new(),
        proxies: Vec::new(),
        page: None,
        ledger: Limits::default(),
        request: RequestLimits { pixels: 512 * 512, ..RequestLimits::default() },
        drain: Duration::from_secs(1),
        workers: CrewSettings {
            workers: Vec::new(),
            patience: Patience::default(),
            endurance: Endurance::default(),
            memory_limit: None,
        },
        log_prompts: false,
    };
    change(&mut settings);
    let model = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../assets/demo-model");
    let model = ModelFacts::of("demo", Source::Folder(model)).unwrap();
    let loras = AdapterFolder::new(folder.path().join("loras"));
    let ledger = Ledger::open(&settings.folder, settings.ledger.clone(), SystemTime::now());
    let mut house = House::new(settings, model, loras, Arc::new(ledger.unwrap())).unwrap();
    Arc::get_mut(&mut house).unwrap().haste = haste;
    (house, folder)
}

impl Server {
    fn new() -> Self {
        Self::with(|_| ())
    }

    fn with(change: impl FnOnce(&mut Settings)) -> Self {
        Self::of(change, Haste::USUAL)
    }

    fn of(change: impl FnOnce(&mut Settings), haste: Haste) -> Self {
        let (house, folder) = house(change, haste);
        let painter = Arc::new(Painter {
            house: Mutex::new(Some(Arc::clone(&house))),
            paused: AtomicBool::new(false),
            holds_back: AtomicBool::new(false),
            is_held: AtomicBool::new(false),
            breath: AtomicU64::new(0),
            stopped: Mutex::default(),
            ended: AtomicBool::new(false),
            condition: Mutex::new(Condition::Ready),
            adapters: Mutex::default(),
            gauges: Mutex::default(),
            device: Mutex::new("cuda:1"),
            memory: Mutex::default(),
        });
        house.employ(Arc::clone(&painter) as _);
        let working = Arc::clone(&painter);
        let thread = Some(std::thread::spawn(move || working.work()));
        let router = super::router(house);
        Self { router, painter, thread, folder }
    }

    fn pause(&self, paused: bool) {
        self.painter.paused.store(paused, Ordering::Relaxed);
    }

    /// Waits for something while the painter takes a while to say that a job is done, as one whose previews are to be seen.
    async fn held_back<T>(&self, what: impl Future<Output = T>) -> T {
        self.painter.holds_back.store(true, Ordering::Relaxed);
        let (done, ()) = tokio::join!(what, async {
            let begun = Instant::now();
            while !self.painter.is_held.load(Ordering::Relaxed) {
                assert!(begun.elapsed() < PATIENCE, "nothing is painted");
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
            self.painter.holds_back.store(false, Ordering::Relaxed);
        });
        done
    }

    /// Sends a request. Whatever comes back has to be what the document tells of.
    async fn send(&self, request: Request<Body>) -> Answer {
        let (method, path) = (request.method().to_string(), request.uri().to_string());
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = to_bytes(body, usize::MAX).await.unwrap();
        let answer = (parts.status, &parts.headers, &bytes[..]);
        let told = schema::Document::new().tells_of((&method, &path), answer);
        assert_eq!(told, Ok(()), "{method} {path}: {}", String::from_utf8_lossy(&bytes));
        Answer { status: parts.status, headers: parts.headers, bytes }
    }

    async fn get(&self, path: &str) -> Answer {
        self.send(Request::get(path).body(Body::empty()).unwrap()).await
    }

    async fn delete(&self, path: &str) -> Answer {
        self.send(Request::delete(path).body(Body::empty()).unwrap()).await
    }

    async fn post(&self, path: &str, body: Value) -> Answer {
        self.send(posted(path, &[], &body)).await
    }

    /// Waits until a job is over.
    async fn over(&self, path: &str) -> Value {
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE {
            let job = self.get(path).await.json();
            if !matches!(job["status"].as_str(), Some("queued" | "running")) {
                return job;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("{path} is never over");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.painter.ended.store(true, Ordering::Relaxed);
        let painted = self.thread.take().map(JoinHandle::join);
        // The painter holds the house, which holds the painter.
        self.painter.house.lock().unwrap().take();
        assert!(std::thread::panicking() || matches!(painted, Some(Ok(()))), "the painter failed");
    }
}

/// The refusal of whoever asks too often, with `rate` requests a minute of which some come back meanwhile. `ask` is given how many were
/// taken, and sees to it that one which is not refused was.
async fn refused_at_last(rate: u32, ask: impl AsyncFn(u32) -> Answer) -> Answer {
    let begun = Instant::now();
    let mut taken = 0;
    loop {
        let answer = ask(taken).await;
        if answer.status == StatusCode::TOO_MANY_REQUESTS {
            assert!(taken >= rate, "refused after {taken}");
            answer.refused(429, "rate_limited");
            return answer;
        }
        taken += 1;
        let back = f64::from(rate) * begun.elapsed().as_secs_f64() / 60.0;
        assert!(f64::from(taken) <= f64::from(rate) + back + 1.0, "{taken} were taken");
    }
}

fn posted(path: &str, headers: &[(&str, &str)], body: &Value) -> Request<Body> {
    let mut request = Request::builder()
        .method(Method::POST)
        .uri(path)
        .header("content-type", "application/json");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(Body::from(body.to_string())).unwrap()
}

/// What came back.
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    bytes: Bytes,
}

impl Answer {
    #[track_caller]
    fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes)
            .unwrap_or_else(|error| panic!("{error}: {:?}", self.bytes))
    }

    /// The JSON of an answer with this status.
    #[track_caller]
    fn expect(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{:?}", String::from_utf8_lossy(&self.bytes));
        self.json()
    }

    #[track_caller]
    fn refused(&self, status: u16, code: &str) -> Value {
        let body = self.expect(status);
        let error = &body["error"];
        assert_eq!(error["code"], code, "{body}");
        assert!(error["message"].as_str().is_some_and(|message| message.len() > 10), "{body}");
        assert_eq!(error["request_id"], self.headers["x-request-id"].to_str().unwrap());
        error.clone()
    }
}
