//! Weights on the card: in which form each is kept, and where its parts lie.

use zao_backend::{Matrix, Result};

use crate::address::scales_at;
use crate::device::Cuda;
use crate::driver::DevicePtr;
use crate::memory::Memory;

/// The type of a weight's elements on the card.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Kept {
    F32,
    Bf16,
    /// e4m3 floats with one `f32` scale a row.
    Fp8,
    /// 8-bit integers with one `f32` scale a row.
    Int8,
}

impl Kept {
    /// Bytes of one element.
    pub(crate) const fn size(self) -> usize {
        match self {
            Self::F32 => 4,
            Self::Bf16 => 2,
            Self::Fp8 | Self::Int8 => 1,
        }
    }
}

/// A weight as this device keeps it: `[rows, inputs]`, row-major and without gaps. Stacked parts follow each
/// other; of a SwiGLU pair row `2i` is row `i` of the first part and row `2i + 1` of the second; a convolution is
/// `[out][kh][kw][in]`. An 8-bit weight has its scales behind the elements, on a boundary of 16 bytes.
#[derive(Debug)]
pub struct CudaWeight {
    memory: Memory,
    kept: Kept,
    /// Number of elements.
    elements: usize,
}

impl CudaWeight {
    /// The first element.
    pub(crate) fn values(&self) -> DevicePtr {
        self.memory.start()
    }

    /// The `f32` scale of each row of an 8-bit weight, or null.
    pub(crate) fn scales(&self) -> DevicePtr {
        match self.kept {
            Kept::Fp8 | Kept::Int8 => self.values().plus(scales_at(self.elements)),
            Kept::F32 | Kept::Bf16 => DevicePtr::NULL,
        }
    }

    /// How elements are held.
    pub(crate) fn kept(&self) -> Kept {
        self.kept
    }
}

/// What loading keeps from weight to weight.
#[derive(Debug, Default)]
pub(crate) struct Loader;

/// Takes a matrix to the card, in the form that its role asks for.
pub(crate) fn load(cuda: &Cuda, matrix: &Matrix) -> Result<CudaWeight> {
    Err(cuda.unsupported("load", matrix.name()))
}
