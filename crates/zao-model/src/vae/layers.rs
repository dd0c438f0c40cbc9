//! Convolutions and group norms, loaded by name.

use std::ops::Range;

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
        let kernel: (&str, &[usize]) = ("weight", &[out, inner, k, k]);
        Ok(Self {
            weight: loader.matrix(Role::Conv, kernel, Care::AtLeastBf16)?,
            bias: loader.vector("bias", out)?,
        })
    }

    /// How many channels it gives.
    pub(super) fn outputs(&self) -> usize {
        self.weight.rows()
    }

    /// The whole picture.
    pub(super) fn forward(&self, b: &B, view: View<'_, B>) -> Result<Tensor<B>> {
        self.rows(b, view, 0..view.strip.grid.height)
    }

    /// The rows `rows` of it.
    pub(super) fn rows(&self, b: &B, view: View<'_, B>, rows: Range<usize>) -> Result<Tensor<B>> {
        Ok(b.conv2d(view, &self.weight, &self.bias, Stride::One, rows)?)
    }

    /// Every second cell.
    pub(super) fn halve(&self, b: &B, x: &Tensor<B>, grid: Grid) -> Result<Tensor<B>> {
        let (view, rows) = (View::whole(x, grid), 0..grid.height / 2);
        Ok(b.conv2d(view, &self.weight, &self.bias, Stride::Two, rows)?)
    }

    /// The rows `rows` of the picture enlarged by two.
    pub(super) fn enlarge(
        &self,
        b: &B,
        x: &Tensor<B>,
        grid: Grid,
        rows: Range<usize>,
    ) -> Result<Tensor<B>> {
        Ok(b.conv2d(View::whole(x, grid), &self.weight, &self.bias, Stride::Half, rows)?)
    }

    /// Adds the rows `rows` to `out`, which holds these.
    pub(super) fn add_to(
        &self,
        b: &B,
        out: &mut Tensor<B>,
        view: View<'_, B>,
        rows: Range<usize>,
    ) -> Result<()> {
        Ok(b.conv2d_accumulate(out, view, &self.weight, &self.bias, rows)?)
    }
}

pub(super) struct GroupNorm<B: Backend> {
    weight: Tensor<B>,
    bias: Tensor<B>,
    groups: usize,
}

/// The moments of a picture as far as it has been seen.
pub(super) struct Moments<'a, B: Backend> {
    norm: &'a GroupNorm<B>,
    table: Tensor<B>,
    grid: Grid,
}

/// What a norm does to a picture.
pub(super) struct Factors<B: Backend>(Tensor<B>);

impl<B: Backend> Factors<B> {
    /// The norm alone.
    pub(super) fn plain(&self) -> Norm<'_, B> {
        Norm { factors: &self.0, silu: false }
    }

    /// The norm and the activation after it.
    pub(super) fn silu(&self) -> Norm<'_, B> {
        Norm { factors: &self.0, silu: true }
    }
}

impl<B: Backend> Moments<'_, B> {
    /// Looks at some rows.
    pub(super) fn add(&mut self, b: &B, x: &Tensor<B>, strip: Strip) -> Result<()> {
        Ok(b.group_moments(x, strip, &mut self.table)?)
    }

    /// The norm, when every row has been seen.
    pub(super) fn factors(self, b: &B) -> Result<Factors<B>> {
        let affine = (&self.norm.weight, &self.norm.bias);
        Ok(Factors(b.group_factors(&self.table, self.grid.width, NORM_EPS, affine)?))
    }
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

    /// Nothing seen yet of a picture of extent `grid`.
    pub(super) fn moments(&self, b: &B, grid: Grid) -> Result<Moments<'_, B>> {
        Ok(Moments { norm: self, table: b.no_moments(grid.height, self.groups)?, grid })
    }

    /// What it does to `x`.
    pub(super) fn factors(&self, b: &B, x: &Tensor<B>, grid: Grid) -> Result<Factors<B>> {
        let mut moments = self.moments(b, grid)?;
        moments.add(b, x, Strip::whole(grid))?;
        moments.factors(b)
    }
}
