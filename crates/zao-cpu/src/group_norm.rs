//! GroupNorm in two parts: the moments of every group over the whole picture, and what applies them,
//! which convolutions do to what they read.

use std::ops::Range;

use zao_backend::op::{GroupFactors, GroupMoments, Norm, Normalise};
use zao_backend::{Result, Tensor};

use crate::device::Cpu;
use crate::isa::Isa;
use crate::math::silu_all;
use crate::threads::Work;
use crate::view::{Elements, ElementsMut, Rows};

/// Cells whose moments are summed in `f32` lanes before `f64` takes over: they stay in L2.
const CELLS: usize = 128;

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

/// The moments of each row of a picture. A row is summed in an order of its own, so they do not depend
/// on the threads, nor on the rows that are there.
pub(crate) fn group_moments(cpu: &Cpu, op: GroupMoments<'_, Cpu>) -> Result<()> {
    let (x, width, groups) = (Rows::of(op.x), op.strip.grid.width, op.groups);
    let work = Work::of_elements(op.x.shape().len());
    let ElementsMut::F32(out) = ElementsMut::of(op.out) else {
        return Err(Cpu::unsupported("group_moments", "moments that are not f32"));
    };
    let rows = out.chunks_mut(3 * groups).skip(op.strip.top).take(op.strip.height).enumerate();
    // A block of cells, its mean in each channel, and two sums.
    let scratch = (CELLS + 3) * x.width;
    cpu.threads.for_each(work, scratch, rows, |(row, out), scratch| {
        let mut moments = vec![Moments::default(); groups];
        let cells = row * width..(row + 1) * width;
        for start in cells.clone().step_by(CELLS) {
            let block = start..(start + CELLS).min(cells.end);
            block_moments(cpu.isa, x, block, &mut moments, scratch);
        }
        for (group, moments) in moments.into_iter().enumerate() {
            let mean = moments.mean as f32;
            out[group] = mean;
            out[groups + group] = (moments.mean - f64::from(mean)) as f32;
            out[2 * groups + group] = moments.squares as f32;
        }
    })
}

/// Adds a block of cells to the moments of every group.
fn block_moments(
    isa: Isa,
    x: Rows<'_>,
    cells: Range<usize>,
    moments: &mut [Moments],
    scratch: &mut [f32],
) {
    let (channels, cell_count) = (x.width, cells.len());
    let (sums, scratch) = scratch.split_at_mut(channels);
    let (errors, scratch) = scratch.split_at_mut(channels);
    let (squares, block) = scratch.split_at_mut(channels);
    let block = match x.rows(cells) {
        Elements::F32(values) => values,
        narrow => {
            let block = &mut block[..cell_count * channels];
            narrow.load(isa, block);
            &*block
        }
    };
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
            mean.iter_mut().for_each(|sum| *sum /= cell_count as f32);
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
    let (count, members) = (cell_count as f64, size as f64);
    for (group, moments) in moments.iter_mut().enumerate() {
        // The means were rounded; what is left of the differences corrects both moments.
        let mean = |c: usize| f64::from(sums[c]) + f64::from(errors[c]) / count;
        let channels = group * size..(group + 1) * size;
        let middle = channels.clone().map(mean).sum::<f64>() / members;
        let squares = |c: usize| {
            let (error, away) = (f64::from(errors[c]), mean(c) - middle);
            f64::from(squares[c]) - error * error / count + count * away * away
        };
        let squares = channels.map(squares).sum();
        *moments = moments.merge(Moments { count: count * members, mean: middle, squares });
    }
}

/// What the norm does to each channel, from the moments of all rows.
pub(crate) fn group_factors(cpu: &Cpu, op: GroupFactors<'_, Cpu>) -> Result<()> {
    let (moments, groups) = (Rows::of(op.moments), op.moments.width() / 3);
    let channels = op.weight.width();
    let size = channels / groups;
    let mut totals = vec![Moments::default(); groups];
    let mut row = vec![0.0; moments.width];
    for y in 0..op.moments.rows() {
        moments.load(cpu.isa, y, &mut row);
        for (group, total) in totals.iter_mut().enumerate() {
            *total = total.merge(Moments {
                count: (op.width * size) as f64,
                mean: f64::from(row[group]) + f64::from(row[groups + group]),
                squares: f64::from(row[2 * groups + group]),
            });
        }
    }
    let (weight, bias) = (Rows::of(op.weight).to_vec(cpu.isa), Rows::of(op.bias).to_vec(cpu.isa));
    let mut out = vec![0.0; 3 * channels];
    for channel in 0..channels {
        let Moments { count, mean, squares } = totals[channel / size];
        let factor = f64::from(weight[channel]) / (squares / count + f64::from(op.eps)).sqrt();
        // `x - mean` is exact for values near the mean if it is done first, in `f32`; what the
        // rounding of the mean lost goes into the shift.
        let lost = mean - f64::from(mean as f32);
        out[channel] = mean as f32;
        out[channels + channel] = factor as f32;
        out[2 * channels + channel] = (f64::from(bias[channel]) - lost * factor) as f32;
    }
    ElementsMut::of(op.out).store(cpu.isa, &out);
    Ok(())
}

/// Every cell goes through a norm.
pub(crate) fn normalise(cpu: &Cpu, op: Normalise<'_, Cpu>) -> Result<()> {
    let (isa, x, channels) = (cpu.isa, Rows::of(op.x), op.x.width());
    let apply = Apply::new(op.norm)?;
    cpu.for_each_band(op.out, CELLS * channels, |mut band, scratch| {
        for start in band.rows.clone().step_by(CELLS) {
            let cells = start..(start + CELLS).min(band.rows.end);
            let values = &mut scratch[..cells.len() * channels];
            x.rows(cells.clone()).load(isa, values);
            apply.to(isa, values);
            band.part(cells).store(isa, values);
        }
    })
}

/// A norm whose moments are known.
#[derive(Clone, Copy)]
pub(crate) struct Apply<'a> {
    mean: &'a [f32],
    factor: &'a [f32],
    shift: &'a [f32],
    silu: bool,
}

impl<'a> Apply<'a> {
    /// The norm with these factors.
    pub(crate) fn new(Norm { factors, silu }: Norm<'a, Cpu>) -> Result<Self> {
        let (channels, factors): (_, &'a Tensor<Cpu>) = (factors.width(), factors);
        let Elements::F32(factors) = Elements::of(factors) else {
            return Err(Cpu::unsupported("normalise", "factors that are not f32"));
        };
        let (mean, factors) = factors.split_at(channels);
        let (factor, shift) = factors.split_at(channels);
        Ok(Self { mean, factor, shift, silu })
    }

    /// Puts some cells through it.
    pub(crate) fn to(self, isa: Isa, values: &mut [f32]) {
        isa.run(
            #[inline(always)]
            || {
                for cell in values.chunks_exact_mut(self.mean.len().max(1)) {
                    let channels = self.mean.iter().zip(self.factor).zip(self.shift);
                    for (x, ((mean, factor), shift)) in cell.iter_mut().zip(channels) {
                        *x = (*x - mean) * factor + shift;
                    }
                }
            },
        );
        if self.silu {
            silu_all(isa, values);
        }
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
