//! Cases of rows that are uploaded, overwritten, copied and kept.

use super::bench::{Bench, Scenario, agree, agree_all};
use super::compare::Bound;
use super::{Outcome, random};
use crate::op::{MemoryOps, SequenceOps};
use crate::{Backend, Policy, Region, Result, Shape};
use std::ops::Range;

/// Rows of a tensor overwritten.
#[derive(Debug)]
struct Fill {
    tokens: usize,
    width: usize,
    rows: Range<usize>,
}

impl Scenario for Fill {
    fn run<B: Backend>(&self, bench: &Bench<'_, B>) -> Result<Vec<f32>> {
        let values = random::values(1, self.tokens * self.width);
        let mut x = bench.activation(self.tokens, &values)?;
        let vector = bench.vector(&random::values(2, self.width))?;
        bench.backend.fill_rows(&mut x, self.rows.clone(), &vector)?;
        bench.backend.read(&x)
    }

    fn bound(&self, policy: Policy) -> Bound {
        Bound::moved(policy.activation)
    }
}

/// No row, one row, the last rows and all rows.
pub fn fill_rows_ranges<B: Backend>(backend: &B) -> Outcome {
    for width in [1, 7, 341] {
        for rows in [0..0, 5..5, 0..1, 32..33, 20..33, 0..33] {
            agree(backend, &Fill { tokens: 33, width, rows })?;
        }
    }
    Ok(())
}

/// What two tensors hold.
#[derive(Clone, Copy, Debug)]
enum Pieces {
    Tables,
    Activations,
    LinearInputs,
    /// The first one decides what the packed tensor holds.
    TableThenActivation,
    ActivationThenTable,
}

/// Rows of two tensors packed, then kept.
#[derive(Debug)]
struct Pack {
    pieces: Pieces,
    width: usize,
}

impl Scenario for Pack {
    fn run<B: Backend>(&self, bench: &Bench<'_, B>) -> Result<Vec<f32>> {
        let backend = bench.backend;
        let values = |seed, rows| random::values(seed, rows * self.width);
        let a = match self.pieces {
            Pieces::Tables | Pieces::TableThenActivation => bench.table(33, &values(1, 33))?,
            Pieces::Activations | Pieces::ActivationThenTable => {
                bench.activation(33, &values(1, 33))?
            }
            Pieces::LinearInputs => bench.linear_input(33, &values(1, 33))?,
        };
        let b = match self.pieces {
            Pieces::Tables | Pieces::ActivationThenTable => bench.table(5, &values(2, 5))?,
            Pieces::Activations | Pieces::TableThenActivation => {
                bench.activation(5, &values(2, 5))?
            }
            Pieces::LinearInputs => bench.linear_input(5, &values(2, 5))?,
        };
        let pieces = [(&a, 32..33), (&b, 0..5), (&a, 7..7), (&a, 0..31), (&b, 1..3)];
        bench.poison(39 * self.width, a.element())?;
        let packed = backend.pack(&pieces)?;
        let kept = backend.keep(&packed)?;
        drop((packed, a, b));
        bench.poison(39 * self.width, kept.element())?;
        backend.read(&kept)
    }

    fn bound(&self, policy: Policy) -> Bound {
        match self.pieces {
            // Inputs already have values that such a tensor can hold.
            Pieces::Tables | Pieces::Activations | Pieces::TableThenActivation => Bound::EXACT,
            Pieces::LinearInputs => Bound::given(policy.linear_input),
            Pieces::ActivationThenTable => Bound::moved(policy.activation),
        }
    }
}

/// Rows join another batch and outlive the step, whatever type they have.
pub fn pack_and_keep<B: Backend>(backend: &B) -> Outcome {
    for width in [1, 7, 64, 341] {
        let pieces = [
            Pieces::Tables,
            Pieces::Activations,
            Pieces::LinearInputs,
            Pieces::TableThenActivation,
            Pieces::ActivationThenTable,
        ];
        agree_all(backend, pieces.map(|pieces| Pack { pieces, width }))?;
    }
    Ok(())
}

/// Uploading and reading changes nothing, in any region.
#[derive(Debug)]
struct Transfer(Region);

impl Scenario for Transfer {
    fn run<B: Backend>(&self, bench: &Bench<'_, B>) -> Result<Vec<f32>> {
        let mut values = random::values(1, 33 * 7);
        values[..4].copy_from_slice(&[f32::MAX, f32::MIN_POSITIVE, -0.0, 66_000.0]);
        bench.backend.read(&bench.backend.upload(Shape::new(33, 7), &values, self.0)?)
    }

    fn bound(&self, _policy: Policy) -> Bound {
        Bound::EXACT
    }
}

/// What is uploaded is read back, also the largest and smallest values.
pub fn upload_and_read<B: Backend>(backend: &B) -> Outcome {
    agree_all(backend, [Region::Step, Region::Job, Region::Model].map(Transfer))
}
