//! Convolutions and group norms, loaded by name.

use zao_backend::op::Stride;
use zao_backend::prelude::*;
use zao_backend::{Care, Role};

use crate::{Loader, Result, VaeConfig};

/// Of every group norm in the autoencoder.
const NORM_EPS: f32 = 1e-6;

pub(super) struct Conv<B: Backend> {
    weight: Weight<B>,
    bias: Tensor<B>,
}

impl<B: Backend> Conv<B> {
    /// A convolution `inner -> out` with a kernel of side `k`.
    pub(super) fn load(
        loader: &Loader<'_, B>,
        (out, inner): (usize, usize),
        k: usize,
    ) -> Result<Self> {
        let parts: [(&str, &[usize]); 1] = [("weight", &[out, inner, k, k])];
        Ok(Self {
            weight: loader.matrix(Role::Conv, &parts, Care::AtLeastBf16)?,
            bias: loader.vector("bias", out)?,
        })
    }

    pub(super) fn weight(&self) -> &Weight<B> {
        &self.weight
    }

    pub(super) fn forward(&self, b: &B, x: &Tensor<B>, grid: Grid) -> Result<Tensor<B>> {
        Ok(b.conv2d(x, grid, &self.weight, &self.bias, Stride::One)?)
    }

    /// Every second cell.
    pub(super) fn halve(&self, b: &B, x: &Tensor<B>, grid: Grid) -> Result<Tensor<B>> {
        Ok(b.conv2d(x, grid, &self.weight, &self.bias, Stride::Two)?)
    }

    /// Adds the result to `out`.
    pub(super) fn add_to(
        &self,
        b: &B,
        out: &mut Tensor<B>,
        x: &Tensor<B>,
        grid: Grid,
    ) -> Result<()> {
        Ok(b.conv2d_accumulate(out, x, grid, &self.weight, &self.bias)?)
    }
}

pub(super) struct GroupNorm<B: Backend> {
    weight: Tensor<B>,
    bias: Tensor<B>,
    groups: usize,
}

impl<B: Backend> GroupNorm<B> {
    pub(super) fn load(
        loader: &Loader<'_, B>,
        config: &VaeConfig,
        channels: usize,
    ) -> Result<Self> {
        Ok(Self {
            weight: loader.vector("weight", channels)?,
            bias: loader.vector("bias", channels)?,
            groups: config.norm_num_groups,
        })
    }

    /// `norm(x)`, read next by `feeds`.
    pub(super) fn forward(&self, b: &B, x: &Tensor<B>, feeds: &Weight<B>) -> Result<Tensor<B>> {
        let affine = (&self.weight, &self.bias);
        Ok(b.group_norm(x, self.groups, NORM_EPS, affine, false, Some(feeds))?)
    }

    /// `silu(norm(x))`, read next by `feeds`.
    pub(super) fn silu(&self, b: &B, x: &Tensor<B>, feeds: &Conv<B>) -> Result<Tensor<B>> {
        let affine = (&self.weight, &self.bias);
        Ok(b.group_norm(x, self.groups, NORM_EPS, affine, true, Some(feeds.weight()))?)
    }
}
