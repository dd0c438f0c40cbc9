//! How big a picture and its texts may be, and decoders that keep to it. It does NOT decode.
//!
//! The numbers are far above what zao draws and far below what could exhaust a server.

use std::io::Cursor;

use png::{Decoder, Limits, Reader};

use crate::Error;

/// Longest side of a picture, in pixels.
pub const MAX_SIDE: u32 = 16_384;

/// Most pixels of a picture: 8192x8192.
pub const MAX_PIXELS: u64 = 1 << 26;

/// Most bytes of text in one file, unpacked and in UTF-8, keywords included.
pub const MAX_TEXT_BYTES: usize = 8 << 20;

// A text of the largest size costs the decoder its buffer, which doubles as it grows, and a copy.
const DECODER_BYTES: usize = 4 * MAX_TEXT_BYTES;

// DEFLATE cannot shrink anything to less than 1/1032 of its size.
const MAX_DEFLATE_RATIO: u64 = 1032;

/// Whether a picture reads its texts or only its pixels.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Texts {
    Keep,
    Skip,
}

/// Refuses sizes that are empty or absurd.
pub(crate) fn check_dimensions(width: u32, height: u32) -> Result<(), Error> {
    let pixels = u64::from(width) * u64::from(height);
    if width.max(height) > MAX_SIDE || pixels > MAX_PIXELS || pixels == 0 {
        return Err(Error::Dimensions { width, height });
    }
    Ok(())
}

/// Opens a PNG up to its first pixel, with bounded memory.
pub(crate) fn open(bytes: &[u8], texts: Texts) -> Result<Reader<Cursor<&[u8]>>, Error> {
    let mut decoder = Decoder::new_with_limits(Cursor::new(bytes), Limits { bytes: DECODER_BYTES });
    decoder.set_ignore_text_chunk(texts == Texts::Skip);
    decoder.set_ignore_iccp_chunk(true);
    decoder.set_transformations(png::Transformations::normalize_to_color8());
    let header = decoder.read_header_info().map_err(Error::Decode)?;
    check_dimensions(header.width, header.height)?;
    decoder.read_info().map_err(Error::Decode)
}

/// Refuses a header that promises more pixels than any file of this length can hold, so that a few
/// bytes never cause a large allocation.
pub(crate) fn check_plausible(header: &png::Info<'_>, bytes: usize) -> Result<(), Error> {
    let packed = header.raw_bytes() as u64;
    if packed / MAX_DEFLATE_RATIO > bytes as u64 {
        return Err(Error::TooShort { bytes, width: header.width, height: header.height });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dimensions_are_bounded_by_side_and_by_area() {
        for (width, height) in [(1, 1), (MAX_SIDE, 4096), (8192, 8192)] {
            assert!(check_dimensions(width, height).is_ok(), "{width}x{height}");
        }
        for (width, height) in
            [(0, 1), (1, 0), (MAX_SIDE + 1, 1), (8192, 8193), (u32::MAX, u32::MAX)]
        {
            assert!(check_dimensions(width, height).is_err(), "{width}x{height}");
        }
    }
}
