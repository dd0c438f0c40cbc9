//! Latents: to tokens and back, one step of the solver, and the way into the decoder.
//!
//! A latent is `[channels, height * width]` in `f32`, the order in which noise is drawn.

use super::{Op, all_f32, ensure, f32_result, result_for};
use crate::{Backend, Grid, Result, Shape, Tensor, Weight};

/// Cuts a latent into patches: token `(i, j)` holds `latent[c, i p + a, j p + b]` at
/// `(a p + b) channels + c`. Rows past the patches are zero.
pub struct Patchify<'a, B: Backend> {
    /// `[channels, grid.area()]`, `f32`.
    pub latent: &'a Tensor<B>,
    /// Extent of the latent, multiples of `patch`.
    pub grid: Grid,
    /// Side of a patch.
    pub patch: usize,
    /// `[tokens, patch * patch * channels]`, at least as many tokens as patches.
    pub out: &'a mut Tensor<B>,
}

/// The inverse of [`Patchify`] on the rows from `first_row` on.
pub struct Unpatchify<'a, B: Backend> {
    /// `[tokens, patch * patch * channels]`.
    pub x: &'a Tensor<B>,
    /// Row of the first patch.
    pub first_row: usize,
    /// Extent of the latent, multiples of `patch`.
    pub grid: Grid,
    /// Side of a patch.
    pub patch: usize,
    /// `[channels, grid.area()]`, `f32`.
    pub out: &'a mut Tensor<B>,
}

/// `latent += delta * velocity`.
pub struct EulerStep<'a, B: Backend> {
    /// Any shape, `f32`, changed in place.
    pub latent: &'a mut Tensor<B>,
    /// The same shape, `f32`.
    pub velocity: &'a Tensor<B>,
    /// Difference of the noise levels, with the model's sign.
    pub delta: f32,
}

/// `out = p + guidance (p - n)`; if `limit > 0` and `|out| > limit |p|` (Euclidean norms over the
/// whole tensor), `out` is scaled down to that norm.
pub struct CfgCombine<'a, B: Backend> {
    /// Prediction with the prompt, any shape, `f32`.
    pub positive: &'a Tensor<B>,
    /// Prediction with the negative prompt, the same shape, `f32`.
    pub negative: &'a Tensor<B>,
    /// 0 gives the positive prediction.
    pub guidance: f32,
    /// Largest allowed ratio of norms; 0 for no limit.
    pub limit: f32,
    /// The same shape, `f32`.
    pub out: &'a mut Tensor<B>,
}

/// `out[p, c] = latent[c, p] / scale + shift`: the decoder's input in NHWC.
pub struct LatentToImage<'a, B: Backend> {
    /// `[channels, cells]`, `f32`.
    pub latent: &'a Tensor<B>,
    /// The autoencoder's scaling factor.
    pub scale: f32,
    /// The autoencoder's shift factor.
    pub shift: f32,
    /// `[cells, channels]`.
    pub out: &'a mut Tensor<B>,
}

/// Latents.
pub trait LatentOps: Backend {
    /// Patches of a latent as tokens, followed by zero rows up to `rows`; read next by `feeds`.
    ///
    /// # Errors
    /// No memory, or sizes that do not fit.
    fn patchify(
        &self,
        latent: &Tensor<Self>,
        grid: Grid,
        patch: usize,
        rows: usize,
        feeds: Option<&Weight<Self>>,
    ) -> Result<Tensor<Self>> {
        let fits = patch > 0
            && all_f32([latent])
            && latent.width() == grid.area()
            && grid.height.is_multiple_of(patch)
            && grid.width.is_multiple_of(patch)
            && rows >= grid.over(patch).area();
        ensure(fits, "patchify", || {
            format!("{latent:?} as {grid} in patches of {patch} into {rows} rows")
        })?;
        let width = patch * patch * latent.rows();
        let mut out = result_for(self, Shape::new(rows, width), feeds)?;
        self.launch(Op::Patchify(Patchify { latent, grid, patch, out: &mut out }))?;
        Ok(out)
    }

    /// The latent whose patches are the rows of `x` from `first_row` on.
    ///
    /// # Errors
    /// No memory, or sizes that do not fit.
    fn unpatchify(
        &self,
        x: &Tensor<Self>,
        first_row: usize,
        grid: Grid,
        patch: usize,
    ) -> Result<Tensor<Self>> {
        let fits = patch > 0
            && x.width().is_multiple_of(patch * patch)
            && grid.height.is_multiple_of(patch)
            && grid.width.is_multiple_of(patch)
            && first_row + grid.over(patch).area() <= x.rows();
        ensure(fits, "unpatchify", || {
            format!("{x:?} from row {first_row} as {grid} in patches of {patch}")
        })?;
        let channels = x.width() / (patch * patch);
        let mut out = f32_result(self, Shape::new(channels, grid.area()))?;
        self.launch(Op::Unpatchify(Unpatchify { x, first_row, grid, patch, out: &mut out }))?;
        Ok(out)
    }

    /// `latent += delta * velocity`.
    ///
    /// # Errors
    /// Different shapes.
    fn euler_step(
        &self,
        latent: &mut Tensor<Self>,
        velocity: &Tensor<Self>,
        delta: f32,
    ) -> Result<()> {
        let fits = latent.shape() == velocity.shape() && all_f32([&*latent, velocity]);
        ensure(fits, "euler_step", || format!("{latent:?} and {velocity:?}"))?;
        self.launch(Op::EulerStep(EulerStep { latent, velocity, delta }))
    }

    /// Classifier-free guidance with an optional limit on the norm.
    ///
    /// # Errors
    /// No memory, or different shapes.
    fn cfg_combine(
        &self,
        positive: &Tensor<Self>,
        negative: &Tensor<Self>,
        guidance: f32,
        limit: f32,
    ) -> Result<Tensor<Self>> {
        let fits = positive.shape() == negative.shape() && all_f32([positive, negative]);
        ensure(fits, "cfg_combine", || format!("{positive:?} and {negative:?}"))?;
        let mut out = f32_result(self, positive.shape())?;
        self.launch(Op::CfgCombine(CfgCombine {
            positive,
            negative,
            guidance,
            limit,
            out: &mut out,
        }))?;
        Ok(out)
    }

    /// A latent as the decoder's input, `[channels, cells] -> [cells, channels]`.
    ///
    /// # Errors
    /// No memory.
    fn latent_to_image(
        &self,
        latent: &Tensor<Self>,
        scale: f32,
        shift: f32,
    ) -> Result<Tensor<Self>> {
        ensure(all_f32([latent]), "latent_to_image", || format!("{latent:?}"))?;
        let shape = Shape::new(latent.width(), latent.rows());
        let mut out = result_for(self, shape, None)?;
        self.launch(Op::LatentToImage(LatentToImage { latent, scale, shift, out: &mut out }))?;
        Ok(out)
    }
}

impl<B: Backend> LatentOps for B {}
