//! A job of a server, as its clients see it. How jobs are kept, ordered and drawn is NOT known here.

use serde::{Deserialize, Serialize};

use crate::finite;
use crate::name::named;
use crate::{ErrorBody, Request};

/// A wish for pictures, as it is sent to a server.
///
/// In JSON the fields of the request and of the job stand side by side. Unknown fields are ignored on reading; who refuses them has
/// [`JobRequest::FIELDS`] to compare with.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct JobRequest {
    /// What to draw; its `image` and `mask` are data URLs or ids of pictures, never paths.
    #[serde(flatten)]
    pub request: Request,
    /// Whose turn it is before others'.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<Priority>,
    /// How many pictures of the way there each picture shows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previews: Option<u32>,
    /// Seconds from its start after which the job is given up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline_seconds: Option<f64>,
    /// Whether a smaller picture may be drawn where memory has no room for one as large as was asked for. A seed draws
    /// another picture at another size.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allow_downscale: Option<bool>,
    /// Whether the PNG carries its recipe, which it does unless this says `false`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<bool>,
}

impl JobRequest {
    /// Every field that a server takes. `precision` and `model` of a [`Request`] are not among them: a server has one of each.
    pub const FIELDS: [&str; 21] = [
        "prompt",
        "negative_prompt",
        "width",
        "height",
        "quality",
        "image",
        "mask",
        "strength",
        "steps",
        "guidance",
        "cfg_normalization",
        "cfg_truncation",
        "seed",
        "count",
        "rng",
        "loras",
        "priority",
        "previews",
        "deadline_seconds",
        "allow_downscale",
        "metadata",
    ];
}

/// Whose turn it is before others'. Ordered from low to high.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Priority {
    /// `low`: when nobody else waits.
    Low,
    /// `normal`: as it comes.
    #[default]
    Normal,
    /// `high`: before the others.
    High,
}

impl Priority {
    /// Every choice, from low to high.
    pub const ALL: [Self; 3] = [Self::Low, Self::Normal, Self::High];

    /// The name used in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Normal => "normal",
            Self::High => "high",
        }
    }
}

named!(Priority, "priority");

/// How far a job has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum JobStatus {
    /// `queued`: waits for its turn.
    Queued,
    /// `running`: is drawn.
    Running,
    /// `completed`: all its pictures are there.
    Completed,
    /// `failed`: will not be drawn; `error` says why.
    Failed,
    /// `cancelled`: nobody wants it any more.
    Cancelled,
}

impl JobStatus {
    /// Every status.
    pub const ALL: [Self; 5] =
        [Self::Queued, Self::Running, Self::Completed, Self::Failed, Self::Cancelled];

    /// The name used in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }
}

named!(JobStatus, "status");

/// What a running job is busy with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// `load`: weights on their way into memory.
    Load,
    /// `encode`: the picture to begin with.
    Encode,
    /// `text`: the prompts.
    Text,
    /// `denoise`: the steps.
    Denoise,
    /// `decode`: from latents to pixels.
    Decode,
}

impl Stage {
    /// Every stage, in the order of a run.
    pub const ALL: [Self; 5] = [Self::Load, Self::Encode, Self::Text, Self::Denoise, Self::Decode];

    /// The name used in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Load => "load",
            Self::Encode => "encode",
            Self::Text => "text",
            Self::Denoise => "denoise",
            Self::Decode => "decode",
        }
    }
}

named!(Stage, "stage");

/// A job. Times are seconds since 1970; what means nothing in its status is `null`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Job {
    /// Its id: `job_` and 26 characters.
    pub id: String,
    /// Whether it came with the key (`X-Zao-Client`) that whoever looks has shown.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schema(required))]
    pub mine: bool,
    /// Whether whoever looks may cancel it and delete its pictures: it is theirs, or came without a key from where they are, or they run
    /// the server.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schema(required))]
    pub changeable: bool,
    /// How far it has come.
    pub status: JobStatus,
    /// When it was accepted.
    #[serde(with = "finite")]
    pub created_at: f64,
    /// When a worker took it, for the last time if several did.
    #[cfg_attr(feature = "schema", schema(required))]
    pub started_at: Option<f64>,
    /// When it was over.
    #[cfg_attr(feature = "schema", schema(required))]
    pub finished_at: Option<f64>,
    /// What was asked for, as it was asked.
    pub request: JobRequest,
    /// The seed of each picture; JSON integers that may exceed 2^53 where a client chose them.
    #[cfg_attr(feature = "schema", schema(schema_with = crate::schema::seeds))]
    pub seeds: Vec<u64>,
    /// Width of its pictures in pixels.
    pub width: u32,
    /// Height of its pictures in pixels.
    pub height: u32,
    /// Denoising steps of each picture.
    pub steps: u32,
    /// Its place among those that wait; 1 is next.
    #[cfg_attr(feature = "schema", schema(required))]
    pub queue_position: Option<u64>,
    /// Seconds until it will probably be done.
    #[cfg_attr(feature = "schema", schema(required))]
    pub eta_seconds: Option<f64>,
    /// How far the worker is.
    #[cfg_attr(feature = "schema", schema(required))]
    pub progress: Option<Progress>,
    /// The pictures that are there, in the order of their seeds.
    pub images: Vec<Image>,
    /// How many pictures were there and were deleted since.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schema(required))]
    pub images_deleted: u32,
    /// The most of the device's memory that its worker held while a picture of it was drawn, in bytes, where that is known.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schema(required))]
    pub peak_memory_bytes: Option<u64>,
    /// Where its time went, once it is over.
    #[cfg_attr(feature = "schema", schema(required))]
    pub timing: Option<JobTiming>,
    /// What the client should know although the job goes on, one line each.
    pub warnings: Vec<String>,
    /// Why it failed.
    #[cfg_attr(feature = "schema", schema(required))]
    pub error: Option<ErrorBody>,
    /// Where to look further.
    pub links: JobLinks,
}

/// How far a worker is with a job.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Progress {
    /// What it is busy with.
    pub stage: Stage,
    /// Denoising steps done.
    pub step: u32,
    /// Denoising steps in all.
    pub steps: u32,
    /// How much of the whole job is done, from 0 to 1.
    #[serde(with = "finite")]
    pub fraction: f64,
}

/// Where a job's time went.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct JobTiming {
    /// Seconds that it waited.
    #[serde(with = "finite")]
    pub queue_seconds: f64,
    /// Seconds that it was worked on, by the last worker if there were several.
    #[serde(with = "finite")]
    pub inference_seconds: f64,
    /// Seconds from being accepted to being over.
    #[serde(with = "finite")]
    pub total_seconds: f64,
}

/// Paths on the server that say more about a job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct JobLinks {
    /// The job itself.
    #[serde(rename = "self")]
    pub this: String,
    /// Its events.
    pub events: String,
}

/// A picture that a server keeps.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Image {
    /// Its id: `img_` and 26 characters.
    pub id: String,
    /// The job that it belongs to.
    pub job: String,
    /// Its place in the job, from 0.
    pub index: u32,
    /// Path of the PNG on the server.
    pub url: String,
    /// Path of a small one.
    pub thumb_url: String,
    /// Seed that draws it again.
    #[cfg_attr(feature = "schema", schema(format = "uint64"))]
    pub seed: u64,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// What it was drawn from.
    pub prompt: String,
    /// Size of the PNG.
    pub bytes: u64,
    /// When it was stored, in seconds since 1970.
    #[serde(with = "finite")]
    pub created_at: f64,
    /// Whether it stays until somebody deletes it, whatever its age and however little room is left.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schema(required))]
    pub kept: bool,
    /// Whether whoever looks may delete it.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schema(required))]
    pub changeable: bool,
}
