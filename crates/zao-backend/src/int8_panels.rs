//! A matrix of 8-bit integers in the order in which a processor multiplies them, as files keep it.
//! Quantising is the device's business; nothing is computed here.

use bytes::Bytes;

use crate::{Dtype, Stored};

/// A matrix `[out, in]` of quantised rows, shared without copying.
///
/// Each row was rotated along its inputs, 512 at a time, divided by its own scale and rounded to
/// integers from -127 to 127; 128 is added so that they are stored unsigned. The bytes lie as
/// `[out / 32][in / 4][32 outputs][4 inputs]`, both quotients rounded up, with 128 (a zero) wherever
/// there is no output or input. So a panel of 32 outputs is contiguous, and so is each 32-bit word of
/// 4 inputs.
#[derive(Clone, Debug)]
pub struct Int8Panels {
    shape: [usize; 2],
    words: Bytes,
    scales: Stored,
}

impl Int8Panels {
    /// Outputs of a panel.
    pub const OUTPUTS: usize = 32;
    /// Inputs of a word.
    pub const INPUTS: usize = 4;

    /// A matrix of the logical shape `[out, in]`; `None` when `words` has not as many bytes as that
    /// takes, or `scales` is not `out` values in `f32`.
    #[must_use]
    pub fn new(shape: [usize; 2], words: Bytes, scales: Stored) -> Option<Self> {
        let fits = Self::bytes_of(shape) == Some(words.len())
            && scales.dtype() == Dtype::F32
            && scales.shape() == [shape[0]];
        fits.then_some(Self { shape, words, scales })
    }

    /// The extents of the stored bytes: panels, words of a row, outputs of a panel, inputs of a word.
    #[must_use]
    pub const fn extents([outputs, inputs]: [usize; 2]) -> [usize; 4] {
        [
            outputs.div_ceil(Self::OUTPUTS),
            inputs.div_ceil(Self::INPUTS),
            Self::OUTPUTS,
            Self::INPUTS,
        ]
    }

    /// Bytes that a matrix of this logical shape takes without its scales, unless that is more than can
    /// be counted.
    #[must_use]
    pub fn bytes_of(shape: [usize; 2]) -> Option<usize> {
        Self::extents(shape).into_iter().try_fold(1, usize::checked_mul)
    }

    /// The logical shape `[out, in]`.
    #[must_use]
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// The integers.
    #[must_use]
    pub fn words(&self) -> &Bytes {
        &self.words
    }

    /// What the integers of each output are multiplied with, `[out]`.
    #[must_use]
    pub fn scales(&self) -> &Stored {
        &self.scales
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn panels(shape: [usize; 2], bytes: usize, scales: usize) -> Option<Int8Panels> {
        let scales = Stored::from_f32(&[scales], &vec![1.0; scales]);
        Int8Panels::new(shape, vec![128; bytes].into(), scales)
    }

    #[test]
    fn filling_is_counted_and_sizes_must_fit() {
        assert_eq!(Int8Panels::bytes_of([33, 5]), Some(2 * 2 * 32 * 4));
        assert!(panels([33, 5], 512, 33).is_some());
        assert!(panels([33, 5], 512, 64).is_none(), "scales of filling are not stored");
        assert!(panels([33, 5], 511, 33).is_none());
        assert!(panels([0, 5], 0, 0).is_some());
        assert_eq!(Int8Panels::bytes_of([usize::MAX, usize::MAX]), None);
    }

    #[test]
    fn scales_are_f32() {
        let half = Stored::new(Dtype::Bf16, vec![1], vec![0; 2].into()).unwrap();
        assert!(Int8Panels::new([1, 1], vec![128; 128].into(), half).is_none());
    }
}
