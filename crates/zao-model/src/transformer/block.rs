//! `ZImageTransformerBlock`: attention and feed-forward, each between two norms, modulated by time in
//! the noise refiner and the main layers.

use zao_backend::prelude::*;

use crate::adapter::Following;
use crate::layers::{Bias, FeedForward, Linear};
use crate::{Loader, Result, TransformerConfig};
use zao_backend::Care;

/// The four adaLN vectors of a block.
pub(super) struct Adaln<'a, B: Backend> {
    pub(super) scale_msa: Modulation<'a, B>,
    pub(super) gate_msa: Modulation<'a, B>,
    pub(super) scale_mlp: Modulation<'a, B>,
    pub(super) gate_mlp: Modulation<'a, B>,
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

    /// The norm through which the block reads the stream.
    pub(super) fn entry<'a>(&'a self, adaln: Option<&Adaln<'a, B>>) -> NextNorm<'a, B> {
        NextNorm {
            weight: &self.attention_norm1,
            eps: self.norm_eps,
            scale: adaln.map(|adaln| adaln.scale_msa),
            feeds: Some(&self.to_qkv.weight),
        }
    }

    /// Adds the attention of `h`, the stream as [`entry`](Self::entry) norms it, to the stream `x`,
    /// `[tokens, dim]`, and returns what the feed-forward makes of it: the end of the block,
    /// [`leave`](Self::leave) or [`leave_for`](Self::leave_for), adds that.
    pub(super) fn forward(
        &self,
        b: &B,
        x: &mut Tensor<B>,
        h: Tensor<B>,
        layout: &Layout<'_, B>,
        adaln: Option<&Adaln<'_, B>>,
    ) -> Result<Tensor<B>> {
        let y = self.attend(b, h, layout)?;
        let (weight, eps) = (&self.attention_norm2, self.norm_eps);
        let gate = adaln.map(|adaln| adaln.gate_msa);
        let next = NextNorm {
            weight: &self.ffn_norm1,
            eps,
            scale: adaln.map(|adaln| adaln.scale_mlp),
            feeds: Some(self.feed_forward.input()),
        };
        let h = b.gated_residual_norm(x, &y, weight, eps, gate, next)?;
        drop(y);
        self.feed_forward.follow(b, &h, layout.following)
    }

    /// Adds the block's result `y` to the stream.
    pub(super) fn leave(
        &self,
        b: &B,
        x: &mut Tensor<B>,
        y: &Tensor<B>,
        adaln: Option<&Adaln<'_, B>>,
    ) -> Result<()> {
        let gate = adaln.map(|adaln| adaln.gate_mlp);
        Ok(b.gated_residual(x, y, &self.ffn_norm2, self.norm_eps, gate)?)
    }

    /// The same, and returns the stream as `next` reads it.
    pub(super) fn leave_for(
        &self,
        b: &B,
        x: &mut Tensor<B>,
        y: &Tensor<B>,
        adaln: Option<&Adaln<'_, B>>,
        next: NextNorm<'_, B>,
    ) -> Result<Tensor<B>> {
        let gate = adaln.map(|adaln| adaln.gate_mlp);
        Ok(b.gated_residual_norm(x, y, &self.ffn_norm2, self.norm_eps, gate, next)?)
    }

    fn attend(&self, b: &B, h: Tensor<B>, layout: &Layout<'_, B>) -> Result<Tensor<B>> {
        let mut qkv = self.to_qkv.follow(b, &h, layout.following)?;
        drop(h);
        let norms = self.qk_norms.as_ref().map(|(q, k)| (q, k));
        let rope = (layout.rope, Pairing::Interleaved);
        b.qk_norm_rope(&mut qkv, self.heads, norms, QK_NORM_EPS, rope)?;
        let out = Some(&self.to_out.weight);
        let h = b.attention(&qkv, self.heads, layout.segments, Mask::Full, out)?;
        self.to_out.follow(b, &h, layout.following)
    }
}
