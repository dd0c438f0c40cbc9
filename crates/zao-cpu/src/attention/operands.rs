//! Queries, keys, values and the weights of the softmax as the micro-kernels read them.
//!
//! In 8 bits, queries and keys are rotated and rounded row by row. The weights, which are numbers from
//! 0 to 1 of which most may be small, get 14 bits, and values, in columns of a block, 10: so many that
//! the sum over a block still fits into 32.

use std::ops::Range;

use half::bf16;
use zao_backend::Element;
use zao_backend::op::{Heads, Mask};

use super::softmax::Softmax;
use super::{KEYS, copy_panel, shorts};
use crate::isa::{Instructions, Isa};
use crate::kernel::{
    Floats, Integers, Into, Operands, PANEL, Panel, Scales, Vectors, multiply, multiply_scaled,
};
use crate::quantise::{self, Scale};

/// The largest value: `KEYS` products with a weight fit into 32 bits.
const LARGEST_VALUE: f32 = 511.0;
const _: () = assert!(KEYS as u64 * shorts::LARGEST_WEIGHT as u64 * 511 <= i32::MAX as u64);

/// What is multiplied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    F32,
    Bf16,
    /// Bytes for scores, shorts for sums of values.
    Int8,
}

impl Format {
    /// What suits an output that a matrix multiply reads in this type. Values in 8 bits share their
    /// scales with later ones, so behind a causal mask there are none; a head is one group.
    pub(super) fn of(isa: Isa, out: Element, mask: Mask, heads: Heads) -> Self {
        let fits = mask == Mask::Full && heads.dim <= Element::GROUP;
        let bytes = Self::has_integers(isa) && fits;
        match out {
            Element::Int8 if bytes => Self::Int8,
            Element::Bf16 | Element::Int8 if isa.multiplies_bf16() => Self::Bf16,
            Element::F32 | Element::Bf16 | Element::Int8 | Element::Fp8 | Element::U8 => Self::F32,
        }
    }

    /// Whether integers are faster than floating-point numbers: with the instructions of VNNI.
    pub(super) fn has_integers(isa: Isa) -> bool {
        let wide = matches!(isa.instructions(), Instructions::Avx512Bf16 | Instructions::Avx512);
        wide && isa.multiplies_bytes()
    }

    /// Words of a row of `dim` values.
    const fn words(self, dim: usize) -> usize {
        match self {
            Self::F32 => dim,
            Self::Bf16 => dim.div_ceil(2),
            Self::Int8 => dim.div_ceil(4),
        }
    }

    /// Words over the keys of a block.
    const fn key_words(self, keys: usize) -> usize {
        match self {
            Self::F32 => keys,
            Self::Bf16 | Self::Int8 => keys.div_ceil(2),
        }
    }
}

/// Where queries, keys and values come from.
#[derive(Clone, Copy)]
pub(super) struct Source<'a> {
    pub(super) qkv: &'a [f32],
    pub(super) heads: Heads,
}

impl<'a> Source<'a> {
    fn query(self, head: usize, row: usize) -> &'a [f32] {
        self.part(row, head)
    }

    fn key(self, head: usize, row: usize) -> &'a [f32] {
        self.part(row, self.heads.query + head)
    }

    fn value(self, head: usize, row: usize) -> &'a [f32] {
        self.part(row, self.heads.query + self.heads.kv + head)
    }

    fn part(self, row: usize, index: usize) -> &'a [f32] {
        let dim = self.heads.dim;
        &self.qkv[row * self.heads.qkv_width() + index * dim..][..dim]
    }
}

/// A row in the words of a format, zeros up to the last word's end, and its scale.
fn encode(isa: Isa, format: Format, row: &[f32], words: &mut [u32]) -> Scale {
    match format {
        Format::F32 => words.copy_from_slice(bytemuck::cast_slice(row)),
        Format::Bf16 => {
            let words: &mut [bf16] = bytemuck::cast_slice_mut(words);
            let (values, filling) = words.split_at_mut(row.len());
            isa.narrow(row, values);
            filling.fill(bf16::ZERO);
        }
        Format::Int8 => {
            let words: &mut [i8] = bytemuck::cast_slice_mut(words);
            let (integers, filling) = words.split_at_mut(row.len());
            filling.fill(0);
            return quantise::quantise_one(isa, row, integers);
        }
    }
    [1.0, 0.0]
}

/// A panel of queries, already divided by `sqrt(dim)`; in 8 bits, for powers of two instead of `e`.
pub(super) struct Queries<'a> {
    /// `[word][query]`; bytes are unsigned.
    words: &'a [u32],
    scales: [f32; PANEL],
}

impl<'a> Queries<'a> {
    pub(super) const fn scratch(format: Format, dim: usize) -> usize {
        format.words(dim) * PANEL
    }

    pub(super) fn pack(
        isa: Isa,
        format: Format,
        source: Source<'_>,
        head: usize,
        rows: Range<usize>,
        scratch: &'a mut [f32],
    ) -> Self {
        /// What makes bytes unsigned.
        const OFFSET: u32 = 0x8080_8080;
        let dim = source.heads.dim;
        let base = match format {
            Format::F32 | Format::Bf16 => 1.0,
            Format::Int8 => std::f32::consts::LOG2_E,
        };
        let root = base / (dim as f32).sqrt();
        let mut scales = [0.0; PANEL];
        let words: &mut [u32] = bytemuck::cast_slice_mut(scratch);
        words.fill(0);
        let (mut scaled, mut row_words) = (vec![0.0; dim], vec![0; format.words(dim)]);
        for (lane, row) in rows.enumerate() {
            for (scaled, value) in scaled.iter_mut().zip(source.query(head, row)) {
                *scaled = value * root;
            }
            [scales[lane], _] = encode(isa, format, &scaled, &mut row_words);
            for (column, word) in words.chunks_mut(PANEL).zip(&row_words) {
                column[lane] = *word;
            }
        }
        if format == Format::Int8 {
            words.iter_mut().for_each(|word| *word ^= OFFSET);
        }
        Self { words, scales }
    }
}

/// A block of keys, packed.
#[derive(Clone, Copy)]
pub(super) struct Keys<'a> {
    format: Format,
    /// `[key][word]`.
    words: &'a [u32],
    /// Words of a key.
    each: usize,
    starts: &'a [i32],
    scales: &'a [f32],
}

impl<'a> Keys<'a> {
    /// `f32` values that a packed block takes.
    pub(super) const fn size(format: Format, dim: usize) -> usize {
        KEYS * (format.words(dim) + 2)
    }

    /// Packs the keys of a block of the key head `head` into `to`.
    pub(super) fn pack(
        isa: Isa,
        format: Format,
        source: Source<'_>,
        head: usize,
        block: Range<usize>,
        to: &mut [f32],
    ) {
        /// What makes the bytes of queries unsigned.
        const OFFSET: f32 = 128.0;
        let (starts, to) = to.split_at_mut(KEYS);
        let (scales, words) = to.split_at_mut(KEYS);
        let starts: &mut [i32] = bytemuck::cast_slice_mut(starts);
        let words: &mut [u32] = bytemuck::cast_slice_mut(words);
        let each = format.words(source.heads.dim).max(1);
        let keys = words.chunks_mut(each).zip(starts.iter_mut().zip(scales));
        for (row, (words, (start, factor))) in block.zip(keys) {
            let [scale, sum] = encode(isa, format, source.key(head, row), words);
            (*start, *factor) = ((-OFFSET * sum) as i32, scale);
        }
    }

    /// What [`Keys::pack`] left.
    pub(super) fn packed(format: Format, dim: usize, from: &'a [f32]) -> Self {
        let (starts, from) = from.split_at(KEYS);
        let (scales, words) = from.split_at(KEYS);
        let (starts, words) = (bytemuck::cast_slice(starts), bytemuck::cast_slice(words));
        Self { format, words, each: format.words(dim), starts, scales }
    }

    /// `scores[key][query]` of the first `count` keys.
    pub(super) fn score(&self, isa: Isa, queries: &Queries<'_>, count: usize, scores: &mut [f32]) {
        let vectors = Vectors { data: self.words, count, stride: self.each, step: 1 };
        let panel = Panel { data: queries.words, step: PANEL };
        let operands = Operands { words: self.each, panel, vectors };
        match self.format {
            Format::F32 => multiply(isa, Floats::F32, operands, scores, Into::Store),
            Format::Bf16 => multiply(isa, Floats::Bf16, operands, scores, Into::Store),
            Format::Int8 => {
                let scales = Scales {
                    starts: self.starts,
                    rows: self.scales,
                    columns: Some(&queries.scales),
                };
                multiply_scaled(isa, Integers::Bytes, operands, scales, scores, Into::Store);
            }
        }
    }
}

/// The weights of a softmax, `[keys of a word][query]`. In `f32` they stay where the scores were.
pub(super) struct Weights<'a> {
    format: Format,
    words: &'a mut [u32],
}

impl<'a> Weights<'a> {
    /// `f32` values of scratch.
    pub(super) const fn scratch(format: Format) -> usize {
        match format {
            Format::F32 => 0,
            Format::Bf16 | Format::Int8 => format.key_words(KEYS) * PANEL,
        }
    }

    pub(super) fn new(format: Format, scratch: &'a mut [f32]) -> Self {
        Self { format, words: bytemuck::cast_slice_mut(scratch) }
    }

    /// Takes in the `scores[key][query]` of some keys, and says by how much the weights of earlier ones
    /// have shrunk meanwhile.
    pub(super) fn take(
        &mut self,
        isa: Isa,
        softmax: &mut Softmax,
        scores: &mut [f32],
    ) -> [f32; PANEL] {
        match self.format {
            Format::F32 => softmax.advance(isa, scores),
            Format::Bf16 => {
                let kept = softmax.advance(isa, scores);
                pair_rows(isa, scores, self.words, |weight| {
                    let bits = weight.to_bits();
                    // A weight is a number from 0 to 1.
                    bits.wrapping_add(0x7fff + (bits >> 16 & 1)) >> 16
                });
                kept
            }
            Format::Int8 => shorts::weigh(softmax, scores, self.words),
        }
    }
}

/// An integer of at most 16 bits nearest to `value`, ties to even, as its lower half.
#[inline(always)]
fn round(value: f32) -> u32 {
    /// Adding it leaves the integer in the low bits.
    const ROUND: f32 = 12_582_912.0;
    (value + ROUND).to_bits() & 0xffff
}

/// Rows of [`PANEL`] values as words of two rows, `half` of each, zeros beside an odd last one.
#[inline(always)]
fn pair_rows(isa: Isa, rows: &[f32], words: &mut [u32], half: impl Fn(f32) -> u32) {
    const NONE: [f32; PANEL] = [0.0; PANEL];
    isa.run(
        #[inline(always)]
        || {
            let (pairs, odd) = rows.as_chunks::<{ 2 * PANEL }>();
            let words = words.as_chunks_mut::<PANEL>().0;
            for (pair, words) in pairs.iter().zip(&mut *words) {
                for (lane, word) in words.iter_mut().enumerate() {
                    *word = half(pair[lane]) | half(pair[PANEL + lane]) << 16;
                }
            }
            if let Some(odd) = odd.first_chunk::<PANEL>() {
                for ((word, value), none) in words[pairs.len()].iter_mut().zip(odd).zip(&NONE) {
                    *word = half(*value) | half(*none) << 16;
                }
            }
        },
    );
}

/// A block of values, packed.
#[derive(Clone, Copy)]
pub(super) struct Values<'a> {
    format: Format,
    /// `[panel of columns][keys of a word][column]`.
    words: &'a [u32],
    /// A scale a column.
    scales: &'a [f32],
}

impl<'a> Values<'a> {
    /// `f32` values that a packed block takes.
    pub(super) const fn size(format: Format, dim: usize) -> usize {
        (format.key_words(KEYS) + 1) * dim.next_multiple_of(PANEL)
    }

    /// Packs the values of a block of the value head `head` into `to`.
    pub(super) fn pack(
        isa: Isa,
        format: Format,
        source: Source<'_>,
        head: usize,
        block: Range<usize>,
        to: &mut [f32],
    ) {
        let dim = source.heads.dim;
        let (scales, words) = to.split_at_mut(dim.next_multiple_of(PANEL));
        let words: &mut [u32] = bytemuck::cast_slice_mut(words);
        let mut rows = [0.0; KEYS * PANEL];
        let panels = words.chunks_mut(format.key_words(KEYS) * PANEL);
        for (first, (words, scales)) in
            (0..dim).step_by(PANEL).zip(panels.zip(scales.as_chunks_mut::<PANEL>().0))
        {
            let columns = first..(first + PANEL).min(dim);
            let rows = &mut rows[..block.len() * PANEL];
            for (row, values) in block.clone().zip(rows.as_chunks_mut::<PANEL>().0) {
                let (values, filling) = values.split_at_mut(columns.len());
                copy_panel(&source.value(head, row)[columns.clone()], values);
                filling.fill(0.0);
            }
            match format {
                Format::F32 => words[..rows.len()].copy_from_slice(bytemuck::cast_slice(rows)),
                Format::Bf16 => pair_rows(isa, rows, words, |value| {
                    u32::from(crate::isa::round_to_bf16(value).to_bits())
                }),
                Format::Int8 => {
                    let inverse = scale_columns(isa, rows, scales);
                    multiply_columns(isa, rows, &inverse);
                    pair_rows(isa, rows, words, round);
                }
            }
        }
    }

    /// What [`Values::pack`] left.
    pub(super) fn packed(format: Format, dim: usize, from: &'a [f32]) -> Self {
        let (scales, words) = from.split_at(dim.next_multiple_of(PANEL));
        Self { format, words: bytemuck::cast_slice(words), scales }
    }

    /// Adds the values in the proportions of `weights`, which are `scores` in `f32`, to `sums`,
    /// `[panel of columns][query][column]`.
    pub(super) fn accumulate(
        &self,
        isa: Isa,
        weights: &Weights<'_>,
        scores: &[f32],
        sums: &mut [f32],
    ) {
        let words = self.format.key_words(scores.len() / PANEL);
        let data = match self.format {
            Format::F32 => bytemuck::cast_slice(scores),
            Format::Bf16 | Format::Int8 => weights.words,
        };
        let vectors = Vectors { data, count: PANEL, stride: 1, step: PANEL };
        let panels = self.words.chunks(self.format.key_words(KEYS) * PANEL);
        let of_columns = panels.zip(self.scales.as_chunks::<PANEL>().0);
        for (sums, (data, columns)) in sums.chunks_mut(PANEL * PANEL).zip(of_columns) {
            let operands = Operands { words, panel: Panel { data, step: PANEL }, vectors };
            match self.format {
                Format::F32 => multiply(isa, Floats::F32, operands, sums, Into::Add),
                Format::Bf16 => multiply(isa, Floats::Bf16, operands, sums, Into::Add),
                Format::Int8 => {
                    let (starts, rows) = (&[0; PANEL], &[1.0; PANEL]);
                    let scales = Scales { starts, rows, columns: Some(columns) };
                    multiply_scaled(isa, Integers::Shorts, operands, scales, sums, Into::Add);
                }
            }
        }
    }
}

/// The scale of each column, which makes its largest value the largest integer, weights included;
/// returns what values are multiplied with before they are rounded.
fn scale_columns(isa: Isa, rows: &[f32], scales: &mut [f32; PANEL]) -> [f32; PANEL] {
    let mut largest = [0u32; PANEL];
    isa.run(
        #[inline(always)]
        || {
            for row in rows.as_chunks::<PANEL>().0 {
                for (largest, value) in largest.iter_mut().zip(row) {
                    *largest = (*largest).max(value.to_bits() & 0x7fff_ffff);
                }
            }
        },
    );
    let largest = largest.map(f32::from_bits);
    *scales = largest.map(|largest| largest / LARGEST_VALUE / shorts::LARGEST_WEIGHT);
    largest.map(|largest| if largest < 1e-30 { 0.0 } else { LARGEST_VALUE / largest })
}

fn multiply_columns(isa: Isa, rows: &mut [f32], factors: &[f32; PANEL]) {
    isa.run(
        #[inline(always)]
        || {
            for row in rows.as_chunks_mut::<PANEL>().0 {
                for (value, factor) in row.iter_mut().zip(factors) {
                    *value *= factor;
                }
            }
        },
    );
}
