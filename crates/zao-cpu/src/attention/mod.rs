//! Attention: for some queries of one head, one pass over the keys with a running softmax.
//!
//! Scores lie transposed, `[key][query]`, so that the softmax of 32 queries is vertical arithmetic.
//! Scratch memory does not grow with the sequence. Blocks of queries and keys start at the segment's
//! first row, so nothing depends on what else is in the batch. What numbers are multiplied as is
//! [`operands`]'s business, and where the keys and values of all tasks lie that of [`packed`].

#![allow(unsafe_code, reason = "tasks write different parts of one tensor at once")]

mod operands;
mod packed;
mod shorts;
mod softmax;

use std::ops::Range;

use zao_backend::op::{Attention, Heads, Mask};
use zao_backend::{Element, Result};

use crate::device::Cpu;
use crate::isa::Isa;
use crate::kernel::PANEL;
use crate::quantise::GROUP;
use crate::threads::Work;
use crate::view::{Elements, Shared};
use operands::{Format, Keys, Queries, Source, Values, Weights};
use packed::{Blocks, Packed};
use softmax::Softmax;

/// Keys that are scored at a time.
const KEYS: usize = 256;
/// Values of the queries of a task: they share the keys and values of a block while it is in L2.
const QUERY_VALUES: usize = 1 << 16;
/// Most `f32` values of packed keys and values at a time: those of a few heads at least, so that tasks
/// outnumber threads.
const PACKED: usize = 1 << 24;

/// `softmax(q k^T / sqrt(dim)) v` for each segment and head.
///
/// Keys and values are packed once, for as many heads as [`PACKED`] allows; then tasks take some
/// queries each and read them.
pub(crate) fn attention(cpu: &Cpu, op: Attention<'_, Cpu>) -> Result<()> {
    let Elements::F32(qkv) = Elements::of(op.qkv) else {
        return Err(Cpu::unsupported("attention", format!("{:?}; f32 is", op.qkv)));
    };
    let (heads, mask) = (op.heads, op.mask);
    let together = heads_together(heads, op.out.element());
    let longest = op.segments.iter().map(|segment| segment.len()).max().unwrap_or(0);
    let rows = op.segments.rows();
    let format = Format::of(cpu.isa, op.out.element(), mask, heads);
    let source = Source { qkv, heads };
    let shape = Shape {
        isa: cpu.isa,
        source,
        format,
        mask,
        together,
        step: queries(heads, longest, rows * heads.query / together, cpu.threads.count()),
        width: heads.dim.next_multiple_of(PANEL),
        out: Shared::of(op.out),
    };
    let products: usize = op.segments.iter().map(|s| s.len() * s.len() * heads.out_width()).sum();
    let work = Work::of_elements(products / 8);
    let blocks = Blocks::of(op.segments, format, heads.dim);
    let at_once = PACKED / blocks.values().max(1) * (heads.query / heads.kv) / together * together;
    for first in (0..heads.query).step_by(at_once.max(together)) {
        let some = first..(first + at_once.max(together)).min(heads.query);
        let kv = heads.shared(some.start)..heads.shared(some.end - 1) + 1;
        cpu.threads.with_shared(kv.len() * blocks.values(), |packed| {
            let of_blocks = blocks.split(kv.clone(), packed);
            cpu.threads.for_each(work, 0, of_blocks, |(head, block, packed), _| {
                blocks.pack(cpu.isa, source, head, block, packed);
            })?;
            let packed = Packed { blocks: &blocks, first: kv.start, values: packed };
            let tasks = op.segments.iter().enumerate().flat_map(|(index, segment)| {
                some.clone().step_by(together).flat_map(move |head| {
                    let segment = segment.clone();
                    let starts = segment.clone().step_by(shape.step);
                    starts.map(move |start| (index, segment.clone(), head, start))
                })
            });
            cpu.threads.for_each(work, shape.scratch(), tasks, |task, scratch| {
                let (index, segment, head, start) = task;
                let queries = start..(start + shape.step).min(segment.end);
                shape.task(packed, (index, segment), head, queries, scratch);
            })
        })?;
    }
    Ok(())
}

/// How transformer heads are multiplied in 8 bits, where they are.
pub(crate) fn integers(isa: Isa) -> Option<&'static str> {
    Format::has_integers(isa)
        .then_some("scores of rotated bytes, values of 10 by weights of 14 bits")
}

/// Heads of a task: as many as make whole groups of a quantised output.
fn heads_together(heads: Heads, out: Element) -> usize {
    match out {
        Element::Int8 => (1..heads.query)
            .find(|count| (count * heads.dim).is_multiple_of(GROUP))
            .unwrap_or(heads.query)
            .max(1),
        Element::F32 | Element::Bf16 | Element::Fp8 | Element::U8 => 1,
    }
}

/// Queries of a task, whole panels of them: many, because a block of keys is fetched once for all of
/// them, but a few tasks for every thread, and about as many in each task. The results do not depend
/// on it.
fn queries(heads: Heads, longest: usize, rows: usize, threads: usize) -> usize {
    let most = QUERY_VALUES / heads.dim.max(1);
    let shares = if threads > 1 { 4 * threads } else { 1 };
    let most = most.min(rows.div_ceil(shares)).max(1);
    let even = longest.div_ceil(longest.div_ceil(most).max(1));
    even.max(1).next_multiple_of(PANEL)
}

/// What the tasks share.
struct Shape<'a> {
    isa: Isa,
    source: Source<'a>,
    format: Format,
    mask: Mask,
    /// Heads of a task.
    together: usize,
    /// Most queries of a task.
    step: usize,
    /// Width of a head, filled up to whole panels.
    width: usize,
    out: Shared<'a>,
}

impl Shape<'_> {
    /// `f32` values of scratch that a task needs.
    fn scratch(&self) -> usize {
        let (dim, panels) = (self.source.heads.dim, self.step / PANEL);
        self.together * self.step * self.width
            + panels * Queries::scratch(self.format, dim)
            + Weights::scratch(self.format)
            + KEYS * PANEL
    }

    /// Attention of the rows `queries` of a segment in the heads of a task from `head` on.
    fn task(
        &self,
        packed: Packed<'_>,
        (index, segment): (usize, Range<usize>),
        head: usize,
        queries: Range<usize>,
        scratch: &mut [f32],
    ) {
        let heads = head..(head + self.together).min(self.source.heads.query);
        let of_head = self.step * self.width;
        let (results, scratch) = scratch.split_at_mut(self.together * of_head);
        for (head, results) in heads.clone().zip(results.chunks_mut(of_head)) {
            let blocks = packed.of(self.source.heads.shared(head), index, &segment);
            self.head(blocks, head, &queries, results, scratch);
        }
        self.store(heads, queries, results);
    }

    /// Attention in one head; `results` are `[panel of queries][panel of columns][query][column]`.
    fn head<'p>(
        &self,
        blocks: impl Iterator<Item = (Range<usize>, Keys<'p>, Values<'p>)>,
        head: usize,
        queries: &Range<usize>,
        results: &mut [f32],
        scratch: &mut [f32],
    ) {
        let dim = self.source.heads.dim;
        let panel_size = PANEL * self.width;
        let panels = queries.len().div_ceil(PANEL);
        let rows_of = |panel: usize| {
            let start = queries.start + panel * PANEL;
            start..(start + PANEL).min(queries.end)
        };
        let (scores, scratch) = scratch.split_at_mut(KEYS * PANEL);
        let (weights, packed) = scratch.split_at_mut(Weights::scratch(self.format));
        let mut weights = Weights::new(self.format, weights);
        let packed = packed.chunks_mut(Queries::scratch(self.format, dim)).take(panels);
        let packed: Vec<_> = packed
            .enumerate()
            .map(|(panel, scratch)| {
                Queries::pack(self.isa, self.format, self.source, head, rows_of(panel), scratch)
            })
            .collect();
        let mut softmaxes = vec![Softmax::new(); panels];
        results[..panels * panel_size].fill(0.0);
        for (block, keys, values) in blocks {
            if self.mask == Mask::Causal && block.start >= queries.end {
                break;
            }
            let of_panels = packed.iter().zip(&mut softmaxes).zip(results.chunks_mut(panel_size));
            for (panel, ((queries, softmax), sums)) in of_panels.enumerate() {
                let rows = rows_of(panel);
                let visible = match self.mask {
                    Mask::Full => block.clone(),
                    Mask::Causal => block.start..block.end.min(rows.end),
                };
                if visible.is_empty() {
                    continue;
                }
                let scores = &mut scores[..visible.len() * PANEL];
                keys.score(self.isa, queries, visible.len(), scores);
                if self.mask == Mask::Causal {
                    hide_later_keys(visible, rows, scores);
                }
                let kept = weights.take(self.isa, softmax, scores);
                if kept.iter().any(|&share| share != 1.0) {
                    shrink(self.isa, &kept, sums);
                }
                values.accumulate(self.isa, &weights, scores, sums);
            }
        }
        for (softmax, sums) in softmaxes.iter().zip(results.chunks_mut(panel_size)) {
            shrink(self.isa, &softmax.sums().map(|sum| 1.0 / sum), sums);
        }
    }

    /// Writes the rows of all heads of a task.
    fn store(&self, heads: Range<usize>, queries: Range<usize>, results: &[f32]) {
        let dim = self.source.heads.dim;
        let mut row_values = vec![0.0; heads.len() * dim];
        for (index, row) in queries.enumerate() {
            let (panel, lane) = (index / PANEL, index % PANEL);
            for (values, results) in
                row_values.chunks_mut(dim.max(1)).zip(results.chunks(self.step * self.width))
            {
                let panel = &results[panel * PANEL * self.width..];
                for (values, columns) in values.chunks_mut(PANEL).zip(panel.chunks(PANEL * PANEL)) {
                    copy_panel(&columns[lane * PANEL..][..values.len()], values);
                }
            }
            let columns = heads.start * dim..heads.end * dim;
            // SAFETY: tasks differ in rows or in heads, and heads in columns.
            unsafe { self.out.part(row, columns) }.store(self.isa, &row_values);
        }
    }
}

/// Copies at most a panel, nearly always a whole one: of that length compilers need no call.
#[inline]
fn copy_panel(from: &[f32], to: &mut [f32]) {
    match (from.first_chunk::<PANEL>(), to.first_chunk_mut::<PANEL>()) {
        (Some(from), Some(to)) => *to = *from,
        _ => to.copy_from_slice(from),
    }
}

/// Multiplies each query's sums with its factor.
fn shrink(isa: Isa, factors: &[f32; PANEL], sums: &mut [f32]) {
    isa.run(
        #[inline(always)]
        || {
            for columns in sums.chunks_exact_mut(PANEL * PANEL) {
                for (sums, factor) in columns.as_chunks_mut::<PANEL>().0.iter_mut().zip(factors) {
                    sums.iter_mut().for_each(|sum| *sum *= factor);
                }
            }
        },
    );
}

/// Removes from a triangle of scores the keys after the query's own row.
fn hide_later_keys(keys: Range<usize>, queries: Range<usize>, scores: &mut [f32]) {
    for (key, scores) in keys.zip(scores.as_chunks_mut::<PANEL>().0) {
        let earlier = key.saturating_sub(queries.start).min(PANEL);
        scores[..earlier].fill(f32::NEG_INFINITY);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tasks_suffice_for_the_threads_and_are_whole_panels() {
        let heads = |query, dim| Heads { query, kv: query, dim };
        for threads in [1, 2, 16] {
            for (heads, rows) in [(heads(30, 128), 4160), (heads(1, 512), 4096), (heads(2, 48), 5)]
            {
                let step = queries(heads, rows, rows * heads.query, threads);
                assert!(
                    step.is_multiple_of(PANEL)
                        && step * heads.dim <= QUERY_VALUES + PANEL * heads.dim
                );
                let tasks = heads.query * rows.div_ceil(step);
                assert!(threads == 1 || tasks >= threads.min(rows / PANEL), "{tasks} tasks");
            }
        }
    }

    #[test]
    fn heads_fill_the_groups_of_a_quantised_output() {
        let heads = |query, dim| Heads { query, kv: query, dim };
        assert_eq!(heads_together(heads(30, 128), Element::Int8), GROUP / 128);
        assert_eq!(heads_together(heads(30, 128), Element::Bf16), 1);
        assert_eq!(heads_together(heads(4, 256), Element::Int8), GROUP / 256);
        assert_eq!(heads_together(heads(5, 48), Element::Int8), 5);
    }
}
