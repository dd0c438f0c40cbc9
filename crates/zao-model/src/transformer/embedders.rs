//! The ways in: time, caption features and patches to the transformer's width.

use zao_backend::prelude::*;

use crate::adapter::Following;
use crate::layers::{Bias, Linear};
use crate::{Loader, Result, TransformerConfig};
use zao_backend::Care;

/// Width of the sinusoidal time embedding.
const FREQUENCY_EMBEDDING_SIZE: usize = 256;

/// Hidden width of the time embedder.
const MID_SIZE: usize = 1024;

/// `t_embedder`: model times to `[times, adaln_dim]`.
pub(super) struct TimestepEmbedder<B: Backend> {
    mlp_0: Linear<B>,
    mlp_2: Linear<B>,
    t_scale: f32,
}

impl<B: Backend> TimestepEmbedder<B> {
    pub(super) fn load(loader: &Loader<'_, B>, config: &TransformerConfig) -> Result<Self> {
        let layer =
            |name: &str, sizes| Linear::load(&loader.at(name), sizes, Bias::Yes, Care::Unrounded);
        Ok(Self {
            mlp_0: layer("mlp.0", (MID_SIZE, FREQUENCY_EMBEDDING_SIZE))?,
            mlp_2: layer("mlp.2", (config.adaln_dim(), MID_SIZE))?,
            t_scale: config.t_scale,
        })
    }

    pub(super) fn forward(
        &self,
        b: &B,
        times: &[f32],
        following: &Following<'_, B>,
    ) -> Result<Tensor<B>> {
        let scaled: Vec<f32> = times.iter().map(|t| t * self.t_scale).collect();
        let h = b.timestep_embedding(&scaled, FREQUENCY_EMBEDDING_SIZE)?;
        let h = self.mlp_0.follow_silu(b, &h, following, &self.mlp_2)?;
        self.mlp_2.follow(b, &h, following)
    }
}

/// `cap_embedder`: caption features to `[tokens, dim]`.
pub(super) struct CaptionEmbedder<B: Backend> {
    norm: Tensor<B>,
    linear: Linear<B>,
    norm_eps: f32,
}

impl<B: Backend> CaptionEmbedder<B> {
    pub(super) fn load(loader: &Loader<'_, B>, config: &TransformerConfig) -> Result<Self> {
        let sizes = (config.dim, config.cap_feat_dim);
        Ok(Self {
            norm: loader.vector("0.weight", config.cap_feat_dim)?,
            linear: Linear::load(&loader.at("1"), sizes, Bias::Yes, Care::Unrounded)?,
            norm_eps: config.norm_eps,
        })
    }

    pub(super) fn forward(
        &self,
        b: &B,
        features: &Tensor<B>,
        following: &Following<'_, B>,
    ) -> Result<Tensor<B>> {
        let next = Some(&self.linear.weight);
        let h = b.rms_norm(features, &self.norm, self.norm_eps, None, next)?;
        self.linear.follow(b, &h, following)
    }
}

/// `all_x_embedder`: patches of a latent to `[patches, dim]`.
pub(super) fn load_patch_embedder<B: Backend>(
    loader: &Loader<'_, B>,
    config: &TransformerConfig,
) -> Result<Linear<B>> {
    let loader = loader.at(format_args!("all_x_embedder.{}", config.patch_key()));
    Linear::load(&loader, (config.dim, config.patch_width()), Bias::Yes, Care::AtLeastBf16)
}
