//! LoRA adapters as requests name them and recipes record them. They do NOT say where files lie.

use serde::{Deserialize, Serialize};

use crate::finite;

/// An adapter to follow.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Lora {
    /// Name in the folder of adapters, or the path of a file.
    #[cfg_attr(feature = "schema", schema(min_length = 1))]
    pub name: String,
    /// How much it counts; 1 is as it was trained.
    #[serde(default = "as_trained", with = "finite")]
    #[cfg_attr(feature = "schema", schema(default = 1.0))]
    pub scale: f32,
}

fn as_trained() -> f32 {
    1.0
}

/// An adapter that a picture followed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct UsedLora {
    /// The name of its file.
    pub name: String,
    /// How much it counted.
    #[serde(with = "finite")]
    pub scale: f32,
    /// SHA-256 of its file, in hexadecimal.
    pub sha256: String,
    /// Whether it was merged into the weights beforehand, which rounds differently.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub merged: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_alone_counts_once() {
        let lora: Lora = serde_json::from_str(r#"{"name": "ink"}"#).unwrap();
        assert_eq!(lora, Lora { name: "ink".into(), scale: 1.0 });
        assert!(serde_json::to_string(&Lora { scale: f32::NAN, ..lora }).is_err());
    }
}
