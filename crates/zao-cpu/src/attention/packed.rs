//! Keys and values packed once for every task that reads them: how many blocks there are and where
//! each lies. How one is packed is not known here.

use std::ops::Range;

use zao_backend::Segments;

use super::KEYS;
use super::operands::{Format, Keys, Source, Values};
use crate::isa::Isa;

/// The blocks of keys of all segments, each beginning at its segment's first row.
pub(super) struct Blocks {
    format: Format,
    dim: usize,
    rows: Vec<Range<usize>>,
    /// Index of each segment's first block.
    firsts: Vec<usize>,
}

impl Blocks {
    pub(super) fn of(segments: &Segments, format: Format, dim: usize) -> Self {
        let (mut rows, mut firsts) = (Vec::new(), Vec::new());
        for segment in segments.iter() {
            firsts.push(rows.len());
            let starts = segment.clone().step_by(KEYS);
            rows.extend(starts.map(|start| start..(start + KEYS).min(segment.end)));
        }
        Self { format, dim, rows, firsts }
    }

    /// `f32` values that the blocks of one head take.
    pub(super) fn values(&self) -> usize {
        self.rows.len() * self.each()
    }

    fn each(&self) -> usize {
        Keys::size(self.format, self.dim) + Values::size(self.format, self.dim)
    }

    /// The blocks of some key heads with their places in `to`.
    pub(super) fn split<'a>(
        &'a self,
        heads: Range<usize>,
        to: &'a mut [f32],
    ) -> impl Iterator<Item = (usize, Range<usize>, &'a mut [f32])> + Send {
        let places = to.chunks_exact_mut(self.each());
        let blocks = heads.flat_map(|head| self.rows.iter().map(move |rows| (head, rows.clone())));
        blocks.zip(places).map(|((head, rows), place)| (head, rows, place))
    }

    /// Packs a block of a key head.
    pub(super) fn pack(
        &self,
        isa: Isa,
        source: Source<'_>,
        head: usize,
        rows: Range<usize>,
        to: &mut [f32],
    ) {
        let (keys, values) = to.split_at_mut(Keys::size(self.format, self.dim));
        Keys::pack(isa, self.format, source, head, rows.clone(), keys);
        Values::pack(isa, self.format, source, head, rows, values);
    }
}

/// The packed blocks of some key heads.
#[derive(Clone, Copy)]
pub(super) struct Packed<'a> {
    pub(super) blocks: &'a Blocks,
    /// The first of the heads.
    pub(super) first: usize,
    pub(super) values: &'a [f32],
}

impl<'a> Packed<'a> {
    /// The blocks of a key head in one segment, in order.
    pub(super) fn of(
        self,
        head: usize,
        index: usize,
        segment: &Range<usize>,
    ) -> impl Iterator<Item = (Range<usize>, Keys<'a>, Values<'a>)> {
        let Blocks { format, dim, .. } = *self.blocks;
        let first = self.blocks.firsts[index];
        let some = first..first + segment.len().div_ceil(KEYS);
        let start = (head - self.first) * self.blocks.values() + first * self.blocks.each();
        let places = self.values[start..].chunks_exact(self.blocks.each());
        self.blocks.rows[some].iter().zip(places).map(move |(rows, place)| {
            let (keys, values) = place.split_at(Keys::size(format, dim));
            (rows.clone(), Keys::packed(format, dim, keys), Values::packed(format, dim, values))
        })
    }
}
