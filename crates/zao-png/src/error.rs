//! What can go wrong between pixels, recipes and PNG bytes. It does NOT know file names: the caller
//! adds them.

use crate::limits::{MAX_PIXELS, MAX_SIDE, MAX_TEXT_BYTES};

/// A picture or a recipe could not be encoded or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The width or the height is 0 or beyond the limits.
    #[error(
        "a picture of {width}x{height} pixels is out of range: use 1 to {MAX_SIDE} pixels a side \
         and at most {MAX_PIXELS} in all"
    )]
    Dimensions {
        /// Width in pixels.
        width: u32,
        /// Height in pixels.
        height: u32,
    },
    /// The pixels to encode do not fill the picture exactly.
    #[error("{given} bytes do not make {width}x{height} RGB pixels: pass {expected}")]
    PixelBytes {
        /// Width in pixels.
        width: u32,
        /// Height in pixels.
        height: u32,
        /// Bytes needed, 3 for each pixel.
        expected: u64,
        /// Bytes given.
        given: usize,
    },
    /// The recipe describes a picture of another size than the one to encode.
    #[error(
        "the recipe is for {recipe_width}x{recipe_height} pixels but the picture has \
         {width}x{height}: encode each picture with its own recipe"
    )]
    RecipeSize {
        /// Width the recipe tells, in pixels.
        recipe_width: u32,
        /// Height the recipe tells, in pixels.
        recipe_height: u32,
        /// Width of the picture, in pixels.
        width: u32,
        /// Height of the picture, in pixels.
        height: u32,
    },
    /// The recipe cannot be written as JSON.
    #[error("the recipe cannot be written: {0}")]
    UnwritableRecipe(serde_json::Error),
    /// The texts to write are longer than what [`read()`](fn@crate::read) accepts.
    #[error(
        "the recipe takes {bytes} bytes of text, more than {MAX_TEXT_BYTES}: shorten the prompt"
    )]
    RecipeTooLong {
        /// Bytes of both texts together.
        bytes: usize,
    },
    /// The picture names a recipe, but not one this version understands.
    #[error("the picture's recipe cannot be read: {0}")]
    UnreadableRecipe(serde_json::Error),
    /// A text of the file is broken, or the texts together are too long.
    #[error(
        "text {keyword:?} does not unpack within {MAX_TEXT_BYTES} bytes for all texts: the file \
         is damaged or made to harm"
    )]
    Text {
        /// Keyword of the text.
        keyword: String,
    },
    /// The file is too short to hold the pixels its header promises.
    #[error(
        "{bytes} bytes cannot hold {width}x{height} pixels: the file is cut short or made to harm"
    )]
    TooShort {
        /// Length of the file.
        bytes: usize,
        /// Width the header tells, in pixels.
        width: u32,
        /// Height the header tells, in pixels.
        height: u32,
    },
    /// The file is not a PNG, or a damaged one.
    #[error("the file cannot be read as PNG: {0}; check that it is a PNG and whole")]
    Decode(png::DecodingError),
    /// The PNG could not be encoded.
    #[error("the PNG cannot be encoded: {0}")]
    Encode(png::EncodingError),
}
