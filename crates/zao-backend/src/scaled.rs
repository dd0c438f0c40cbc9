//! Matrices in 8 bits a value beside scales in `f32`, as ComfyUI stores them: fp8, or integers whose rows
//! may be rotated. Nothing is multiplied here; a device takes the bytes as they lie, or asks for their
//! values.

mod e4m3;

use std::ops::Range;

use bytes::Bytes;

use crate::blocks::from_half;

/// What the bytes of a [`Scaled`] matrix are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ScaledKind {
    /// Floating point with 4 bits of exponent and 3 of mantissa; no infinities, largest value 448.
    E4m3,
    /// Floating point with 5 bits of exponent and 2 of mantissa: the upper half of an `f16`.
    E5m2,
    /// Signed integers.
    Int8 {
        /// How many inputs at a time each row was multiplied with the [regular Hadamard matrix](rotate) of
        /// that size before it was rounded, if it was: a power of 4.
        rotated: Option<usize>,
    },
}

impl ScaledKind {
    /// What a user calls it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::E4m3 => "fp8 e4m3",
            Self::E5m2 => "fp8 e5m2",
            Self::Int8 { rotated: None } => "int8 scaled",
            Self::Int8 { rotated: Some(_) } => "int8 rotated",
        }
    }

    /// The index of the first of some elements that is NaN or infinite, if there is one.
    #[must_use]
    pub fn first_non_finite(self, bytes: &[u8]) -> Option<usize> {
        match self {
            Self::E4m3 => bytes.iter().position(|byte| byte & 0x7f == 0x7f),
            Self::E5m2 => bytes.iter().position(|byte| byte & 0x7c == 0x7c),
            Self::Int8 { .. } => None,
        }
    }
}

/// A matrix `[rows, columns]` whose values are its elements times a scale: one of all, or one a row.
#[derive(Clone, Debug)]
pub struct Scaled {
    kind: ScaledKind,
    shape: [usize; 2],
    bytes: Bytes,
    scales: Vec<f32>,
}

impl Scaled {
    /// Wraps `bytes`; `None` when their number is not that of `shape`, there is not one scale or one a row,
    /// or rows are not whole rotations by a power of 4.
    #[must_use]
    pub fn new(
        kind: ScaledKind,
        shape: [usize; 2],
        bytes: Bytes,
        scales: Vec<f32>,
    ) -> Option<Self> {
        let [rows, columns] = shape;
        let whole = match kind {
            ScaledKind::Int8 { rotated: Some(size) } => {
                is_power_of_4(size) && columns.is_multiple_of(size)
            }
            _ => true,
        };
        // Its values, too, can be counted; a matrix without any may claim any number of rows.
        size_of::<f32>().checked_mul(rows)?.checked_mul(columns)?;
        let fits = rows.checked_mul(columns) == Some(bytes.len())
            && (scales.len() == 1 || scales.len() == rows)
            && whole;
        fits.then_some(Self { kind, shape, bytes, scales })
    }

    /// What its bytes are.
    #[must_use]
    pub fn kind(&self) -> ScaledKind {
        self.kind
    }

    /// `[rows, columns]`.
    #[must_use]
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// The elements, a byte each.
    #[must_use]
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// What elements are multiplied with: one scale, or one a row.
    #[must_use]
    pub fn scales(&self) -> &[f32] {
        &self.scales
    }

    /// Some of its rows, as a matrix that shares the bytes; `None` when there are not so many.
    #[must_use]
    pub fn rows(&self, rows: Range<usize>) -> Option<Self> {
        let [count, columns] = self.shape;
        if rows.start > rows.end || rows.end > count {
            return None;
        }
        let scales = match &self.scales[..] {
            [one] => vec![*one],
            each => each[rows.clone()].to_vec(),
        };
        let bytes = self.bytes.slice(rows.start * columns..rows.end * columns);
        Some(Self { kind: self.kind, shape: [rows.len(), columns], bytes, scales })
    }

    /// The values of the rows from `first` on, as many as `out` has room for, each rounded once to `f32`
    /// (rotated ones once a stage of the rotation).
    ///
    /// # Panics
    /// When `out` is not whole rows, or there are not so many.
    pub fn widen(&self, first: usize, out: &mut [f32]) {
        let columns = self.shape[1];
        if out.is_empty() {
            return;
        }
        assert!(out.len().is_multiple_of(columns), "whole rows are widened");
        for (row, out) in (first..).zip(out.chunks_mut(columns)) {
            self.widen_part(row, 0, out);
        }
    }

    /// The values of row `row` from column `first` on, as many as `out` has room for; of rotated rows whole
    /// rotations. They are those of [`Self::widen`]. It is inlined, so that the loops get the instructions that its
    /// caller is compiled for.
    ///
    /// # Panics
    /// When the row has not so many columns, or a rotation would be cut.
    #[inline(always)]
    pub fn widen_part(&self, row: usize, first: usize, out: &mut [f32]) {
        let columns = self.shape[1];
        assert!(first + out.len() <= columns, "a part lies in its row");
        let scale = self.scales[if self.scales.len() == 1 { 0 } else { row }];
        let bytes = &self.bytes[row * columns + first..][..out.len()];
        match self.kind {
            ScaledKind::E4m3 => each(bytes, scale, out, e4m3::widen),
            ScaledKind::E5m2 => each(bytes, scale, out, |byte| from_half(u16::from(byte) << 8)),
            ScaledKind::Int8 { .. } => each(bytes, scale, out, |byte| f32::from(byte as i8)),
        }
        if let ScaledKind::Int8 { rotated: Some(size) } = self.kind {
            assert!(
                first.is_multiple_of(size) && out.len().is_multiple_of(size),
                "whole rotations are undone"
            );
            out.chunks_mut(size).for_each(rotate);
        }
    }
}

#[inline(always)]
fn each(bytes: &[u8], scale: f32, out: &mut [f32], element: impl Fn(u8) -> f32) {
    for (value, byte) in out.iter_mut().zip(bytes) {
        *value = element(*byte) * scale;
    }
}

/// Multiplies with the regular Hadamard matrix, which is its own inverse: the Kronecker power, divided by
/// the root of its size, of the 4 x 4 matrix with -1 where row and column add up to 3 and 1 elsewhere.
///
/// ```text
///  1  1  1 -1
///  1  1 -1  1
///  1 -1  1  1
/// -1  1  1  1
/// ```
#[inline(always)]
pub fn rotate(values: &mut [f32]) {
    let mut stride = 1;
    while stride < values.len() {
        for block in values.chunks_mut(4 * stride) {
            for i in 0..stride {
                let four = [0, 1, 2, 3].map(|k| block[i + k * stride]);
                // A row of the matrix is all ones less twice one of them; halving each stage is the root.
                let half = 0.5 * (four[0] + four[1] + four[2] + four[3]);
                for k in 0..4 {
                    block[i + k * stride] = half - four[3 - k];
                }
            }
        }
        stride *= 4;
    }
}

fn is_power_of_4(size: usize) -> bool {
    size.is_power_of_two() && size.trailing_zeros().is_multiple_of(2)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(kind: ScaledKind, bytes: &[u8], scale: f32) -> Vec<f32> {
        let shape = [1, bytes.len()];
        let scaled = Scaled::new(kind, shape, bytes.to_vec().into(), vec![scale]).unwrap();
        let mut out = vec![0.0; bytes.len()];
        scaled.widen(0, &mut out);
        out
    }

    #[test]
    fn fp8_is_read_as_it_is_defined() {
        let bytes = [0x00, 0x80, 0x01, 0x08, 0x38, 0xb8, 0x7e, 0xfe];
        let expected = [0.0, -0.0, 2f32.powi(-9), 2f32.powi(-6), 1.0, -1.0, 448.0, -448.0];
        assert_eq!(values(ScaledKind::E4m3, &bytes, 1.0), expected);
        assert!(values(ScaledKind::E4m3, &[0x7f, 0xff], 1.0).iter().all(|v| v.is_nan()));
        let bytes = [0x00, 0x01, 0x3c, 0xbc, 0x7b];
        let expected = [0.0, 2f32.powi(-16), 1.0, -1.0, 57344.0];
        assert_eq!(values(ScaledKind::E5m2, &bytes, 1.0), expected);
        assert!(values(ScaledKind::E5m2, &[0x7c], 1.0)[0].is_infinite());
    }

    #[test]
    fn elements_that_are_no_numbers_are_found() {
        for kind in [ScaledKind::E4m3, ScaledKind::E5m2, ScaledKind::Int8 { rotated: None }] {
            for byte in 0..=255 {
                let bytes = [0, byte];
                let bad = !values(kind, &bytes, 1.0)[1].is_finite();
                assert_eq!(kind.first_non_finite(&bytes), bad.then_some(1), "{kind:?} {byte:#x}");
            }
        }
    }

    #[test]
    fn each_row_has_its_scale_or_all_have_one() {
        let kind = ScaledKind::Int8 { rotated: None };
        let bytes: Vec<u8> = vec![1, 2, 0xff, 0x80];
        let scaled = Scaled::new(kind, [2, 2], bytes.clone().into(), vec![0.5, 2.0]).unwrap();
        let mut out = [0.0; 4];
        scaled.widen(0, &mut out);
        assert_eq!(out, [0.5, 1.0, -2.0, -256.0]);
        let last = scaled.rows(1..2).unwrap();
        last.widen(0, &mut out[..2]);
        assert_eq!(out[..2], [-2.0, -256.0]);
        assert!(scaled.rows(1..3).is_none());
        assert_eq!(values(kind, &bytes, 3.0), [3.0, 6.0, -3.0, -384.0]);
    }

    #[test]
    fn what_does_not_fit_is_no_matrix() {
        let new = |kind, shape, scales: usize| {
            Scaled::new(kind, shape, vec![0; 32].into(), vec![1.0; scales])
        };
        let rotated = |size| ScaledKind::Int8 { rotated: Some(size) };
        assert!(new(rotated(16), [2, 16], 2).is_some());
        assert!(new(rotated(8), [2, 16], 2).is_none(), "8 is no power of 4");
        assert!(new(rotated(64), [2, 16], 2).is_none());
        assert!(new(rotated(0), [2, 16], 2).is_none());
        assert!(new(ScaledKind::E4m3, [2, 16], 3).is_none());
        assert!(new(ScaledKind::E4m3, [2, 15], 1).is_none());
        assert!(new(ScaledKind::E4m3, [usize::MAX, 2], 1).is_none());
    }

    #[test]
    fn the_rotation_is_the_kronecker_power_and_undoes_itself() {
        let four = |i: usize, j: usize| if i + j == 3 { -1.0 } else { 1.0 };
        let column = 9;
        let mut unit = [0.0; 16];
        unit[column] = 1.0;
        rotate(&mut unit);
        let expected: [f32; 16] =
            std::array::from_fn(|i| four(i / 4, column / 4) * four(i % 4, column % 4) / 4.0);
        assert_eq!(unit, expected);
        rotate(&mut unit);
        let back: [f32; 16] = std::array::from_fn(|i| f32::from(u8::from(i == column)));
        assert_eq!(unit, back);
    }
}
