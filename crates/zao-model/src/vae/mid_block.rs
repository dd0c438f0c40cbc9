//! `UNetMidBlock2D`: two residual blocks with attention over all cells between them.

use zao_backend::Care;
use zao_backend::prelude::*;

use super::layers::GroupNorm;
use super::resnet::Resnet;
use crate::layers::{Bias, Linear};
use crate::{Loader, Result, VaeConfig};

pub(super) struct MidBlock<B: Backend> {
    resnets: [Resnet<B>; 2],
    attention: Option<Attention<B>>,
}

impl<B: Backend> MidBlock<B> {
    pub(super) fn load(
        loader: &Loader<'_, B>,
        config: &VaeConfig,
        channels: usize,
    ) -> Result<Self> {
        let resnet =
            |name| Resnet::load(&loader.at("resnets").at(name), config, (channels, channels));
        let attention = || Attention::load(&loader.at("attentions.0"), config, channels);
        Ok(Self {
            resnets: [resnet(0)?, resnet(1)?],
            attention: if config.mid_block_add_attention { Some(attention()?) } else { None },
        })
    }

    pub(super) fn forward(&self, b: &B, x: Tensor<B>, grid: Grid) -> Result<Tensor<B>> {
        let mut x = self.resnets[0].forward(b, x, grid)?;
        if let Some(attention) = &self.attention {
            attention.add_to(b, &mut x, grid)?;
        }
        self.resnets[1].forward(b, x, grid)
    }
}

/// One head as wide as the picture has channels.
struct Attention<B: Backend> {
    group_norm: GroupNorm<B>,
    to_qkv: Linear<B>,
    to_out: Linear<B>,
    heads: Heads,
}

impl<B: Backend> Attention<B> {
    fn load(loader: &Loader<'_, B>, config: &VaeConfig, channels: usize) -> Result<Self> {
        let layers = [("to_q", channels), ("to_k", channels), ("to_v", channels)];
        let square = (channels, channels);
        Ok(Self {
            group_norm: GroupNorm::load(&loader.at("group_norm"), config, channels)?,
            to_qkv: Linear::load_stacked(loader, &layers, channels, Bias::Yes, Care::AtLeastBf16)?,
            to_out: Linear::load(&loader.at("to_out.0"), square, Bias::Yes, Care::AtLeastBf16)?,
            heads: Heads { query: 1, kv: 1, dim: channels },
        })
    }

    fn add_to(&self, b: &B, x: &mut Tensor<B>, grid: Grid) -> Result<()> {
        let norm = self.group_norm.factors(b, x, grid)?;
        let h = b.normalise(x, norm.plain(), Some(&self.to_qkv.weight))?;
        let qkv = self.to_qkv.forward(b, &h)?;
        let picture = Segments::new([x.rows()]);
        let out = Some(&self.to_out.weight);
        let h = b.attention(&qkv, self.heads, &picture, Mask::Full, out)?;
        self.to_out.add_to(b, x, &h)
    }
}
