//! The autoencoder's other operations on pictures: group norms, and values into bytes.
//!
//! A group norm looks at a whole picture twice, for its moments and to apply them. The two are apart,
//! so that whoever reads the picture next can apply them ([`super::View`]), and so that a picture of
//! which only some rows are in memory at a time has the same moments bit for bit.

use super::{Op, all_f32, ensure, f32_result, result_for};
use crate::{Backend, Element, Region, Result, Shape, Strip, Tensor, Weight};

/// The moments of each group of consecutive channels in each row of a picture. Row `y` of `out` is
/// `[means, what rounding took from the means, sums of squared differences from the means]`, each
/// with a value for every group.
pub struct GroupMoments<'a, B: Backend> {
    /// `[strip.area(), channels]`.
    pub x: &'a Tensor<B>,
    /// What `x` holds of the picture, and which rows of `out` are written.
    pub strip: Strip,
    /// Number of groups, a divisor of the channels.
    pub groups: usize,
    /// `[strip.grid.height, 3 * groups]`, `f32`.
    pub out: &'a mut Tensor<B>,
}

/// What a group norm does to each channel. `out` is `[means; factors; shifts]` with
/// `factor = weight / sqrt(variance + eps)` and `shift = bias`, corrected by what the mean was rounded.
pub struct GroupFactors<'a, B: Backend> {
    /// Moments of all rows, `[height, 3 * groups]`, `f32`.
    pub moments: &'a Tensor<B>,
    /// Cells of a row.
    pub width: usize,
    /// Added to the variance.
    pub eps: f32,
    /// `[1, channels]`, `f32`.
    pub weight: &'a Tensor<B>,
    /// `[1, channels]`, `f32`.
    pub bias: &'a Tensor<B>,
    /// `[3, channels]`, `f32`.
    pub out: &'a mut Tensor<B>,
}

/// A norm whose factors are known: `(x - mean) * factor + shift` for each channel, and `silu` of that
/// if asked.
pub struct Norm<'a, B: Backend> {
    /// `[means; factors; shifts]`, `[3, channels]`, `f32`.
    pub factors: &'a Tensor<B>,
    /// Whether `silu` follows.
    pub silu: bool,
}

impl<B: Backend> Norm<'_, B> {
    /// Whether it is a norm of so many channels.
    pub(super) fn fits(&self, channels: usize) -> bool {
        self.factors.shape() == Shape::new(3, channels) && all_f32([self.factors])
    }
}

impl<B: Backend> Clone for Norm<'_, B> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<B: Backend> Copy for Norm<'_, B> {}

/// Every cell goes through a norm.
pub struct Normalise<'a, B: Backend> {
    /// `[cells, channels]`.
    pub x: &'a Tensor<B>,
    /// What it goes through.
    pub norm: Norm<'a, B>,
    /// `[cells, channels]`.
    pub out: &'a mut Tensor<B>,
}

/// `out = round(255 * clamp(x / 2 + 0.5, 0, 1))`, ties to even.
pub struct ToRgb8<'a, B: Backend> {
    /// `[cells, channels]`.
    pub x: &'a Tensor<B>,
    /// `[cells, channels]`, [`Element::U8`].
    pub out: &'a mut Tensor<B>,
}

/// Group norms and bytes.
pub trait ImageOps: Backend {
    /// Memory for the moments of a picture of `height` rows in `groups` groups.
    ///
    /// # Errors
    /// No memory.
    fn no_moments(&self, height: usize, groups: usize) -> Result<Tensor<Self>> {
        f32_result(self, Shape::new(height, 3 * groups))
    }

    /// Writes the moments of the rows that `x` holds into `moments`.
    ///
    /// # Errors
    /// Sizes that do not fit.
    fn group_moments(
        &self,
        x: &Tensor<Self>,
        strip: Strip,
        moments: &mut Tensor<Self>,
    ) -> Result<()> {
        let groups = moments.width() / 3;
        let fits = moments.shape() == Shape::new(strip.grid.height, 3 * groups)
            && all_f32([&*moments])
            && groups > 0
            && x.width().is_multiple_of(groups)
            && x.rows() == strip.area()
            && strip.rows().end <= strip.grid.height;
        ensure(fits, "group_moments", || format!("{x:?} as {strip} into {moments:?}"))?;
        self.launch(Op::GroupMoments(GroupMoments { x, strip, groups, out: moments }))
    }

    /// What a group norm with weight and bias `affine` does to each channel of a picture with these
    /// moments and rows of `width` cells: the factors of a [`Norm`].
    ///
    /// # Errors
    /// No memory, or sizes that do not fit.
    fn group_factors(
        &self,
        moments: &Tensor<Self>,
        width: usize,
        eps: f32,
        affine: (&Tensor<Self>, &Tensor<Self>),
    ) -> Result<Tensor<Self>> {
        let (weight, bias) = affine;
        let (row, groups) = (Shape::new(1, weight.width()), moments.width() / 3);
        let fits = weight.shape() == row
            && bias.shape() == row
            && groups > 0
            && moments.width() == 3 * groups
            && weight.width().is_multiple_of(groups)
            && all_f32([moments, weight, bias]);
        ensure(fits, "group_factors", || format!("{moments:?} with {weight:?} and {bias:?}"))?;
        let mut out = f32_result(self, Shape::new(3, weight.width()))?;
        self.launch(Op::GroupFactors(GroupFactors {
            moments,
            width,
            eps,
            weight,
            bias,
            out: &mut out,
        }))?;
        Ok(out)
    }

    /// `x` normalised, read next by `feeds`.
    ///
    /// # Errors
    /// No memory, or sizes that do not fit.
    fn normalise(
        &self,
        x: &Tensor<Self>,
        norm: Norm<'_, Self>,
        feeds: Option<&Weight<Self>>,
    ) -> Result<Tensor<Self>> {
        ensure(norm.fits(x.width()), "normalise", || format!("{x:?} by {:?}", norm.factors))?;
        let mut out = result_for(self, x.shape(), feeds)?;
        self.launch(Op::Normalise(Normalise { x, norm, out: &mut out }))?;
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
