//! `ResnetBlock2D` without time: two convolutions beside a shortcut.

use zao_backend::prelude::*;

use super::layers::{Conv, GroupNorm};
use crate::{Loader, Result, VaeConfig};

pub(super) struct Resnet<B: Backend> {
    pub(super) norm1: GroupNorm<B>,
    pub(super) conv1: Conv<B>,
    pub(super) norm2: GroupNorm<B>,
    pub(super) conv2: Conv<B>,
    pub(super) conv_shortcut: Option<Conv<B>>,
}

impl<B: Backend> Resnet<B> {
    pub(super) fn load(
        loader: &Loader<'_, B>,
        config: &VaeConfig,
        (out, inner): (usize, usize),
    ) -> Result<Self> {
        let shortcut = || Conv::load(&loader.at("conv_shortcut"), (out, inner), 1);
        Ok(Self {
            norm1: GroupNorm::load(&loader.at("norm1"), config, inner)?,
            conv1: Conv::load(&loader.at("conv1"), (out, inner), 3)?,
            norm2: GroupNorm::load(&loader.at("norm2"), config, out)?,
            conv2: Conv::load(&loader.at("conv2"), (out, out), 3)?,
            conv_shortcut: if inner == out { None } else { Some(shortcut()?) },
        })
    }

    pub(super) fn forward(&self, b: &B, x: Tensor<B>, grid: Grid) -> Result<Tensor<B>> {
        let norm = self.norm1.factors(b, &x, grid)?;
        let h = self.conv1.forward(b, View::whole(&x, grid).with(norm.silu()))?;
        let norm = self.norm2.factors(b, &h, grid)?;
        let mut out = match &self.conv_shortcut {
            Some(conv) => conv.forward(b, View::whole(&x, grid))?,
            None => x,
        };
        let view = View::whole(&h, grid).with(norm.silu());
        self.conv2.add_to(b, &mut out, view, 0..grid.height)?;
        Ok(out)
    }
}
