//! The pictures people bring, as bytes of a PNG, JPEG or WebP: decoded to 8 bits, upright, resized as
//! Pillow resizes. It does NOT open files, write pictures, or apply colour profiles.
//!
//! A picture to begin with is a [`Picture`] ([`decode()`]), a mask a [`Grey`] ([`decode_mask`]).

mod decode;
mod encode;
mod error;
mod jpeg;
mod raster;
mod resize;

pub use decode::{MAX_PIXELS, MAX_SIDE, decode, decode_mask};
pub use error::Error;
pub use raster::{Grey, Picture, Raster};
