//! The definition of the autoencoder's operations on pictures, but for convolutions.

use super::{OnHost, elements, elements_mut, row, row_mut, silu};
use crate::op::{GroupFactors, GroupMoments, Norm, Normalise, ToRgb8};

pub(super) fn group_moments<B: OnHost>(op: GroupMoments<'_, B>) {
    let GroupMoments { x, strip, groups, out } = op;
    let (channels, width) = (x.width() / groups, strip.grid.width);
    for y in 0..strip.height {
        for group in 0..groups {
            let cells = y * width..(y + 1) * width;
            let members = || {
                let channels = group * channels..(group + 1) * channels;
                cells.clone().flat_map(move |cell| &row(x, cell)[channels.clone()])
            };
            // Summed in f64: a row of a group is long enough for f32 to lose digits.
            let count = (channels * width) as f64;
            let mean = members().map(|&v| f64::from(v)).sum::<f64>() / count;
            let squares = members().map(|&v| (f64::from(v) - mean).powi(2)).sum::<f64>();
            let out = row_mut(out, strip.top + y);
            out[group] = mean as f32;
            out[groups + group] = (mean - f64::from(mean as f32)) as f32;
            out[2 * groups + group] = squares as f32;
        }
    }
}

pub(super) fn group_factors<B: OnHost>(op: GroupFactors<'_, B>) {
    let GroupFactors { moments, width, eps, weight, bias, out } = op;
    let (groups, channels) = (moments.width() / 3, weight.width());
    let each = channels / groups;
    for channel in 0..channels {
        let group = channel / each;
        let mean_of = |y: usize| {
            f64::from(row(moments, y)[group]) + f64::from(row(moments, y)[groups + group])
        };
        let (height, count) = (moments.rows() as f64, (width * each) as f64);
        let mean = (0..moments.rows()).map(mean_of).sum::<f64>() / height;
        let squares_of = |y: usize| {
            f64::from(row(moments, y)[2 * groups + group]) + count * (mean_of(y) - mean).powi(2)
        };
        let variance = (0..moments.rows()).map(squares_of).sum::<f64>() / (height * count);
        let factor = f64::from(row(weight, 0)[channel]) / (variance + f64::from(eps)).sqrt();
        let lost = mean - f64::from(mean as f32);
        let shift = f64::from(row(bias, 0)[channel]) - lost * factor;
        for (i, value) in [mean, factor, shift].into_iter().enumerate() {
            row_mut(out, i)[channel] = value as f32;
        }
    }
}

/// A value of a channel after a norm.
pub(super) fn normalised<B: OnHost>(norm: Norm<'_, B>, channel: usize, x: f32) -> f32 {
    let [mean, factor, shift] = [0, 1, 2].map(|i| row(norm.factors, i)[channel]);
    let y = (x - mean) * factor + shift;
    if norm.silu { silu(y) } else { y }
}

pub(super) fn normalise<B: OnHost>(op: Normalise<'_, B>) {
    let Normalise { x, norm, out } = op;
    for cell in 0..x.rows() {
        let values = row_mut(out, cell).iter_mut().zip(row(x, cell));
        for (channel, (out, &x)) in values.enumerate() {
            *out = normalised(norm, channel, x);
        }
    }
}

pub(super) fn to_rgb8<B: OnHost>(op: ToRgb8<'_, B>) {
    let ToRgb8 { x, out } = op;
    for (out, x) in elements_mut(out).iter_mut().zip(elements(x)) {
        *out = ((x / 2.0 + 0.5).clamp(0.0, 1.0) * 255.0).round_ties_even();
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{tensor, values};
    use crate::Scalar;
    use crate::prelude::*;

    #[test]
    fn groups_are_normalised_over_all_cells() {
        // One group of the first two channels, one of the others.
        let x = tensor(&[[1.0, 3.0, 1e6, 1e6], [3.0, 1.0, 1e6, 1e6]]);
        let (weight, bias) = (tensor(&[[1.0, 2.0, 1.0, 1.0]]), tensor(&[[0.0, 1.0, 5.0, 6.0]]));
        for grid in [Grid::new(1, 2), Grid::new(2, 1)] {
            let mut moments = Scalar.no_moments(grid.height, 2).unwrap();
            Scalar.group_moments(&x, Strip::whole(grid), &mut moments).unwrap();
            let factors =
                Scalar.group_factors(&moments, grid.width, 1e-12, (&weight, &bias)).unwrap();
            let norm = Norm { factors: &factors, silu: false };
            let y = Scalar.normalise(&x, norm, None).unwrap();
            assert_eq!(values(&y), [-1.0, 3.0, 5.0, 6.0, 1.0, -1.0, 5.0, 6.0]);
            let y = Scalar.normalise(&x, Norm { silu: true, ..norm }, None).unwrap();
            assert_eq!(values(&y)[1], super::silu(3.0));
        }
    }

    #[test]
    fn rows_that_differ_add_to_the_variance() {
        let x = tensor(&[[1.0], [1.0], [5.0], [5.0]]);
        let mut moments = Scalar.no_moments(2, 1).unwrap();
        for top in [1, 0] {
            let rows = tensor(&[[values(&x)[2 * top]], [values(&x)[2 * top + 1]]]);
            let strip = Strip { grid: Grid::new(2, 2), top, height: 1 };
            Scalar.group_moments(&rows, strip, &mut moments).unwrap();
        }
        assert_eq!(values(&moments), [1.0, 0.0, 0.0, 5.0, 0.0, 0.0]);
        let (one, zero) = (tensor(&[[1.0]]), tensor(&[[0.0]]));
        let factors = Scalar.group_factors(&moments, 2, 0.0, (&one, &zero)).unwrap();
        assert_eq!(values(&factors), [3.0, 0.5, 0.0]);
    }

    #[test]
    fn pixels_are_clamped_and_rounded_to_even() {
        let x = tensor(&[[-3.0, -1.0, 0.0, 1.0, 3.0]]);
        let bytes = Scalar.read_bytes(&Scalar.to_rgb8(&x).unwrap()).unwrap();
        assert_eq!(bytes, [0, 0, 128, 255, 255]);
    }
}
