//! Convolutions, and how they read a picture: normalised, activated and enlarged on the way, so that
//! none of these is ever written to memory.
//!
//! A picture is `[height * width, channels]` (NHWC, one picture a tensor), so a 1x1 convolution is the
//! same operation as a linear layer. A tensor may hold some rows of a picture only ([`Strip`]): a row
//! of the result is the same bit for bit, whatever rows stand beside it.

use std::ops::Range;

use super::{Epilogue, Norm, Op, all_f32, ensure, result_for};
use crate::{Backend, Grid, Result, Role, Shape, Strip, Tensor, Weight};

/// How a convolution walks over what it reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stride {
    /// Every cell, zeros around all sides: the extent stays.
    One,
    /// Every second cell, one row and column of zeros at the bottom and right only, as diffusers
    /// pads before downsampling: the extent halves.
    Two,
    /// Every quarter of a cell, as if each cell were 2x2 equal cells, zeros around all sides: the
    /// extent doubles.
    Half,
}

impl Stride {
    /// Extent of the result of reading a picture of extent `grid`.
    #[must_use]
    pub const fn of(self, grid: Grid) -> Grid {
        match self {
            Self::One => grid,
            Self::Two => grid.over(2),
            Self::Half => grid.times(2),
        }
    }

    /// Which rows of a picture of `height` rows the rows `rows` of the result see through a kernel of
    /// side `kernel`.
    #[must_use]
    pub fn sees(self, kernel: usize, rows: &Range<usize>, height: usize) -> Range<usize> {
        let border = kernel / 2;
        let (start, end) = (rows.start, rows.end);
        let seen = match self {
            Self::One => start.saturating_sub(border)..end + border,
            Self::Two => 2 * start..2 * end + kernel - 2,
            Self::Half => start.saturating_sub(border) / 2..(end + border).div_ceil(2),
        };
        seen.start.min(height)..seen.end.min(height)
    }
}

/// A picture as a convolution reads it.
pub struct View<'a, B: Backend> {
    /// `[strip.area(), in]`.
    pub x: &'a Tensor<B>,
    /// What `x` holds of the picture.
    pub strip: Strip,
    /// What each cell goes through first. The zeros around the picture do not.
    pub norm: Option<Norm<'a, B>>,
}

impl<'a, B: Backend> View<'a, B> {
    /// A whole picture as it is.
    pub fn whole(x: &'a Tensor<B>, grid: Grid) -> Self {
        Self { x, strip: Strip::whole(grid), norm: None }
    }

    /// The same picture normalised.
    #[must_use]
    pub fn with(self, norm: Norm<'a, B>) -> Self {
        Self { norm: Some(norm), ..self }
    }
}

impl<B: Backend> Clone for View<'_, B> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<B: Backend> Copy for View<'_, B> {}

/// `out[y, x, o] = sum over dy, dx, i of view[..] W[o, i, dy, dx] + bias[o]`, stored or accumulated.
pub struct Conv2d<'a, B: Backend> {
    /// What is read.
    pub view: View<'a, B>,
    /// `[out, in, k, k]` of [`Role::Conv`], `k` 1 or 3.
    pub weight: &'a Weight<B>,
    /// `[1, out]`, `f32`.
    pub bias: &'a Tensor<B>,
    /// How it walks.
    pub stride: Stride,
    /// Which rows of the result are computed.
    pub rows: Range<usize>,
    /// [`Epilogue::Store`] or [`Epilogue::Accumulate`].
    pub epilogue: Epilogue,
    /// `[cells of rows, out]`.
    pub out: &'a mut Tensor<B>,
}

/// Convolutions.
pub trait ConvolutionOps: Backend {
    /// The rows `rows` of a convolution, `[cells of rows, out]`.
    ///
    /// # Errors
    /// No memory, sizes that do not fit, or rows that `view` does not hold what they see of.
    fn conv2d(
        &self,
        view: View<'_, Self>,
        weight: &Weight<Self>,
        bias: &Tensor<Self>,
        stride: Stride,
        rows: Range<usize>,
    ) -> Result<Tensor<Self>> {
        let cells = rows.len() * stride.of(view.strip.grid).width;
        let mut out = result_for(self, Shape::new(cells, weight.rows()), None)?;
        let epilogue = Epilogue::Store;
        launch(self, Conv2d { view, weight, bias, stride, rows, epilogue, out: &mut out })?;
        Ok(out)
    }

    /// `out += conv2d(view)` with stride 1, `out` holding the rows `rows` of the result.
    ///
    /// # Errors
    /// As for [`ConvolutionOps::conv2d`].
    fn conv2d_accumulate(
        &self,
        out: &mut Tensor<Self>,
        view: View<'_, Self>,
        weight: &Weight<Self>,
        bias: &Tensor<Self>,
        rows: Range<usize>,
    ) -> Result<()> {
        let (stride, epilogue) = (Stride::One, Epilogue::Accumulate);
        launch(self, Conv2d { view, weight, bias, stride, rows, epilogue, out })
    }
}

impl<B: Backend> ConvolutionOps for B {}

fn launch<B: Backend>(backend: &B, op: Conv2d<'_, B>) -> Result<()> {
    let Conv2d { view: View { x, strip, norm }, weight, bias, stride, rows, out, .. } = &op;
    let (grid, kernel) = (stride.of(strip.grid), weight.kernel());
    let fits = weight.role() == Role::Conv
        && x.shape() == Shape::new(strip.area(), weight.columns())
        && norm.is_none_or(|norm| norm.fits(x.width()))
        && bias.shape() == Shape::new(1, weight.rows())
        && all_f32([*bias])
        && rows.start <= rows.end
        && rows.end <= grid.height
        && strip.holds(&stride.sees(kernel, rows, strip.grid.height))
        && out.shape() == Shape::new(rows.len() * grid.width, weight.rows())
        && match stride {
            Stride::One => true,
            Stride::Half => kernel == 3,
            Stride::Two => kernel == 3 && grid.times(2) == strip.grid,
        };
    ensure(fits, "conv2d", || {
        let norm = norm.map(|norm| norm.factors);
        format!(
            "{strip} {x:?} normalised by {norm:?} through {weight:?} with bias {bias:?} and stride \
             {stride:?} into rows {rows:?}: {out:?}"
        )
    })?;
    backend.launch(Op::Conv2d(op))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_see_their_neighbours_as_far_as_there_are_any() {
        let sees = |stride: Stride, rows| stride.sees(3, &rows, 10);
        assert_eq!(sees(Stride::One, 0..3), 0..4);
        assert_eq!(sees(Stride::One, 4..10), 3..10);
        assert_eq!(sees(Stride::Two, 1..3), 2..7);
        assert_eq!(sees(Stride::Two, 4..5), 8..10);
        assert_eq!(sees(Stride::Half, 0..1), 0..1);
        assert_eq!(sees(Stride::Half, 1..2), 0..2);
        assert_eq!(sees(Stride::Half, 6..8), 2..5);
        assert_eq!(sees(Stride::Half, 18..20), 8..10);
        assert_eq!(Stride::One.sees(1, &(4..6), 10), 4..6);
    }
}
