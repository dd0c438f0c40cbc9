//! The definition of the normalisations over a token's width.

use super::{OnHost, dot, elements, row, row_mut};
use crate::op::{GatedResidual, GatedResidualNorm, LayerNormScale, Modulation, RmsNorm};

pub(super) fn rms_norm<B: OnHost>(op: RmsNorm<'_, B>) {
    let RmsNorm { x, weight, eps, scale, out } = op;
    for token in 0..x.rows() {
        let normed = rms_normed(row(x, token), elements(weight), eps);
        let scale = scale.map(|m| modulation_of(m, token, x.width()));
        for (i, out) in row_mut(out, token).iter_mut().enumerate() {
            *out = normed[i] * scale.map_or(1.0, |s| 1.0 + s[i]);
        }
    }
}

pub(super) fn layer_norm_scale<B: OnHost>(op: LayerNormScale<'_, B>) {
    let LayerNormScale { x, eps, scale, out } = op;
    let width = x.width();
    for token in 0..x.rows() {
        let x = row(x, token);
        let mean = x.iter().sum::<f32>() / width as f32;
        let variance = x.iter().map(|v| (v - mean) * (v - mean)).sum::<f32>() / width as f32;
        let deviation = (variance + eps).sqrt();
        let scale = modulation_of(scale, token, width);
        for (i, out) in row_mut(out, token).iter_mut().enumerate() {
            *out = (x[i] - mean) / deviation * (1.0 + scale[i]);
        }
    }
}

pub(super) fn gated_residual<B: OnHost>(op: GatedResidual<'_, B>) {
    let GatedResidual { x, y, weight, eps, gate } = op;
    for token in 0..y.rows() {
        let normed = rms_normed(row(y, token), elements(weight), eps);
        let gate = gate.map(|m| modulation_of(m, token, y.width()));
        for (i, x) in row_mut(x, token).iter_mut().enumerate() {
            *x += gate.map_or(1.0, |g| g[i].tanh()) * normed[i];
        }
    }
}

pub(super) fn gated_residual_norm<B: OnHost>(op: GatedResidualNorm<'_, B>) {
    let GatedResidualNorm { residual, weight, eps, scale, out } = op;
    gated_residual(GatedResidual { x: &mut *residual.x, ..residual });
    rms_norm(RmsNorm { x: residual.x, weight, eps, scale, out });
}

/// `x / sqrt(mean(x^2) + eps) * weight`.
pub(super) fn rms_normed(x: &[f32], weight: &[f32], eps: f32) -> Vec<f32> {
    let root = (dot(x, x) / x.len() as f32 + eps).sqrt();
    x.iter().zip(weight).map(|(x, w)| x / root * w).collect()
}

/// The modulating vector of the segment that holds `token`.
fn modulation_of<'a, B: OnHost>(m: Modulation<'a, B>, token: usize, width: usize) -> &'a [f32] {
    &row(m.table, m.segments.of_row(token))[m.column..m.column + width]
}

#[cfg(test)]
mod tests {
    use super::super::tests::{tensor, values};
    use crate::Scalar;
    use crate::prelude::*;

    #[test]
    fn rms_norm_scales_each_segment() {
        let x = tensor(&[[1.0, 7.0], [3.0, 4.0]]);
        let weight = tensor(&[[1.0, 2.0]]);
        let table = tensor(&[[9.0, 0.0, 1.0], [9.0, 1.0, 0.0]]);
        let segments = Segments::new([1, 1]);
        let scale = Modulation { table: &table, column: 1, segments: &segments };
        let plain = Scalar.rms_norm(&x, &weight, 0.0, None, None).unwrap();
        // Mean squares are 25 and 12.5.
        let root = 12.5f32.sqrt();
        assert_eq!(values(&plain), [0.2, 2.8, 3.0 / root, 8.0 / root]);
        let scaled = Scalar.rms_norm(&x, &weight, 0.0, Some(scale), None).unwrap();
        assert_eq!(values(&scaled), [0.2, 5.6, 6.0 / root, 8.0 / root]);
    }

    #[test]
    fn layer_norm_removes_the_mean() {
        let x = tensor(&[[10.0, 14.0]]);
        let table = tensor(&[[0.0, 0.5]]);
        let segments = Segments::new([1]);
        let scale = Modulation { table: &table, column: 0, segments: &segments };
        let y = Scalar.layer_norm_scale(&x, 0.0, scale, None).unwrap();
        assert_eq!(values(&y), [-1.0, 1.5]);
    }

    #[test]
    fn the_gate_goes_through_tanh() {
        let y = tensor(&[[3.0, -3.0]]);
        let weight = tensor(&[[1.0, 2.0]]);
        let mut x = tensor(&[[10.0, 20.0]]);
        Scalar.gated_residual(&mut x, &y, &weight, 0.0, None).unwrap();
        assert_eq!(values(&x), [11.0, 18.0]);

        let table = tensor(&[[100.0, -100.0]]);
        let segments = Segments::new([1]);
        let gate = Modulation { table: &table, column: 0, segments: &segments };
        Scalar.gated_residual(&mut x, &y, &weight, 0.0, Some(gate)).unwrap();
        assert_eq!(values(&x), [12.0, 20.0]);
    }

    #[test]
    fn the_norm_reads_the_stream_with_the_branch_in_it() {
        let (y, weight) = (tensor(&[[3.0, -3.0]]), tensor(&[[1.0, 2.0]]));
        let mut x = tensor(&[[11.0, 9.0]]);
        let table = tensor(&[[100.0, -100.0]]);
        let segments = Segments::new([1]);
        let modulation = Some(Modulation { table: &table, column: 0, segments: &segments });
        let next = NextNorm { weight: &weight, eps: 0.0, scale: modulation, feeds: None };
        let out = Scalar.gated_residual_norm(&mut x, &y, &weight, 0.0, modulation, next).unwrap();
        assert_eq!(values(&x), [12.0, 11.0]);
        let root = 132.5f32.sqrt();
        assert_eq!(values(&out), [12.0 / root * 101.0, 11.0 / root * 2.0 * -99.0]);
    }
}
