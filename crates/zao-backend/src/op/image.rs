//! The autoencoder's operations on pictures.
//!
//! A picture is `[height * width, channels]` (NHWC, one picture a tensor), so a 1x1 convolution and
//! the attention in the middle are the same operations as everywhere else.

use super::{Epilogue, Op, all_f32, ensure, result_for};
use crate::{Backend, Element, Grid, Region, Result, Role, Shape, Tensor, Weight};

/// How a convolution walks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stride {
    /// Every cell, zeros around all sides: the extent stays.
    One,
    /// Every second cell, one row and column of zeros at the bottom and right only, as diffusers
    /// pads before downsampling: the extent halves.
    Two,
}

/// `out[y, x, o] = sum over dy, dx, i of x[..] W[o, i, dy, dx] + bias[o]`, stored or accumulated.
pub struct Conv2d<'a, B: Backend> {
    /// `[grid.area(), in]`.
    pub x: &'a Tensor<B>,
    /// Extent of `x`.
    pub grid: Grid,
    /// `[out, in, k, k]` of [`Role::Conv`], `k` 1 or 3.
    pub weight: &'a Weight<B>,
    /// `[1, out]`, `f32`.
    pub bias: &'a Tensor<B>,
    /// How it walks.
    pub stride: Stride,
    /// [`Epilogue::Store`] or [`Epilogue::Accumulate`].
    pub epilogue: Epilogue,
    /// `[cells, out]`.
    pub out: &'a mut Tensor<B>,
}

/// Normalises each group of consecutive channels over the whole picture, scales and shifts each
/// channel, and applies `silu` if asked.
pub struct GroupNorm<'a, B: Backend> {
    /// `[cells, channels]`.
    pub x: &'a Tensor<B>,
    /// Number of groups, a divisor of the channels.
    pub groups: usize,
    /// Added to the variance.
    pub eps: f32,
    /// `[1, channels]`, `f32`.
    pub weight: &'a Tensor<B>,
    /// `[1, channels]`, `f32`.
    pub bias: &'a Tensor<B>,
    /// Whether `silu` follows.
    pub silu: bool,
    /// `[cells, channels]`.
    pub out: &'a mut Tensor<B>,
}

/// Every cell becomes 2x2 equal cells.
pub struct Upsample2x<'a, B: Backend> {
    /// `[grid.area(), channels]`.
    pub x: &'a Tensor<B>,
    /// Extent of `x`.
    pub grid: Grid,
    /// `[4 * grid.area(), channels]`.
    pub out: &'a mut Tensor<B>,
}

/// `out = round(255 * clamp(x / 2 + 0.5, 0, 1))`, ties to even.
pub struct ToRgb8<'a, B: Backend> {
    /// `[cells, channels]`.
    pub x: &'a Tensor<B>,
    /// `[cells, channels]`, [`Element::U8`].
    pub out: &'a mut Tensor<B>,
}

/// Pictures.
pub trait ImageOps: Backend {
    /// A convolution, `[grid, in] -> [grid / stride, out]`.
    ///
    /// # Errors
    /// No memory, or sizes that do not fit.
    fn conv2d(
        &self,
        x: &Tensor<Self>,
        grid: Grid,
        weight: &Weight<Self>,
        bias: &Tensor<Self>,
        stride: Stride,
    ) -> Result<Tensor<Self>> {
        let cells = match stride {
            Stride::One => grid.area(),
            Stride::Two => grid.over(2).area(),
        };
        let mut out = result_for(self, Shape::new(cells, weight.rows()), None)?;
        let epilogue = Epilogue::Store;
        launch_conv(self, Conv2d { x, grid, weight, bias, stride, epilogue, out: &mut out })?;
        Ok(out)
    }

    /// `out += conv2d(x)` with stride 1.
    ///
    /// # Errors
    /// Sizes that do not fit.
    fn conv2d_accumulate(
        &self,
        out: &mut Tensor<Self>,
        x: &Tensor<Self>,
        grid: Grid,
        weight: &Weight<Self>,
        bias: &Tensor<Self>,
    ) -> Result<()> {
        let (stride, epilogue) = (Stride::One, Epilogue::Accumulate);
        launch_conv(self, Conv2d { x, grid, weight, bias, stride, epilogue, out })
    }

    /// GroupNorm with weights, and `silu` if asked; read next by `feeds`.
    ///
    /// # Errors
    /// No memory, or sizes that do not fit.
    fn group_norm(
        &self,
        x: &Tensor<Self>,
        groups: usize,
        eps: f32,
        affine: (&Tensor<Self>, &Tensor<Self>),
        silu: bool,
        feeds: Option<&Weight<Self>>,
    ) -> Result<Tensor<Self>> {
        let (weight, bias) = affine;
        let row = Shape::new(1, x.width());
        let fits = groups > 0
            && x.width().is_multiple_of(groups)
            && weight.shape() == row
            && bias.shape() == row
            && all_f32([weight, bias]);
        ensure(fits, "group_norm", || {
            format!("{x:?} in {groups} groups with {weight:?} and {bias:?}")
        })?;
        let mut out = result_for(self, x.shape(), feeds)?;
        self.launch(Op::GroupNorm(GroupNorm {
            x,
            groups,
            eps,
            weight,
            bias,
            silu,
            out: &mut out,
        }))?;
        Ok(out)
    }

    /// Nearest-neighbour enlargement by two, read next by `feeds`.
    ///
    /// # Errors
    /// No memory, or sizes that do not fit.
    fn upsample2x(
        &self,
        x: &Tensor<Self>,
        grid: Grid,
        feeds: Option<&Weight<Self>>,
    ) -> Result<Tensor<Self>> {
        ensure(x.rows() == grid.area(), "upsample2x", || format!("{x:?} as {grid}"))?;
        let mut out = result_for(self, Shape::new(4 * x.rows(), x.width()), feeds)?;
        self.launch(Op::Upsample2x(Upsample2x { x, grid, out: &mut out }))?;
        Ok(out)
    }

    /// Values around [-1, 1] as bytes.
    ///
    /// # Errors
    /// No memory.
    fn to_rgb8(&self, x: &Tensor<Self>) -> Result<Tensor<Self>> {
        let mut out = Tensor::allocate(self, x.shape(), Element::U8, Region::Step)?;
        self.launch(Op::ToRgb8(ToRgb8 { x, out: &mut out }))?;
        Ok(out)
    }
}

impl<B: Backend> ImageOps for B {}

fn launch_conv<B: Backend>(backend: &B, op: Conv2d<'_, B>) -> Result<()> {
    let Conv2d { x, grid, weight, bias, stride, out, .. } = &op;
    let cells = match stride {
        Stride::One => grid.area(),
        Stride::Two => grid.over(2).area(),
    };
    let fits = weight.role() == Role::Conv
        && x.shape() == Shape::new(grid.area(), weight.columns())
        && bias.shape() == Shape::new(1, weight.rows())
        && all_f32([*bias])
        && out.shape() == Shape::new(cells, weight.rows())
        && (*stride == Stride::One
            || (weight.kernel() == 3
                && grid.height.is_multiple_of(2)
                && grid.width.is_multiple_of(2)));
    ensure(fits, "conv2d", || {
        format!("{x:?} as {grid} by {weight:?} with bias {bias:?} into {out:?}, stride {stride:?}")
    })?;
    backend.launch(Op::Conv2d(op))
}
