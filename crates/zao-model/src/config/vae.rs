//! `vae/config.json` of an `AutoencoderKL`.

use serde::Deserialize;

use super::{ensure, ensure_layers, ensure_sizes, parse};
use crate::Result;

const FILE: &str = "vae/config.json";

/// The autoencoder's sizes.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[allow(missing_docs, reason = "the names are those of the configuration file")]
pub struct VaeConfig {
    #[serde(default = "three")]
    pub in_channels: usize,
    #[serde(default = "three")]
    pub out_channels: usize,
    pub block_out_channels: Vec<usize>,
    #[serde(default = "one")]
    pub layers_per_block: usize,
    pub latent_channels: usize,
    #[serde(default = "thirty_two")]
    pub norm_num_groups: usize,
    pub scaling_factor: f32,
    #[serde(default)]
    pub shift_factor: Option<f32>,
    #[serde(default = "yes")]
    pub mid_block_add_attention: bool,
    #[serde(default = "yes")]
    pub use_quant_conv: bool,
    #[serde(default = "yes")]
    pub use_post_quant_conv: bool,
    /// Side of the pictures it was made for, in pixels.
    #[serde(default = "published_size")]
    pub sample_size: usize,
    #[serde(default = "silu")]
    act_fn: String,
    #[serde(default)]
    down_block_types: Vec<String>,
    #[serde(default)]
    up_block_types: Vec<String>,
}

fn one() -> usize {
    1
}

fn three() -> usize {
    3
}

fn thirty_two() -> usize {
    32
}

fn yes() -> bool {
    true
}

fn published_size() -> usize {
    1024
}

fn silu() -> String {
    "silu".into()
}

impl VaeConfig {
    /// Reads the file.
    ///
    /// # Errors
    /// Not that JSON, sizes that contradict each other, or blocks that Z-Image does not use.
    pub fn from_json(json: &[u8]) -> Result<Self> {
        let config: Self = parse(FILE, json)?;
        ensure(config.act_fn == "silu" || config.act_fn == "swish", FILE, || {
            format!("act_fn {:?} is not supported", config.act_fn)
        })?;
        let known = |t: &String| t == "DownEncoderBlock2D" || t == "UpDecoderBlock2D";
        let mut types = config.down_block_types.iter().chain(&config.up_block_types);
        if let Some(other) = types.find(|t| !known(t)) {
            return Err(crate::Error::config(FILE, format!("block type {other} is not supported")));
        }
        for &channels in &config.block_out_channels {
            ensure_sizes(FILE, &[("block_out_channels", channels)])?;
        }
        ensure_sizes(FILE, &[("latent_channels", config.latent_channels)])?;
        ensure_layers(FILE, "layers_per_block", config.layers_per_block)?;
        ensure(config.block_out_channels.len() <= 10, FILE, || {
            format!("{} levels are not possible", config.block_out_channels.len())
        })?;
        let (channels, groups) = (&config.block_out_channels, config.norm_num_groups);
        ensure(
            !channels.is_empty()
                && groups > 0
                && channels.iter().all(|&c| c > 0 && c.is_multiple_of(groups)),
            FILE,
            || format!("block_out_channels {channels:?} in {groups} norm groups"),
        )?;
        ensure(config.out_channels == 3 && config.in_channels == 3, FILE, || {
            format!("pictures of {} and {} channels", config.in_channels, config.out_channels)
        })?;
        ensure(config.scaling_factor > 0.0 && config.latent_channels > 0, FILE, || {
            format!("scaling_factor {}", config.scaling_factor)
        })?;
        Ok(config)
    }

    /// Pixels of a latent cell's side.
    #[must_use]
    pub fn scale(&self) -> usize {
        1 << (self.block_out_channels.len() - 1)
    }

    /// The shift factor, 0 when the file has none.
    #[must_use]
    pub fn shift(&self) -> f32 {
        self.shift_factor.unwrap_or(0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_file() {
        let json = br#"{"act_fn": "silu", "block_out_channels": [128, 256, 512, 512],
            "down_block_types": ["DownEncoderBlock2D"], "latent_channels": 16,
            "layers_per_block": 2, "norm_num_groups": 32, "scaling_factor": 0.3611,
            "shift_factor": 0.1159, "use_post_quant_conv": false, "use_quant_conv": false}"#;
        let config = VaeConfig::from_json(json).unwrap();
        assert_eq!((config.scale(), config.shift()), (8, 0.1159));
        assert!(config.mid_block_add_attention && !config.use_quant_conv);
    }

    #[test]
    fn other_blocks_are_refused_by_name() {
        let json = br#"{"block_out_channels": [32], "latent_channels": 4, "scaling_factor": 1.0,
            "up_block_types": ["AttnUpDecoderBlock2D"]}"#;
        let error = VaeConfig::from_json(json).unwrap_err().to_string();
        assert!(error.contains("AttnUpDecoderBlock2D"), "{error}");
    }
}
