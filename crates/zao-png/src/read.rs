//! What a PNG tells about itself: its size, where it comes from, its texts. It does NOT unpack
//! pixels, nor understand node graphs (ComfyUI's `prompt` and `workflow`) or other tools' JSON than Fooocus's.

use zao_api::Recipe;

use crate::encode::{PARAMETERS_KEYWORD, RECIPE_KEYWORD};
use crate::limits::{self, open};
use crate::text::{self, Text};
use crate::{Error, Parameters};

/// Keyword by which Fooocus says how it wrote its parameters: `fooocus` or `a1111`.
const SCHEME_KEYWORD: &str = "fooocus_scheme";

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
    /// By Fooocus, in either of its schemes; likewise not enough.
    Fooocus(Parameters),
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
        Origin::Fooocus(_) => texts.retain(|t| !is_parameters(t) && t.keyword != SCHEME_KEYWORD),
        Origin::Unknown => {}
    }
    Ok(Info { width: png.width, height: png.height, origin, texts })
}

fn origin(texts: &[Text]) -> Result<Origin, Error> {
    if let Some(recipe) = texts.iter().find(|t| is_recipe(t)) {
        let recipe = serde_json::from_str(&recipe.text).map_err(Error::UnreadableRecipe)?;
        return Ok(Origin::Zao(Box::new(recipe)));
    }
    let mut written = texts.iter().filter(|t| is_parameters(t)).map(|t| t.text.as_str());
    let scheme = texts.iter().find(|t| t.keyword == SCHEME_KEYWORD).map(|t| t.text.trim());
    let found = match scheme {
        Some("fooocus") => written.find_map(Parameters::of_fooocus).map(Origin::Fooocus),
        Some("a1111") => {
            let parameters = written.find_map(Parameters::parse);
            parameters.map(|it| Origin::Fooocus(it.with_raw_prompts()))
        }
        _ => written.find_map(unnamed),
    };
    Ok(found.unwrap_or(Origin::Unknown))
}

/// What a text is that no other one says the scheme of.
fn unnamed(text: &str) -> Option<Origin> {
    if let Some(parameters) = Parameters::parse(text) {
        let version = parameters.get("Version").unwrap_or_default();
        return Some(if version.starts_with("Fooocus") {
            Origin::Fooocus(parameters.with_raw_prompts())
        } else {
            Origin::Parameters(parameters)
        });
    }
    Parameters::is_fooocus(text).then(|| Parameters::of_fooocus(text).map(Origin::Fooocus))?
}

fn is_recipe(text: &Text) -> bool {
    text.keyword == RECIPE_KEYWORD
}

fn is_parameters(text: &Text) -> bool {
    text.keyword == PARAMETERS_KEYWORD
}
