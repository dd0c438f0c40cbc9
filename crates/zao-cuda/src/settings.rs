//! What a user may choose about this device.

use std::path::PathBuf;

use zao_backend::{Element, Policy};

use crate::libraries::UseOfLibraries;

/// The precision of weights and of what matrix multiplies read. Sums are `f32` in all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CudaPrecision {
    /// Nothing is rounded: for checking, not for speed.
    F32,
    /// Weights and activations are bf16.
    #[default]
    Bf16,
    /// The usual linear layers multiply e4m3 floats, with a scale for each row of the input and of the weight;
    /// everything else is bf16.
    Fp8,
    /// The same with 8-bit integers.
    Int8,
}

impl CudaPrecision {
    /// The element types of activations in this precision.
    #[must_use]
    pub const fn policy(self) -> Policy {
        let linear_input = match self {
            Self::F32 => return Policy::F32,
            Self::Bf16 => Element::Bf16,
            Self::Fp8 => Element::Fp8,
            Self::Int8 => Element::Int8,
        };
        Policy { activation: Element::Bf16, linear_input, careful_input: Element::Bf16 }
    }
}

impl std::fmt::Display for CudaPrecision {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::F32 => "f32",
            Self::Bf16 => "bf16",
            Self::Fp8 => "fp8",
            Self::Int8 => "int8",
        })
    }
}

/// How [`crate::Cuda::new`] sets the device up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// Which card, in the driver's order.
    pub ordinal: usize,
    /// The precision of weights and matrix inputs.
    pub precision: CudaPrecision,
    /// Which of NVIDIA's libraries may be used.
    pub libraries: UseOfLibraries,
    /// The folder where timings are kept, which decide that; `None` to measure each time.
    pub cache: Option<PathBuf>,
}
