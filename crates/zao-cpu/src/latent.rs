//! Latents: to tokens and back, one step of the solver, guidance, and the way into the decoder.

use zao_backend::Result;
use zao_backend::op::{CfgCombine, EulerStep, LatentToImage, Patchify, Unpatchify};

use crate::device::Cpu;
use crate::view::Rows;

/// Tokens of patches, then zero rows.
pub(crate) fn patchify(cpu: &Cpu, op: Patchify<'_, Cpu>) -> Result<()> {
    let (latent, patch, channels) = (Rows::of(op.latent), op.patch, op.latent.rows());
    let patches = op.grid.over(patch);
    let width = op.out.width();
    cpu.for_each_band(op.out, width + patch, |mut band, scratch| {
        let (values, run) = scratch.split_at_mut(width);
        for row in band.rows.clone() {
            if row >= patches.area() {
                values.fill(0.0);
            } else {
                let (top, left) = (row / patches.width * patch, row % patches.width * patch);
                for (c, a) in (0..channels).flat_map(|c| (0..patch).map(move |a| (c, a))) {
                    let start = (top + a) * op.grid.width + left;
                    latent.part(c, start..start + patch).load(cpu.isa, run);
                    for (b, value) in run.iter().enumerate() {
                        values[(a * patch + b) * channels + c] = *value;
                    }
                }
            }
            band.row(row).store(cpu.isa, values);
        }
    })
}

/// The latent of patches.
pub(crate) fn unpatchify(cpu: &Cpu, op: Unpatchify<'_, Cpu>) -> Result<()> {
    let (x, patch, channels) = (Rows::of(op.x), op.patch, op.out.rows());
    let patches = op.grid.over(patch);
    let (first, cells) = (op.first_row, op.grid.area());
    cpu.for_each_band(op.out, cells + 1, |mut band, scratch| {
        let (values, one) = scratch.split_at_mut(cells);
        for channel in band.rows.clone() {
            for (cell, value) in values.iter_mut().enumerate() {
                let (y, x_) = (cell / op.grid.width, cell % op.grid.width);
                let token = first + y / patch * patches.width + x_ / patch;
                let column = (y % patch * patch + x_ % patch) * channels + channel;
                x.part(token, column..column + 1).load(cpu.isa, one);
                *value = one[0];
            }
            band.row(channel).store(cpu.isa, values);
        }
    })
}

/// `latent += delta * velocity`.
pub(crate) fn euler_step(cpu: &Cpu, op: EulerStep<'_, Cpu>) -> Result<()> {
    let (velocity, delta, width) = (Rows::of(op.velocity), op.delta, op.velocity.width());
    cpu.for_each_band(op.latent, width, |mut band, values| {
        for row in band.rows.clone() {
            velocity.load(cpu.isa, row, values);
            values.iter_mut().for_each(|value| *value *= delta);
            band.row(row).add(cpu.isa, values);
        }
    })
}

/// `p + guidance (p - n)`, no longer than `limit |p|`.
pub(crate) fn cfg_combine(cpu: &Cpu, op: CfgCombine<'_, Cpu>) -> Result<()> {
    let (positive, negative) = (Rows::of(op.positive), Rows::of(op.negative));
    let (guidance, width) = (op.guidance, op.positive.width());
    let combine = |row: usize, values: &mut [f32], other: &mut [f32]| {
        positive.load(cpu.isa, row, values);
        negative.load(cpu.isa, row, other);
        for (p, n) in values.iter_mut().zip(other) {
            *p += guidance * (*p - *n);
        }
    };
    let mut scale = 1.0;
    if op.limit > 0.0 {
        let (mut values, mut other) = (vec![0.0; width], vec![0.0; width]);
        let (mut before, mut after) = (0.0, 0.0);
        for row in 0..op.positive.rows() {
            positive.load(cpu.isa, row, &mut values);
            before += square_norm(&values);
            combine(row, &mut values, &mut other);
            after += square_norm(&values);
        }
        let longest = f64::from(op.limit) * before.sqrt();
        if after.sqrt() > longest {
            scale = (longest / after.sqrt()) as f32;
        }
    }
    cpu.for_each_band(op.out, 2 * width, |mut band, scratch| {
        let (values, other) = scratch.split_at_mut(width);
        for row in band.rows.clone() {
            combine(row, values, other);
            values.iter_mut().for_each(|value| *value *= scale);
            band.row(row).store(cpu.isa, values);
        }
    })
}

fn square_norm(values: &[f32]) -> f64 {
    values.iter().map(|&v| f64::from(v) * f64::from(v)).sum()
}

/// `out[p, c] = latent[c, p] / scale + shift`.
pub(crate) fn latent_to_image(cpu: &Cpu, op: LatentToImage<'_, Cpu>) -> Result<()> {
    let (latent, channels) = (Rows::of(op.latent), op.latent.rows());
    let (scale, shift) = (op.scale, op.shift);
    cpu.for_each_band(op.out, channels, |mut band, values| {
        for cell in band.rows.clone() {
            for (channel, value) in values.chunks_mut(1).enumerate() {
                latent.part(channel, cell..cell + 1).load(cpu.isa, value);
                value[0] = value[0] / scale + shift;
            }
            band.row(cell).store(cpu.isa, values);
        }
    })
}
