//! Why bytes are no picture that can be used.

use crate::{MAX_PIXELS, MAX_SIDE};

/// Bytes that gave no picture.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Something else, or a format that is not read.
    #[error("not a PNG, JPEG or WebP picture; convert it to one of these")]
    Format,
    /// The file promises no pixels, or more than anybody draws.
    #[error(
        "a picture of {width}x{height} pixels cannot be used; sides go to {MAX_SIDE} and pictures to \
         {} megapixels, so make it smaller first",
        MAX_PIXELS >> 20
    )]
    Dimensions {
        /// Width in pixels, as the file says.
        width: u32,
        /// Height in pixels, as the file says.
        height: u32,
    },
    /// The file ends before its picture does.
    #[error(
        "the picture is cut off: the file ends before its last pixel; copy or download it again"
    )]
    Cut,
    /// The format's own rules are broken, or it is a variant that nobody decodes.
    #[error("the picture is damaged or of a rare kind: {0}; save it anew as PNG")]
    Decode(#[source] image::ImageError),
    /// The format has no room for the picture.
    #[error("the picture cannot be written: {0}; take PNG")]
    Encode(#[source] image::ImageError),
}
