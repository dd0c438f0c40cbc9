//! The wire types of zao: what a request, a recipe, a result and an error look like as JSON.
//!
//! Every program that speaks with zao, and every part of zao that speaks with another, means these
//! types. The crate holds no logic: it does not check a request, choose a seed or fill in a default;
//! that is the engine's work.
//!
//! Two promises about numbers hold for all types here:
//!
//! - An `f32` comes back from JSON with the same bits, given a parser that rounds correctly (for
//!   `serde_json`, its feature `float_roundtrip`).
//! - Seeds are JSON integers from 0 to 2^64 - 1. Many parsers, JavaScript's `JSON.parse` among them,
//!   read integers above 2^53 as floats and so change them: such clients must parse the seed as a
//!   big integer, or stay below 2^53. In requests a seed may also be its decimal digits as text.

mod bench;
mod error;
mod finite;
mod generated;
mod input_image;
mod job;
mod job_event;
mod lora;
mod name;
mod precision;
mod quality;
mod recipe;
mod request;
mod rng;
mod scenarios;
#[cfg(feature = "schema")]
mod schema;
mod seed;
mod steps;

pub use bench::{
    BenchGemm, BenchPicture, BenchProduct, BenchSetup, BenchStage, BenchStages, Speed, Spread,
};
pub use error::{ErrorBody, ErrorCode};
pub use generated::{Generated, GeneratedImage, Stages};
pub use input_image::InputImage;
pub use job::{Image, Job, JobLinks, JobRequest, JobStatus, JobTiming, Priority, Progress, Stage};
pub use job_event::JobEvent;
pub use lora::{Lora, UsedLora};
pub use name::UnknownName;
pub use precision::{Precision, ResolvedPrecision};
pub use quality::Quality;
pub use recipe::{Model, Recipe, RecipeFormat};
pub use request::Request;
pub use rng::Rng;
pub use scenarios::{BatchRun, BenchScenarios, ColdStart, MemoryUse, Repeated};
#[cfg(feature = "schema")]
pub use schema::asked_seed;
pub use seed::read_seed;
pub use steps::Steps;
