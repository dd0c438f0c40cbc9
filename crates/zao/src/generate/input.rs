//! The files of the picture that drawing begins with, and of its mask. What they become is [`zao_request::Input`]'s.

use std::fs::File;
use std::io::Read;

use anyhow::Context;
use zao_api::{Recipe, Request};
use zao_request::Input;

use crate::failure::{Failure, Result};

/// No file of a picture is larger than this.
const MAX_BYTES: u64 = 512 << 20;

/// Digits of a checksum that tell files apart in a message.
const SHOWN_DIGITS: usize = 12;

/// Reads the picture that `request` names, if it names one, and its mask.
pub(super) fn read(request: &Request) -> Result<Option<Input>> {
    let Some(image) = &request.image else { return Ok(None) };
    let picture = Input::new(&bytes(image)?, request.strength).with_context(|| image.clone())?;
    let Some(mask) = &request.mask else { return Ok(Some(picture)) };
    Ok(Some(picture.with_mask(&bytes(mask)?).with_context(|| mask.clone())?))
}

/// The content of the file at `path`.
fn bytes(path: &str) -> Result<Vec<u8>> {
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
    Ok(bytes)
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
