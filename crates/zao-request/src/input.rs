//! The picture that drawing begins with, and its mask, known by the checksums of their bytes. Where the bytes come from
//! and which size the picture is brought to is NOT decided here.

use std::sync::Arc;

use sha2::{Digest, Sha256};
use zao_api::InputImage;
use zao_engine::{Grid, Mask, Picture, Start};

/// Strength when nobody asks for another: diffusers' own for the two pipelines.
const STRENGTH: f64 = 0.6;
const STRENGTH_WITH_MASK: f64 = 1.0;

/// A picture to begin with.
#[derive(Clone, Debug)]
pub struct Input {
    picture: zao_image::Picture,
    sha256: String,
    mask: Option<(zao_image::Grey, String)>,
    strength: Option<f64>,
}

impl Input {
    /// The picture in the bytes of a PNG, JPEG or WebP, to be changed by `strength`, or else as much as is usual.
    ///
    /// # Errors
    /// Bytes that are no picture.
    pub fn new(bytes: &[u8], strength: Option<f64>) -> Result<Self, zao_image::Error> {
        let picture = zao_image::decode(bytes)?;
        Ok(Self { picture, sha256: checksum(bytes), mask: None, strength })
    }

    /// The same with the mask in the bytes of a picture: white where it is drawn anew, black where it stays.
    ///
    /// # Errors
    /// Bytes that are no picture.
    pub fn with_mask(self, bytes: &[u8]) -> Result<Self, zao_image::Error> {
        let mask = zao_image::decode_mask(bytes)?;
        Ok(Self { mask: Some((mask, checksum(bytes))), ..self })
    }

    /// The picture's own size.
    #[must_use]
    pub fn size(&self) -> Grid {
        Grid::new(self.picture.height(), self.picture.width())
    }

    /// What recipes say of it.
    #[must_use]
    pub fn record(&self) -> InputImage {
        InputImage {
            sha256: self.sha256.clone(),
            mask_sha256: self.mask.as_ref().map(|(_, sha256)| sha256.clone()),
            strength: self.strength(),
        }
    }

    /// The picture and its mask in the size that is drawn.
    #[must_use]
    pub fn start(&self, Grid { width, height }: Grid) -> Start {
        let rgb = self.picture.resized(width, height).into_bytes();
        let mask = |(mask, _): &(zao_image::Grey, String)| {
            let grey = mask.resized(width, height).into_bytes();
            Arc::new(Mask { width, height, grey })
        };
        Start {
            picture: Arc::new(Picture { width, height, rgb }),
            mask: self.mask.as_ref().map(mask),
            strength: self.strength(),
        }
    }

    fn strength(&self) -> f64 {
        let usual = if self.mask.is_some() { STRENGTH_WITH_MASK } else { STRENGTH };
        self.strength.unwrap_or(usual)
    }
}

fn checksum(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}
