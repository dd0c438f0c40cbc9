//! The backend that defines every operation: plain `f32` loops, one function an operation.
//!
//! It is what the conformance suite compares devices with, so it is written to be read. It is not
//! fast, uses one thread, and has no limit on memory but the machine's.

mod attention;
mod convolution;
mod image;
mod latent;
mod linear;
mod norm;
mod sequence;

use crate::op::Op;
use crate::{Backend, Description, Error, Form, Matrix, Plan, Policy, Region, Result, Tensor};

const DEVICE: &str = "scalar";

/// The reference backend. Every element is held as `f32`, whatever its tensor's type; weights are
/// widened when they are loaded.
#[derive(Clone, Copy, Debug, Default)]
pub struct Scalar;

/// A backend that keeps its tensors as one `f32` an element and its weights as [`Scalar`] does.
pub trait OnHost: Backend<Weight = Vec<f32>, Memory: AsRef<[f32]> + AsMut<[f32]>> {}

impl<B: Backend<Weight = Vec<f32>, Memory: AsRef<[f32]> + AsMut<[f32]>>> OnHost for B {}

impl Scalar {
    /// Computes one operation on any backend whose memory looks like this one's, so that a backend
    /// which watches, limits or spoils operations needs no arithmetic of its own.
    pub fn compute<B: OnHost>(op: Op<'_, B>) {
        match op {
            Op::Linear(op) => linear::linear(op),
            Op::RmsNorm(op) => norm::rms_norm(op),
            Op::LayerNormScale(op) => norm::layer_norm_scale(op),
            Op::GatedResidual(op) => norm::gated_residual(op),
            Op::GatedResidualNorm(op) => norm::gated_residual_norm(op),
            Op::QkNormRope(op) => attention::qk_norm_rope(op),
            Op::Attention(op) => attention::attention(op),
            Op::Embed(op) => sequence::embed(op),
            Op::TimestepEmbedding(op) => sequence::timestep_embedding(op),
            Op::Silu(op) => sequence::silu(op),
            Op::FillRows(op) => sequence::fill_rows(op),
            Op::CopyRows(op) => sequence::copy_rows(op),
            Op::Patchify(op) => latent::patchify(op),
            Op::Unpatchify(op) => latent::unpatchify(op),
            Op::EulerStep(op) => latent::euler_step(op),
            Op::CfgCombine(op) => latent::cfg_combine(op),
            Op::LatentToImage(op) => latent::latent_to_image(op),
            Op::Conv2d(op) => convolution::conv2d(op),
            Op::GroupMoments(op) => image::group_moments(op),
            Op::GroupFactors(op) => image::group_factors(op),
            Op::Normalise(op) => image::normalise(op),
            Op::ToRgb8(op) => image::to_rgb8(op),
        }
    }
}

impl Backend for Scalar {
    type Memory = Vec<f32>;
    /// The elements of all parts, one part after the other, row-major.
    type Weight = Vec<f32>;

    fn describe(&self) -> Description {
        Description {
            device: DEVICE.into(),
            numerics: "scalar".into(),
            detail: "the definition of every operation, one thread of f32".into(),
            kernels: Vec::new(),
        }
    }

    fn policy(&self) -> Policy {
        Policy::F32
    }

    fn reserve(&self, _plan: Plan) -> Result<()> {
        Ok(())
    }

    fn release(&self) {}

    fn allocate(&self, bytes: usize, region: Region) -> Result<Vec<f32>> {
        // One f32 a byte: too many for f32 tensors, just enough for byte tensors.
        let mut values = Vec::new();
        values.try_reserve_exact(bytes).map_err(|_| Error::OutOfMemory {
            device: DEVICE.into(),
            region,
            asked: bytes,
            free: 0,
        })?;
        // Uninitialised memory that is used by mistake shall not go unnoticed.
        values.resize(bytes, f32::NAN);
        Ok(values)
    }

    fn load(&self, matrix: &Matrix) -> Result<Vec<f32>> {
        let mut values = Vec::new();
        let refused = |what: String| {
            let what = format!("{} {what}", matrix.name());
            Error::Unsupported { op: "load", device: DEVICE.into(), what }
        };
        for part in matrix.parts() {
            match part {
                Form::Dense(stored) => values.extend(stored.to_f32()),
                Form::Blocks(blocks) => {
                    let first = values.len();
                    values.resize(first + blocks.shape().iter().product::<usize>(), 0.0);
                    blocks.widen(0, &mut values[first..]);
                }
                Form::Scaled(scaled) => {
                    let first = values.len();
                    values.resize(first + scaled.shape().iter().product::<usize>(), 0.0);
                    scaled.widen(0, &mut values[first..]);
                }
                Form::Int8Panels(_) => {
                    let what = "is stored in int8, which only the processor's device reads; load \
                                the checkpoint that it was made from";
                    return Err(refused(what.into()));
                }
                Form::LowRank(_) => {
                    let what = "has a low-rank part, which is another product; load the two apart";
                    return Err(refused(what.into()));
                }
                Form::Hollow(shape) => {
                    return Err(refused(format!(
                        "has a shape {shape:?} but no values; load its checkpoint, or rehearse on \
                         the planner"
                    )));
                }
            }
        }
        Ok(values)
    }

    fn launch(&self, op: Op<'_, Self>) -> Result<()> {
        Self::compute(op);
        Ok(())
    }

    fn wait(&self) -> Result<()> {
        Ok(())
    }

    fn write(&self, to: &mut Tensor<Self>, values: &[f32]) -> Result<()> {
        if values.len() != to.shape().len() {
            return Err(Error::shape("write", format!("{} values into {to:?}", values.len())));
        }
        elements_mut(to).copy_from_slice(values);
        Ok(())
    }

    fn read(&self, from: &Tensor<Self>) -> Result<Vec<f32>> {
        Ok(elements(from).to_vec())
    }

    fn read_bytes(&self, from: &Tensor<Self>) -> Result<Vec<u8>> {
        Ok(elements(from).iter().map(|&v| v as u8).collect())
    }
}

/// All elements, row-major.
fn elements<B: OnHost>(tensor: &Tensor<B>) -> &[f32] {
    &tensor.memory().as_ref()[..tensor.shape().len()]
}

/// All elements for writing, row-major.
fn elements_mut<B: OnHost>(tensor: &mut Tensor<B>) -> &mut [f32] {
    let count = tensor.shape().len();
    &mut tensor.memory_mut().as_mut()[..count]
}

/// One row.
fn row<B: OnHost>(tensor: &Tensor<B>, index: usize) -> &[f32] {
    let width = tensor.width();
    &elements(tensor)[index * width..(index + 1) * width]
}

/// One row for writing.
fn row_mut<B: OnHost>(tensor: &mut Tensor<B>, index: usize) -> &mut [f32] {
    let width = tensor.width();
    &mut elements_mut(tensor)[index * width..(index + 1) * width]
}

/// The sum of products, in `f32`, in index order.
fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut sum = 0.0;
    for (a, b) in a.iter().zip(b) {
        sum += a * b;
    }
    sum
}

/// `x / (1 + exp(-x))`.
fn silu(x: f32) -> f32 {
    x / (1.0 + (-x).exp())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prelude::*;
    use crate::{Element, Int8Panels, Role, Shape, Stored, Weight};

    /// A tensor of the given rows.
    pub(super) fn tensor<const N: usize>(rows: &[[f32; N]]) -> Tensor<Scalar> {
        Scalar.upload(Shape::new(rows.len(), N), rows.as_flattened(), Region::Step).unwrap()
    }

    /// A weight of dense parts.
    pub(super) fn weight(role: Role, parts: &[(&[usize], &[f32])]) -> Weight<Scalar> {
        let dense =
            |(shape, values): &(&[usize], &[f32])| Form::Dense(Stored::from_f32(shape, values));
        let parts = parts.iter().map(dense).collect();
        Weight::load(&Scalar, &Matrix::new("test", role, parts).unwrap()).unwrap()
    }

    /// The values of a tensor.
    pub(super) fn values(tensor: &Tensor<Scalar>) -> Vec<f32> {
        Scalar.read(tensor).unwrap()
    }

    #[test]
    fn a_weight_without_values_is_refused_by_name() {
        let parts = vec![Form::Hollow(vec![2, 2])];
        let matrix = Matrix::new("layers.7.w", Role::Linear, parts).unwrap();
        let error = Weight::load(&Scalar, &matrix).unwrap_err();
        assert!(matches!(error, Error::Unsupported { .. }));
        assert!(error.to_string().contains("layers.7.w"), "{error}");
    }

    #[test]
    fn panels_for_a_processor_are_refused_by_name() {
        let scales = Stored::from_f32(&[2], &[1.0; 2]);
        let panels = Int8Panels::new([2, 2], vec![128; 128].into(), scales).unwrap();
        let matrix = Matrix::new("layers.7.w", Role::Linear, vec![Form::Int8Panels(panels)]);
        let error = Weight::load(&Scalar, &matrix.unwrap()).unwrap_err();
        assert!(matches!(error, Error::Unsupported { .. }));
        let error = error.to_string();
        assert!(["layers.7.w", "int8", "scalar"].iter().all(|w| error.contains(w)), "{error}");
    }

    #[test]
    fn absurd_requests_are_refused_as_a_value() {
        let error = Scalar.allocate(usize::MAX / 2, Region::Step).unwrap_err();
        assert!(matches!(error, Error::OutOfMemory { .. }));
    }

    #[test]
    fn fresh_memory_is_poison() {
        let fresh =
            Tensor::allocate(&Scalar, Shape::new(1, 2), Element::F32, Region::Step).unwrap();
        assert!(values(&fresh).iter().all(|v| v.is_nan()));
    }

    #[test]
    fn writing_takes_exactly_the_elements() {
        let mut x = tensor(&[[1.0, 2.0]]);
        assert!(Scalar.write(&mut x, &[3.0]).is_err());
        assert_eq!(values(&x), [1.0, 2.0]);
    }
}
