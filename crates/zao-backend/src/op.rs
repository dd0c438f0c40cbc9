//! The operations: what a model may ask of a device.
//!
//! Each family is one file: the arguments as data (what a device receives), and a trait with the
//! methods that model code calls. The methods check shapes, allocate the result and launch; they are
//! the only place where that is done. What an operation computes is defined by the scalar backend.

mod adapted;
mod attention;
mod convolution;
mod image;
mod latent;
mod linear;
mod memory;
mod modulation;
mod norm;
mod sequence;

pub(crate) use adapted::sums;
pub use adapted::{Adapted, Change, Term, TermMatrix};
pub use attention::{Attention, AttentionOps, Heads, Mask, Pairing, QkNormRope};
pub use convolution::{Conv2d, ConvolutionOps, Stride, View};
pub use image::{GroupFactors, GroupMoments, ImageOps, Norm, Normalise, ToRgb8};
pub use latent::{CfgCombine, EulerStep, LatentOps, LatentToImage, Patchify, Unpatchify};
pub use linear::{Epilogue, Linear, LinearOps};
pub use memory::{CopyRows, MemoryOps};
pub use modulation::Modulation;
pub use norm::{GatedResidual, GatedResidualNorm, LayerNormScale, NextNorm, NormOps, RmsNorm};
pub use sequence::{Embed, FillRows, SequenceOps, Silu, TimestepEmbedding};

use crate::{Backend, Element, Error, Region, Result, Shape, Tensor, Weight};

/// One operation with its arguments, as a device receives it.
#[allow(missing_docs, reason = "each variant is documented at its argument type")]
pub enum Op<'a, B: Backend> {
    Linear(Linear<'a, B>),
    RmsNorm(RmsNorm<'a, B>),
    LayerNormScale(LayerNormScale<'a, B>),
    GatedResidual(GatedResidual<'a, B>),
    GatedResidualNorm(GatedResidualNorm<'a, B>),
    QkNormRope(QkNormRope<'a, B>),
    Attention(Attention<'a, B>),
    Embed(Embed<'a, B>),
    TimestepEmbedding(TimestepEmbedding<'a, B>),
    Silu(Silu<'a, B>),
    FillRows(FillRows<'a, B>),
    CopyRows(CopyRows<'a, B>),
    Patchify(Patchify<'a, B>),
    Unpatchify(Unpatchify<'a, B>),
    EulerStep(EulerStep<'a, B>),
    CfgCombine(CfgCombine<'a, B>),
    LatentToImage(LatentToImage<'a, B>),
    Conv2d(Conv2d<'a, B>),
    GroupMoments(GroupMoments<'a, B>),
    GroupFactors(GroupFactors<'a, B>),
    Normalise(Normalise<'a, B>),
    ToRgb8(ToRgb8<'a, B>),
}

/// Refuses with `detail` unless `fits`.
fn ensure(fits: bool, op: &'static str, detail: impl FnOnce() -> String) -> Result<()> {
    if fits { Ok(()) } else { Err(Error::shape(op, detail())) }
}

/// Whether every one of these is held in `f32`: tables, biases, norm weights, latents.
fn all_f32<'a, B: Backend + 'a>(tensors: impl IntoIterator<Item = &'a Tensor<B>>) -> bool {
    tensors.into_iter().all(|tensor| tensor.element() == Element::F32)
}

/// The memory for a result that the weight `feeds` reads next, or that nothing multiplies.
fn result_for<B: Backend>(
    backend: &B,
    shape: Shape,
    feeds: Option<&Weight<B>>,
) -> Result<Tensor<B>> {
    let policy = backend.policy();
    let element = feeds.map_or(policy.activation, |weight| policy.input_of(weight.care()));
    Tensor::allocate(backend, shape, element, Region::Step)
}

/// A step-region tensor of `f32`, whatever the device's policy.
fn f32_result<B: Backend>(backend: &B, shape: Shape) -> Result<Tensor<B>> {
    Tensor::allocate(backend, shape, Element::F32, Region::Step)
}
