//! The definition of attention over packed segments, and of the norm and rotation before it.

use super::norm::rms_normed;
use super::{OnHost, dot, elements, row, row_mut};
use crate::op::{Attention, Mask, Pairing, QkNormRope};

pub(super) fn qk_norm_rope<B: OnHost>(op: QkNormRope<'_, B>) {
    let QkNormRope { qkv, heads, norms, eps, rope, pairing } = op;
    for token in 0..qkv.rows() {
        let (cos, sin) = row(rope, token).split_at(heads.dim / 2);
        let queries_and_keys = row_mut(qkv, token)[..(heads.query + heads.kv) * heads.dim]
            .chunks_exact_mut(heads.dim)
            .enumerate();
        for (h, head) in queries_and_keys {
            if let Some((query, key)) = norms {
                let weight = if h < heads.query { query } else { key };
                head.copy_from_slice(&rms_normed(head, elements(weight), eps));
            }
            for i in 0..heads.dim / 2 {
                let (first, second) = match pairing {
                    Pairing::Interleaved => (2 * i, 2 * i + 1),
                    Pairing::Halves => (i, i + heads.dim / 2),
                };
                let (a, b) = (head[first], head[second]);
                head[first] = a * cos[i] - b * sin[i];
                head[second] = a * sin[i] + b * cos[i];
            }
        }
    }
}

pub(super) fn attention<B: OnHost>(op: Attention<'_, B>) {
    let Attention { qkv, heads, segments, mask, out } = op;
    let head = |token: usize, h: usize| &row(qkv, token)[h * heads.dim..(h + 1) * heads.dim];
    for segment in segments.iter() {
        for token in segment.clone() {
            let seen = match mask {
                Mask::Full => segment.clone(),
                Mask::Causal => segment.start..token + 1,
            };
            for h in 0..heads.query {
                let kv = h / (heads.query / heads.kv);
                let (key, value) = (heads.query + kv, heads.query + heads.kv + kv);
                let query = head(token, h);
                let mut weights: Vec<f32> = seen
                    .clone()
                    .map(|t| dot(query, head(t, key)) / (heads.dim as f32).sqrt())
                    .collect();
                softmax(&mut weights);
                let out = &mut row_mut(out, token)[h * heads.dim..(h + 1) * heads.dim];
                out.fill(0.0);
                for (weight, t) in weights.iter().zip(seen.clone()) {
                    for (out, v) in out.iter_mut().zip(head(t, value)) {
                        *out += weight * v;
                    }
                }
            }
        }
    }
}

/// `exp(x_i) / sum_j exp(x_j)`; subtracting the maximum changes nothing but avoids overflow.
fn softmax(x: &mut [f32]) {
    let max = x.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    for x in x.iter_mut() {
        *x = (*x - max).exp();
    }
    let sum: f32 = x.iter().sum();
    for x in x.iter_mut() {
        *x /= sum;
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{tensor, values};
    use crate::Scalar;
    use crate::prelude::*;

    #[test]
    fn a_quarter_turn_moves_each_pair() {
        // One query and one key head of width 4; the second pair turns by 90 degrees.
        let heads = Heads { query: 1, kv: 1, dim: 4 };
        let rope = tensor(&[[1.0, 0.0, 0.0, 1.0]]);
        let row = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 9.0, 9.0, 9.0];
        for (pairing, expected) in [
            (Pairing::Interleaved, [1.0, 2.0, -4.0, 3.0, 5.0, 6.0, -8.0, 7.0, 9.0, 9.0, 9.0, 9.0]),
            (Pairing::Halves, [1.0, -4.0, 3.0, 2.0, 5.0, -8.0, 7.0, 6.0, 9.0, 9.0, 9.0, 9.0]),
        ] {
            let mut qkv = tensor(&[row]);
            Scalar.qk_norm_rope(&mut qkv, heads, None, 0.0, (&rope, pairing)).unwrap();
            assert_eq!(values(&qkv), expected, "{pairing:?}");
        }
    }

    #[test]
    fn queries_and_keys_have_their_own_norms() {
        let heads = Heads { query: 1, kv: 1, dim: 2 };
        let still = tensor(&[[1.0, 0.0]]);
        let (query, key) = (tensor(&[[1.0, 2.0]]), tensor(&[[10.0, 10.0]]));
        let mut qkv = tensor(&[[3.0, -3.0, 5.0, 5.0, 7.0, 7.0]]);
        let rope = (&still, Pairing::Halves);
        Scalar.qk_norm_rope(&mut qkv, heads, Some((&query, &key)), 0.0, rope).unwrap();
        assert_eq!(values(&qkv), [1.0, -2.0, 10.0, 10.0, 7.0, 7.0]);
    }

    /// Rows of two query heads, one key and one value head of width 2.
    const HEADS: Heads = Heads { query: 2, kv: 1, dim: 2 };

    #[test]
    fn equal_scores_average_within_the_segment_and_mask() {
        let value = |v: f32| [0.0, 0.0, 0.0, 0.0, 1.0, 1.0, v, -v];
        let qkv = tensor(&[value(2.0), value(4.0), value(100.0)]);
        let segments = Segments::new([2, 0, 1]);
        let full = Scalar.attention(&qkv, HEADS, &segments, Mask::Full, None).unwrap();
        let rows = [[3.0, -3.0, 3.0, -3.0], [3.0, -3.0, 3.0, -3.0], [100.0, -100.0, 100.0, -100.0]];
        assert_eq!(values(&full), rows.as_flattened());
        let causal = Scalar.attention(&qkv, HEADS, &segments, Mask::Causal, None).unwrap();
        let rows = [[2.0, -2.0, 2.0, -2.0], [3.0, -3.0, 3.0, -3.0], [100.0, -100.0, 100.0, -100.0]];
        assert_eq!(values(&causal), rows.as_flattened());
    }

    #[test]
    fn a_dominant_key_is_copied_without_overflow() {
        // The first query head likes the first key, the second head the second one.
        let query = [1e4, 0.0, 0.0, 1e4];
        let with = |key: [f32; 2], value: [f32; 2]| {
            let [a, b, c, d] = query;
            [a, b, c, d, key[0], key[1], value[0], value[1]]
        };
        let qkv = tensor(&[with([1e4, -1e4], [1.0, 2.0]), with([-1e4, 1e4], [3.0, 4.0])]);
        let out = Scalar.attention(&qkv, HEADS, &Segments::new([2]), Mask::Full, None).unwrap();
        assert_eq!(values(&out), [1.0, 2.0, 3.0, 4.0, 1.0, 2.0, 3.0, 4.0]);
    }

    #[test]
    fn scores_are_divided_by_the_root_of_the_width() {
        // Width 4: the score 2 ln 3 over sqrt(4) is ln 3, so the weights are 3/4 and 1/4.
        let heads = Heads { query: 1, kv: 1, dim: 4 };
        let score = 2.0 * 3.0f32.ln();
        let first = [1.0, 0.0, 0.0, 0.0, score, 0.0, 0.0, 0.0, 4.0, 0.0, 0.0, 0.0];
        let second = [1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 8.0, 0.0, 0.0];
        let qkv = tensor(&[first, second]);
        let out = Scalar.attention(&qkv, heads, &Segments::new([2]), Mask::Full, None).unwrap();
        let close = |got: f32, expected: f32| (got - expected).abs() < 1e-6;
        assert!(close(values(&out)[0], 3.0) && close(values(&out)[1], 2.0), "{:?}", values(&out));
    }
}
