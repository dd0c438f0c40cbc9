//! Pictures that are there already, as what is asked for again: their recipes say how. How they are compared is known in
//! [`super::Judge`].

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use zao_api::{JobRequest, Recipe};

use super::{Fingerprint, fingerprint};
use crate::plan::Wish;
use crate::{Error, Result};

/// A picture in a file: the request for it, and its pixels.
pub(crate) struct ExpectedPicture {
    pub(crate) wish: Wish,
    pub(crate) pixels: Fingerprint,
}

/// The pictures in a file, or in all PNG files of a folder in the order of their names.
///
/// # Errors
/// [`Error::File`] when one is no picture of zao, since its recipe has to say how it is asked for.
pub(crate) fn pictures_of(place: &Path) -> Result<Vec<ExpectedPicture>> {
    let unreadable = |source| Error::Read { path: place.to_owned(), source };
    if !std::fs::metadata(place).map_err(unreadable)?.is_dir() {
        return Ok(vec![picture(place)?]);
    }
    let entries = std::fs::read_dir(place).map_err(unreadable)?;
    let paths: std::io::Result<Vec<PathBuf>> =
        entries.map(|entry| entry.map(|entry| entry.path())).collect();
    let mut paths = paths.map_err(unreadable)?;
    paths.retain(|path| path.extension().is_some_and(|it| it.eq_ignore_ascii_case("png")));
    paths.sort();
    if paths.is_empty() {
        let reason = "there is no .png file in it; draw some with `zao generate`".into();
        return Err(Error::File { path: place.to_owned(), reason });
    }
    paths.iter().map(|path| picture(path)).collect()
}

/// What [`super::Judge::expecting`] takes.
pub(crate) fn expected_pictures(pictures: &[ExpectedPicture]) -> HashMap<u64, Vec<Fingerprint>> {
    let keyed = pictures.iter().filter_map(|it| Some((it.wish.key()?, vec![it.pixels])));
    keyed.collect()
}

fn picture(path: &Path) -> Result<ExpectedPicture> {
    let bytes =
        std::fs::read(path).map_err(|source| Error::Read { path: path.to_owned(), source })?;
    let wrong = |reason: String| Error::File { path: path.to_owned(), reason };
    let info = zao_png::read(&bytes).map_err(|error| wrong(error.to_string()))?;
    let zao_png::Origin::Zao(recipe) = info.origin else {
        return Err(wrong(
            "it has no recipe of zao, so nobody knows how to ask for it again".into(),
        ));
    };
    if recipe.image.is_some() {
        return Err(wrong("it began with another picture, which is not in the file".into()));
    }
    let pixels = zao_png::decode_rgb(&bytes).map_err(|error| wrong(error.to_string()))?;
    Ok(ExpectedPicture { wish: wish(&recipe), pixels: fingerprint(&pixels) })
}

/// The request that a recipe answers. Servers name adapters without the extension of their files.
fn wish(recipe: &Recipe) -> Wish {
    let mut request = zao_png::request_of(recipe);
    for lora in &mut request.loras {
        lora.name.truncate(lora.name.trim_end_matches(".safetensors").len());
    }
    Wish::new(JobRequest { request, ..JobRequest::default() })
}
