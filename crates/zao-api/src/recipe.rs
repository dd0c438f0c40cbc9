//! The recipe of a picture: everything that decides its pixels. It does NOT draw, check or complete.

use serde::de::{Deserializer, Error as _};
use serde::{Deserialize, Serialize, Serializer};

use crate::{InputImage, ResolvedPrecision, Rng, UsedLora, finite};

/// The complete description of one picture: the same recipe gives the same pixels, bit for bit, on
/// the same device with the same version of zao.
///
/// Unknown fields are ignored on reading, so a later version may add what does not change the
/// pixels of older recipes. What would change them needs a new [`RecipeFormat`], which older
/// versions refuse. Floats must be finite; writing others is an error.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Recipe {
    /// Version of this format. It is written first, so that a recipe from the future is refused for
    /// its version and not for a field that has changed.
    #[serde(rename = "zao")]
    #[cfg_attr(feature = "schema", schema(value_type = u32, minimum = 1, maximum = 1))]
    pub format: RecipeFormat,
    /// Version of the zao that drew the picture, for example `0.1.0`.
    pub zao_version: String,
    /// What the picture shows.
    pub prompt: String,
    /// What it should not show; `None` and the empty text mean the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub negative_prompt: Option<String>,
    /// The model that drew it.
    pub model: Model,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// Denoising steps.
    pub steps: u32,
    /// Classifier-free guidance in the convention of diffusers' Z-Image: 0 is off.
    #[serde(with = "finite")]
    pub guidance: f32,
    /// Largest norm of the guided prediction, as a multiple of the unguided one's; 0 is off.
    #[serde(with = "finite")]
    pub cfg_normalization: f32,
    /// Time, from 0 at the first step to 1 at the end, after which guidance is off; 1 is never.
    #[serde(with = "finite")]
    pub cfg_truncation: f32,
    /// Seed of the starting noise; a JSON integer that may exceed 2^53.
    #[cfg_attr(feature = "schema", schema(format = "uint64"))]
    pub seed: u64,
    /// Generator of the starting noise.
    pub rng: Rng,
    /// The picture it begins with; `None` for noise alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<InputImage>,
    /// Static shift of the noise schedule.
    #[serde(with = "finite")]
    pub shift: f32,
    /// The adapters that it followed, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub loras: Vec<UsedLora>,
    /// Arithmetic the picture was drawn in.
    pub precision: ResolvedPrecision,
    /// Device that drew it, for example `cpu`.
    pub device: String,
}

/// A model, by name and by content.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Model {
    /// Name it is installed under.
    pub name: String,
    /// Text that is equal for equal weights and differs for different ones.
    pub fingerprint: String,
}

/// The version of the recipe format, which is 1: any other number is refused on reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct RecipeFormat;

impl RecipeFormat {
    /// The number written as `"zao"`.
    pub const VERSION: u32 = 1;
}

impl Serialize for RecipeFormat {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u32(Self::VERSION)
    }
}

impl<'de> Deserialize<'de> for RecipeFormat {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let version = u32::deserialize(deserializer)?;
        if version != Self::VERSION {
            return Err(D::Error::custom(format_args!(
                "recipe format {version} needs another version of zao: this one reads format {}",
                Self::VERSION
            )));
        }
        Ok(Self)
    }
}
