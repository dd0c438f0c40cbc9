//! Matrices in quantised blocks: GGML's, as GGUF files hold them, and zao's own int4. What kinds there are, and
//! the bytes of a tensor with its kind and shape. Nothing is multiplied here; a device takes the blocks as they lie, or
//! asks for their values. Only int4 is made here, too.

mod int4;
mod spread;
mod unpack;

use std::ops::Range;

use bytes::Bytes;

pub(crate) use self::unpack::from_half;

/// How a block holds its values. The names are GGML's, but for the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "the names are GGML's own; `unpack` tells each one's layout")]
pub enum BlockKind {
    Q4_0,
    Q4_1,
    Q5_0,
    Q5_1,
    Q8_0,
    Q2K,
    Q3K,
    Q4K,
    Q5K,
    Q6K,
    /// What `zao convert --to int4` writes: 64 values of four bits, and one scale.
    Int4,
}

impl BlockKind {
    /// Those of GGUF files.
    pub const GGML: [Self; 10] = [
        Self::Q4_0,
        Self::Q4_1,
        Self::Q5_0,
        Self::Q5_1,
        Self::Q8_0,
        Self::Q2K,
        Self::Q3K,
        Self::Q4K,
        Self::Q5K,
        Self::Q6K,
    ];

    /// Values of one block.
    #[must_use]
    #[inline]
    pub const fn values(self) -> usize {
        match self {
            Self::Q4_0 | Self::Q4_1 | Self::Q5_0 | Self::Q5_1 | Self::Q8_0 => 32,
            Self::Int4 => 64,
            Self::Q2K | Self::Q3K | Self::Q4K | Self::Q5K | Self::Q6K => 256,
        }
    }

    /// Bytes of one block.
    #[must_use]
    #[inline]
    pub const fn bytes(self) -> usize {
        match self {
            Self::Q4_0 => 18,
            Self::Q4_1 => 20,
            Self::Q5_0 => 22,
            Self::Q5_1 => 24,
            Self::Q8_0 | Self::Int4 => 34,
            Self::Q2K => 84,
            Self::Q3K => 110,
            Self::Q4K => 144,
            Self::Q5K => 176,
            Self::Q6K => 210,
        }
    }

    /// Where in a block the `f16` lie that its values are multiples of.
    const fn factors(self) -> &'static [usize] {
        match self {
            Self::Q4_0 | Self::Q5_0 | Self::Q8_0 | Self::Int4 => &[0],
            Self::Q4_1 | Self::Q5_1 | Self::Q4K | Self::Q5K => &[0, 2],
            Self::Q2K => &[80, 82],
            Self::Q3K => &[108],
            Self::Q6K => &[208],
        }
    }

    /// The index of the first value of the first of some blocks whose values are not all finite, if there is one.
    #[must_use]
    pub fn first_non_finite(self, blocks: &[u8]) -> Option<usize> {
        let infinite = |block: &[u8], at: usize| block[at + 1] & 0x7c == 0x7c;
        let bad = |block: &[u8]| self.factors().iter().any(|&at| infinite(block, at));
        Some(blocks.chunks_exact(self.bytes()).position(bad)? * self.values())
    }

    /// What a user calls it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Q4_0 => "Q4_0",
            Self::Q4_1 => "Q4_1",
            Self::Q5_0 => "Q5_0",
            Self::Q5_1 => "Q5_1",
            Self::Q8_0 => "Q8_0",
            Self::Q2K => "Q2_K",
            Self::Q3K => "Q3_K",
            Self::Q4K => "Q4_K",
            Self::Q5K => "Q5_K",
            Self::Q6K => "Q6_K",
            Self::Int4 => "int4",
        }
    }
}

impl std::fmt::Display for BlockKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// A matrix `[rows, columns]` of quantised blocks, shared without copying. Rows lie one after the other,
/// each of whole blocks.
#[derive(Clone, Debug)]
pub struct Blocks {
    kind: BlockKind,
    shape: [usize; 2],
    bytes: Bytes,
}

impl Blocks {
    /// Wraps `bytes`; `None` when a row is not whole blocks, or their number is not that of `shape`, or
    /// cannot be counted.
    #[must_use]
    pub fn new(kind: BlockKind, shape: [usize; 2], bytes: Bytes) -> Option<Self> {
        let [rows, columns] = shape;
        if !columns.is_multiple_of(kind.values()) {
            return None;
        }
        // Its values, too, can be counted; a matrix without any may claim any number of rows.
        size_of::<f32>().checked_mul(rows)?.checked_mul(columns)?;
        let row = (columns / kind.values()).checked_mul(kind.bytes())?;
        (row.checked_mul(rows)? == bytes.len()).then_some(Self { kind, shape, bytes })
    }

    /// How its blocks hold values.
    #[must_use]
    pub fn kind(&self) -> BlockKind {
        self.kind
    }

    /// `[rows, columns]`.
    #[must_use]
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// The blocks.
    #[must_use]
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// Bytes of one row.
    #[must_use]
    pub fn row_bytes(&self) -> usize {
        self.shape[1] / self.kind.values() * self.kind.bytes()
    }

    /// Some of its rows, as a matrix that shares the bytes; `None` when there are not so many.
    #[must_use]
    pub fn rows(&self, rows: Range<usize>) -> Option<Self> {
        if rows.start > rows.end || rows.end > self.shape[0] {
            return None;
        }
        let bytes = self.bytes.slice(rows.start * self.row_bytes()..rows.end * self.row_bytes());
        Some(Self { kind: self.kind, shape: [rows.len(), self.shape[1]], bytes })
    }

    /// The values of the rows from `first` on, as many as `out` has room for. Each is what the `gguf`
    /// package of Python gives, bit for bit.
    ///
    /// # Panics
    /// When `out` is not whole rows, or there are not so many.
    pub fn widen(&self, first: usize, out: &mut [f32]) {
        let columns = self.shape[1];
        if out.is_empty() {
            return;
        }
        assert!(out.len().is_multiple_of(columns), "whole rows are widened");
        let start = first * self.row_bytes();
        let bytes = &self.bytes[start..start + out.len() / columns * self.row_bytes()];
        unpack::unpack(self.kind, bytes, out);
    }

    /// The values of row `row` from column `first` on, as many as `out` has room for: whole blocks. They are those
    /// of [`Self::widen`]. It is inlined, so that the loops get the instructions that its caller is compiled for.
    ///
    /// # Panics
    /// When `first` or the length of `out` is not a multiple of a block, or the row has not so many columns.
    #[inline(always)]
    pub fn widen_part(&self, row: usize, first: usize, out: &mut [f32]) {
        let (values, size) = (self.kind.values(), self.kind.bytes());
        assert!(
            first.is_multiple_of(values)
                && out.len().is_multiple_of(values)
                && first + out.len() <= self.shape[1],
            "whole blocks are widened"
        );
        let start = row * self.row_bytes() + first / values * size;
        unpack::unpack(self.kind, &self.bytes[start..start + out.len() / values * size], out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_whole_blocks_and_sizes_must_fit() {
        let blocks =
            |shape, bytes: usize| Blocks::new(BlockKind::Q8_0, shape, vec![0; bytes].into());
        assert!(blocks([2, 64], 2 * 2 * 34).is_some());
        assert!(blocks([2, 64], 2 * 2 * 34 - 1).is_none());
        assert!(blocks([4, 33], 4 * 34).is_none());
        assert!(blocks([usize::MAX, usize::MAX - 31], 0).is_none());
        assert!(blocks([0, 32], 0).is_some());
        assert!(blocks([usize::MAX / 2, 0], 0).is_none());
    }

    #[test]
    fn int4_is_a_scale_and_sixty_four_halves_of_bytes() {
        let scale = half::f16::from_f32(0.5).to_le_bytes();
        let bytes: Vec<u8> = scale.into_iter().chain((0..32).map(|i| (i % 16) | 0x30)).collect();
        let blocks = Blocks::new(BlockKind::Int4, [1, 64], bytes.into()).unwrap();
        let mut values = [0.0; 64];
        blocks.widen(0, &mut values);
        assert_eq!(values[..3], [-4.0, -3.5, -3.0]);
        assert_eq!((values[31], values[32], values[63]), (3.5, -2.5, -2.5));
    }

    #[test]
    fn parts_of_rows_hold_the_values_of_rows() {
        for kind in BlockKind::GGML.into_iter().chain([BlockKind::Int4]) {
            let columns = 3 * kind.values();
            let bytes: Vec<u8> = (0..2 * 3 * kind.bytes()).map(|i| (i * 37 % 101) as u8).collect();
            let blocks = Blocks::new(kind, [2, columns], bytes.into()).unwrap();
            let mut rows = vec![0.0; 2 * columns];
            blocks.widen(0, &mut rows);
            let mut part = vec![0.0; 2 * kind.values()];
            blocks.widen_part(1, kind.values(), &mut part);
            let same = part.iter().zip(&rows[columns + kind.values()..]);
            assert!(same.clone().all(|(a, b)| a.to_bits() == b.to_bits()), "{kind}");
        }
    }

    #[test]
    fn a_block_is_not_finite_exactly_when_one_of_its_values_is_not() {
        for kind in BlockKind::GGML.into_iter().chain([BlockKind::Int4]) {
            let (size, count) = (kind.bytes(), kind.values());
            for at in (0..size).step_by(2) {
                // The second of two blocks that are ones all over has an infinity here.
                let mut bytes = vec![0x11; 2 * size];
                bytes[size + at..size + at + 2].copy_from_slice(&[0x00, 0x7c]);
                let blocks = Blocks::new(kind, [2, count], bytes.clone().into()).unwrap();
                let mut values = vec![0.0; 2 * count];
                blocks.widen(0, &mut values);
                let bad = values.iter().any(|value| !value.is_finite());
                assert_eq!(kind.first_non_finite(&bytes), bad.then_some(count), "{kind} {at}");
            }
        }
    }

    #[test]
    fn rows_share_bytes_and_values() {
        let bytes: Vec<u8> = (0..3 * 34).map(|i| i as u8 % 30).collect();
        let all = Blocks::new(BlockKind::Q8_0, [3, 32], bytes.into()).unwrap();
        let last = all.rows(1..3).unwrap();
        let (mut whole, mut part) = ([0.0; 96], [0.0; 64]);
        all.widen(0, &mut whole);
        last.widen(0, &mut part);
        assert_eq!(part, whole[32..]);
        let mut middle = [0.0; 32];
        all.widen(1, &mut middle);
        assert_eq!(middle, whole[32..64]);
        assert!(all.rows(2..4).is_none());
    }
}
