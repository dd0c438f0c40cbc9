//! The definition of matrix multiplies.

use super::{OnHost, dot, row, row_mut, silu};
use crate::Role;
use crate::op::{Change, Epilogue, Linear, TermMatrix, sums};

pub(super) fn linear<B: OnHost>(op: Linear<'_, B>) {
    let Linear { x, weight, bias, epilogue, changes, out } = op;
    let columns = weight.columns();
    let matrix_row = |o: usize| &weight.device()[o * columns..(o + 1) * columns];
    let mut products = vec![0.0; sums(weight)];
    for token in 0..x.rows() {
        for (o, product) in products.iter_mut().enumerate() {
            *product = dot(row(x, token), matrix_row(o));
        }
        if let Some(change) = changes.iter().find(|change| change.rows.contains(&token)) {
            apply(change, token - change.rows.start, &mut products);
        }
        let gated = weight.rows();
        for (o, out) in row_mut(out, token).iter_mut().enumerate() {
            let y = products[o] + bias.map_or(0.0, |b| row(b, 0)[o]);
            *out = match (weight.role(), epilogue) {
                (Role::SwiGlu, _) => silu(y) * products[gated + o],
                (_, Epilogue::Store) => y,
                (_, Epilogue::Silu) => silu(y),
                (_, Epilogue::Accumulate) => *out + y,
            };
        }
    }
}

/// What adapters make of the sums of row `token` of a change.
fn apply<B: OnHost>(change: &Change<'_, B>, token: usize, sums: &mut [f32]) {
    if let Some(gain) = change.gain {
        sums.iter_mut().zip(row(gain, 0)).for_each(|(sum, gain)| *sum *= gain);
    }
    for term in &change.terms {
        let input = row(term.input, token);
        match term.matrix {
            TermMatrix::Weight(matrix) => {
                let rows = matrix.device().chunks(matrix.columns());
                sums.iter_mut()
                    .zip(rows)
                    .for_each(|(sum, row)| *sum += term.scale * dot(input, row));
            }
            TermMatrix::Kronecker { left, first } => {
                let width = input.len() / left.width();
                for (i, sum) in sums[first..][..left.rows() * width].iter_mut().enumerate() {
                    let (a, c) = (i / width, i % width);
                    let inputs = input.iter().skip(c).step_by(width);
                    let mixed: f32 = row(left, a).iter().zip(inputs).map(|(l, x)| l * x).sum();
                    *sum += term.scale * mixed;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{tensor, values, weight};
    use crate::prelude::*;
    use crate::{Role, Scalar};

    /// `[[1, 2], [0, -1], [3, 0]]`, stored as two parts.
    fn stacked() -> crate::Weight<Scalar> {
        weight(Role::Linear, &[(&[2, 2], &[1.0, 2.0, 0.0, -1.0]), (&[1, 2], &[3.0, 0.0])])
    }

    #[test]
    fn parts_stack_and_bias_is_added() {
        let x = tensor(&[[1.0, 10.0], [2.0, 0.0]]);
        let bias = tensor(&[[0.5, 0.0, 0.0]]);
        let y = Scalar.linear(&x, &stacked(), Some(&bias)).unwrap();
        assert_eq!(values(&y), [21.5, -10.0, 3.0, 2.5, 0.0, 6.0]);
    }

    #[test]
    fn accumulate_adds_to_what_is_there() {
        let x = tensor(&[[1.0, 10.0]]);
        let mut y = tensor(&[[100.0, 100.0, 100.0]]);
        Scalar.linear_accumulate(&mut y, &x, &stacked(), None).unwrap();
        assert_eq!(values(&y), [121.0, 90.0, 103.0]);
    }

    #[test]
    fn silu_gates_the_second_matrix() {
        let x = tensor(&[[0.0, 100.0]]);
        let pair = (&[2usize, 2][..], &[0.0, 1.0, 1.0, 0.0][..]);
        let w = weight(Role::SwiGlu, &[pair, (&[2, 2], &[0.0, 2.0, 0.0, 3.0])]);
        assert_eq!(values(&Scalar.swiglu(&x, &w, None).unwrap()), [20_000.0, 0.0]);
        let w = weight(Role::Linear, &[pair]);
        assert_eq!(values(&Scalar.linear_silu(&x, &w, None, None).unwrap()), [100.0, 0.0]);
    }
}
