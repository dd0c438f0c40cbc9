//! What the server counts, and how Prometheus is told. Gauges are read when they are asked for, so that none goes stale.

mod devices;
mod plain;
mod sizes;

use std::collections::BTreeSet;
use std::fmt::{Error as FormatError, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{
    Histogram, exponential_buckets, exponential_buckets_range,
};
use prometheus_client::registry::{Registry, Unit};

use crate::hands::{Condition, Health, WorkerHealth};
use crate::house::House;
use crate::http::Code;
use crate::protocol::Probed;
use crate::protocol::Relief as Rung;
use crate::resident;
use devices::Devices;
pub(crate) use plain::Form;

/// A request that was answered.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answered {
    route: String,
    code: u16,
}

/// Whether a prompt had been read before.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Prompt {
    result: Name,
}

/// How a device was that had nothing to do.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Probe {
    result: Name,
}

/// Where a job was when it was cancelled.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Phase {
    phase: Name,
}

/// Which worker.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Worker {
    worker: String,
}

/// What a job was busy with.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Stage {
    stage: Name,
}

/// How memory was relieved.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Relief {
    rung: Name,
}

/// How large a picture is.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Size {
    size: Name,
}

/// Why a job was not taken on.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Refused {
    code: Name,
}

/// What kind of memory.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Memory {
    kind: Name,
    worker: String,
}

/// In which state.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct State {
    state: Name,
}

/// What runs here.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Build {
    version: Name,
    /// The devices of all workers, once they are known.
    device: String,
}

/// A label from a short list, so that there are never many.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Name(&'static str);

impl EncodeLabelValue for Name {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> Result<(), FormatError> {
        encoder.write_str(self.0)
    }
}

/// The server's counts.
pub(crate) struct Metrics {
    /// One at a time looks and writes, or it would miss what another one is about to look at again.
    registry: Mutex<Registry>,
    requests: Family<Answered, Counter>,
    images: Family<Size, Counter>,
    refused: Family<Refused, Counter>,
    clients_gone: Counter,
    queue_seconds: Histogram,
    inference_seconds: Histogram,
    pub(crate) step_seconds: Histogram,
    stage_seconds: Family<Stage, Histogram>,
    pub(crate) batch_size: Histogram,
    relieved: Family<Relief, Counter>,
    jobs: Family<State, Gauge>,
    queue_depth: Gauge,
    restarts: Counter,
    ready: Gauge,
    build: Family<Build, Gauge>,
    prompts: Family<Prompt, Counter>,
    cancelled: Family<Phase, Counter>,
    probes: Family<Probe, Counter>,
    memory: Family<Memory, Gauge<f64, AtomicU64>>,
    vram: Family<Memory, Gauge<f64, AtomicU64>>,
    loras: Family<Worker, Gauge>,
    own_memory: Gauge<f64, AtomicU64>,
    devices: Devices,
}

/// What a job may be at when it is cancelled.
const PHASES: [&str; 6] = ["queued", "load", "encode", "text", "denoise", "decode"];

/// What the time of a picture is told by.
const STAGES: [&str; 4] = ["text", "denoise", "vae", "encode"];

/// Why jobs are not taken on although nothing is wrong with them.
const REFUSALS: [Code; 4] =
    [Code::QueueFull, Code::ClientQueueFull, Code::RateLimited, Code::Draining];

/// From a twentieth of a second to two minutes, each bound about twice the one before.
fn seconds() -> Histogram {
    let bounds = exponential_buckets_range(0.05, 120.0, 12);
    // With more digits the labels would say no more.
    Histogram::new(bounds.map(|bound| (bound * 1000.0).round() / 1000.0))
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let mut registry = Registry::with_prefix("zao");
        let requests = Family::<Answered, Counter>::default();
        registry.register("requests", "Requests that were answered", requests.clone());
        let images = Family::<Size, Counter>::default();
        registry.register("images", "Pictures that were drawn and stored", images.clone());
        let refused = Family::<Refused, Counter>::default();
        let about = "Jobs that were not taken on although nothing is wrong with them";
        registry.register("jobs_refused", about, refused.clone());
        let clients_gone = Counter::default();
        let about = "Clients that hung up while they waited for pictures";
        registry.register("clients_gone", about, clients_gone.clone());
        let queue_seconds = seconds();
        let about = "How long jobs waited";
        registry.register_with_unit("queue", about, Unit::Seconds, queue_seconds.clone());
        let inference_seconds = seconds();
        let about = "How long jobs were drawn";
        registry.register_with_unit("inference", about, Unit::Seconds, inference_seconds.clone());
        let step_seconds = Histogram::new(exponential_buckets(0.005, 2.0, 14));
        let about = "How long denoising steps took";
        registry.register_with_unit("step", about, Unit::Seconds, step_seconds.clone());
        let stage_seconds = Family::<Stage, Histogram>::new_with_constructor(seconds);
        let about = "How long pictures took for each stage";
        registry.register_with_unit("stage", about, Unit::Seconds, stage_seconds.clone());
        let batch_size = Histogram::new([1.0, 2.0, 4.0, 8.0, 16.0]);
        registry.register("batch_size", "Pictures that stepped together", batch_size.clone());
        let relieved = Family::<Relief, Counter>::default();
        let about = "What was done because memory was short";
        registry.register("oom", about, relieved.clone());
        let jobs = Family::<State, Gauge>::default();
        registry.register("jobs", "Jobs by state", jobs.clone());
        let queue_depth = Gauge::default();
        registry.register("queue_depth", "Jobs that wait", queue_depth.clone());
        let restarts = Counter::default();
        registry.register("restarts", "How often workers were replaced", restarts.clone());
        let ready = Gauge::default();
        registry.register("ready", "Whether a job that came now would be drawn", ready.clone());
        let build = Family::<Build, Gauge>::default();
        registry.register("build_info", "Which zao this is, and what it draws on", build.clone());
        let memory = Family::<Memory, Gauge<f64, AtomicU64>>::default();
        registry.register_with_unit("memory", "Memory of workers", Unit::Bytes, memory.clone());
        let prompts = Family::<Prompt, Counter>::default();
        let about = "Prompts that were remembered, and that had to be read";
        registry.register("prompt_cache", about, prompts.clone());
        let cancelled = Family::<Phase, Counter>::default();
        let about = "Jobs that were cancelled, by what they were at";
        registry.register("jobs_cancelled", about, cancelled.clone());
        let probes = Family::<Probe, Counter>::default();
        let about = "Looks at devices that had nothing to do, by what was found";
        registry.register("probes", about, probes.clone());
        for outcome in Probed::ALL {
            // A series that begins with its first event hides that event from whoever asks how many there were.
            let _begun = probes.get_or_create(&Probe { result: Name(outcome.as_str()) });
        }
        let vram = Family::<Memory, Gauge<f64, AtomicU64>>::default();
        let about = "Memory of devices that workers hold, held at most, and may still take";
        registry.register_with_unit("vram", about, Unit::Bytes, vram.clone());
        let loras = Family::<Worker, Gauge>::default();
        registry.register("lora_loaded", "Adapters that workers have loaded", loras.clone());
        let own_memory = Gauge::<f64, AtomicU64>::default();
        let about = "Memory of the server itself";
        registry.register_with_unit("server_memory", about, Unit::Bytes, own_memory.clone());
        let devices = Devices::registered(&mut registry);
        let metrics = Self {
            registry: Mutex::new(registry),
            requests,
            images,
            refused,
            clients_gone,
            queue_seconds,
            inference_seconds,
            step_seconds,
            stage_seconds,
            batch_size,
            relieved,
            jobs,
            queue_depth,
            restarts,
            ready,
            build,
            prompts,
            cancelled,
            probes,
            memory,
            vram,
            loras,
            own_memory,
            devices,
        };
        metrics.begin_at_zero();
        metrics
    }

    /// A series that begins with its first event loses that one to whoever asks for rates, and says nothing before it.
    fn begin_at_zero(&self) {
        for size in sizes::classes() {
            drop(self.images.get_or_create(&Size { size: Name(size) }));
        }
        for rung in Rung::ALL {
            drop(self.relieved.get_or_create(&Relief { rung: Name(rung.as_str()) }));
        }
        for phase in PHASES {
            drop(self.cancelled.get_or_create(&Phase { phase: Name(phase) }));
        }
        for code in REFUSALS {
            drop(self.refused.get_or_create(&Refused { code: Name(code.as_str()) }));
        }
        for stage in STAGES {
            drop(self.stage_seconds.get_or_create(&Stage { stage: Name(stage) }));
        }
        self.prompts(0, 0);
    }

    /// Counts a request.
    pub(crate) fn answered(&self, route: &str, code: u16) {
        self.requests.get_or_create(&Answered { route: route.into(), code }).inc();
    }

    /// Counts what a picture took for a stage.
    pub(crate) fn spent(&self, stage: &'static str, seconds: f64) {
        self.stage_seconds.get_or_create(&Stage { stage: Name(stage) }).observe(seconds);
    }

    /// Counts prompts by whether they had been read before.
    pub(crate) fn prompts(&self, remembered: u64, read: u64) {
        for (result, count) in [("hit", remembered), ("miss", read)] {
            self.prompts.get_or_create(&Prompt { result: Name(result) }).inc_by(count);
        }
    }

    /// Counts a picture of this size that was stored.
    pub(crate) fn drawn(&self, width: u32, height: u32) {
        let size = Name(sizes::class(width, height));
        self.images.get_or_create(&Size { size }).inc();
    }

    /// Counts what was done because memory was short.
    pub(crate) fn relieved(&self, rung: Rung) {
        self.relieved.get_or_create(&Relief { rung: Name(rung.as_str()) }).inc();
    }

    /// How often something was done because memory was short.
    pub(crate) fn reliefs(&self) -> u64 {
        let of =
            |rung: Rung| self.relieved.get_or_create(&Relief { rung: Name(rung.as_str()) }).get();
        Rung::ALL.into_iter().map(of).sum()
    }

    /// Counts a job that was refused although nothing is wrong with it.
    pub(crate) fn refused(&self, code: Code) {
        self.refused.get_or_create(&Refused { code: Name(code.as_str()) }).inc();
    }

    /// Counts a client that hung up on its job.
    pub(crate) fn client_gone(&self) {
        self.clients_gone.inc();
    }

    /// Counts a job that was cancelled at this.
    pub(crate) fn cancelled(&self, phase: &'static str) {
        self.cancelled.get_or_create(&Phase { phase: Name(phase) }).inc();
    }

    /// Counts a look at a device, by what was found.
    pub(crate) fn probed(&self, result: &'static str) {
        self.probes.get_or_create(&Probe { result: Name(result) }).inc();
    }

    /// Counts the end of a job.
    pub(crate) fn finished(&self, queue: Duration, inference: Duration) {
        self.queue_seconds.observe(queue.as_secs_f64());
        self.inference_seconds.observe(inference.as_secs_f64());
    }

    /// All of it, as text of that form.
    pub(crate) fn text(&self, house: &House, form: Form) -> String {
        let registry = self.registry.lock().unwrap_or_else(PoisonError::into_inner);
        self.look(house);
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _ = encode(&mut text, &registry);
        match form {
            Form::OpenMetrics => text,
            Form::Plain => plain::plain(&text),
        }
    }

    fn look(&self, house: &House) {
        if let Ok(counts) = house.ledger.counts() {
            self.queue_depth.set(counts.queued as i64);
            for (state, count) in [
                ("queued", counts.queued),
                ("running", counts.running),
                ("completed", counts.completed),
                ("failed", counts.failed),
                ("cancelled", counts.cancelled),
            ] {
                self.jobs.get_or_create(&State { state: Name(state) }).set(count as i64);
            }
        }
        if let Some(bytes) = resident::bytes() {
            self.own_memory.set(bytes as f64);
        }
        let health = house.health();
        self.ready.set(i64::from(health.condition == Condition::Ready && !house.is_closing()));
        let restarts = health.workers.iter().map(|worker| worker.restarts).sum();
        self.restarts.inner().store(restarts, Ordering::Relaxed);
        self.look_at_build(&health);
        self.devices.look(&health.workers);
        self.vram.clear();
        for worker in health.workers {
            for (kind, bytes) in [("device", worker.held_bytes), ("main", worker.resident_bytes)] {
                let memory = Memory { kind: Name(kind), worker: worker.name.clone() };
                self.memory.get_or_create(&memory).set(bytes as f64);
            }
            self.look_at_card(&worker);
            let name = Worker { worker: worker.name };
            self.loras.get_or_create(&name).set(i64::from(worker.loras));
        }
    }

    /// What a worker has of its card. A processor's memory is the machine's, which is told as such.
    fn look_at_card(&self, worker: &WorkerHealth) {
        if worker.is_on_card() {
            let free = worker.free_bytes.map(|bytes| ("free", bytes));
            let vram = [("reserved", worker.held_bytes), ("peak", worker.peak_bytes)];
            for (kind, bytes) in vram.into_iter().chain(free) {
                let memory = Memory { kind: Name(kind), worker: worker.name.clone() };
                self.vram.get_or_create(&memory).set(bytes as f64);
            }
        }
    }

    /// One series at a time: what it says of devices changes when a worker is ready.
    fn look_at_build(&self, health: &Health) {
        let devices: BTreeSet<&str> =
            health.workers.iter().filter_map(|worker| worker.device.as_deref()).collect();
        let device = devices.into_iter().collect::<Vec<_>>().join(", ");
        self.build.clear();
        let build = Build { version: Name(env!("CARGO_PKG_VERSION")), device };
        self.build.get_or_create(&build).set(1);
    }
}
