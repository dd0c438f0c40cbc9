//! The picture that drawing begins with, and its mask: read from their files, known by their checksums.
//! Which size they are brought to is not decided here.

use std::fs::File;
use std::io::Read;
use std::sync::Arc;

use anyhow::Context;
use sha2::{Digest, Sha256};
use zao_api::{InputImage, Recipe, Request};
use zao_engine::{Grid, Mask, Picture, Start};

use crate::failure::{Failure, Result};

/// No file of a picture is larger than this.
const MAX_BYTES: u64 = 512 << 20;

/// Strength when nobody asks for another: diffusers' own for the two pipelines.
const STRENGTH: f64 = 0.6;
const STRENGTH_WITH_MASK: f64 = 1.0;

/// Digits of a checksum that tell files apart in a message.
const SHOWN_DIGITS: usize = 12;

/// A picture to begin with.
pub(super) struct Input {
    picture: zao_image::Picture,
    mask: Option<zao_image::Grey>,
    record: InputImage,
}

impl Input {
    /// Reads the files that `request` names, if it names a picture.
    pub(super) fn read(request: &Request) -> Result<Option<Self>> {
        let Some(image) = &request.image else { return Ok(None) };
        let (picture, sha256) = read(image, zao_image::decode)?;
        let mask = request.mask.as_ref().map(|mask| read(mask, zao_image::decode_mask));
        let (mask, mask_sha256) = mask.transpose()?.unzip();
        let usual = if mask.is_some() { STRENGTH_WITH_MASK } else { STRENGTH };
        let strength = request.strength.unwrap_or(usual);
        let record = InputImage { sha256, mask_sha256, strength };
        Ok(Some(Self { picture, mask, record }))
    }

    /// The picture's own size.
    pub(super) fn size(&self) -> Grid {
        Grid::new(self.picture.height(), self.picture.width())
    }

    /// What recipes say of it.
    pub(super) fn record(&self) -> &InputImage {
        &self.record
    }

    /// The picture and its mask in the size that is drawn.
    pub(super) fn start(&self, Grid { width, height }: Grid) -> Start {
        let rgb = self.picture.resized(width, height).into_bytes();
        let mask = |mask: &zao_image::Grey| {
            let grey = mask.resized(width, height).into_bytes();
            Arc::new(Mask { width, height, grey })
        };
        Start {
            picture: Arc::new(Picture { width, height, rgb }),
            mask: self.mask.as_ref().map(mask),
            strength: self.record.strength,
        }
    }
}

/// The decoded content of the file at `path`, and its checksum.
fn read<T>(
    path: &str,
    decode: impl FnOnce(&[u8]) -> Result<T, zao_image::Error>,
) -> Result<(T, String)> {
    let mut bytes = Vec::new();
    let file = File::open(path).with_context(|| format!("cannot read {path}"))?;
    let read = file.take(MAX_BYTES + 1).read_to_end(&mut bytes);
    read.with_context(|| format!("cannot read {path}"))?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(Failure::failed(format!(
            "{path} is larger than {} MiB, which no picture is",
            MAX_BYTES >> 20
        )));
    }
    let decoded = decode(&bytes).with_context(|| path.to_owned())?;
    let checksum = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    Ok((decoded, checksum))
}

/// Refuses to draw a recipe again without the files that it begins with.
pub(super) fn check_given(recipe: &Recipe, given: &Request) -> Result<()> {
    let Some(image) = &recipe.image else { return Ok(()) };
    let mask = image.mask_sha256.as_ref();
    let missing = [
        ("picture", "--image", Some(&image.sha256).filter(|_| given.image.is_none())),
        ("mask", "--mask", mask.filter(|_| given.mask.is_none())),
    ];
    let missing: Vec<String> = missing
        .into_iter()
        .filter_map(|(what, option, sha256)| {
            let shown = shorten(sha256?);
            Some(format!("the {what} whose SHA-256 begins with {shown} as {option}"))
        })
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    let missing = missing.join(" and ");
    Err(Failure::usage(format!("the picture was made of another; give {missing}")))
}

/// What will keep the pixels from being those of `recipe`: other files than its own.
pub(super) fn differences(recipe: &Recipe, input: Option<&Input>) -> Vec<String> {
    let Some((image, input)) = recipe.image.as_ref().zip(input) else { return Vec::new() };
    let given = input.record();
    let files = [
        ("picture", Some(&image.sha256), Some(&given.sha256)),
        ("mask", image.mask_sha256.as_ref(), given.mask_sha256.as_ref()),
    ];
    let other = files.into_iter().filter(|(_, there, here)| there != here);
    other
        .map(|(what, ..)| {
            format!("this is another {what} than the one it was made of; pixels will differ")
        })
        .collect()
}

fn shorten(sha256: &str) -> &str {
    sha256.get(..SHOWN_DIGITS).unwrap_or(sha256)
}
