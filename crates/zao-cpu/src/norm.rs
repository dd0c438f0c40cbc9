//! Normalisations over a row, with the scales and gates of its segment.

use zao_backend::op::{GatedResidual, GatedResidualNorm, LayerNormScale, Modulation, RmsNorm};
use zao_backend::{Result, Segments, Tensor};

use crate::device::Cpu;
use crate::isa::{Isa, sum};
use crate::math::tanh_all;
use crate::view::Rows;

/// `out = x / sqrt(mean(x^2) + eps) * weight * (1 + scale)`.
pub(crate) fn rms_norm(cpu: &Cpu, op: RmsNorm<'_, Cpu>) -> Result<()> {
    let (isa, x) = (cpu.isa, Rows::of(op.x));
    let factors = Factors::of_norm(isa, op.scale, op.weight);
    cpu.for_each_band(op.out, x.width, |mut band, values| {
        for row in band.rows.clone() {
            x.load(isa, row, values);
            rms_normalise(isa, values, op.eps, factors.of_row(row));
            band.row(row).store(isa, values);
        }
    })
}

/// `out = (x - mean(x)) / sqrt(var(x) + eps) * (1 + scale)`.
pub(crate) fn layer_norm_scale(cpu: &Cpu, op: LayerNormScale<'_, Cpu>) -> Result<()> {
    let (isa, x) = (cpu.isa, Rows::of(op.x));
    let mut factors = Factors::of_segments(isa, Some(op.scale), x.width);
    factors.values.iter_mut().for_each(|scale| *scale += 1.0);
    cpu.for_each_band(op.out, x.width, |mut band, values| {
        for row in band.rows.clone() {
            x.load(isa, row, values);
            centre(isa, values);
            rms_normalise(isa, values, op.eps, factors.of_row(row));
            band.row(row).store(isa, values);
        }
    })
}

/// `x += tanh(gate) * rms_norm(y)`.
pub(crate) fn gated_residual(cpu: &Cpu, op: GatedResidual<'_, Cpu>) -> Result<()> {
    let (isa, y) = (cpu.isa, Rows::of(op.y));
    let factors = Factors::of_branch(isa, op.gate, op.weight);
    cpu.for_each_band(op.x, y.width, |mut band, values| {
        for row in band.rows.clone() {
            y.load(isa, row, values);
            rms_normalise(isa, values, op.eps, factors.of_row(row));
            band.row(row).add(isa, values);
        }
    })
}

/// `x += tanh(gate) * rms_norm(y)`, then `out = rms_norm(x) * (1 + scale)` while the row is at hand.
pub(crate) fn gated_residual_norm(cpu: &Cpu, op: GatedResidualNorm<'_, Cpu>) -> Result<()> {
    let GatedResidual { x, y, weight, eps, gate } = op.residual;
    let (isa, y) = (cpu.isa, Rows::of(y));
    let gates = Factors::of_branch(isa, gate, weight);
    let factors = Factors::of_norm(isa, op.scale, op.weight);
    cpu.for_each_pair_of_bands((x, op.out), y.width, |(mut stream, mut out), values| {
        for row in stream.rows.clone() {
            y.load(isa, row, values);
            rms_normalise(isa, values, eps, gates.of_row(row));
            let mut x = stream.row(row);
            x.add(isa, values);
            x.load(isa, values);
            rms_normalise(isa, values, op.eps, factors.of_row(row));
            out.row(row).store(isa, values);
        }
    })
}

/// What the elements of a normalised row are multiplied by: a vector a segment, or one for all.
struct Factors<'a> {
    segments: Option<&'a Segments>,
    width: usize,
    values: Vec<f32>,
}

impl<'a> Factors<'a> {
    /// The vectors of a modulation, or zeros without one.
    fn of_segments(isa: Isa, modulation: Option<Modulation<'a, Cpu>>, width: usize) -> Self {
        let Some(Modulation { table, column, segments }) = modulation else {
            return Self { segments: None, width, values: vec![0.0; width] };
        };
        let mut values = vec![0.0; segments.len() * width];
        for (segment, values) in values.chunks_mut(width.max(1)).enumerate() {
            Rows::of(table).part(segment, column..column + width).load(isa, values);
        }
        Self { segments: Some(segments), width, values }
    }

    /// `(1 + scale) * weight`.
    fn of_norm(isa: Isa, scale: Option<Modulation<'a, Cpu>>, weight: &Tensor<Cpu>) -> Self {
        let mut factors = Self::of_segments(isa, scale, weight.width());
        factors.values.iter_mut().for_each(|scale| *scale += 1.0);
        factors.multiply(isa, weight);
        factors
    }

    /// `tanh(gate) * weight`, or the weight without a gate.
    fn of_branch(isa: Isa, gate: Option<Modulation<'a, Cpu>>, weight: &Tensor<Cpu>) -> Self {
        let mut factors = Self::of_segments(isa, gate, weight.width());
        if gate.is_some() {
            tanh_all(isa, &mut factors.values);
        } else {
            factors.values.fill(1.0);
        }
        factors.multiply(isa, weight);
        factors
    }

    /// Multiplies every vector by the `[1, width]` weight of the norm.
    fn multiply(&mut self, isa: Isa, weight: &Tensor<Cpu>) {
        let weights = Rows::of(weight).to_vec(isa);
        for values in self.values.chunks_mut(self.width.max(1)) {
            for (value, weight) in values.iter_mut().zip(&weights) {
                *value *= weight;
            }
        }
    }

    /// The vector of the segment that holds `row`.
    fn of_row(&self, row: usize) -> &[f32] {
        let segment = self.segments.map_or(0, |segments| segments.of_row(row));
        &self.values[segment * self.width..(segment + 1) * self.width]
    }
}

/// `x -= mean(x)`.
fn centre(isa: Isa, values: &mut [f32]) {
    isa.run(
        #[inline(always)]
        || {
            let mean = sum(values, |x| x) / values.len() as f32;
            values.iter_mut().for_each(|value| *value -= mean);
        },
    );
}

/// `x = x / sqrt(mean(x^2) + eps) * factors`.
fn rms_normalise(isa: Isa, values: &mut [f32], eps: f32, factors: &[f32]) {
    isa.run(
        #[inline(always)]
        || {
            let mean = sum(values, |x| x * x) / values.len() as f32;
            let scale = 1.0 / (mean + eps).sqrt();
            for (value, factor) in values.iter_mut().zip(factors) {
                *value = *value * scale * factor;
            }
        },
    );
}
