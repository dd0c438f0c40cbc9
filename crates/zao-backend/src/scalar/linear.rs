//! The definition of matrix multiplies.

use super::{OnHost, dot, row, row_mut, silu};
use crate::Role;
use crate::op::{Epilogue, Linear};

pub(super) fn linear<B: OnHost>(op: Linear<'_, B>) {
    let Linear { x, weight, bias, epilogue, out } = op;
    let columns = weight.columns();
    let matrix_row = |o: usize| &weight.device()[o * columns..(o + 1) * columns];
    for token in 0..x.rows() {
        let x = row(x, token);
        for (o, out) in row_mut(out, token).iter_mut().enumerate() {
            let y = dot(x, matrix_row(o)) + bias.map_or(0.0, |b| row(b, 0)[o]);
            *out = match (weight.role(), epilogue) {
                (Role::SwiGlu, _) => silu(y) * dot(x, matrix_row(weight.rows() + o)),
                (_, Epilogue::Store) => y,
                (_, Epilogue::Silu) => silu(y),
                (_, Epilogue::Accumulate) => *out + y,
            };
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
