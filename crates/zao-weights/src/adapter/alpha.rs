//! Alpha, which over the rank is the factor of an adapter: as a tensor of its own, or in a description that the
//! trainer left (PEFT's `adapter_config.json`, or the same in a file's metadata).

use std::collections::BTreeMap;

use safetensors::Dtype;
use serde::Deserialize;

/// The metadata key under which diffusers keeps the description.
pub(super) const METADATA: &str = "lora_adapter_metadata";

/// The parts of PEFT's description that say how strong an adapter is.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Config {
    r: Option<f64>,
    lora_alpha: Option<f64>,
    use_rslora: bool,
    rank_pattern: BTreeMap<String, f64>,
    alpha_pattern: BTreeMap<String, f64>,
}

impl Config {
    /// PEFT's own file.
    pub(super) fn from_json(json: &[u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(json)
    }

    /// diffusers' metadata, where each key begins with the part of the model that it is about.
    pub(super) fn from_metadata(json: &str) -> Result<Self, serde_json::Error> {
        let all: BTreeMap<String, serde_json::Value> = serde_json::from_str(json)?;
        let own = all.into_iter().filter_map(|(key, value)| {
            Some((key.strip_prefix("transformer.").or(Some(&key))?.to_owned(), value))
        });
        serde_json::from_value(own.collect())
    }

    /// The factor of the layer called `name`, of this rank; 1 if nothing is said.
    pub(super) fn factor(&self, name: &str, rank: usize) -> f64 {
        let of = |pattern: &BTreeMap<String, f64>| {
            let fits = |key: &str| name == key || name.ends_with(&format!(".{key}"));
            pattern
                .iter()
                .find(|(key, _)| fits(key.trim_start_matches('^')))
                .map(|(_, value)| *value)
        };
        let Some(alpha) = of(&self.alpha_pattern).or(self.lora_alpha) else { return 1.0 };
        let rank = of(&self.rank_pattern).or(self.r).unwrap_or(rank as f64);
        alpha / if self.use_rslora { rank.sqrt() } else { rank }
    }
}

/// A single number, whatever it is stored as.
pub(super) fn number(dtype: Dtype, bytes: &[u8]) -> Option<f64> {
    Some(match dtype {
        Dtype::F64 => f64::from_le_bytes(bytes.try_into().ok()?),
        Dtype::F32 => f32::from_le_bytes(bytes.try_into().ok()?).into(),
        Dtype::F16 => half::f16::from_le_bytes(bytes.try_into().ok()?).into(),
        Dtype::BF16 => half::bf16::from_le_bytes(bytes.try_into().ok()?).into(),
        Dtype::I64 => i64::from_le_bytes(bytes.try_into().ok()?) as f64,
        Dtype::I32 => i32::from_le_bytes(bytes.try_into().ok()?).into(),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptions_say_how_strong_layers_are() {
        let json = r#"{"transformer.r": 4, "transformer.lora_alpha": 8, "transformer.target_modules": ["to_q"],
            "transformer.alpha_pattern": {"attention.to_k": 2}, "transformer.rank_pattern": {"attention.to_k": 8}}"#;
        let config = Config::from_metadata(json).unwrap();
        assert_eq!(config.factor("layers.0.attention.to_q", 4), 2.0);
        assert_eq!(config.factor("layers.0.attention.to_k", 8), 0.25);
        let config =
            Config::from_json(br#"{"r": 4, "lora_alpha": 8, "use_rslora": true}"#).unwrap();
        assert_eq!(config.factor("layers.0.attention.to_q", 4), 4.0);
        assert_eq!(Config::default().factor("anything", 4), 1.0);
    }

    #[test]
    fn numbers_are_read_in_every_type() {
        assert_eq!(number(Dtype::F64, &8f64.to_le_bytes()), Some(8.0));
        assert_eq!(number(Dtype::F32, &8f32.to_le_bytes()), Some(8.0));
        assert_eq!(number(Dtype::BF16, &half::bf16::from_f32(8.0).to_le_bytes()), Some(8.0));
        assert_eq!(number(Dtype::I64, &8i64.to_le_bytes()), Some(8.0));
        assert_eq!(number(Dtype::F32, &[0; 8]), None);
        assert_eq!(number(Dtype::U8, &[1]), None);
    }
}
