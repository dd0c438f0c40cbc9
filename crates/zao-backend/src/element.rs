//! The element types an activation may have on a device.

use crate::Shape;

/// How the elements of a [`crate::Tensor`] are held. The model never chooses one: a device's
/// [`crate::Policy`] does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Element {
    /// Single precision: latents, tables, and everything in f32 precision.
    F32,
    /// bf16: inputs of matrix multiplies in bf16 precision.
    Bf16,
    /// Signed 8-bit integers, and for each row and [`Element::GROUP`] columns eight bytes for a scale and
    /// what else a device notes: inputs of matrix multiplies in int8 precision. What the integers
    /// encode (a device may rotate a group before it rounds) is the device's business; reading a
    /// tensor gives the values back.
    Int8,
    /// e4m3 floats (four bits of exponent, three of mantissa) with an `f32` scale for each row, behind the
    /// floats on a boundary of 16 bytes: inputs of matrix multiplies in fp8 precision. Reading a tensor
    /// gives the scaled values.
    Fp8,
    /// Bytes: finished pixels.
    U8,
}

impl Element {
    /// Columns that share a scale in [`Element::Int8`]; the last group of a row may be shorter.
    pub const GROUP: usize = 512;

    /// Bytes of one element, scales not counted.
    #[must_use]
    pub const fn size(self) -> usize {
        match self {
            Self::F32 => 4,
            Self::Bf16 => 2,
            Self::Int8 | Self::Fp8 | Self::U8 => 1,
        }
    }

    /// Bytes of a tensor of `shape`, scales included; `None` when the machine cannot count them.
    #[must_use]
    pub fn bytes(self, shape: Shape) -> Option<usize> {
        let elements = shape.rows.checked_mul(shape.width)?.checked_mul(self.size())?;
        match self {
            Self::F32 | Self::Bf16 | Self::U8 => Some(elements),
            Self::Int8 => {
                let scales = shape.rows * shape.width.div_ceil(Self::GROUP) * 2 * size_of::<f32>();
                elements.checked_next_multiple_of(SCALES_AT)?.checked_add(scales)
            }
            Self::Fp8 => {
                let scales = shape.rows * size_of::<f32>();
                elements.checked_next_multiple_of(SCALES_AT)?.checked_add(scales)
            }
        }
    }
}

/// Scales of 8-bit elements begin at a multiple of this; a device may begin them earlier.
const SCALES_AT: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scales_follow_8_bit_elements_on_a_boundary() {
        assert_eq!(Element::Int8.bytes(Shape::new(3, 257)), Some(784 + 3 * 8));
        assert_eq!(Element::Fp8.bytes(Shape::new(3, 257)), Some(784 + 3 * 4));
        assert_eq!(Element::Bf16.bytes(Shape::new(3, 257)), Some(3 * 257 * 2));
        assert_eq!(Element::F32.bytes(Shape::new(usize::MAX, 2)), None);
    }
}
