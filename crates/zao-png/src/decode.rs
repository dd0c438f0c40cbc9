//! The pixels of any PNG as 8-bit RGB. It does NOT read texts or apply colour profiles.

use crate::Error;
use crate::limits::{Texts, check_plausible, open};

/// A picture in memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RgbImage {
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// `width * height` pixels of 3 bytes, row after row from the top.
    pub pixels: Vec<u8>,
}

/// Decodes the pixels of a PNG of any colour type and depth.
///
/// Grey becomes equal red, green and blue; palettes are looked up; of 16-bit samples the high byte
/// is kept; transparent pixels are laid over white. Of an animation the first frame is taken.
///
/// # Errors
///
/// When the bytes are not a whole PNG, or its size is beyond the limits of this crate.
pub fn decode_rgb(bytes: &[u8]) -> Result<RgbImage, Error> {
    let mut reader = open(bytes, Texts::Skip)?;
    check_plausible(reader.info(), bytes.len())?;
    let (width, height) = reader.info().size();
    let samples = reader.output_buffer_size().ok_or(Error::Dimensions { width, height })?;
    let mut pixels = vec![0; samples];
    let frame = reader.next_frame(&mut pixels).map_err(Error::Decode)?;
    // A file may be cut behind its last pixel: only the end chunk tells that it is whole.
    reader.finish().map_err(Error::Decode)?;
    let pixels = match frame.color_type.samples() {
        1 => pixels.iter().flat_map(|&grey| [grey; 3]).collect(),
        2 => pixels.chunks_exact(2).flat_map(|p| over_white([p[0]; 3], p[1])).collect(),
        3 => pixels,
        _ => pixels.chunks_exact(4).flat_map(|p| over_white([p[0], p[1], p[2]], p[3])).collect(),
    };
    Ok(RgbImage { width, height, pixels })
}

fn over_white(colour: [u8; 3], alpha: u8) -> [u8; 3] {
    let alpha = u16::from(alpha);
    colour.map(|c| {
        let mixed = u16::from(c) * alpha + 255 * (255 - alpha);
        // The weights add up to 255, so the rounded mean fits a byte.
        ((mixed + 127) / 255) as u8
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opaque_stays_and_transparent_turns_white() {
        assert_eq!(over_white([1, 128, 255], 255), [1, 128, 255]);
        assert_eq!(over_white([1, 128, 255], 0), [255, 255, 255]);
        assert_eq!(over_white([0, 0, 0], 128), [127, 127, 127]);
    }
}
