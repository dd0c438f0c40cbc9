//! Attention: for some queries of one head, one pass over the keys with a running softmax.
//!
//! Scores lie transposed, `[key][query]`, so that the softmax of 32 queries is vertical arithmetic.
//! Scratch memory does not grow with the sequence. Blocks of queries and keys start at the segment's
//! first row, so nothing depends on what else is in the batch.

#![allow(unsafe_code, reason = "tasks write different parts of one tensor at once")]

use std::ops::Range;

use zao_backend::Result;
use zao_backend::op::{Attention, Heads, Mask};

use crate::device::Cpu;
use crate::matmul::{Into, PANEL, Panel, Vectors, multiply};
use crate::simd::Isa;
use crate::softmax::Softmax;
use crate::threads::Work;
use crate::view::{Elements, Shared};

/// Keys that are scored at a time.
const KEYS: usize = 256;
/// Panels of queries of a task: they share the keys and values of a block while it is in L2.
const PANELS: usize = 2;
/// Queries of a task.
const QUERIES: usize = PANELS * PANEL;

/// `softmax(q k^T / sqrt(dim)) v` for each segment and head.
pub(crate) fn attention(cpu: &Cpu, op: Attention<'_, Cpu>) -> Result<()> {
    let Elements::F32(qkv) = Elements::of(op.qkv) else {
        return Err(Cpu::unsupported("attention", format!("{:?}; f32 is", op.qkv)));
    };
    let (heads, mask) = (op.heads, op.mask);
    let width = heads.dim.next_multiple_of(PANEL);
    let shared = HeadsOf { isa: cpu.isa, qkv, heads, mask, width, out: Shared::of(op.out) };
    let tasks = op.segments.iter().flat_map(move |segment| {
        (0..heads.query).flat_map(move |head| {
            let segment = segment.clone();
            let starts = segment.clone().step_by(QUERIES);
            starts.map(move |start| (segment.clone(), head, start))
        })
    });
    let products: usize = op.segments.iter().map(|s| s.len() * s.len() * heads.out_width()).sum();
    // Queries and results of every panel, scores and values of a block.
    let scratch = 2 * QUERIES * width + KEYS * PANEL + KEYS * width;
    cpu.threads.for_each(Work::of_elements(products / 8), scratch, tasks, |task, scratch| {
        let (segment, head, start) = task;
        let queries = start..(start + QUERIES).min(segment.end);
        shared.task(segment, head, queries, scratch);
    })
}

/// What the tasks share.
struct HeadsOf<'a> {
    isa: Isa,
    qkv: &'a [f32],
    heads: Heads,
    mask: Mask,
    /// Width of a head, filled up to whole panels.
    width: usize,
    out: Shared<'a>,
}

impl HeadsOf<'_> {
    /// Attention of the rows `queries` of `segment` in one head.
    fn task(&self, segment: Range<usize>, head: usize, queries: Range<usize>, scratch: &mut [f32]) {
        let (packed, scratch) = scratch.split_at_mut(QUERIES * self.width);
        let (sums, scratch) = scratch.split_at_mut(QUERIES * self.width);
        let (scores, values) = scratch.split_at_mut(KEYS * PANEL);
        let panel_size = PANEL * self.width;
        let panels = queries.len().div_ceil(PANEL);
        let rows_of = |panel: usize| {
            let start = queries.start + panel * PANEL;
            start..(start + PANEL).min(queries.end)
        };
        let mut softmaxes = [const { Softmax::new() }; PANELS];
        sums[..panels * panel_size].fill(0.0);
        for (panel, packed) in packed.chunks_mut(panel_size).take(panels).enumerate() {
            self.pack_queries(head, rows_of(panel), packed);
        }
        let end = match self.mask {
            Mask::Full => segment.end,
            Mask::Causal => queries.end,
        };
        for start in (segment.start..end).step_by(KEYS) {
            let keys = start..(start + KEYS).min(end);
            self.copy_values(head, keys.clone(), values);
            for (panel, softmax) in softmaxes.iter_mut().enumerate().take(panels) {
                let rows = rows_of(panel);
                let visible = match self.mask {
                    Mask::Full => keys.clone(),
                    Mask::Causal => keys.start..keys.end.min(rows.end),
                };
                if visible.is_empty() {
                    continue;
                }
                let range = panel * panel_size..(panel + 1) * panel_size;
                let scores = &mut scores[..visible.len() * PANEL];
                self.score(head, visible.clone(), &packed[range.clone()], scores);
                if self.mask == Mask::Causal {
                    hide_later_keys(visible.clone(), rows, scores);
                }
                let kept = softmax.advance(self.isa, scores);
                self.accumulate(scores, values, &kept, &mut sums[range]);
            }
        }
        for (panel, softmax) in softmaxes.iter().enumerate().take(panels) {
            let sums = &mut sums[panel * panel_size..(panel + 1) * panel_size];
            self.store(head, rows_of(panel), softmax.sums(), sums);
        }
    }

    /// Queries as a panel, `[dim][query]`, already divided by `sqrt(dim)`.
    fn pack_queries(&self, head: usize, rows: Range<usize>, packed: &mut [f32]) {
        let dim = self.heads.dim;
        let scale = 1.0 / (dim as f32).sqrt();
        packed.fill(0.0);
        for (lane, row) in rows.enumerate() {
            let at = row * self.heads.qkv_width() + head * dim;
            for (column, value) in packed.chunks_mut(PANEL).zip(&self.qkv[at..at + dim]) {
                column[lane] = value * scale;
            }
        }
    }

    /// Where the key (`kind` 0) or value (1) of query head `head` starts in a fused row.
    fn column(&self, kind: usize, head: usize) -> usize {
        let Heads { query, kv, dim } = self.heads;
        (query + kind * kv + head / (query / kv)) * dim
    }

    /// Values of a block of keys, each filled up to whole panels.
    fn copy_values(&self, head: usize, keys: Range<usize>, values: &mut [f32]) {
        let (column, dim) = (self.column(1, head), self.heads.dim);
        for (key, value) in keys.zip(values.chunks_mut(self.width)) {
            let at = key * self.heads.qkv_width() + column;
            let (value, filling) = value.split_at_mut(dim);
            value.copy_from_slice(&self.qkv[at..at + dim]);
            filling.fill(0.0);
        }
    }

    /// `scores[key][query]`.
    fn score(&self, head: usize, keys: Range<usize>, queries: &[f32], scores: &mut [f32]) {
        let stride = self.heads.qkv_width();
        let data = &self.qkv[keys.start * stride + self.column(0, head)..];
        let vectors = Vectors { data, count: keys.len(), stride, step: 1 };
        let panel = Panel { data: queries, step: PANEL };
        multiply(self.isa, self.heads.dim, panel, vectors, scores, Into::Store);
    }

    /// Keeps the share `kept` of what was summed and adds `scores` times `values`.
    fn accumulate(&self, scores: &[f32], values: &[f32], kept: &[f32; PANEL], sums: &mut [f32]) {
        let shrinks = kept.iter().any(|&share| share != 1.0);
        for (column, sums) in sums.chunks_mut(PANEL * PANEL).enumerate() {
            if shrinks {
                for (sums, share) in sums.as_chunks_mut::<PANEL>().0.iter_mut().zip(kept) {
                    sums.iter_mut().for_each(|sum| *sum *= share);
                }
            }
            let panel = Panel { data: &values[column * PANEL..], step: self.width };
            let vectors = Vectors { data: scores, count: PANEL, stride: 1, step: PANEL };
            multiply(self.isa, scores.len() / PANEL, panel, vectors, sums, Into::Add);
        }
    }

    /// Divides by the sums of the softmax and writes the rows of one panel.
    fn store(&self, head: usize, rows: Range<usize>, totals: &[f32; PANEL], sums: &mut [f32]) {
        let dim = self.heads.dim;
        for (lane, row) in rows.enumerate() {
            for (column, sums) in sums.chunks_mut(PANEL * PANEL).enumerate() {
                let width = PANEL.min(dim - column * PANEL);
                let values = &mut sums[lane * PANEL..lane * PANEL + width];
                values.iter_mut().for_each(|value| *value /= totals[lane]);
                let first = head * dim + column * PANEL;
                // SAFETY: tasks differ in rows or in heads, and heads in columns.
                unsafe { self.out.part(row, first..first + width) }.store(self.isa, values);
            }
        }
    }
}

/// Removes from a triangle of scores the keys after the query's own row.
fn hide_later_keys(keys: Range<usize>, queries: Range<usize>, scores: &mut [f32]) {
    for (key, scores) in keys.zip(scores.as_chunks_mut::<PANEL>().0) {
        let earlier = key.saturating_sub(queries.start).min(PANEL);
        scores[..earlier].fill(f32::NEG_INFINITY);
    }
}
