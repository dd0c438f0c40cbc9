//! What a PNG tells about itself: its size, where it comes from, its texts. It does NOT unpack
//! pixels, nor understand node graphs (ComfyUI's `prompt` and `workflow`) or other tools' JSON.

use zao_api::Recipe;

use crate::encode::{PARAMETERS_KEYWORD, RECIPE_KEYWORD};
use crate::limits::{self, open};
use crate::text::{self, Text};
use crate::{Error, Parameters};

/// What a PNG tells about itself.
#[derive(Debug, Clone, PartialEq)]
pub struct Info {
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// How the picture was made, as far as the file tells.
    pub origin: Origin,
    /// The other texts: all but the recipe and the parameters that `origin` was understood from.
    pub texts: Vec<Text>,
}

/// How a picture was made, as far as its file tells.
#[derive(Debug, Clone, PartialEq)]
pub enum Origin {
    /// By zao, with this exact recipe.
    Zao(Box<Recipe>),
    /// By some tool that wrote AUTOMATIC1111's text form; not enough for the same pixels.
    Parameters(Parameters),
    /// The file does not tell.
    Unknown,
}

/// Reads everything but the pixels.
///
/// A text whose chunk is malformed or fails its checksum is treated as absent.
///
/// # Errors
///
/// When the bytes are not a whole PNG, its size or its texts are beyond the limits of this crate,
/// a compressed text is broken, or it has a `zao` recipe that this version does not understand.
pub fn read(bytes: &[u8]) -> Result<Info, Error> {
    let mut reader = open(bytes, limits::Texts::Keep)?;
    reader.finish().map_err(Error::Decode)?;
    let png = reader.info();
    let mut texts = text::collect(png)?;
    let origin = origin(&texts)?;
    match origin {
        Origin::Zao(_) => texts.retain(|t| !is_recipe(t) && !is_parameters(t)),
        Origin::Parameters(_) => texts.retain(|t| !is_parameters(t)),
        Origin::Unknown => {}
    }
    Ok(Info { width: png.width, height: png.height, origin, texts })
}

fn origin(texts: &[Text]) -> Result<Origin, Error> {
    if let Some(recipe) = texts.iter().find(|t| is_recipe(t)) {
        let recipe = serde_json::from_str(&recipe.text).map_err(Error::UnreadableRecipe)?;
        return Ok(Origin::Zao(Box::new(recipe)));
    }
    let parameters =
        texts.iter().filter(|t| is_parameters(t)).find_map(|t| Parameters::parse(&t.text));
    Ok(parameters.map_or(Origin::Unknown, Origin::Parameters))
}

fn is_recipe(text: &Text) -> bool {
    text.keyword == RECIPE_KEYWORD
}

fn is_parameters(text: &Text) -> bool {
    text.keyword == PARAMETERS_KEYWORD
}
