//! What is computed: from a sentence to a latent to a picture, as Z-Image defines it.
//!
//! Everything here is generic over [`zao_backend::Backend`] and reads like the paper; it names no
//! device, opens no file and spawns no thread. Files are handed in as bytes, weights through
//! [`Checkpoint`].
//!
//! * [`text`]: prompt to token ids to caption features (Qwen3 encoder);
//! * [`transformer`]: caption features and a noisy latent to a velocity (S3-DiT);
//! * [`vae`]: latent to picture and back (AutoencoderKL);
//! * [`noise`], [`schedule`], [`guidance`]: the starting point, the noise levels, the direction.

mod adapter;
mod checkpoint;
mod config;
mod error;
pub mod guidance;
#[cfg(test)]
#[path = "../tests/harness/mod.rs"]
#[allow(unused, reason = "the integration tests use the rest")]
mod harness;
mod layer;
mod layers;
pub mod noise;
mod rope;
pub mod schedule;
pub mod text;
pub mod transformer;
pub mod vae;

// The harness, which the integration tests share, calls the crate by its name.
#[cfg(test)]
extern crate self as zao_model;

pub use adapter::{Adapter, AdapterStack, Fill, Merged, adapter_tensors, low_rank_tensors};
pub use checkpoint::{Checkpoint, Declared, Loader, Manifest, Usage};
pub use config::{SchedulerConfig, Shift, TextConfig, TransformerConfig, VaeConfig};
pub use error::{Error, Result};
pub use layer::Layer;
