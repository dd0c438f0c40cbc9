//! The definition of a convolution.

use super::image::normalised;
use super::{OnHost, elements, row, row_mut};
use crate::op::{Conv2d, Epilogue, Stride};

pub(super) fn conv2d<B: OnHost>(op: Conv2d<'_, B>) {
    let Conv2d { view, weight, bias, stride, rows, epilogue, out } = op;
    let (inputs, kernel) = (weight.columns(), weight.kernel());
    let tap = |o: usize, i: usize, dy: usize, dx: usize| {
        weight.device()[((o * inputs + i) * kernel + dy) * kernel + dx]
    };
    // What there is of the picture, normalised.
    let channel = |(at, &x): (usize, &f32)| match view.norm {
        Some(norm) => normalised(norm, at % inputs, x),
        None => x,
    };
    let seen: Vec<f32> = elements(view.x).iter().enumerate().map(channel).collect();
    // The picture that the kernel walks over: the one there is, or that of its quarter cells.
    let (grid, strip, quarter) = match stride {
        Stride::Half => (view.strip.grid.times(2), view.strip, 2),
        Stride::One | Stride::Two => (view.strip.grid, view.strip, 1),
    };
    // Rows and columns of zeros before the first cell; any past the last are implied.
    let (step, pad) = match stride {
        Stride::One | Stride::Half => (1, kernel / 2),
        Stride::Two => (2, 0),
    };
    let width = grid.width / step;
    for cell in 0..out.rows() {
        let (top, left) = ((rows.start + cell / width) * step, cell % width * step);
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
                    let held = (sy / quarter - strip.top) * strip.grid.width + sx / quarter;
                    for (i, x) in seen[held * inputs..][..inputs].iter().enumerate() {
                        sum += x * tap(o, i, dy, dx);
                    }
                }
            }
            let y = sum + row(bias, 0)[o];
            *out = if epilogue == Epilogue::Accumulate { *out + y } else { y };
        }
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
        let view = View::whole(&x, Grid::new(2, 2));
        let y = Scalar.conv2d(view, &powers(), &tensor(&[[0.5]]), Stride::One, 0..2);
        assert_eq!(values(&y.unwrap()), [256.5, 128.5, 32.5, 16.5]);
    }

    #[test]
    fn stride_two_pads_bottom_and_right_only() {
        let x = tensor(&[[1.0], [1.0], [1.0], [1.0]]);
        let view = View::whole(&x, Grid::new(2, 2));
        let y = Scalar.conv2d(view, &powers(), &tensor(&[[0.0]]), Stride::Two, 0..1);
        assert_eq!(values(&y.unwrap()), [1.0 + 2.0 + 8.0 + 16.0]);
    }

    #[test]
    fn stride_half_sees_every_cell_four_times() {
        let x = tensor(&[[1.0], [10.0]]);
        let view = View::whole(&x, Grid::new(1, 2));
        let y = Scalar.conv2d(view, &powers(), &tensor(&[[0.0]]), Stride::Half, 0..1);
        // Two rows of 1 1 10 10: the centre row and the one below it.
        let (centre, below) = ([8.0, 16.0, 32.0], [64.0, 128.0, 256.0]);
        let sum =
            |cells: [f32; 3]| -> f32 { (0..3).map(|i| cells[i] * (centre[i] + below[i])).sum() };
        let expected = [[0.0, 1.0, 1.0], [1.0, 1.0, 10.0], [1.0, 10.0, 10.0], [10.0, 10.0, 0.0]];
        assert_eq!(values(&y.unwrap()), expected.map(sum));
    }

    #[test]
    fn the_border_is_zero_after_the_norm() {
        let x = tensor(&[[5.0]]);
        let factors = tensor(&[[3.0], [10.0], [1.0]]);
        let norm = Norm { factors: &factors, silu: false };
        let view = View::whole(&x, Grid::new(1, 1)).with(norm);
        let y = Scalar.conv2d(view, &powers(), &tensor(&[[0.0]]), Stride::One, 0..1);
        assert_eq!(values(&y.unwrap()), [16.0 * 21.0]);
    }

    #[test]
    fn a_strip_is_enough_for_the_rows_that_see_no_other() {
        let rows = tensor(&[[2.0], [3.0]]);
        let strip = Strip { grid: Grid::new(4, 1), top: 1, height: 2 };
        let view = View { x: &rows, strip, norm: None };
        let conv = |rows| Scalar.conv2d(view, &powers(), &tensor(&[[0.0]]), Stride::One, rows);
        assert!(conv(1..2).is_err() && conv(2..3).is_err() && conv(0..1).is_err());
        let strip = Strip { top: 2, ..strip };
        let view = View { strip, ..view };
        let y = Scalar.conv2d(view, &powers(), &tensor(&[[0.0]]), Stride::One, 3..4);
        assert_eq!(values(&y.unwrap()), [2.0 * 2.0 + 16.0 * 3.0]);
    }

    #[test]
    fn a_flat_kernel_mixes_channels_and_accumulates() {
        let x = tensor(&[[1.0, 10.0], [2.0, 20.0]]);
        let mut out = tensor(&[[100.0], [200.0]]);
        let w = weight(Role::Conv, &[(&[1, 2], &[1.0, 0.5])]);
        let (view, bias) = (View::whole(&x, Grid::new(1, 2)), tensor(&[[1.0]]));
        Scalar.conv2d_accumulate(&mut out, view, &w, &bias, 0..1).unwrap();
        assert_eq!(values(&out), [107.0, 213.0]);
    }
}
