//! What A1111's plug-ins send and get, as its own interface has it. What it means here is decided one file up.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;
use zao_api::{Lora, Steps};

use crate::hands::WorkerHealth;

/// A request in A1111's words. What is null is as if it were not there; fields that are not here are accepted and mean nothing.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct Txt2Img {
    /// What the picture shows.
    #[serde(default)]
    #[schema(min_length = 1, required)]
    pub(super) prompt: String,
    pub(super) negative_prompt: Option<String>,
    #[schema(minimum = 1)]
    pub(super) width: Option<u32>,
    #[schema(minimum = 1)]
    pub(super) height: Option<u32>,
    /// A number, or `auto`: what the prompt asks for.
    pub(super) steps: Option<Steps>,
    /// 1 is off.
    pub(super) cfg_scale: Option<f32>,
    /// -1 is any.
    #[schema(minimum = -1)]
    pub(super) seed: Option<i64>,
    #[schema(minimum = 1)]
    pub(super) batch_size: Option<u32>,
    /// How many batches of `batch_size` pictures.
    #[schema(minimum = 1)]
    pub(super) n_iter: Option<u32>,
    /// `Euler` is the one there is; others have no effect, and are named in `info`.
    pub(super) sampler_name: Option<String>,
    /// The same by an older name.
    pub(super) sampler_index: Option<String>,
    /// Likewise `Simple` or `Automatic`.
    pub(super) scheduler: Option<String>,
    /// `false` leaves the pictures out of the answer.
    pub(super) send_images: Option<bool>,
    /// Ours: adapters to follow.
    #[serde(default)]
    #[schema(value_type = Option<Vec<Lora>>)]
    pub(super) lora: Vec<Lora>,
    /// Ours: whether the prompt decides the size where none is given.
    pub(super) auto_size: Option<bool>,
}

/// What was drawn.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Txt2ImgAnswer {
    /// PNGs in Base64.
    pub(super) images: Vec<String>,
    /// The request.
    #[schema(value_type = Object)]
    pub(super) parameters: Map<String, Value>,
    /// JSON as text: `prompt`, `all_prompts`, `negative_prompt`, `all_seeds`, `width`, `height`, `steps`, `cfg_scale`, `sampler_name`,
    /// `infotexts` and the like; ours are `ignored`, `warnings` and `job`.
    pub(super) info: String,
}

/// How far a job is.
#[derive(Debug, Default, Serialize, ToSchema)]
pub(super) struct SdProgress {
    /// 0 to 1.
    pub(super) progress: f64,
    /// Seconds until it will probably be done.
    pub(super) eta_relative: f64,
    pub(super) state: SdProgressState,
    /// A small picture of what is on its way: a PNG in Base64; null before there is one.
    #[schema(required)]
    pub(super) current_image: Option<String>,
    /// What it is busy with, in a line.
    #[schema(required)]
    pub(super) textinfo: Option<String>,
}

/// Where in its steps a job is.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SdProgressState {
    /// Id of the job, or nothing.
    pub(super) job: String,
    /// Batches of its request.
    pub(super) job_count: u64,
    /// Which of them this is, from 0.
    pub(super) job_no: u64,
    /// When it began, or was accepted: `YYYYMMDDhhmmss` in UTC; `0` without one.
    pub(super) job_timestamp: String,
    /// Always false: what is cancelled is told of no more.
    pub(super) interrupted: bool,
    /// The same.
    pub(super) skipped: bool,
    /// The same.
    pub(super) stopping_generation: bool,
    pub(super) sampling_step: u32,
    pub(super) sampling_steps: u32,
}

/// Nothing is drawn.
impl Default for SdProgressState {
    fn default() -> Self {
        Self {
            job: String::new(),
            job_count: 0,
            job_no: 0,
            job_timestamp: "0".into(),
            interrupted: false,
            skipped: false,
            stopping_generation: false,
            sampling_step: 0,
            sampling_steps: 0,
        }
    }
}

/// An object without fields.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Nothing {}

/// A sampler.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Sampler {
    pub(super) name: &'static str,
    pub(super) aliases: [&'static str; 1],
    pub(super) options: Nothing,
}

/// A scheduler.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Scheduler {
    pub(super) name: &'static str,
    pub(super) label: &'static str,
    #[schema(required)]
    pub(super) aliases: Option<Vec<String>>,
}

/// A model.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct CheckpointInfo {
    pub(super) title: String,
    pub(super) model_name: String,
    pub(super) hash: String,
    /// Always null: the model may be many files.
    #[schema(required)]
    pub(super) sha256: Option<String>,
    pub(super) filename: String,
    #[schema(required)]
    pub(super) config: Option<String>,
}

/// A LoRA.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct LoraInfo {
    pub(super) name: String,
    pub(super) alias: String,
    /// Its name once more.
    pub(super) path: String,
    pub(super) metadata: Nothing,
}

/// Settings.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SdOptions {
    pub(super) sd_model_checkpoint: String,
    pub(super) samples_format: &'static str,
}

/// Memory of this machine and its cards.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SdMemory {
    pub(super) ram: MainMemory,
    pub(super) cuda: CudaMemory,
}

/// Main memory in bytes.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct MainMemory {
    /// What is not `used`, by whomever.
    pub(super) free: u64,
    /// What the server and its workers hold.
    pub(super) used: u64,
    /// All of the machine's.
    pub(super) total: u64,
}

/// Memory of all cards that draw.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub(super) enum CudaMemory {
    /// There are cards.
    Cards(Box<CardsMemory>),
    /// There is none.
    Unavailable {
        /// `unavailable`.
        error: &'static str,
    },
}

/// Memory of cards in bytes, by A1111's names: what a worker plans and reserves is all that it holds.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct CardsMemory {
    pub(super) system: SystemMemory,
    active: Held,
    allocated: Held,
    reserved: Held,
    inactive: Held,
    events: MemoryEvents,
}

/// Bytes as the driver sees them.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SystemMemory {
    free: u64,
    used: u64,
    total: u64,
}

/// Bytes that are held.
#[derive(Debug, Clone, Copy, Default, Serialize, ToSchema)]
pub(super) struct Held {
    current: u64,
    peak: u64,
}

/// How often memory was short. `/metrics` tells what was done about it.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct MemoryEvents {
    /// Always 0: what did not fit is planned anew.
    retries: u64,
    oom: u64,
}

impl CudaMemory {
    /// Of the cards of these workers, whose memory was short so often.
    pub(super) fn of<'a>(workers: impl Iterator<Item = &'a WorkerHealth>, oom: u64) -> Self {
        let (mut held, mut free, mut any) = (Held::default(), 0, false);
        for worker in workers {
            any = true;
            held.current += worker.held_bytes;
            held.peak += worker.peak_bytes;
            free += worker.free_bytes.unwrap_or(0);
        }
        if !any {
            return Self::Unavailable { error: "unavailable" };
        }
        let total = held.current + free;
        Self::Cards(Box::new(CardsMemory {
            system: SystemMemory { free, used: held.current, total },
            active: held,
            allocated: held,
            reserved: held,
            inactive: Held::default(),
            events: MemoryEvents { retries: 0, oom },
        }))
    }
}

/// A PNG.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct PngToRead {
    /// In Base64, with or without `data:image/png;base64,` before it.
    #[schema(content_encoding = "base64")]
    pub(super) image: String,
}

/// What a PNG tells.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct PngText {
    /// The text, or nothing.
    pub(super) info: String,
    pub(super) items: InfoItems,
    pub(super) parameters: Nothing,
}

/// The texts of a PNG.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct InfoItems {
    pub(super) parameters: String,
}
