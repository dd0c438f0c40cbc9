//! The recipe of a picture in and out of its PNG file: bytes in, bytes out.
//!
//! [`encode()`] writes pixels together with two texts: `zao`, the exact [`zao_api::Recipe`] as JSON,
//! and `parameters`, the same in the text form of AUTOMATIC1111's web UI, which many image tools
//! read. [`read()`] finds the recipe again, or what another tool wrote in that form or Fooocus in its own. [`decode_rgb`]
//! gets the pixels of any PNG.
//!
//! The crate does NOT touch files, draw, or judge whether a recipe can be drawn. It trusts no file:
//! sizes, texts and memory are bounded, and a bad file is an error, never a panic.

mod decode;
mod encode;
mod error;
mod limits;
mod parameters;
mod read;
mod request;
mod text;

pub use decode::{RgbImage, decode_rgb};
pub use encode::{encode, encode_plain};
pub use error::Error;
pub use limits::{MAX_PIXELS, MAX_SIDE, MAX_TEXT_BYTES};
pub use parameters::{Parameters, Setting};
pub use read::{Info, Origin, read};
pub use request::request_of;
pub use text::Text;
