//! Bytes of a file to pixels, with bounds on what they may promise.

use std::io::Cursor;

use image::{DynamicImage, ImageDecoder, ImageFormat, Limits, guess_format};

use crate::{Error, Grey, Picture, Raster, jpeg};

/// Longest side of a picture, in pixels.
pub const MAX_SIDE: u32 = 16_384;

/// Most pixels of a picture: 8192x8192.
pub const MAX_PIXELS: u64 = 1 << 26;

/// The widest pixels that a format has: four samples of 16 bits.
const MAX_PIXEL_BYTES: u64 = 8;

/// Decodes a picture: turned upright as its EXIF says, transparent pixels laid over white, grey and palettes
/// as colours, CMYK converted, of 16-bit samples the nearest 8-bit ones. Of an animation the first frame
/// is taken.
///
/// # Errors
/// Bytes that are no PNG, JPEG or WebP, are damaged or cut, or promise more than [`MAX_PIXELS`]; the last
/// before memory is taken for them.
pub fn decode(bytes: &[u8]) -> Result<Picture, Error> {
    Ok(over([255; 3], open(bytes)?))
}

/// Decodes a mask: the same, but transparent pixels are laid over black, and colours become their
/// brightness as television weighs them (ITU-R 601), which is also Pillow's.
///
/// # Errors
/// Those of [`decode()`].
pub fn decode_mask(bytes: &[u8]) -> Result<Grey, Error> {
    let colours = over([0; 3], open(bytes)?);
    let (width, height) = (colours.width(), colours.height());
    let grey = colours.bytes().chunks_exact(3).map(|p| brightness([p[0], p[1], p[2]])).collect();
    Ok(raster(width, height, grey))
}

/// The picture as the file has it, but upright.
fn open(bytes: &[u8]) -> Result<DynamicImage, Error> {
    let format = guess_format(bytes).map_err(|_| Error::Format)?;
    let cursor = Cursor::new(bytes);
    match format {
        ImageFormat::Png => pixels(image::codecs::png::PngDecoder::new(cursor)),
        ImageFormat::WebP => pixels(image::codecs::webp::WebPDecoder::new(cursor)),
        ImageFormat::Jpeg if !jpeg::is_whole(bytes) => Err(Error::Cut),
        ImageFormat::Jpeg => pixels(image::codecs::jpeg::JpegDecoder::new(cursor)),
        _ => Err(Error::Format),
    }
}

fn pixels<D: ImageDecoder>(decoder: image::ImageResult<D>) -> Result<DynamicImage, Error> {
    let mut decoder = decoder.map_err(failure)?;
    let (width, height) = decoder.dimensions();
    let pixels = u64::from(width) * u64::from(height);
    if pixels == 0 || pixels > MAX_PIXELS || width.max(height) > MAX_SIDE {
        return Err(Error::Dimensions { width, height });
    }
    let mut limits = Limits::default();
    // The result, and as much again for what a decoder keeps beside it.
    limits.max_alloc = Some(2 * MAX_PIXEL_BYTES * pixels + (1 << 20));
    decoder.set_limits(limits).map_err(failure)?;
    // A damaged EXIF does not make the pixels worse.
    let orientation = decoder.orientation().unwrap_or(image::metadata::Orientation::NoTransforms);
    let mut picture = DynamicImage::from_decoder(decoder).map_err(failure)?;
    picture.apply_orientation(orientation);
    Ok(picture)
}

fn failure(error: image::ImageError) -> Error {
    match error {
        image::ImageError::IoError(io) if io.kind() == std::io::ErrorKind::UnexpectedEof => {
            Error::Cut
        }
        other => Error::Decode(other),
    }
}

/// The picture on a background of one colour.
fn over(background: [u8; 3], picture: DynamicImage) -> Picture {
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    if !picture.color().has_alpha() {
        return raster(width, height, picture.into_rgb8().into_raw());
    }
    let blended = picture.into_rgba8();
    let (pixels, _) = blended.as_raw().as_chunks::<4>();
    let blend = |&[r, g, b, alpha]: &[u8; 4]| blend([r, g, b], background, alpha);
    raster(width, height, pixels.iter().flat_map(blend).collect())
}

fn blend(colour: [u8; 3], background: [u8; 3], alpha: u8) -> [u8; 3] {
    let alpha = u16::from(alpha);
    std::array::from_fn(|c| {
        let mixed = u16::from(colour[c]) * alpha + u16::from(background[c]) * (255 - alpha);
        // The weights add up to 255, so the rounded mean fits a byte.
        ((mixed + 127) / 255) as u8
    })
}

/// The weights 0.299, 0.587 and 0.114 in 16 bits.
fn brightness([r, g, b]: [u8; 3]) -> u8 {
    let sum = 19_595 * u32::from(r) + 38_470 * u32::from(g) + 7_471 * u32::from(b);
    ((sum + 0x8000) >> 16) as u8
}

fn raster<const N: usize>(width: usize, height: usize, bytes: Vec<u8>) -> Raster<N> {
    Raster::new(width, height, bytes)
        .expect("decoders give as many pixels as they say, and one at least")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opaque_stays_and_transparent_shows_the_background() {
        assert_eq!(blend([1, 128, 255], [255; 3], 255), [1, 128, 255]);
        assert_eq!(blend([1, 128, 255], [255; 3], 0), [255; 3]);
        assert_eq!(blend([0; 3], [255; 3], 128), [127; 3]);
    }

    #[test]
    fn grey_is_as_bright_as_it_is() {
        assert!((0..=255).all(|grey| brightness([grey; 3]) == grey));
        assert_eq!([[255, 0, 0], [0, 255, 0], [0, 0, 255]].map(brightness), [76, 150, 29]);
    }
}
