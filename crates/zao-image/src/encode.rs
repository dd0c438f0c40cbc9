//! Pictures as JPEG or WebP, for those who do not want a PNG. Neither carries a recipe.

use image::codecs::jpeg::JpegEncoder;
use image::codecs::webp::WebPEncoder;
use image::{ExtendedColorType, ImageEncoder, ImageResult};

use crate::{Error, Picture};

impl Picture {
    /// The picture as a JPEG of this quality, from 1 to 100.
    ///
    /// # Errors
    /// A picture larger than the format holds.
    pub fn to_jpeg(&self, quality: u8) -> Result<Vec<u8>, Error> {
        let mut bytes = Vec::new();
        let encoder = JpegEncoder::new_with_quality(&mut bytes, quality);
        self.write(encoder).map_err(Error::Encode)?;
        Ok(bytes)
    }

    /// The picture as a lossless WebP.
    ///
    /// # Errors
    /// A picture larger than the format holds.
    pub fn to_webp(&self) -> Result<Vec<u8>, Error> {
        let mut bytes = Vec::new();
        self.write(WebPEncoder::new_lossless(&mut bytes)).map_err(Error::Encode)?;
        Ok(bytes)
    }

    fn write(&self, encoder: impl ImageEncoder) -> ImageResult<()> {
        // No side is longer than `MAX_SIDE`.
        let (width, height) = (self.width() as u32, self.height() as u32);
        encoder.write_image(self.bytes(), width, height, ExtendedColorType::Rgb8)
    }
}

#[cfg(test)]
mod tests {
    use crate::{Picture, decode};

    #[test]
    fn what_is_written_is_read_again() {
        let colour = |at: usize| [(at % 16 * 16) as u8, (at / 16 * 16) as u8, 128];
        let picture = Picture::new(16, 16, (0..256).flat_map(colour).collect()).unwrap();
        assert_eq!(decode(&picture.to_webp().unwrap()).unwrap().bytes(), picture.bytes());
        let jpeg = picture.to_jpeg(95).unwrap();
        assert!(jpeg.starts_with(&[0xff, 0xd8]));
        let differ = |(a, b): (&u8, &u8)| a.abs_diff(*b);
        let read = decode(&jpeg).unwrap();
        let most = read.bytes().iter().zip(picture.bytes()).map(differ).max().unwrap();
        assert!(most < 40, "{most}");
        assert!(picture.to_jpeg(10).unwrap().len() < jpeg.len());
    }
}
