//! The definition of embeddings, row fills and row copies.

use super::{OnHost, elements, elements_mut, row, row_mut};
use crate::op::{CopyRows, Embed, FillRows, Silu, TimestepEmbedding};

/// The longest period of the time embedding.
const MAX_PERIOD: f64 = 10_000.0;

pub(super) fn embed<B: OnHost>(op: Embed<'_, B>) {
    let Embed { ids, table, out } = op;
    let width = table.columns();
    for (token, &id) in ids.iter().enumerate() {
        let entry = &table.device()[id as usize * width..(id as usize + 1) * width];
        row_mut(out, token).copy_from_slice(entry);
    }
}

pub(super) fn timestep_embedding<B: OnHost>(op: TimestepEmbedding<'_, B>) {
    let TimestepEmbedding { times, out } = op;
    let half = out.width() / 2;
    // The logarithm is rounded to f32 before it multiplies the index, as PyTorch does.
    let rate = -MAX_PERIOD.ln() as f32;
    for (i, &time) in times.iter().enumerate() {
        let (cosines, sines) = row_mut(out, i).split_at_mut(half);
        for j in 0..half {
            let angle = time * (rate * j as f32 / half as f32).exp();
            cosines[j] = angle.cos();
            sines[j] = angle.sin();
        }
    }
}

pub(super) fn silu<B: OnHost>(op: Silu<'_, B>) {
    let Silu { x, out } = op;
    for (out, &x) in elements_mut(out).iter_mut().zip(elements(x)) {
        *out = super::silu(x);
    }
}

pub(super) fn fill_rows<B: OnHost>(op: FillRows<'_, B>) {
    let FillRows { x, rows, vector } = op;
    for i in rows {
        row_mut(x, i).copy_from_slice(elements(vector));
    }
}

pub(super) fn copy_rows<B: OnHost>(op: CopyRows<'_, B>) {
    let CopyRows { from, from_row, to, to_row, count } = op;
    for i in 0..count {
        row_mut(to, to_row + i).copy_from_slice(row(from, from_row + i));
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{tensor, values, weight};
    use crate::prelude::*;
    use crate::{Role, Scalar};

    #[test]
    fn ids_pick_rows_of_the_table() {
        let table = weight(Role::Table, &[(&[3, 2], &[0.0, 1.0, 10.0, 11.0, 20.0, 21.0])]);
        let rows = Scalar.embed(&[2, 0, 2], &table).unwrap();
        assert_eq!(values(&rows), [20.0, 21.0, 0.0, 1.0, 20.0, 21.0]);
    }

    #[test]
    fn time_is_cosines_then_sines_of_falling_frequencies() {
        // Frequencies 1 and 1/100.
        let rows = values(&Scalar.timestep_embedding(&[0.0, 100.0], 4).unwrap());
        assert_eq!(rows[..4], [1.0, 1.0, 0.0, 0.0]);
        let expected = [100.0f32.cos(), 1.0f32.cos(), 100.0f32.sin(), 1.0f32.sin()];
        let close = rows[4..].iter().zip(expected).all(|(got, e)| (got - e).abs() < 1e-6);
        assert!(close, "{rows:?} {expected:?}");
    }

    #[test]
    fn silu_is_zero_identity_and_half() {
        let y = Scalar.silu(&tensor(&[[-200.0, 0.0, 200.0]]), None).unwrap();
        assert_eq!(values(&y), [0.0, 0.0, 200.0]);
        let y = values(&Scalar.silu(&tensor(&[[3.0f32.ln()]]), None).unwrap())[0];
        assert!((y - 0.75 * 3.0f32.ln()).abs() < 1e-6, "{y}");
    }

    #[test]
    fn rows_are_filled_and_packed() {
        let mut x = tensor(&[[1.0, 1.0], [2.0, 2.0], [3.0, 3.0]]);
        Scalar.fill_rows(&mut x, 1..2, &tensor(&[[8.0, 9.0]])).unwrap();
        assert_eq!(values(&x), [1.0, 1.0, 8.0, 9.0, 3.0, 3.0]);
        let other = tensor(&[[5.0, 5.0]]);
        let packed = Scalar.pack(&[(&x, 1..3), (&other, 0..1), (&x, 0..0)]).unwrap();
        assert_eq!(values(&packed), [8.0, 9.0, 3.0, 3.0, 5.0, 5.0]);
    }
}
