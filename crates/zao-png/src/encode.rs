//! Pixels and their recipe to a PNG. It does NOT choose a file or check that the recipe is drawable.

use png::{BitDepth, ColorType, Compression, Encoder};
use zao_api::Recipe;

use crate::limits::{MAX_TEXT_BYTES, check_dimensions};
use crate::{Error, Parameters};

/// Keyword of the exact recipe as JSON.
pub(crate) const RECIPE_KEYWORD: &str = "zao";

/// Keyword of the text form that other tools read.
pub(crate) const PARAMETERS_KEYWORD: &str = "parameters";

/// Encodes a picture as an 8-bit RGB PNG that carries its recipe.
///
/// `rgb8` holds `width * height` pixels of 3 bytes, row after row from the top. The recipe goes in
/// as iTXt text `zao` (exact JSON) and `parameters` (see [`Parameters::from_recipe`]), both before
/// the pixels and uncompressed, where simple tools find them. Compression favours speed.
///
/// # Errors
///
/// When the size is out of range, or differs from that of the pixels or of the recipe; when the
/// recipe holds a float that is not finite; when its texts are longer than [`MAX_TEXT_BYTES`].
pub fn encode(rgb8: &[u8], width: u32, height: u32, recipe: &Recipe) -> Result<Vec<u8>, Error> {
    check(rgb8, width, height)?;
    if (recipe.width, recipe.height) != (width, height) {
        return Err(Error::RecipeSize {
            recipe_width: recipe.width,
            recipe_height: recipe.height,
            width,
            height,
        });
    }
    let json = serde_json::to_string(recipe).map_err(Error::UnwritableRecipe)?;
    let parameters = Parameters::from_recipe(recipe).to_string();
    let text_bytes =
        RECIPE_KEYWORD.len() + json.len() + PARAMETERS_KEYWORD.len() + parameters.len();
    if text_bytes > MAX_TEXT_BYTES {
        return Err(Error::RecipeTooLong { bytes: text_bytes });
    }
    write(rgb8, width, height, [(PARAMETERS_KEYWORD, parameters), (RECIPE_KEYWORD, json)])
        .map_err(Error::Encode)
}

/// Encodes pixels as [`encode`] does, without any text: for previews and small copies, whose recipe is elsewhere.
///
/// # Errors
///
/// When the size is out of range, or differs from that of the pixels.
pub fn encode_plain(rgb8: &[u8], width: u32, height: u32) -> Result<Vec<u8>, Error> {
    check(rgb8, width, height)?;
    write(rgb8, width, height, []).map_err(Error::Encode)
}

fn check(rgb8: &[u8], width: u32, height: u32) -> Result<(), Error> {
    check_dimensions(width, height)?;
    let expected = 3 * u64::from(width) * u64::from(height);
    if rgb8.len() as u64 != expected {
        return Err(Error::PixelBytes { width, height, expected, given: rgb8.len() });
    }
    Ok(())
}

fn write<const N: usize>(
    rgb8: &[u8],
    width: u32,
    height: u32,
    texts: [(&str, String); N],
) -> Result<Vec<u8>, png::EncodingError> {
    let mut bytes = Vec::with_capacity(rgb8.len() / 2);
    let mut encoder = Encoder::new(&mut bytes, width, height);
    encoder.set_color(ColorType::Rgb);
    encoder.set_depth(BitDepth::Eight);
    encoder.set_compression(Compression::Fast);
    for (keyword, text) in texts {
        encoder.add_itxt_chunk(keyword.to_owned(), text)?;
    }
    let mut writer = encoder.write_header()?;
    writer.write_image_data(rgb8)?;
    writer.finish()?;
    Ok(bytes)
}
