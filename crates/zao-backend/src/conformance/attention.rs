//! Cases of attention over packed segments.

use super::bench::{Bench, PACKED, Reader, Scenario, agree, agree_all};
use super::compare::{Bound, same_bits};
use super::{Failure, Outcome, random};
use crate::op::{AttentionOps, Heads, Mask};
use crate::{Backend, Policy, Result, Segments};
use std::ops::Range;

/// What the scores are like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scores {
    /// Around one.
    Plain,
    /// Each later key of a segment scores higher by 1 or 1.4, so the running maximum always moves.
    Climbing,
    /// Each later key scores lower.
    Falling,
    /// One key of each segment scores about 1e4, the others about -1e4.
    OneHigh,
    /// All keys of a segment score about -1e4.
    AllLow,
}

/// One packed attention.
#[derive(Clone, Debug)]
struct Attend {
    heads: Heads,
    segments: Vec<usize>,
    mask: Mask,
    scores: Scores,
    reader: Reader,
}

impl Attend {
    fn new(heads: (usize, usize, usize), segments: &[usize], mask: Mask) -> Self {
        let (query, kv, dim) = heads;
        let (scores, reader) = (Scores::Plain, Reader::Linear);
        Self { heads: Heads { query, kv, dim }, segments: segments.to_vec(), mask, scores, reader }
    }

    fn tokens(&self) -> usize {
        self.segments.iter().sum()
    }

    /// `[tokens, qkv]` host values. Extreme scores are products of short integers, so that they are
    /// exact in bf16 as well and only the softmax is put to the test.
    fn qkv(&self) -> Vec<f32> {
        let Heads { query, kv, dim } = self.heads;
        let width = self.heads.qkv_width();
        let mut qkv = random::values(1, self.tokens() * width);
        if self.scores == Scores::Plain {
            return qkv;
        }
        let root = power_of_two_root(dim);
        let positions =
            self.segments.iter().flat_map(|&length| (0..length).map(move |i| (i, length)));
        for (row, (i, length)) in qkv.chunks_mut(width).zip(positions) {
            let (q, k) = match self.scores {
                Scores::Plain | Scores::Climbing => (root, i as f32),
                Scores::Falling => (root, -(i as f32)),
                Scores::OneHigh => (128.0 * root, if i == length / 2 { 64.0 } else { -64.0 }),
                Scores::AllLow => (128.0 * root, -64.0),
            };
            for (h, head) in row.chunks_mut(dim).take(query + kv).enumerate() {
                head.fill(0.0);
                head[0] = if h < query { q } else { k };
            }
        }
        qkv
    }

    /// The attention of `[tokens, qkv]` host values in the given segments.
    fn attend<B: Backend>(
        &self,
        bench: &Bench<'_, B>,
        qkv: &[f32],
        segments: &[usize],
    ) -> Result<Vec<f32>> {
        let tokens = segments.iter().sum();
        let qkv = bench.activation(tokens, qkv)?;
        let feeds = bench.reader(self.reader, self.heads.out_width())?;
        let segments = Segments::new(segments.iter().copied());
        bench.poison_for(self.reader, tokens * self.heads.out_width())?;
        let backend = bench.backend;
        backend.read(&backend.attention(&qkv, self.heads, &segments, self.mask, feeds.as_ref())?)
    }
}

impl Scenario for Attend {
    fn run<B: Backend>(&self, bench: &Bench<'_, B>) -> Result<Vec<f32>> {
        self.attend(bench, &self.qkv(), &self.segments)
    }

    fn bound(&self, policy: Policy) -> Bound {
        let keys = self.segments.iter().copied().max().unwrap_or(0);
        let terms = self.heads.dim + keys;
        let bound = Bound::product(terms, policy.linear_input, self.reader.element(policy));
        match self.scores {
            Scores::Plain | Scores::OneHigh | Scores::AllLow => bound,
            // The relative error of a score is an absolute one in its exponent.
            Scores::Climbing | Scores::Falling => bound.amplified(2.0 * keys as f64),
        }
    }
}

/// The power of two at or above `sqrt(dim)`, with which a query undoes the division by the root.
fn power_of_two_root(dim: usize) -> f32 {
    (dim as f32).sqrt().log2().ceil().exp2()
}

const MASKS: [Mask; 2] = [Mask::Full, Mask::Causal];

/// Every head width, one segment and many.
pub fn attention_head_widths<B: Backend>(backend: &B) -> Outcome {
    for dim in [16, 32, 64, 128, 512] {
        for mask in MASKS {
            for segments in [&[1][..], &[7], &PACKED] {
                agree(backend, &Attend::new((1, 1, dim), segments, mask))?;
            }
        }
    }
    Ok(())
}

/// One, two and three query heads a key head.
pub fn attention_shared_keys<B: Backend>(backend: &B) -> Outcome {
    for heads in [(2, 2, 32), (4, 2, 32), (6, 2, 64), (3, 1, 128), (2, 1, 16)] {
        for mask in MASKS {
            let base = Attend::new(heads, &[33, 1, 5], mask);
            agree_all(backend, Reader::ALL.map(|reader| Attend { reader, ..base.clone() }))?;
        }
    }
    Ok(())
}

/// More keys than a block of any blocked attention holds.
pub fn attention_long_segments<B: Backend>(backend: &B) -> Outcome {
    for heads in [(1, 1, 128), (2, 1, 64)] {
        for mask in MASKS {
            agree(backend, &Attend::new(heads, &[300, 129], mask))?;
        }
    }
    Ok(())
}

/// Scores whose exponentials overflow or vanish, and maxima that move with every key.
pub fn attention_large_scores<B: Backend>(backend: &B) -> Outcome {
    for scores in [Scores::Climbing, Scores::Falling, Scores::OneHigh, Scores::AllLow] {
        for heads in [(2, 1, 16), (1, 1, 64), (2, 2, 128), (1, 1, 512)] {
            for mask in MASKS {
                agree(backend, &Attend { scores, ..Attend::new(heads, &[130, 1, 0, 33], mask) })?;
            }
        }
    }
    Ok(())
}

/// A segment has the same bits alone and packed among others.
pub fn attention_segments_are_independent<B: Backend>(backend: &B) -> Outcome {
    for heads in [(2, 1, 64), (3, 3, 128), (1, 1, 512)] {
        for mask in MASKS {
            let bench = Bench::start(backend)?;
            let packed = Attend::new(heads, &[5, 0, 33, 1, 70], mask);
            let (width, out) = (packed.heads.qkv_width(), packed.heads.out_width());
            let qkv = packed.qkv();
            let whole = packed.attend(&bench, &qkv, &packed.segments)?;
            for rows in Segments::new(packed.segments.iter().copied()).iter() {
                if rows.is_empty() {
                    continue;
                }
                let own = &qkv[rows.start * width..rows.end * width];
                let got = packed.attend(&bench, own, &[rows.len()])?;
                same_bits(&got, &whole[rows.start * out..rows.end * out]).map_err(|d| {
                    Failure::differs(format!("rows {rows:?} alone and within {packed:?}"), d)
                })?;
            }
        }
    }
    Ok(())
}

/// Not even NaN in one segment is seen in another.
pub fn attention_sees_no_other_segment<B: Backend>(backend: &B) -> Outcome {
    MASKS.into_iter().try_for_each(|mask| {
        let clean = [0..33, 38..78];
        unchanged_by(f32::NAN, 33..38, mask, &clean, &Bench::start(backend)?)
    })
}

/// Not even huge keys and values are seen in the rows before them.
pub fn attention_causal_sees_no_later_row<B: Backend>(backend: &B) -> Outcome {
    // Finite: a device may multiply what it masked by zero.
    unchanged_by(1e4, 50..52, Mask::Causal, &[0..33, 33..50], &Bench::start(backend)?)
}

/// Whether the `clean` rows keep their bits when the rows `spoilt` become `value`.
fn unchanged_by<B: Backend>(
    value: f32,
    spoilt: Range<usize>,
    mask: Mask,
    clean: &[Range<usize>],
    bench: &Bench<'_, B>,
) -> Outcome {
    let packed = Attend::new((2, 1, 64), &[33, 5, 40], mask);
    let (width, out) = (packed.heads.qkv_width(), packed.heads.out_width());
    let mut qkv = packed.qkv();
    let before = packed.attend(bench, &qkv, &packed.segments)?;
    qkv[spoilt.start * width..spoilt.end * width].fill(value);
    let after = packed.attend(bench, &qkv, &packed.segments)?;
    clean.iter().try_for_each(|rows| {
        let elements = rows.start * out..rows.end * out;
        same_bits(&after[elements.clone()], &before[elements]).map_err(|d| {
            let what = format!("rows {rows:?} beside {value} in rows {spoilt:?}, {mask:?}");
            Failure::differs(what, d)
        })
    })
}
