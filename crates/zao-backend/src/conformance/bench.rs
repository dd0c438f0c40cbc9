//! What a case works with: inputs on a backend, and one scenario run on two of them.
//!
//! Inputs are rounded on the host to the element types of the *tested* device before either backend
//! sees them, so that a difference is the operation's and not the upload's. Quantising is the
//! exception: it looks at groups of values in a way of the device's own, so bounds allow for it.

use half::{bf16, f16};

use super::compare::{Bound, compare};
use super::{Failure, Outcome};
use crate::op::MemoryOps;
use crate::{
    Backend, BlockKind, Blocks, Dtype, Element, Error, Form, Matrix, Plan, Policy, Region, Result,
    Role, Scalar, Scaled, ScaledKind, Shape, Stored, Tensor, Weight,
};

/// Room enough for any case.
pub(super) const ROOM: Plan = Plan { step: 64 << 20, job: 64 << 20 };

/// Not a number however its four bytes are read: as one `f32` or as two bf16.
const POISON: f32 = f32::from_bits(0x7fff_7fff);

/// The same calls on any backend.
pub(super) trait Scenario: std::fmt::Debug {
    /// Makes the inputs, calls the operation and reads the result.
    fn run<B: Backend>(&self, bench: &Bench<'_, B>) -> Result<Vec<f32>>;

    /// How far a device with this policy may be from the definition.
    fn bound(&self, policy: Policy) -> Bound;
}

/// Runs `scenario` on the tested backend and on the definition, and compares.
pub(super) fn agree<B: Backend, S: Scenario>(backend: &B, scenario: &S) -> Outcome {
    let bench = Bench::start(backend)?;
    let failed = |source| Failure::refused(format!("{scenario:?}"), source);
    let got = scenario.run(&bench).map_err(failed)?;
    let definition = Bench { backend: &Scalar, inputs: bench.inputs };
    let expected = scenario.run(&definition).map_err(failed)?;
    compare(&got, &expected, scenario.bound(bench.inputs))
        .map_err(|difference| Failure::differs(format!("{scenario:?}"), difference))
}

/// [`agree`] for each of `scenarios`; the first failure ends it.
pub(super) fn agree_all<B: Backend, S: Scenario>(
    backend: &B,
    scenarios: impl IntoIterator<Item = S>,
) -> Outcome {
    scenarios.into_iter().try_for_each(|scenario| agree(backend, &scenario))
}

/// A backend, and the types whose values the inputs have.
pub(super) struct Bench<'a, B: Backend> {
    /// Where the scenario runs.
    pub(super) backend: &'a B,
    /// Inputs hold values of these types, whatever the backend's own policy is.
    pub(super) inputs: Policy,
}

impl<'a, B: Backend> Bench<'a, B> {
    /// A bench on the tested backend, with memory reserved.
    pub(super) fn start(backend: &'a B) -> Result<Self> {
        backend.reserve(ROOM)?;
        Ok(Self { backend, inputs: backend.policy() })
    }

    /// An activation that no matrix multiply reads.
    pub(super) fn activation(&self, rows: usize, values: &[f32]) -> Result<Tensor<B>> {
        self.tensor(rows, values, self.inputs.activation, self.backend.policy().activation)
    }

    /// An activation that a matrix multiply reads.
    pub(super) fn linear_input(&self, rows: usize, values: &[f32]) -> Result<Tensor<B>> {
        self.tensor(rows, values, self.inputs.linear_input, self.backend.policy().linear_input)
    }

    /// An activation that a convolution reads.
    pub(super) fn careful_input(&self, rows: usize, values: &[f32]) -> Result<Tensor<B>> {
        self.tensor(rows, values, self.inputs.careful_input, self.backend.policy().careful_input)
    }

    fn tensor(
        &self,
        rows: usize,
        values: &[f32],
        precision: Element,
        element: Element,
    ) -> Result<Tensor<B>> {
        let values: Vec<f32> = values.iter().map(|&v| rounded(v, precision)).collect();
        let shape = Shape::new(rows, values.len() / rows.max(1));
        let mut tensor = Tensor::allocate(self.backend, shape, element, Region::Step)?;
        self.backend.write(&mut tensor, &values)?;
        Ok(tensor)
    }

    /// An `f32` tensor of the step, such as a latent or a table.
    pub(super) fn table(&self, rows: usize, values: &[f32]) -> Result<Tensor<B>> {
        let shape = Shape::new(rows, values.len() / rows.max(1));
        self.backend.upload(shape, values, Region::Step)
    }

    /// An `f32` vector that stays with the model, such as a bias.
    pub(super) fn vector(&self, values: &[f32]) -> Result<Tensor<B>> {
        self.backend.upload(Shape::new(1, values.len()), values, Region::Model)
    }

    /// A weight whose parts have the given shapes and random elements, stored as `dtype`, of such a
    /// size that unit inputs give unit results.
    pub(super) fn weight(
        &self,
        role: Role,
        dtype: Dtype,
        shapes: &[Vec<usize>],
    ) -> Result<Weight<B>> {
        let part = |(i, shape): (usize, &Vec<usize>)| {
            let terms = shape[1..].iter().product::<usize>().max(1);
            let factor = 1.0 / (terms as f32).sqrt();
            let count = shape.iter().product();
            let values = super::random::scaled(1000 + i as u64, count, factor);
            Form::Dense(stored(dtype, shape, &values))
        };
        let parts = shapes.iter().enumerate().map(part).collect();
        Weight::load(self.backend, &Matrix::new("weight", role, parts)?)
    }

    /// A weight whose parts are packed, of values like those of [`Self::weight`]. A device that does not take them so
    /// is given what they unpack to.
    pub(super) fn packed_weight(
        &self,
        role: Role,
        parts: &[(Packing, [usize; 2])],
    ) -> Result<Weight<B>> {
        let part = |(i, (packing, shape)): (usize, &(Packing, [usize; 2]))| {
            packing.form(1000 + i as u64, *shape)
        };
        let parts: Vec<Form> = parts.iter().enumerate().map(part).collect();
        let packed = Matrix::new("weight", role, parts.clone())?;
        match Weight::load(self.backend, &packed) {
            Err(Error::Unsupported { .. }) => {
                let unpacked = parts.into_iter().map(|part| part.unpacked(Dtype::F32)).collect();
                Weight::load(self.backend, &Matrix::new("weight", role, unpacked)?)
            }
            loaded => loaded,
        }
    }

    /// A weight that only tells an operation what reads its result, if anything does.
    pub(super) fn reader(&self, of: Reader, width: usize) -> Result<Option<Weight<B>>> {
        match of {
            Reader::None => Ok(None),
            Reader::Linear => self.weight(Role::Linear, Dtype::F32, &[vec![1, width]]).map(Some),
        }
    }

    /// Fills the memory that the next result of this size gets with NaN, so that an element which is
    /// not written is noticed.
    pub(super) fn poison(&self, elements: usize, element: Element) -> Result<()> {
        let bytes = element.bytes(Shape::new(1, elements)).unwrap_or(0);
        let words = bytes.div_ceil(4);
        self.backend.upload(Shape::new(1, words), &vec![POISON; words], Region::Step).map(drop)
    }

    /// [`Bench::poison`] for a result that `reader` reads.
    pub(super) fn poison_for(&self, reader: Reader, elements: usize) -> Result<()> {
        self.poison(elements, reader.element(self.backend.policy()))
    }
}

/// What reads a result next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reader {
    /// No matrix multiply.
    None,
    /// A matrix multiply.
    Linear,
}

impl Reader {
    /// Both.
    pub(super) const ALL: [Self; 2] = [Self::None, Self::Linear];

    /// The element type such a result gets.
    pub(super) fn element(self, policy: Policy) -> Element {
        match self {
            Self::None => policy.activation,
            Self::Linear => policy.linear_input,
        }
    }
}

/// How a part of a weight is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Packing {
    Dense(Dtype),
    Blocks(BlockKind),
    Scaled(ScaledKind),
}

impl Packing {
    /// Every way of packing.
    pub(super) fn all() -> impl Iterator<Item = Self> {
        let blocks = BlockKind::GGML.into_iter().chain([BlockKind::Int4]).map(Self::Blocks);
        let rotated = [None, Some(16), Some(64)].map(|rotated| ScaledKind::Int8 { rotated });
        let scaled = [ScaledKind::E4m3, ScaledKind::E5m2].into_iter().chain(rotated);
        blocks.chain(scaled.map(Self::Scaled))
    }

    /// Random values of such a size that unit inputs give unit results.
    fn form(self, seed: u64, [rows, columns]: [usize; 2]) -> Form {
        let mut random = super::random::Random::new(seed);
        let mut bytes = |count: usize| (0..count).map(|_| random.bits() as u8).collect::<Vec<u8>>();
        let factor = 1.0 / (columns.max(1) as f32).sqrt();
        match self {
            Self::Dense(dtype) => {
                let values = super::random::scaled(seed, rows * columns, factor);
                Form::Dense(stored(dtype, &[rows, columns], &values))
            }
            Self::Blocks(kind) => {
                let bytes = bytes(rows * columns / kind.values() * kind.bytes());
                let blocks = Blocks::spread(kind, [rows, columns], bytes, factor);
                Form::Blocks(blocks.expect("cases have whole blocks"))
            }
            Self::Scaled(kind) => {
                let (mut bytes, unit) = (
                    bytes(rows * columns),
                    match kind {
                        ScaledKind::Int8 { .. } => 73.9,
                        ScaledKind::E4m3 | ScaledKind::E5m2 => 0.66,
                    },
                );
                if !matches!(kind, ScaledKind::Int8 { .. }) {
                    // Floats below two: every bit of them is a number.
                    bytes.iter_mut().for_each(|byte| *byte &= !0x40);
                }
                let scales = (0..rows).map(|row| factor / unit * (1.0 + (row % 3) as f32 / 8.0));
                let scaled = Scaled::new(kind, [rows, columns], bytes.into(), scales.collect());
                Form::Scaled(scaled.expect("cases have whole rotations"))
            }
        }
    }
}

/// `value` as a tensor of `element` can hold it.
fn rounded(value: f32, element: Element) -> f32 {
    match element {
        Element::F32 | Element::Int8 | Element::Fp8 | Element::U8 => value,
        Element::Bf16 => bf16::from_f32(value).to_f32(),
    }
}

/// `values` as a checkpoint stores them.
pub(super) fn stored(dtype: Dtype, shape: &[usize], values: &[f32]) -> Stored {
    let bytes: Vec<u8> = match dtype {
        Dtype::F32 => values.iter().flat_map(|v| v.to_le_bytes()).collect(),
        Dtype::F16 => values.iter().flat_map(|&v| f16::from_f32(v).to_le_bytes()).collect(),
        Dtype::Bf16 => values.iter().flat_map(|&v| bf16::from_f32(v).to_le_bytes()).collect(),
    };
    Stored::new(dtype, shape.to_vec(), bytes.into()).expect("as many values as the shape has")
}

/// The stored types a checkpoint may have.
pub(super) const DTYPES: [Dtype; 3] = [Dtype::F32, Dtype::F16, Dtype::Bf16];

/// Segments whose lengths cross the usual block sizes, with an empty one among them.
pub(super) const PACKED: [usize; 6] = [1, 31, 0, 32, 33, 2];
