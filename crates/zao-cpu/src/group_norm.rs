//! GroupNorm: the moments of every group over the whole picture, then one pass that applies them.

use std::ops::Range;

use zao_backend::Result;
use zao_backend::op::GroupNorm;

use crate::device::Cpu;
use crate::isa::Isa;
use crate::math::silu_all;
use crate::threads::Work;
use crate::view::Rows;

/// Cells whose moments are summed in `f32` lanes before `f64` takes over.
const CELLS: usize = 64;
/// Cells of a task of the first pass. A constant, so that sums do not depend on the threads.
const SPAN: usize = 16 * CELLS;

/// Number, mean and sum of squared differences from the mean of some values.
#[derive(Clone, Copy, Debug, Default)]
struct Moments {
    count: f64,
    mean: f64,
    squares: f64,
}

impl Moments {
    /// The moments of both together, without the cancellation of `E(x^2) - E(x)^2`.
    fn merge(self, other: Self) -> Self {
        if other.count == 0.0 {
            return self;
        }
        let count = self.count + other.count;
        let delta = other.mean - self.mean;
        Self {
            count,
            mean: self.mean + delta * other.count / count,
            squares: self.squares
                + other.squares
                + delta * delta * self.count * other.count / count,
        }
    }
}

/// Normalises groups of channels, scales and shifts channels, applies `silu` if asked.
pub(crate) fn group_norm(cpu: &Cpu, op: GroupNorm<'_, Cpu>) -> Result<()> {
    let (isa, x, channels) = (cpu.isa, Rows::of(op.x), op.x.width());
    if op.out.shape().is_empty() {
        return Ok(());
    }
    let groups = moments(cpu, x, op.x.rows(), op.groups)?;
    let (mut weight, mut bias) = (Rows::of(op.weight).to_vec(isa), Rows::of(op.bias).to_vec(isa));
    // `x - mean` is exact for values near the mean if it is done first, in `f32`; what the rounding
    // of the mean lost goes into the bias.
    let mut mean = vec![0.0; channels];
    let size = (channels / op.groups).max(1);
    for channel in 0..channels {
        let moments = groups[channel / size];
        let deviation = (moments.squares / moments.count + f64::from(op.eps)).sqrt();
        let factor = f64::from(weight[channel]) / deviation;
        mean[channel] = moments.mean as f32;
        let lost = moments.mean - f64::from(mean[channel]);
        weight[channel] = factor as f32;
        bias[channel] = (f64::from(bias[channel]) - lost * factor) as f32;
    }
    let affine = Affine { mean, weight, bias };
    cpu.for_each_band(op.out, CELLS * channels, |mut band, scratch| {
        for start in band.rows.clone().step_by(CELLS) {
            let cells = start..(start + CELLS).min(band.rows.end);
            let values = &mut scratch[..cells.len() * channels];
            x.rows(cells.clone()).load(isa, values);
            affine.apply(isa, values);
            if op.silu {
                silu_all(isa, values);
            }
            band.part(cells).store(isa, values);
        }
    })
}

/// What happens to each channel once the moments are known.
struct Affine {
    mean: Vec<f32>,
    weight: Vec<f32>,
    bias: Vec<f32>,
}

impl Affine {
    /// `x = (x - mean) * weight + bias` for some cells.
    fn apply(&self, isa: Isa, values: &mut [f32]) {
        isa.run(
            #[inline(always)]
            || {
                for cell in values.chunks_exact_mut(self.mean.len()) {
                    let channels = self.mean.iter().zip(&self.weight).zip(&self.bias);
                    for (x, ((mean, weight), bias)) in cell.iter_mut().zip(channels) {
                        *x = (*x - mean) * weight + bias;
                    }
                }
            },
        );
    }
}

/// The moments of every group over all cells.
fn moments(cpu: &Cpu, x: Rows<'_>, cells: usize, groups: usize) -> Result<Vec<Moments>> {
    let channels = x.width;
    let spans = cells.div_ceil(SPAN);
    let mut partial = vec![Moments::default(); spans * groups];
    let work = Work::of_elements(cells * channels);
    let items = partial.chunks_mut(groups).enumerate();
    // A block of cells, its mean in each channel, and two sums.
    let scratch = (CELLS + 3) * channels;
    cpu.threads.for_each(work, scratch, items, |(span, moments), scratch| {
        let span = span * SPAN..((span + 1) * SPAN).min(cells);
        for start in span.clone().step_by(CELLS) {
            let block = start..(start + CELLS).min(span.end);
            block_moments(cpu.isa, x, block, moments, scratch);
        }
    })?;
    let mut total = vec![Moments::default(); groups];
    for span in partial.chunks(groups) {
        for (total, &part) in total.iter_mut().zip(span) {
            *total = total.merge(part);
        }
    }
    Ok(total)
}

/// Adds a block of cells to the moments of every group.
fn block_moments(
    isa: Isa,
    x: Rows<'_>,
    cells: Range<usize>,
    moments: &mut [Moments],
    scratch: &mut [f32],
) {
    let (channels, count) = (x.width, cells.len());
    let (sums, scratch) = scratch.split_at_mut(channels);
    let (errors, scratch) = scratch.split_at_mut(channels);
    let (squares, block) = scratch.split_at_mut(channels);
    let block = &mut block[..count * channels];
    x.rows(cells).load(isa, block);
    isa.run(
        #[inline(always)]
        || {
            sums.fill(0.0);
            errors.fill(0.0);
            squares.fill(0.0);
            for values in block.chunks(channels) {
                for (sum, x) in sums.iter_mut().zip(values) {
                    *sum += x;
                }
            }
            let mean = &mut *sums;
            mean.iter_mut().for_each(|sum| *sum /= count as f32);
            for values in block.chunks(channels) {
                let sums = errors.iter_mut().zip(squares.iter_mut());
                for ((error, square), (x, mean)) in sums.zip(values.iter().zip(mean.iter())) {
                    let difference = x - mean;
                    *error += difference;
                    *square += difference * difference;
                }
            }
        },
    );
    let size = channels / moments.len();
    let count = count as f64;
    for channel in 0..channels {
        // The mean was rounded; what is left of the differences corrects both moments.
        let error = f64::from(errors[channel]);
        let part = Moments {
            count,
            mean: f64::from(sums[channel]) + error / count,
            squares: f64::from(squares[channel]) - error * error / count,
        };
        let group = &mut moments[channel / size];
        *group = group.merge(part);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn merged_moments_are_those_of_all_values() {
        let values: Vec<f64> = (0..100).map(|i| 1e6 + f64::from(i * i % 17)).collect();
        let of = |values: &[f64]| {
            let count = values.len() as f64;
            let mean = values.iter().sum::<f64>() / count;
            let squares = values.iter().map(|v| (v - mean) * (v - mean)).sum();
            Moments { count, mean, squares }
        };
        let whole = of(&values);
        let merged = of(&values[..37]).merge(of(&values[37..])).merge(Moments::default());
        assert!((whole.mean - merged.mean).abs() < 1e-6);
        assert!((whole.squares - merged.squares).abs() < 1e-6 * whole.squares);
    }
}
