//! Cases of the autoencoder's operations on pictures, except convolutions.

use super::bench::{Bench, ROOM, Reader, Scenario, agree_all};
use super::compare::{Bound, same_bits};
use super::{Failure, Outcome, random};
use crate::op::{ImageOps, Norm};
use crate::{Backend, Element, Grid, Policy, Result, Scalar, Strip, Tensor};

/// A picture normalised in groups.
#[derive(Clone, Debug)]
struct Grouped {
    grid: Grid,
    channels: usize,
    groups: usize,
    large_mean: bool,
    silu: bool,
    reader: Reader,
}

impl Grouped {
    fn new(grid: Grid, channels: usize, groups: usize) -> Self {
        Self { grid, channels, groups, large_mean: false, silu: false, reader: Reader::None }
    }

    /// The mean of all values, whose deviation is one.
    fn mean(&self, policy: Policy) -> f32 {
        match (self.large_mean, policy.activation) {
            (false, _) => 0.0,
            (true, Element::F32 | Element::U8) => 1000.0,
            // Such a mean in bf16 would leave nothing of the deviation.
            (true, Element::Bf16 | Element::Int8 | Element::Fp8) => 30.0,
        }
    }

    fn values(&self, policy: Policy) -> Vec<f32> {
        let mean = self.mean(policy);
        let values = random::values(1, self.grid.area() * self.channels);
        values.into_iter().map(|v| v + mean).collect()
    }

    /// The factors of the norm, with random weight and bias.
    fn factors<B: Backend>(&self, bench: &Bench<'_, B>, x: &Tensor<B>) -> Result<Tensor<B>> {
        let weight = bench.vector(&random::values(2, self.channels))?;
        let bias = bench.vector(&random::values(3, self.channels))?;
        let (backend, grid) = (bench.backend, self.grid);
        bench.poison(3 * self.groups * grid.height, Element::F32)?;
        let mut moments = backend.no_moments(grid.height, self.groups)?;
        backend.group_moments(x, Strip::whole(grid), &mut moments)?;
        bench.poison(3 * self.channels, Element::F32)?;
        backend.group_factors(&moments, grid.width, 1e-6, (&weight, &bias))
    }
}

impl Scenario for Grouped {
    fn run<B: Backend>(&self, bench: &Bench<'_, B>) -> Result<Vec<f32>> {
        let x = bench.activation(self.grid.area(), &self.values(bench.inputs))?;
        let factors = self.factors(bench, &x)?;
        let feeds = bench.reader(self.reader, self.channels)?;
        bench.poison_for(self.reader, x.shape().len())?;
        let norm = Norm { factors: &factors, silu: self.silu };
        bench.backend.read(&bench.backend.normalise(&x, norm, feeds.as_ref())?)
    }

    fn bound(&self, policy: Policy) -> Bound {
        let terms = self.grid.area() * self.channels / self.groups;
        // Subtracting a mean that is large beside the deviation uncovers its rounding.
        let mean = f64::from(self.mean(policy));
        Bound::sum(terms, self.reader.element(policy)).amplified(1.0 + mean)
    }
}

/// One group, a group for each channel, and what lies between; with and without `silu`.
pub fn group_norm_groups<B: Backend>(backend: &B) -> Outcome {
    for (channels, groups) in [(3, 1), (3, 3), (16, 1), (16, 16), (64, 32), (33, 11), (128, 32)] {
        for grid in [Grid::new(5, 7), Grid::new(16, 24), Grid::new(2, 193)] {
            for silu in [false, true] {
                let base = Grouped { silu, ..Grouped::new(grid, channels, groups) };
                agree_all(backend, Reader::ALL.map(|reader| Grouped { reader, ..base.clone() }))?;
            }
        }
    }
    let (one, row) = (Grid::new(1, 1), Grid::new(1, 4));
    agree_all(backend, [Grouped::new(one, 64, 32), Grouped::new(row, 16, 1)])
}

/// A mean a thousand times the deviation: a variance from sums of squares loses it.
pub fn group_norm_large_mean<B: Backend>(backend: &B) -> Outcome {
    for (channels, groups) in [(16, 2), (16, 16)] {
        let base =
            Grouped { large_mean: true, ..Grouped::new(Grid::new(16, 24), channels, groups) };
        agree_all(backend, [false, true].map(|silu| Grouped { silu, ..base.clone() }))?;
    }
    Ok(())
}

/// Moments of a picture whose rows come one strip after the other are those of the whole, bit for bit.
pub fn group_moments_of_strips<B: Backend>(backend: &B) -> Outcome {
    for (grid, channels, groups) in
        [(Grid::new(13, 70), 6, 3), (Grid::new(9, 1), 64, 32), (Grid::new(40, 129), 5, 1)]
    {
        let bench = Bench::start(backend)?;
        let values = random::values(1, grid.area() * channels);
        let moments = |heights: &[usize]| -> Result<Vec<f32>> {
            bench.poison(3 * groups * grid.height, Element::F32)?;
            let mut moments = backend.no_moments(grid.height, groups)?;
            let mut top = 0;
            for height in heights.iter().copied().cycle() {
                if top == grid.height {
                    break;
                }
                let strip = Strip { grid, top, height: height.min(grid.height - top) };
                let cells = top * grid.width * channels;
                let values = &values[cells..cells + strip.area() * channels];
                backend.group_moments(
                    &bench.activation(strip.area(), values)?,
                    strip,
                    &mut moments,
                )?;
                top += strip.height;
            }
            backend.read(&moments)
        };
        let whole = moments(&[grid.height])?;
        for heights in [&[1][..], &[7], &[8], &[3, 1, 9]] {
            same_bits(&moments(heights)?, &whole).map_err(|difference| {
                let what = format!("moments of {grid} by {channels} in strips of {heights:?} rows");
                Failure::differs(what, difference)
            })?;
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
