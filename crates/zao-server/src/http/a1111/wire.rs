//! What A1111's plug-ins send and get, as its own interface has it. What it means here is decided one file up.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;
use zao_api::{Lora, Steps};

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
    /// How many times `batch_size` pictures.
    #[schema(minimum = 1)]
    pub(super) n_iter: Option<u32>,
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
    /// JSON as text: `all_seeds`, `width`, `height`, `steps`, `ignored`, `warnings`, `job` and more.
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
    /// Always null.
    #[schema(required)]
    pub(super) current_image: Option<String>,
    /// What it is busy with.
    #[schema(required)]
    pub(super) textinfo: Option<&'static str>,
}

/// Where in its steps a job is.
#[derive(Debug, Default, Serialize, ToSchema)]
pub(super) struct SdProgressState {
    /// Id of the job, or nothing.
    pub(super) job: String,
    /// Jobs of this client that are not over.
    pub(super) job_count: u64,
    pub(super) job_no: u32,
    pub(super) interrupted: bool,
    pub(super) skipped: bool,
    pub(super) sampling_step: u32,
    pub(super) sampling_steps: u32,
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
    pub(super) sha256: String,
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

/// SdMemory of all workers.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SdMemory {
    pub(super) ram: MainMemory,
    pub(super) cuda: CudaMemory,
}

/// Main memory.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct MainMemory {
    /// Bytes.
    pub(super) used: u64,
}

/// SdMemory of cards.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct CudaMemory {
    pub(super) system: CardMemory,
}

/// SdMemory of devices.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct CardMemory {
    /// Bytes.
    pub(super) used: u64,
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
