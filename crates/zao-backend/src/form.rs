//! What can be done with a stored matrix without knowing how it is stored: take some of its rows, call it
//! by another shape, ask for its values.

use std::ops::Range;

use half::bf16;

use crate::{Dtype, Form, Stored};

/// How many values are unpacked at a time: few enough to be still in the cache when they are stored.
const AT_A_TIME: usize = 1 << 14;

impl Form {
    /// Some rows of it (of its outermost dimension), sharing the bytes; `None` when there are not so many
    /// or they cannot be had one by one.
    #[must_use]
    pub fn rows(&self, rows: Range<usize>) -> Option<Self> {
        match self {
            Self::Dense(stored) => {
                let (&count, rest) = stored.shape().split_first()?;
                if rows.start > rows.end || rows.end > count {
                    return None;
                }
                let size = stored.dtype().size();
                let row = rest.iter().try_fold(size, |bytes, &size| bytes.checked_mul(size))?;
                let bytes = stored.bytes().slice(rows.start * row..rows.end * row);
                let shape = [&[rows.len()], rest].concat();
                Stored::new(stored.dtype(), shape, bytes).map(Self::Dense)
            }
            Self::Blocks(blocks) => blocks.rows(rows).map(Self::Blocks),
            Self::Scaled(scaled) => scaled.rows(rows).map(Self::Scaled),
            Self::LowRank(both) => both.rows(rows).map(Self::LowRank),
            Self::Int8Panels(_) | Self::Hollow(_) => None,
        }
    }

    /// The same values as a tensor of another shape; `None` when that has not as many, or what is stored
    /// has one shape only.
    #[must_use]
    pub fn reshaped(self, shape: &[usize]) -> Option<Self> {
        if self.shape() == shape {
            return Some(self);
        }
        match self {
            Self::Dense(stored) => {
                let bytes = stored.bytes().clone();
                Stored::new(stored.dtype(), shape.to_vec(), bytes).map(Self::Dense)
            }
            _ => None,
        }
    }

    /// Whether it holds values that [`Self::unpacked`] has to compute.
    #[must_use]
    pub fn is_packed(&self) -> bool {
        matches!(self, Self::Blocks(_) | Self::Scaled(_) | Self::LowRank(_))
    }

    /// The first value of a [packed](Self::is_packed) form that is NaN or infinite, and its index, if there is one; `None` for other
    /// forms. Blocks are looked through without unpacking them; beside a low-rank matrix, only the rest is.
    #[must_use]
    pub fn packed_non_finite(&self) -> Option<(usize, f32)> {
        let &[_, columns] = self.shape() else { return None };
        let near = match self {
            Self::Blocks(blocks) => blocks.kind().first_non_finite(blocks.bytes())?,
            Self::Scaled(scaled) => {
                let element = scaled.kind().first_non_finite(scaled.bytes());
                let scale = scaled.scales().iter().position(|scale| !scale.is_finite());
                [element, scale.map(|row| row * columns)].into_iter().flatten().min()?
            }
            Self::LowRank(both) => return both.rest().packed_non_finite(),
            Self::Dense(_) | Self::Int8Panels(_) | Self::Hollow(_) => return None,
        };
        let row = near.checked_div(columns)?;
        let Self::Dense(stored) = self.rows(row..row + 1)?.unpacked(Dtype::F32) else {
            return None;
        };
        let values = stored.to_f32();
        let at = values.iter().position(|value| !value.is_finite())?;
        Some((row * columns + at, values[at]))
    }

    /// The values of [packed](Self::is_packed) blocks, in `f32` or rounded to bf16; all others as they are.
    /// Nothing is unpacked to f16, whose range is too small for weights of this model: that gives `f32`, too.
    #[must_use]
    pub fn unpacked(self, dtype: Dtype) -> Self {
        let &[rows, columns] = self.shape() else { return self };
        match &self {
            Self::Blocks(_) | Self::Scaled(_) => {
                Self::unpacked_by([rows, columns], dtype, |first, out| self.widen_rows(first, out))
            }
            Self::LowRank(both) if !matches!(both.rest(), Self::Hollow(_)) => {
                Self::unpacked_by([rows, columns], dtype, both.clone().widening())
            }
            Self::LowRank(_) | Self::Dense(_) | Self::Int8Panels(_) | Self::Hollow(_) => self,
        }
    }

    /// The dense matrix of which `unpack` writes rows from one on.
    fn unpacked_by(
        [rows, columns]: [usize; 2],
        dtype: Dtype,
        unpack: impl Fn(usize, &mut [f32]),
    ) -> Self {
        // A matrix without values may claim any number of rows.
        let filled = if columns == 0 { 0 } else { rows };
        let at_a_time = (AT_A_TIME / columns.max(1)).max(1);
        let mut values = vec![0.0; at_a_time.min(filled) * columns];
        let row = columns * if dtype == Dtype::Bf16 { 2 } else { 4 };
        let mut bytes = vec![0; filled * row];
        for first in (0..filled).step_by(at_a_time) {
            let count = at_a_time.min(filled - first);
            let values = &mut values[..count * columns];
            unpack(first, values);
            let bytes = &mut bytes[first * row..(first + count) * row];
            if dtype == Dtype::Bf16 {
                for (to, value) in bytes.as_chunks_mut().0.iter_mut().zip(values) {
                    *to = bf16::from_f32(*value).to_le_bytes();
                }
            } else {
                for (to, value) in bytes.as_chunks_mut().0.iter_mut().zip(values) {
                    *to = value.to_le_bytes();
                }
            }
        }
        let dtype = if dtype == Dtype::Bf16 { dtype } else { Dtype::F32 };
        let stored = Stored::new(dtype, vec![rows, columns], bytes.into());
        Self::Dense(stored.expect("every value was unpacked"))
    }

    /// Writes the values of whole rows from row `first` on; zeros for what has none that can be had by rows.
    pub(crate) fn widen_rows(&self, first: usize, out: &mut [f32]) {
        match self {
            Self::Dense(stored) => {
                let columns = stored.len().checked_div(stored.shape()[0]).unwrap_or(0);
                stored.widen(first * columns, out);
            }
            Self::Blocks(blocks) => blocks.widen(first, out),
            Self::Scaled(scaled) => scaled.widen(first, out),
            Self::LowRank(_) | Self::Int8Panels(_) | Self::Hollow(_) => out.fill(0.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::{BlockKind, Blocks, Scaled, ScaledKind};

    fn values(form: &Form) -> Vec<f32> {
        let Form::Dense(stored) = form else { panic!("{form:?}") };
        stored.to_f32()
    }

    #[test]
    fn packed_values_that_are_no_numbers_are_found_with_their_place() {
        let mut bytes = vec![1; 2 * 34];
        let blocks = |bytes: &[u8]| {
            let bytes = Bytes::copy_from_slice(bytes);
            Form::Blocks(Blocks::new(BlockKind::Q8_0, [2, 32], bytes).unwrap())
        };
        assert_eq!(blocks(&bytes).packed_non_finite(), None);
        bytes[34..36].copy_from_slice(&[0x00, 0x7c]);
        assert_eq!(blocks(&bytes).packed_non_finite(), Some((32, f32::INFINITY)));

        let scaled = |element, scales: [f32; 2]| {
            let bytes = vec![1, 1, 1, element];
            Form::Scaled(
                Scaled::new(ScaledKind::E4m3, [2, 2], bytes.into(), scales.into()).unwrap(),
            )
        };
        assert_eq!(scaled(1, [1.0, 1.0]).packed_non_finite(), None);
        assert_eq!(scaled(0x7f, [1.0, 1.0]).packed_non_finite().unwrap().0, 3);
        assert_eq!(scaled(1, [1.0, f32::NEG_INFINITY]).packed_non_finite().unwrap().0, 2);
        let empty = Scaled::new(ScaledKind::E4m3, [1, 0], Bytes::new(), vec![f32::NAN]).unwrap();
        assert_eq!(Form::Scaled(empty).packed_non_finite(), None);
    }

    #[test]
    fn rows_of_every_kind_hold_the_same_values() {
        let bytes: Vec<u8> = (0..4 * 34).map(|i| (i * 7 % 60) as u8).collect();
        let blocks = Blocks::new(BlockKind::Q8_0, [4, 32], bytes.clone().into()).unwrap();
        let scales = vec![1.0, 2.0, 3.0, 4.0];
        let scaled = Scaled::new(ScaledKind::E4m3, [4, 34], bytes.into(), scales).unwrap();
        let dense = Stored::from_f32(
            &[4, 2, 2],
            &[0., 1., 2., 3., 4., 5., 6., 7., 8., 9., 10., 11., 12., 13., 14., 15.],
        );
        for form in [Form::Blocks(blocks), Form::Scaled(scaled), Form::Dense(dense)] {
            let whole = values(&form.clone().unpacked(Dtype::F32));
            let part = form.rows(1..3).unwrap();
            assert_eq!(part.shape()[0], 2);
            let row = whole.len() / 4;
            assert_eq!(values(&part.unpacked(Dtype::F32)), whole[row..3 * row]);
            assert!(form.rows(3..5).is_none());
        }
    }

    #[test]
    fn many_rows_are_unpacked_in_turns_and_rounded_when_asked() {
        let rows = 2 * AT_A_TIME / 32 + 1;
        let bytes: Vec<u8> = (0..rows * 34).map(|i| (i % 59) as u8).collect();
        let form = Form::Blocks(Blocks::new(BlockKind::Q8_0, [rows, 32], bytes.into()).unwrap());
        let exact = values(&form.clone().unpacked(Dtype::F32));
        let rounded = values(&form.unpacked(Dtype::Bf16));
        assert_eq!(exact.len(), rows * 32);
        assert!(exact.iter().zip(&rounded).all(|(e, r)| bf16::from_f32(*e).to_f32() == *r));
    }

    #[test]
    fn a_matrix_without_values_takes_no_time_whatever_it_claims() {
        let none = Blocks::new(BlockKind::Q8_0, [1 << 56, 0], Bytes::new()).unwrap();
        let Form::Dense(stored) = Form::Blocks(none).unpacked(Dtype::F32) else { unreachable!() };
        assert!(stored.is_empty());
        let none = Stored::new(Dtype::F32, vec![0, usize::MAX, 2], Bytes::new()).unwrap();
        assert!(Form::Dense(none).rows(0..0).is_none(), "a row has more bytes than can be counted");
    }

    #[test]
    fn another_shape_has_as_many_values() {
        let dense = || Form::Dense(Stored::from_f32(&[2, 3, 1, 1], &[0.0; 6]));
        assert_eq!(dense().reshaped(&[2, 3]).unwrap().shape(), [2, 3]);
        assert!(dense().reshaped(&[2, 2]).is_none());
        assert!(Form::Hollow(vec![2]).reshaped(&[1, 2]).is_none());
        assert!(Form::Hollow(vec![2]).reshaped(&[2]).is_some());
    }
}
