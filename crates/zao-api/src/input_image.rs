//! The picture that another was made of, as its recipe knows it. The pixels are NOT in it.

use serde::{Deserialize, Serialize};

use crate::finite;

/// A picture that another begins with. The file has to be given again to draw the recipe again; the
/// checksum says whether it is the same.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct InputImage {
    /// SHA-256 of the picture's file, in hexadecimal.
    pub sha256: String,
    /// SHA-256 of the mask's file; `None` where everything is drawn anew.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mask_sha256: Option<String>,
    /// How much the picture is changed, above 0 and up to 1; as exact as it was typed, since it decides a
    /// whole number of steps.
    #[serde(with = "finite")]
    pub strength: f64,
}
