//! Cases of the autoencoder's operations on pictures, except convolutions.

use super::bench::{Bench, ROOM, Reader, Scenario, agree_all};
use super::compare::{Bound, same_bits};
use super::{Failure, Outcome, random};
use crate::op::ImageOps;
use crate::{Backend, Element, Grid, Policy, Result, Scalar};

/// A picture normalised in groups.
#[derive(Clone, Debug)]
struct Grouped {
    cells: usize,
    channels: usize,
    groups: usize,
    large_mean: bool,
    silu: bool,
    reader: Reader,
}

impl Grouped {
    fn new(cells: usize, channels: usize, groups: usize) -> Self {
        Self { cells, channels, groups, large_mean: false, silu: false, reader: Reader::None }
    }

    /// The mean of all values, whose deviation is one.
    fn mean(&self, policy: Policy) -> f32 {
        match (self.large_mean, policy.activation) {
            (false, _) => 0.0,
            (true, Element::F32 | Element::U8) => 1000.0,
            // Such a mean in bf16 would leave nothing of the deviation.
            (true, Element::Bf16 | Element::Int8) => 30.0,
        }
    }
}

impl Scenario for Grouped {
    fn run<B: Backend>(&self, bench: &Bench<'_, B>) -> Result<Vec<f32>> {
        let count = self.cells * self.channels;
        let mean = self.mean(bench.inputs);
        let values: Vec<f32> = random::values(1, count).iter().map(|v| v + mean).collect();
        let x = bench.activation(self.cells, &values)?;
        let weight = bench.vector(&random::values(2, self.channels))?;
        let bias = bench.vector(&random::values(3, self.channels))?;
        let feeds = bench.reader(self.reader, self.channels)?;
        bench.poison_for(self.reader, count)?;
        let backend = bench.backend;
        let affine = (&weight, &bias);
        backend.read(&backend.group_norm(
            &x,
            self.groups,
            1e-6,
            affine,
            self.silu,
            feeds.as_ref(),
        )?)
    }

    fn bound(&self, policy: Policy) -> Bound {
        let terms = self.cells * self.channels / self.groups;
        // Subtracting a mean that is large beside the deviation uncovers its rounding.
        let mean = f64::from(self.mean(policy));
        Bound::sum(terms, self.reader.element(policy)).amplified(1.0 + mean)
    }
}

/// One group, a group for each channel, and what lies between; with and without `silu`.
pub fn group_norm_groups<B: Backend>(backend: &B) -> Outcome {
    for (channels, groups) in [(3, 1), (3, 3), (16, 1), (16, 16), (64, 32), (33, 11), (128, 32)] {
        for cells in [35, 384] {
            for silu in [false, true] {
                let base = Grouped { silu, ..Grouped::new(cells, channels, groups) };
                agree_all(backend, Reader::ALL.map(|reader| Grouped { reader, ..base.clone() }))?;
            }
        }
    }
    agree_all(backend, [Grouped::new(1, 64, 32), Grouped::new(4, 16, 1)])
}

/// A mean a thousand times the deviation: a variance from sums of squares loses it.
pub fn group_norm_large_mean<B: Backend>(backend: &B) -> Outcome {
    for (channels, groups) in [(16, 2), (16, 16)] {
        let base = Grouped { large_mean: true, ..Grouped::new(384, channels, groups) };
        agree_all(backend, [false, true].map(|silu| Grouped { silu, ..base.clone() }))?;
    }
    Ok(())
}

/// A picture enlarged.
#[derive(Debug)]
struct Enlarge {
    grid: Grid,
    channels: usize,
    reader: Reader,
}

impl Scenario for Enlarge {
    fn run<B: Backend>(&self, bench: &Bench<'_, B>) -> Result<Vec<f32>> {
        let count = self.grid.area() * self.channels;
        let x = bench.activation(self.grid.area(), &random::values(1, count))?;
        let feeds = bench.reader(self.reader, self.channels)?;
        bench.poison_for(self.reader, 4 * count)?;
        bench.backend.read(&bench.backend.upsample2x(&x, self.grid, feeds.as_ref())?)
    }

    fn bound(&self, policy: Policy) -> Bound {
        Bound::moved(self.reader.element(policy))
    }
}

/// Every cell becomes four, on square, flat and single grids.
pub fn upsample2x_grids<B: Backend>(backend: &B) -> Outcome {
    for grid in [Grid::new(1, 1), Grid::new(2, 2), Grid::new(5, 7), Grid::new(1, 9)] {
        for channels in [1, 3, 16, 33] {
            let enlarge = |reader| Enlarge { grid, channels, reader };
            agree_all(backend, Reader::ALL.map(enlarge))?;
        }
    }
    Ok(())
}

/// Pixels are the same bytes, also outside the range and half-way between two.
pub fn to_rgb8_bytes<B: Backend>(backend: &B) -> Outcome {
    backend.reserve(ROOM)?;
    for cells in [1, 33, 1000] {
        let mut values = random::scaled(1, cells * 3, 0.9);
        values[..3].copy_from_slice(&[0.0, -40.0, 40.0]);
        let bench = Bench { backend, inputs: backend.policy() };
        let definition = Bench { backend: &Scalar, inputs: bench.inputs };
        let (got, expected) = (pixels(&bench, &values)?, pixels(&definition, &values)?);
        same_bits(&got, &expected)
            .map_err(|d| Failure::differs(format!("to_rgb8 of {cells} cells"), d))?;
    }
    Ok(())
}

/// The bytes of `values`, as numbers.
fn pixels<B: Backend>(bench: &Bench<'_, B>, values: &[f32]) -> Result<Vec<f32>> {
    let x = bench.activation(values.len() / 3, values)?;
    bench.poison(values.len(), Element::U8)?;
    let bytes = bench.backend.read_bytes(&bench.backend.to_rgb8(&x)?)?;
    Ok(bytes.into_iter().map(f32::from).collect())
}
