//! `AutoencoderKL`: latents to pictures ([`Decoder`]) and pictures to latents ([`Encoder`]).
//!
//! A decoder that has not enough memory computes some things more than once ([`Thrift`]).
//!
//! Pictures are NHWC here, one tensor a picture. The first and last layers never go below bf16, and
//! nothing here is ever f16: its range is too small.

mod bands;
mod decoder;
mod encoder;
mod layers;
mod mid_block;
mod resnet;
mod thrift;

pub use decoder::Decoder;
pub use encoder::{Encoder, Moments};
pub use thrift::Thrift;
