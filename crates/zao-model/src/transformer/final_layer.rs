//! `all_final_layer`: tokens back to the values of their patches.

use zao_backend::prelude::*;

use crate::adapter::Following;
use crate::layers::{Bias, Linear};
use crate::{Loader, Result, TransformerConfig};
use zao_backend::Care;

pub(super) struct FinalLayer<B: Backend> {
    adaln_modulation: Linear<B>,
    linear: Linear<B>,
}

/// Of the LayerNorm, which has no weights.
const NORM_EPS: f32 = 1e-6;

impl<B: Backend> FinalLayer<B> {
    pub(super) fn load(loader: &Loader<'_, B>, config: &TransformerConfig) -> Result<Self> {
        let loader = loader.at(format_args!("all_final_layer.{}", config.patch_key()));
        let adaln = loader.at("adaLN_modulation.1");
        let sizes = (config.dim, config.adaln_dim());
        Ok(Self {
            adaln_modulation: Linear::load(&adaln, sizes, Bias::Yes, Care::Unrounded)?,
            linear: Linear::load(
                &loader.at("linear"),
                (config.patch_width(), config.dim),
                Bias::Yes,
                Care::Unrounded,
            )?,
        })
    }

    /// The scales for time embeddings `[times, adaln_dim]`.
    pub(super) fn scales(
        &self,
        b: &B,
        t_emb: &Tensor<B>,
        following: &Following<'_, B>,
    ) -> Result<Tensor<B>> {
        let h = b.silu(t_emb, Some(&self.adaln_modulation.weight))?;
        self.adaln_modulation.follow(b, &h, following)
    }

    /// Tokens `[tokens, dim]` to patches `[tokens, patch_width]`.
    pub(super) fn forward(
        &self,
        b: &B,
        x: &Tensor<B>,
        scale: Modulation<'_, B>,
        following: &Following<'_, B>,
    ) -> Result<Tensor<B>> {
        let h = b.layer_norm_scale(x, NORM_EPS, scale, Some(&self.linear.weight))?;
        self.linear.follow(b, &h, following)
    }
}
