//! A tensor as a checkpoint stores it: element type, shape and bytes, nothing decoded.
//!
//! Files become [`Stored`] tensors, devices take them in. This module does no arithmetic beyond
//! widening to `f32` and knows no file format.

use bytes::Bytes;
use half::{bf16, f16};

/// The element types that a dense checkpoint may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dtype {
    /// IEEE single precision.
    F32,
    /// IEEE half precision. Never computed in: the model's activations leave its range.
    F16,
    /// The upper half of an `f32`; what Z-Image is published in.
    Bf16,
}

impl Dtype {
    /// Bytes of one element.
    #[must_use]
    pub const fn size(self) -> usize {
        match self {
            Self::F32 => 4,
            Self::F16 | Self::Bf16 => 2,
        }
    }

    /// The index of the first of some little-endian elements that is NaN or infinite, if any.
    #[must_use]
    pub fn first_non_finite(self, bytes: &[u8]) -> Option<usize> {
        let (halves, words) = (bytes.as_chunks::<2>().0, bytes.as_chunks::<4>().0);
        // Without its sign, a value is not finite exactly when its bits reach those of infinity.
        let half = |b: &[u8; 2]| i16::from_le_bytes(*b) & i16::MAX;
        let word = |b: &[u8; 4]| i32::from_le_bytes(*b) & i32::MAX;
        // The usual case (all finite) runs at memory speed: one maximum tells.
        let largest_half = || halves.iter().map(half).fold(0, i16::max);
        match self {
            Self::F32 => {
                let suspicious = words.iter().map(word).fold(0, i32::max) >= 0x7f80_0000;
                suspicious.then(|| words.iter().position(|b| word(b) >= 0x7f80_0000))?
            }
            Self::F16 => {
                let suspicious = largest_half() >= 0x7c00;
                suspicious.then(|| halves.iter().position(|b| half(b) >= 0x7c00))?
            }
            Self::Bf16 => {
                let suspicious = largest_half() >= 0x7f80;
                suspicious.then(|| halves.iter().position(|b| half(b) >= 0x7f80))?
            }
        }
    }

    /// What a user calls it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::F16 => "f16",
            Self::Bf16 => "bf16",
        }
    }
}

impl std::fmt::Display for Dtype {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// A dense tensor as it lies in a file: little-endian, row-major, shared without copying.
#[derive(Clone, Debug)]
pub struct Stored {
    dtype: Dtype,
    shape: Vec<usize>,
    bytes: Bytes,
}

impl Stored {
    /// Wraps `bytes`; `None` when their number is not that of `shape` in `dtype`.
    #[must_use]
    pub fn new(dtype: Dtype, shape: Vec<usize>, bytes: Bytes) -> Option<Self> {
        let count = shape.iter().try_fold(dtype.size(), |n, &d| n.checked_mul(d))?;
        (count == bytes.len()).then_some(Self { dtype, shape, bytes })
    }

    /// A tensor of `f32` values, for weights that are computed and for tests.
    ///
    /// # Panics
    /// When `values` is not as long as `shape` says.
    #[must_use]
    pub fn from_f32(shape: &[usize], values: &[f32]) -> Self {
        let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        Self::new(Dtype::F32, shape.to_vec(), bytes.into())
            .expect("as many values as the shape has elements")
    }

    /// The stored element type.
    #[must_use]
    pub fn dtype(&self) -> Dtype {
        self.dtype
    }

    /// The stored shape, outermost first.
    #[must_use]
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// Number of elements.
    #[must_use]
    pub fn len(&self) -> usize {
        self.bytes.len() / self.dtype.size()
    }

    /// Whether there is no element at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// The raw little-endian bytes.
    #[must_use]
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// Widens the elements `start .. start + out.len()` into `out`; exact for every [`Dtype`].
    ///
    /// # Panics
    /// When the range leaves the tensor.
    pub fn widen(&self, start: usize, out: &mut [f32]) {
        let size = self.dtype.size();
        let bytes = &self.bytes[start * size..(start + out.len()) * size];
        match self.dtype {
            Dtype::F32 => {
                for (o, b) in out.iter_mut().zip(bytes.as_chunks::<4>().0) {
                    *o = f32::from_le_bytes(*b);
                }
            }
            Dtype::F16 => {
                for (o, b) in out.iter_mut().zip(bytes.as_chunks::<2>().0) {
                    *o = f16::from_le_bytes(*b).to_f32();
                }
            }
            Dtype::Bf16 => {
                for (o, b) in out.iter_mut().zip(bytes.as_chunks::<2>().0) {
                    *o = bf16::from_le_bytes(*b).to_f32();
                }
            }
        }
    }

    /// All elements as `f32`.
    #[must_use]
    pub fn to_f32(&self) -> Vec<f32> {
        let mut out = vec![0.0; self.len()];
        self.widen(0, &mut out);
        out
    }

    /// The index of the first element that is NaN or infinite, if any.
    #[must_use]
    pub fn first_non_finite(&self) -> Option<usize> {
        self.dtype.first_non_finite(&self.bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn length_must_match_shape() {
        assert!(Stored::new(Dtype::Bf16, vec![2, 3], vec![0; 12].into()).is_some());
        assert!(Stored::new(Dtype::Bf16, vec![2, 3], vec![0; 13].into()).is_none());
        assert!(Stored::new(Dtype::F32, vec![usize::MAX, 3], Bytes::new()).is_none());
    }

    #[test]
    fn widening_is_exact_for_every_type() {
        for (dtype, bytes) in [
            (Dtype::F32, 1.5f32.to_le_bytes().to_vec()),
            (Dtype::F16, f16::from_f32(1.5).to_le_bytes().to_vec()),
            (Dtype::Bf16, bf16::from_f32(1.5).to_le_bytes().to_vec()),
        ] {
            let stored = Stored::new(dtype, vec![1], bytes.into()).expect("one element");
            assert_eq!(stored.to_f32(), [1.5]);
        }
    }

    #[test]
    fn the_first_bad_value_is_found() {
        let mut values = vec![1.0f32; 10_000];
        assert_eq!(Stored::from_f32(&[10_000], &values).first_non_finite(), None);
        values[7_777] = f32::INFINITY;
        values[8_888] = f32::NAN;
        assert_eq!(Stored::from_f32(&[10_000], &values).first_non_finite(), Some(7_777));
    }

    #[test]
    fn infinity_is_found_in_every_type_and_the_largest_finite_value_is_not() {
        let f16s = [f16::MAX, f16::MIN, f16::NEG_INFINITY].map(f16::to_le_bytes).concat();
        let bf16s = [bf16::MAX, bf16::MIN, bf16::NAN].map(bf16::to_le_bytes).concat();
        for (dtype, bytes) in [(Dtype::F16, f16s), (Dtype::Bf16, bf16s)] {
            let stored = Stored::new(dtype, vec![3], bytes.clone().into()).expect("three elements");
            assert_eq!(stored.first_non_finite(), Some(2), "{dtype}");
            let finite = bytes[..4].to_vec().into();
            let stored = Stored::new(dtype, vec![2], finite).expect("two elements");
            assert_eq!(stored.first_non_finite(), None, "{dtype}");
        }
    }
}
