//! The element types an activation may have on a device.

/// How the elements of a [`crate::Tensor`] are held. The model never chooses one: a device's
/// [`crate::Policy`] does. Quantised activations (with a scale per row) will join this list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Element {
    /// Single precision: latents, tables, and everything in f32 precision.
    F32,
    /// bf16: inputs of matrix multiplies in bf16 precision.
    Bf16,
    /// Bytes: finished pixels.
    U8,
}

impl Element {
    /// Bytes of one element.
    #[must_use]
    pub const fn size(self) -> usize {
        match self {
            Self::F32 => 4,
            Self::Bf16 => 2,
            Self::U8 => 1,
        }
    }
}
