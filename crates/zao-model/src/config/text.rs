//! `text_encoder/config.json` of a Qwen3 model.

use serde::Deserialize;
use zao_backend::prelude::Heads;

use super::{ensure, ensure_layers, ensure_sizes, parse};
use crate::Result;

const FILE: &str = "text_encoder/config.json";

/// The text encoder's sizes.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs, reason = "the names are those of the configuration file")]
pub struct TextConfig {
    pub vocab_size: usize,
    pub hidden_size: usize,
    pub intermediate_size: usize,
    pub num_hidden_layers: usize,
    pub num_attention_heads: usize,
    pub num_key_value_heads: usize,
    pub head_dim: usize,
    pub rms_norm_eps: f32,
    pub rope_theta: f64,
    pub attention_bias: bool,
}

#[derive(Deserialize)]
struct File {
    vocab_size: usize,
    hidden_size: usize,
    intermediate_size: usize,
    num_hidden_layers: usize,
    num_attention_heads: usize,
    num_key_value_heads: Option<usize>,
    head_dim: Option<usize>,
    #[serde(default = "default_eps")]
    rms_norm_eps: f32,
    /// Where files before transformers 5 have it.
    rope_theta: Option<f64>,
    rope_parameters: Option<Rope>,
    rope_scaling: Option<Rope>,
    #[serde(default)]
    attention_bias: bool,
    #[serde(default)]
    use_sliding_window: bool,
    #[serde(default = "default_act")]
    hidden_act: String,
}

#[derive(Deserialize)]
struct Rope {
    rope_theta: Option<f64>,
    #[serde(alias = "type")]
    rope_type: Option<String>,
}

fn default_eps() -> f32 {
    1e-6
}

fn default_act() -> String {
    "silu".into()
}

impl TextConfig {
    /// Reads the file.
    ///
    /// # Errors
    /// Not that JSON, sizes that contradict each other, or a variant that Z-Image does not use.
    pub fn from_json(json: &[u8]) -> Result<Self> {
        let file: File = parse(FILE, json)?;
        ensure(file.hidden_act == "silu", FILE, || {
            format!("hidden_act {:?} is not supported", file.hidden_act)
        })?;
        ensure(!file.use_sliding_window, FILE, || "use_sliding_window is not supported".into())?;
        for rope in [&file.rope_parameters, &file.rope_scaling].into_iter().flatten() {
            let kind = rope.rope_type.as_deref().unwrap_or("default");
            ensure(kind == "default", FILE, || format!("rope_type {kind:?} is not supported"))?;
        }
        let in_parameters = file.rope_parameters.as_ref().and_then(|r| r.rope_theta);
        let heads = file.num_attention_heads;
        let config = Self {
            vocab_size: file.vocab_size,
            hidden_size: file.hidden_size,
            intermediate_size: file.intermediate_size,
            num_hidden_layers: file.num_hidden_layers,
            num_attention_heads: heads,
            num_key_value_heads: file.num_key_value_heads.unwrap_or(heads),
            head_dim: file.head_dim.unwrap_or(file.hidden_size / heads.max(1)),
            rms_norm_eps: file.rms_norm_eps,
            rope_theta: in_parameters.or(file.rope_theta).unwrap_or(1e6),
            attention_bias: file.attention_bias,
        };
        ensure_sizes(
            FILE,
            &[
                ("vocab_size", config.vocab_size),
                ("hidden_size", config.hidden_size),
                ("intermediate_size", config.intermediate_size),
                ("num_attention_heads", config.num_attention_heads),
                ("num_key_value_heads", config.num_key_value_heads),
                ("head_dim", config.head_dim),
            ],
        )?;
        ensure_layers(FILE, "num_hidden_layers", config.num_hidden_layers)?;
        let kv = config.num_key_value_heads;
        ensure(kv > 0 && heads > 0 && heads.is_multiple_of(kv), FILE, || {
            format!("{heads} attention heads over {kv} key-value heads")
        })?;
        ensure(config.head_dim > 0 && config.head_dim.is_multiple_of(2), FILE, || {
            format!("head_dim {}", config.head_dim)
        })?;
        let layers = config.num_hidden_layers;
        ensure(layers > 0, FILE, || format!("num_hidden_layers {layers}"))?;
        Ok(config)
    }

    /// How attention divides its width.
    #[must_use]
    pub fn heads(&self) -> Heads {
        Heads { query: self.num_attention_heads, kv: self.num_key_value_heads, dim: self.head_dim }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZES: &str = r#""vocab_size": 151936, "hidden_size": 2560, "intermediate_size": 9728,
        "num_hidden_layers": 36, "num_attention_heads": 32, "num_key_value_heads": 8"#;

    #[test]
    fn theta_is_found_where_either_version_puts_it() {
        for (extra, theta) in [
            (r#""rope_theta": 5000.0, "head_dim": 128, "rope_scaling": null"#, 5000.0),
            (r#""rope_parameters": {"rope_theta": 7.0, "rope_type": "default"}"#, 7.0),
        ] {
            let config = TextConfig::from_json(format!("{{{SIZES}, {extra}}}").as_bytes()).unwrap();
            assert_eq!(config.rope_theta, theta);
        }
    }

    #[test]
    fn variants_are_refused() {
        for extra in [
            r#""hidden_act": "gelu""#,
            r#""use_sliding_window": true"#,
            r#""rope_parameters": {"rope_type": "yarn"}"#,
            r#""head_dim": 7"#,
        ] {
            assert!(TextConfig::from_json(format!("{{{SIZES}, {extra}}}").as_bytes()).is_err());
        }
    }
}
