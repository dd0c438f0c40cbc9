//! What makes, marks and moves tokens: embeddings, time, pad tokens, row copies.

use zao_backend::op::{CopyRows, Embed, FillRows, Silu, TimestepEmbedding};
use zao_backend::{Result, Tensor};

use crate::device::Cpu;
use crate::math::silu_all;
use crate::view::Rows;

/// `out[i] = table[ids[i]]`.
pub(crate) fn embed(cpu: &Cpu, op: Embed<'_, Cpu>) -> Result<()> {
    let (table, width) = (op.table.device().table()?, op.out.width());
    cpu.for_each_band(op.out, width, |mut band, values| {
        for row in band.rows.clone() {
            table.widen(op.ids[row] as usize * width, values);
            band.row(row).store(cpu.isa, values);
        }
    })
}

/// Cosines, then sines, of every time at falling frequencies.
pub(crate) fn timestep_embedding(cpu: &Cpu, op: TimestepEmbedding<'_, Cpu>) -> Result<()> {
    let (times, width) = (op.times, op.out.width());
    let half = width / 2;
    let frequency = |j: usize| (-(10_000f32.ln()) * j as f32 / half as f32).exp();
    cpu.for_each_band(op.out, width, |mut band, values| {
        for row in band.rows.clone() {
            let (cosines, sines) = values.split_at_mut(half);
            for (j, (cos, sin)) in cosines.iter_mut().zip(sines).enumerate() {
                let angle = times[row] * frequency(j);
                (*cos, *sin) = (angle.cos(), angle.sin());
            }
            band.row(row).store(cpu.isa, values);
        }
    })
}

/// `out = x / (1 + exp(-x))`.
pub(crate) fn silu(cpu: &Cpu, op: Silu<'_, Cpu>) -> Result<()> {
    let (x, width) = (Rows::of(op.x), op.x.width());
    cpu.for_each_band(op.out, width, |mut band, values| {
        for row in band.rows.clone() {
            x.load(cpu.isa, row, values);
            silu_all(cpu.isa, values);
            band.row(row).store(cpu.isa, values);
        }
    })
}

/// Writes a vector over some rows.
pub(crate) fn fill_rows(cpu: &Cpu, op: FillRows<'_, Cpu>) -> Result<()> {
    let (vector, width) = (Rows::of(op.vector), op.x.width());
    let rows = op.rows;
    cpu.for_each_band(op.x, width, |mut band, values| {
        vector.load(cpu.isa, 0, values);
        for row in rows.start.max(band.rows.start)..rows.end.min(band.rows.end) {
            band.row(row).store(cpu.isa, values);
        }
    })
}

/// Copies rows over other rows.
pub(crate) fn copy_rows(cpu: &Cpu, op: CopyRows<'_, Cpu>) -> Result<()> {
    let (from, width) = (Rows::of(op.from), op.from.width());
    let (from_row, rows) = (op.from_row, op.to_row..op.to_row + op.count);
    let to: &mut Tensor<Cpu> = op.to;
    cpu.for_each_band(to, width, |mut band, values| {
        for row in rows.start.max(band.rows.start)..rows.end.min(band.rows.end) {
            let source = from_row + row - rows.start;
            band.row(row).copy(cpu.isa, from.rows(source..source + 1), values);
        }
    })
}
