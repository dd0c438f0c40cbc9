//! The definition of the autoencoder's operations.

use super::{OnHost, elements, elements_mut, row, row_mut, silu};
use crate::op::{Conv2d, Epilogue, GroupNorm, Stride, ToRgb8, Upsample2x};

pub(super) fn conv2d<B: OnHost>(op: Conv2d<'_, B>) {
    let Conv2d { x, grid, weight, bias, stride, epilogue, out } = op;
    let (inputs, kernel) = (weight.columns(), weight.kernel());
    let tap = |o: usize, i: usize, dy: usize, dx: usize| {
        weight.device()[((o * inputs + i) * kernel + dy) * kernel + dx]
    };
    // Rows and columns of zeros before the first cell; any past the last are implied.
    let (step, pad) = match stride {
        Stride::One => (1, kernel / 2),
        Stride::Two => (2, 0),
    };
    let width = grid.width / step;
    for cell in 0..out.rows() {
        let (top, left) = (cell / width * step, cell % width * step);
        for (o, out) in row_mut(out, cell).iter_mut().enumerate() {
            let mut sum = 0.0;
            for dy in 0..kernel {
                for dx in 0..kernel {
                    let inside = |at: usize, size: usize| at.checked_sub(pad).filter(|&p| p < size);
                    let (Some(sy), Some(sx)) =
                        (inside(top + dy, grid.height), inside(left + dx, grid.width))
                    else {
                        continue;
                    };
                    for (i, x) in row(x, sy * grid.width + sx).iter().enumerate() {
                        sum += x * tap(o, i, dy, dx);
                    }
                }
            }
            let y = sum + row(bias, 0)[o];
            *out = if epilogue == Epilogue::Accumulate { *out + y } else { y };
        }
    }
}

pub(super) fn group_norm<B: OnHost>(op: GroupNorm<'_, B>) {
    let GroupNorm { x, groups, eps, weight, bias, silu: with_silu, out } = op;
    let channels = x.width() / groups;
    let count = (channels * x.rows()) as f64;
    for first in (0..x.width()).step_by(channels.max(1)) {
        let members = || (0..x.rows()).flat_map(|cell| &row(x, cell)[first..first + channels]);
        // Summed in f64: a group spans a whole picture, too long for f32.
        let mean = members().map(|&v| f64::from(v)).sum::<f64>() / count;
        let variance = members().map(|&v| (f64::from(v) - mean).powi(2)).sum::<f64>() / count;
        let deviation = (variance + f64::from(eps)).sqrt();
        for cell in 0..x.rows() {
            for c in first..first + channels {
                let normed = ((f64::from(row(x, cell)[c]) - mean) / deviation) as f32;
                let y = normed * row(weight, 0)[c] + row(bias, 0)[c];
                row_mut(out, cell)[c] = if with_silu { silu(y) } else { y };
            }
        }
    }
}

pub(super) fn upsample2x<B: OnHost>(op: Upsample2x<'_, B>) {
    let Upsample2x { x, grid, out } = op;
    let width = 2 * grid.width;
    for cell in 0..out.rows() {
        let (y, column) = (cell / width, cell % width);
        row_mut(out, cell).copy_from_slice(row(x, y / 2 * grid.width + column / 2));
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
    use super::super::tests::{tensor, values, weight};
    use crate::op::Stride;
    use crate::prelude::*;
    use crate::{Role, Scalar};

    /// A 3x3 kernel of one channel with the taps 1, 2, 4 .. 256.
    fn powers() -> crate::Weight<Scalar> {
        let taps: Vec<f32> = (0..9).map(|i| (1 << i) as f32).collect();
        weight(Role::Conv, &[(&[1, 1, 3, 3], &taps)])
    }

    #[test]
    fn stride_one_sees_zeros_all_around() {
        // Only the last of 2x2 cells is 1: it is the south-east neighbour of the first cell.
        let x = tensor(&[[0.0], [0.0], [0.0], [1.0]]);
        let y = Scalar.conv2d(&x, Grid::new(2, 2), &powers(), &tensor(&[[0.5]]), Stride::One);
        assert_eq!(values(&y.unwrap()), [256.5, 128.5, 32.5, 16.5]);
    }

    #[test]
    fn stride_two_pads_bottom_and_right_only() {
        let x = tensor(&[[1.0], [1.0], [1.0], [1.0]]);
        let y = Scalar.conv2d(&x, Grid::new(2, 2), &powers(), &tensor(&[[0.0]]), Stride::Two);
        assert_eq!(values(&y.unwrap()), [1.0 + 2.0 + 8.0 + 16.0]);
    }

    #[test]
    fn a_flat_kernel_mixes_channels_and_accumulates() {
        let x = tensor(&[[1.0, 10.0], [2.0, 20.0]]);
        let mut out = tensor(&[[100.0], [200.0]]);
        let w = weight(Role::Conv, &[(&[1, 2], &[1.0, 0.5])]);
        let bias = tensor(&[[1.0]]);
        Scalar.conv2d_accumulate(&mut out, &x, Grid::new(1, 2), &w, &bias).unwrap();
        assert_eq!(values(&out), [107.0, 213.0]);
    }

    #[test]
    fn groups_are_normalised_over_all_cells() {
        // One group of the first two channels, one of the others.
        let x = tensor(&[[1.0, 3.0, 1e6, 1e6], [3.0, 1.0, 1e6, 1e6]]);
        let (weight, bias) = (tensor(&[[1.0, 2.0, 1.0, 1.0]]), tensor(&[[0.0, 1.0, 5.0, 6.0]]));
        let y = Scalar.group_norm(&x, 2, 1e-12, (&weight, &bias), false, None).unwrap();
        assert_eq!(values(&y), [-1.0, 3.0, 5.0, 6.0, 1.0, -1.0, 5.0, 6.0]);
        let y = Scalar.group_norm(&x, 2, 1e-12, (&weight, &bias), true, None).unwrap();
        assert_eq!(values(&y)[1], super::silu(3.0));
    }

    #[test]
    fn cells_become_four() {
        let x = tensor(&[[1.0], [2.0]]);
        let y = Scalar.upsample2x(&x, Grid::new(1, 2), None).unwrap();
        assert_eq!(values(&y), [1.0, 1.0, 2.0, 2.0, 1.0, 1.0, 2.0, 2.0]);
    }

    #[test]
    fn pixels_are_clamped_and_rounded_to_even() {
        let x = tensor(&[[-3.0, -1.0, 0.0, 1.0, 3.0]]);
        let bytes = Scalar.read_bytes(&Scalar.to_rgb8(&x).unwrap()).unwrap();
        assert_eq!(bytes, [0, 0, 128, 255, 255]);
    }
}
