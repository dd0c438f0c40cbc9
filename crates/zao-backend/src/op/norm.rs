//! Normalisations over the width of a token, with the modulation of adaLN.

use super::{Modulation, Op, all_f32, ensure, result_for};
use crate::{Backend, Result, Shape, Tensor, Weight};

/// `out = x / sqrt(mean(x^2) + eps) * weight * (1 + scale)`, the mean in `f32` over a row.
pub struct RmsNorm<'a, B: Backend> {
    /// `[tokens, width]`.
    pub x: &'a Tensor<B>,
    /// `[1, width]`, `f32`.
    pub weight: &'a Tensor<B>,
    /// Added to the mean square.
    pub eps: f32,
    /// The scale of each segment, if modulated.
    pub scale: Option<Modulation<'a, B>>,
    /// `[tokens, width]`.
    pub out: &'a mut Tensor<B>,
}

/// `out = (x - mean(x)) / sqrt(var(x) + eps) * (1 + scale)`: LayerNorm without weights of its own.
pub struct LayerNormScale<'a, B: Backend> {
    /// `[tokens, width]`.
    pub x: &'a Tensor<B>,
    /// Added to the variance.
    pub eps: f32,
    /// The scale of each segment.
    pub scale: Modulation<'a, B>,
    /// `[tokens, width]`.
    pub out: &'a mut Tensor<B>,
}

/// `x += tanh(gate) * rms_norm(y)`; without a gate, `x += rms_norm(y)`.
pub struct GatedResidual<'a, B: Backend> {
    /// The residual stream, `[tokens, width]`, changed in place.
    pub x: &'a mut Tensor<B>,
    /// The branch, `[tokens, width]`.
    pub y: &'a Tensor<B>,
    /// The branch's norm weight, `[1, width]`, `f32`.
    pub weight: &'a Tensor<B>,
    /// Added to the mean square.
    pub eps: f32,
    /// The gate of each segment, before `tanh`, if modulated.
    pub gate: Option<Modulation<'a, B>>,
}

/// [`GatedResidual`], then [`RmsNorm`] of the stream, in one pass: `x += tanh(gate) * rms_norm(y)`, and
/// `out = rms_norm(x) * (1 + scale)` of `x` as it is stored. It has the bits of the two operations.
pub struct GatedResidualNorm<'a, B: Backend> {
    /// The stream and what is added to it.
    pub residual: GatedResidual<'a, B>,
    /// The weight of the stream's norm, `[1, width]`, `f32`.
    pub weight: &'a Tensor<B>,
    /// Added to the stream's mean square.
    pub eps: f32,
    /// The scale of each segment, if modulated.
    pub scale: Option<Modulation<'a, B>>,
    /// `[tokens, width]`.
    pub out: &'a mut Tensor<B>,
}

/// The norm through which a stream is read next.
pub struct NextNorm<'a, B: Backend> {
    /// `[1, width]`, `f32`.
    pub weight: &'a Tensor<B>,
    /// Added to the mean square.
    pub eps: f32,
    /// The scale of each segment, if modulated.
    pub scale: Option<Modulation<'a, B>>,
    /// What reads the normed stream.
    pub feeds: Option<&'a Weight<B>>,
}

/// Normalisations.
pub trait NormOps: Backend {
    /// RMSNorm of each token, scaled per segment, read next by `feeds`.
    ///
    /// # Errors
    /// No memory, or sizes that do not fit.
    fn rms_norm(
        &self,
        x: &Tensor<Self>,
        weight: &Tensor<Self>,
        eps: f32,
        scale: Option<Modulation<'_, Self>>,
        feeds: Option<&Weight<Self>>,
    ) -> Result<Tensor<Self>> {
        check("rms_norm", x.shape(), Some(weight), scale)?;
        let mut out = result_for(self, x.shape(), feeds)?;
        self.launch(Op::RmsNorm(RmsNorm { x, weight, eps, scale, out: &mut out }))?;
        Ok(out)
    }

    /// LayerNorm of each token without weights, scaled per segment, read next by `feeds`.
    ///
    /// # Errors
    /// No memory, or sizes that do not fit.
    fn layer_norm_scale(
        &self,
        x: &Tensor<Self>,
        eps: f32,
        scale: Modulation<'_, Self>,
        feeds: Option<&Weight<Self>>,
    ) -> Result<Tensor<Self>> {
        check("layer_norm_scale", x.shape(), None, Some(scale))?;
        let mut out = result_for(self, x.shape(), feeds)?;
        self.launch(Op::LayerNormScale(LayerNormScale { x, eps, scale, out: &mut out }))?;
        Ok(out)
    }

    /// Adds the normalised, gated branch `y` to the residual stream `x`.
    ///
    /// # Errors
    /// Sizes that do not fit.
    fn gated_residual(
        &self,
        x: &mut Tensor<Self>,
        y: &Tensor<Self>,
        weight: &Tensor<Self>,
        eps: f32,
        gate: Option<Modulation<'_, Self>>,
    ) -> Result<()> {
        check("gated_residual", x.shape(), Some(weight), gate)?;
        ensure(x.shape() == y.shape(), "gated_residual", || format!("{x:?} and {y:?}"))?;
        self.launch(Op::GatedResidual(GatedResidual { x, y, weight, eps, gate }))
    }

    /// Adds the normalised, gated branch `y` to the residual stream `x`, and returns the `next` norm of
    /// the stream.
    ///
    /// # Errors
    /// No memory, or sizes that do not fit.
    fn gated_residual_norm(
        &self,
        x: &mut Tensor<Self>,
        y: &Tensor<Self>,
        weight: &Tensor<Self>,
        eps: f32,
        gate: Option<Modulation<'_, Self>>,
        next: NextNorm<'_, Self>,
    ) -> Result<Tensor<Self>> {
        const NAME: &str = "gated_residual_norm";
        check(NAME, x.shape(), Some(weight), gate)?;
        check(NAME, x.shape(), Some(next.weight), next.scale)?;
        ensure(x.shape() == y.shape(), NAME, || format!("{x:?} and {y:?}"))?;
        let mut out = result_for(self, x.shape(), next.feeds)?;
        self.launch(Op::GatedResidualNorm(GatedResidualNorm {
            residual: GatedResidual { x, y, weight, eps, gate },
            weight: next.weight,
            eps: next.eps,
            scale: next.scale,
            out: &mut out,
        }))?;
        Ok(out)
    }
}

impl<B: Backend> NormOps for B {}

fn check<B: Backend>(
    op: &'static str,
    x: Shape,
    weight: Option<&Tensor<B>>,
    modulation: Option<Modulation<'_, B>>,
) -> Result<()> {
    if let Some(weight) = weight {
        let fits = weight.shape() == Shape::new(1, x.width) && all_f32([weight]);
        ensure(fits, op, || format!("{x} by {weight:?}"))?;
    }
    modulation.map_or(Ok(()), |m| m.check(op, x.rows, x.width))
}
