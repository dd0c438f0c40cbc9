//! What a user may choose about this device.

use std::num::NonZeroUsize;

use zao_backend::{Element, Policy};

use crate::Instructions;

/// The precision of weights and of what matrix multiplies read. Sums are `f32` in both.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CpuPrecision {
    /// Nothing is rounded: weights keep every stored bit, activations are `f32`.
    #[default]
    F32,
    /// Weights and the inputs of matrix multiplies are rounded to bf16; the residual stream stays
    /// `f32`.
    Bf16,
    /// Weights and the inputs of matrix multiplies are quantised to 8 bits, those of the autoencoder
    /// rounded to bf16; the residual stream stays `f32`.
    Int8,
}

impl CpuPrecision {
    /// The element types of activations in this precision.
    #[must_use]
    pub const fn policy(self) -> Policy {
        let (linear_input, careful_input) = match self {
            Self::F32 => (Element::F32, Element::F32),
            Self::Bf16 => (Element::Bf16, Element::Bf16),
            Self::Int8 => (Element::Int8, Element::Bf16),
        };
        Policy { activation: Element::F32, linear_input, careful_input }
    }
}

impl std::fmt::Display for CpuPrecision {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::F32 => "f32",
            Self::Bf16 => "bf16",
            Self::Int8 => "int8",
        })
    }
}

/// How [`crate::Cpu::new`] sets the device up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// The precision of weights and matrix inputs.
    pub precision: CpuPrecision,
    /// Number of threads that compute, the calling one included; `None` for one a core.
    pub threads: Option<NonZeroUsize>,
    /// The instructions to use; `None` for the fastest that this machine has.
    pub instructions: Option<Instructions>,
}
