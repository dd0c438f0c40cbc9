//! `transformer/config.json` of a `ZImageTransformer2DModel`.

use serde::Deserialize;
use zao_backend::Grid;
use zao_backend::prelude::Heads;

use super::{ensure, ensure_layers, ensure_sizes, parse};
use crate::Result;

const FILE: &str = "transformer/config.json";

/// Width of the time embedding that modulates blocks, unless the model is narrower.
const ADALN_EMBED_DIM: usize = 256;

/// The transformer's sizes.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the names are those of the configuration file")]
pub struct TransformerConfig {
    pub all_patch_size: Vec<usize>,
    pub all_f_patch_size: Vec<usize>,
    pub in_channels: usize,
    pub dim: usize,
    pub n_layers: usize,
    pub n_refiner_layers: usize,
    pub n_heads: usize,
    pub norm_eps: f32,
    pub qk_norm: bool,
    pub cap_feat_dim: usize,
    pub siglip_feat_dim: Option<usize>,
    pub rope_theta: f64,
    pub t_scale: f32,
    pub axes_dims: [usize; 3],
    pub axes_lens: [usize; 3],
}

impl Default for TransformerConfig {
    /// diffusers' defaults, which are Z-Image's sizes.
    fn default() -> Self {
        Self {
            all_patch_size: vec![2],
            all_f_patch_size: vec![1],
            in_channels: 16,
            dim: 3840,
            n_layers: 30,
            n_refiner_layers: 2,
            n_heads: 30,
            norm_eps: 1e-5,
            qk_norm: true,
            cap_feat_dim: 2560,
            siglip_feat_dim: None,
            rope_theta: 256.0,
            t_scale: 1000.0,
            axes_dims: [32, 48, 48],
            axes_lens: [1024, 512, 512],
        }
    }
}

impl TransformerConfig {
    /// Reads the file.
    ///
    /// # Errors
    /// Not that JSON, or sizes that contradict each other.
    pub fn from_json(json: &[u8]) -> Result<Self> {
        let config: Self = parse(FILE, json)?;
        ensure_sizes(
            FILE,
            &[
                ("in_channels", config.in_channels),
                ("dim", config.dim),
                ("n_heads", config.n_heads),
                ("cap_feat_dim", config.cap_feat_dim),
                ("axes_lens", config.axes_lens[0]),
                ("axes_lens", config.axes_lens[1]),
                ("axes_lens", config.axes_lens[2]),
            ],
        )?;
        ensure_layers(FILE, "n_layers", config.n_layers)?;
        ensure_layers(FILE, "n_refiner_layers", config.n_refiner_layers)?;
        ensure(config.dim.is_multiple_of(config.n_heads), FILE, || {
            format!("dim {} is not a multiple of n_heads {}", config.dim, config.n_heads)
        })?;
        let axes = config.axes_dims;
        ensure(
            axes.iter().sum::<usize>() == config.dim / config.n_heads
                && axes.iter().all(|d| d.is_multiple_of(2)),
            FILE,
            || format!("axes_dims {axes:?} do not make a head of {}", config.dim / config.n_heads),
        )?;
        ensure(
            config.all_patch_size.first().is_some_and(|&p| (1..=16).contains(&p))
                && config.all_f_patch_size.first() == Some(&1),
            FILE,
            || "expected all_f_patch_size [1] and a patch size".into(),
        )?;
        ensure(config.siglip_feat_dim.is_none(), FILE, || {
            "siglip_feat_dim: the omni variant is not supported".into()
        })?;
        Ok(config)
    }

    /// Side of a patch in latent cells.
    #[must_use]
    pub fn patch(&self) -> usize {
        self.all_patch_size[0]
    }

    /// The key of the patch size in weight names.
    pub(crate) fn patch_key(&self) -> String {
        format!("{}-{}", self.all_patch_size[0], self.all_f_patch_size[0])
    }

    /// How attention divides its width.
    #[must_use]
    pub fn heads(&self) -> Heads {
        Heads { query: self.n_heads, kv: self.n_heads, dim: self.dim / self.n_heads }
    }

    /// Hidden width of the feed-forward: `int(dim / 3 * 8)`, in floating point as the reference
    /// computes it.
    #[must_use]
    pub fn hidden_dim(&self) -> usize {
        (self.dim as f64 / 3.0 * 8.0) as usize
    }

    /// Width of the time embedding.
    #[must_use]
    pub fn adaln_dim(&self) -> usize {
        self.dim.min(ADALN_EMBED_DIM)
    }

    /// The largest latent that the model has positions for.
    #[must_use]
    pub fn max_latent(&self) -> Grid {
        let [_, rows, columns] = self.axes_lens;
        Grid::new(rows, columns).times(self.patch())
    }

    /// The longest caption, pads included, that the model has positions for: they start at 1, and the
    /// picture takes the one behind the caption.
    #[must_use]
    pub fn max_caption(&self) -> usize {
        self.axes_lens[0].saturating_sub(2)
    }

    /// Width of a patch's values.
    #[must_use]
    pub fn patch_width(&self) -> usize {
        self.patch() * self.patch() * self.in_channels
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_sizes() {
        let config = TransformerConfig::from_json(b"{}").unwrap();
        assert_eq!((config.hidden_dim(), config.adaln_dim()), (10240, 256));
        assert_eq!(config.heads(), Heads { query: 30, kv: 30, dim: 128 });
    }

    #[test]
    fn odd_widths_follow_the_reference_formula() {
        for (dim, hidden) in [(256, 682), (128, 341), (96, 256)] {
            assert_eq!(TransformerConfig { dim, ..Default::default() }.hidden_dim(), hidden);
        }
    }

    #[test]
    fn contradictions_are_refused() {
        for json in [
            r#"{"dim": 3841}"#,
            r#"{"axes_dims": [32, 48, 47]}"#,
            r#"{"axes_dims": [31, 49, 48]}"#,
            r#"{"n_heads": 0}"#,
            r#"{"siglip_feat_dim": 1152}"#,
            r#"{"all_patch_size": []}"#,
            r#"{"all_f_patch_size": [2]}"#,
            r#"{"n_layers": 4000000000}"#,
            r#"{"cap_feat_dim": 1000000000000000}"#,
            r#"{"all_patch_size": [1000000]}"#,
            "",
        ] {
            assert!(TransformerConfig::from_json(json.as_bytes()).is_err(), "{json}");
        }
    }
}
