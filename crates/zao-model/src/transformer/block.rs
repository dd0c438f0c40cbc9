//! `ZImageTransformerBlock`: attention and feed-forward, each between two norms, modulated by time in
//! the noise refiner and the main layers.

use zao_backend::prelude::*;

use crate::adapter::Following;
use crate::layers::{Bias, FeedForward, Linear};
use crate::{Loader, Result, TransformerConfig};
use zao_backend::Care;

/// Where a block reads its four adaLN vectors: `scale_msa, gate_msa, scale_mlp, gate_mlp`.
pub(super) struct Adaln<'a, B: Backend> {
    /// One row a segment, four vectors a block.
    pub(super) table: &'a Tensor<B>,
    /// Which of the table's blocks this one is.
    pub(super) block: usize,
}

/// The packed tokens' segments and rotations, and the adapters they follow.
pub(super) struct Layout<'a, B: Backend> {
    pub(super) segments: &'a Segments,
    pub(super) rope: &'a Tensor<B>,
    pub(super) following: &'a Following<'a, B>,
}

pub(super) struct Block<B: Backend> {
    attention_norm1: Tensor<B>,
    to_qkv: Linear<B>,
    qk_norms: Option<(Tensor<B>, Tensor<B>)>,
    to_out: Linear<B>,
    attention_norm2: Tensor<B>,
    ffn_norm1: Tensor<B>,
    feed_forward: FeedForward<B>,
    ffn_norm2: Tensor<B>,
    heads: Heads,
    norm_eps: f32,
}

/// diffusers builds the query and key norms with this, whatever `norm_eps` says.
const QK_NORM_EPS: f32 = 1e-5;

impl<B: Backend> Block<B> {
    pub(super) fn load(loader: &Loader<'_, B>, config: &TransformerConfig) -> Result<Self> {
        let (dim, heads) = (config.dim, config.heads());
        let attention = loader.at("attention");
        let qk_norms = if config.qk_norm {
            let norm = |name| attention.vector(name, heads.dim);
            Some((norm("norm_q.weight")?, norm("norm_k.weight")?))
        } else {
            None
        };
        Ok(Self {
            attention_norm1: loader.vector("attention_norm1.weight", dim)?,
            to_qkv: Linear::load_stacked(
                &attention,
                &[("to_q", dim), ("to_k", dim), ("to_v", dim)],
                dim,
                Bias::No,
                Care::Usual,
            )?,
            qk_norms,
            to_out: Linear::load(&attention.at("to_out.0"), (dim, dim), Bias::No, Care::Usual)?,
            attention_norm2: loader.vector("attention_norm2.weight", dim)?,
            ffn_norm1: loader.vector("ffn_norm1.weight", dim)?,
            feed_forward: FeedForward::load(
                &loader.at("feed_forward"),
                ["w1", "w3", "w2"],
                dim,
                config.hidden_dim(),
            )?,
            ffn_norm2: loader.vector("ffn_norm2.weight", dim)?,
            heads,
            norm_eps: config.norm_eps,
        })
    }

    /// Changes the packed tokens `x`, `[tokens, dim]`, in place.
    pub(super) fn forward(
        &self,
        b: &B,
        x: &mut Tensor<B>,
        layout: &Layout<'_, B>,
        adaln: Option<&Adaln<'_, B>>,
    ) -> Result<()> {
        let width = x.width();
        let vector = |index: usize| {
            adaln.map(|adaln| Modulation {
                table: adaln.table,
                column: (4 * adaln.block + index) * width,
                segments: layout.segments,
            })
        };
        let [scale_msa, gate_msa, scale_mlp, gate_mlp] = [0, 1, 2, 3].map(vector);
        let eps = self.norm_eps;

        let qkv = &self.to_qkv.weight;
        let h = b.rms_norm(x, &self.attention_norm1, eps, scale_msa, Some(qkv))?;
        let h = self.attend(b, &h, layout)?;
        b.gated_residual(x, &h, &self.attention_norm2, eps, gate_msa)?;

        let w13 = self.feed_forward.input();
        let h = b.rms_norm(x, &self.ffn_norm1, eps, scale_mlp, Some(w13))?;
        let h = self.feed_forward.follow(b, &h, layout.following)?;
        Ok(b.gated_residual(x, &h, &self.ffn_norm2, eps, gate_mlp)?)
    }

    fn attend(&self, b: &B, h: &Tensor<B>, layout: &Layout<'_, B>) -> Result<Tensor<B>> {
        let mut qkv = self.to_qkv.follow(b, h, layout.following)?;
        let norms = self.qk_norms.as_ref().map(|(q, k)| (q, k));
        let rope = (layout.rope, Pairing::Interleaved);
        b.qk_norm_rope(&mut qkv, self.heads, norms, QK_NORM_EPS, rope)?;
        let out = Some(&self.to_out.weight);
        let h = b.attention(&qkv, self.heads, layout.segments, Mask::Full, out)?;
        self.to_out.follow(b, &h, layout.following)
    }
}
