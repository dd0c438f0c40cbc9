//! Cases of embeddings and activations.

use super::bench::{Bench, DTYPES, Reader, Scenario, agree, agree_all};
use super::compare::Bound;
use super::{Outcome, random};
use crate::op::SequenceOps;
use crate::{Backend, Dtype, Element, Policy, Result, Role};

/// Rows looked up in a table of 50.
#[derive(Debug)]
struct Lookup {
    width: usize,
    dtype: Dtype,
    ids: &'static [u32],
}

impl Scenario for Lookup {
    fn run<B: Backend>(&self, bench: &Bench<'_, B>) -> Result<Vec<f32>> {
        let table = bench.weight(Role::Table, self.dtype, &[vec![50, self.width]])?;
        bench.poison_for(Reader::None, self.ids.len() * self.width)?;
        bench.backend.read(&bench.backend.embed(self.ids, &table)?)
    }

    fn bound(&self, policy: Policy) -> Bound {
        // A device may keep the table in the type it multiplies in.
        Bound::moved(policy.activation).plus(Bound::moved(policy.linear_input))
    }
}

/// First, last and repeated ids, in tables of every stored type.
pub fn embed_stored_types<B: Backend>(backend: &B) -> Outcome {
    for dtype in DTYPES {
        for width in [1, 7, 64, 341] {
            for ids in [&[49][..], &[0, 49, 7, 7, 0, 31]] {
                agree(backend, &Lookup { width, dtype, ids })?;
            }
        }
    }
    Ok(())
}

/// Times embedded.
#[derive(Debug)]
struct Times {
    times: &'static [f32],
    width: usize,
}

impl Scenario for Times {
    fn run<B: Backend>(&self, bench: &Bench<'_, B>) -> Result<Vec<f32>> {
        bench.poison(self.times.len() * self.width, Element::F32)?;
        bench.backend.read(&bench.backend.timestep_embedding(self.times, self.width)?)
    }

    fn bound(&self, _policy: Policy) -> Bound {
        // The angle has the relative error of its frequency, the result the angle's absolute error.
        let largest = self.times.iter().copied().fold(1.0, f32::max);
        Bound::sum(1, Element::F32).amplified(f64::from(largest))
    }
}

/// The ends of the range and fractions, with the model's width and small ones.
pub fn timestep_embedding_widths<B: Backend>(backend: &B) -> Outcome {
    for width in [2, 14, 64, 256] {
        for times in [&[0.0, 0.25, 1.0][..], &[1000.0, 0.0, 999.5, 142.857], &[3.0]] {
            agree(backend, &Times { times, width })?;
        }
    }
    Ok(())
}

/// `silu` of every size of argument.
#[derive(Debug)]
struct Activate {
    rows: usize,
    width: usize,
    size: f32,
    reader: Reader,
}

impl Scenario for Activate {
    fn run<B: Backend>(&self, bench: &Bench<'_, B>) -> Result<Vec<f32>> {
        let count = self.rows * self.width;
        let x = bench.activation(self.rows, &random::scaled(1, count, self.size))?;
        let feeds = bench.reader(self.reader, self.width)?;
        bench.poison_for(self.reader, count)?;
        bench.backend.read(&bench.backend.silu(&x, feeds.as_ref())?)
    }

    fn bound(&self, policy: Policy) -> Bound {
        Bound::sum(1, self.reader.element(policy))
    }
}

/// `silu` where it is quadratic, where it bends and where `exp` overflows.
pub fn silu_ranges<B: Backend>(backend: &B) -> Outcome {
    for size in [1e-3, 1.0, 10.0, 1000.0] {
        for (rows, width) in [(1, 1), (33, 7), (2, 256)] {
            let activate = |reader| Activate { rows, width, size, reader };
            agree_all(backend, Reader::ALL.map(activate))?;
        }
    }
    Ok(())
}
