//! Descriptions of tensors for the copy engine of Hopper and later cards (TMA).

use cudarc::driver::sys;
use zao_backend::Result;

use super::{Context, DevicePtr};

/// How elements of a described tensor are held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum TensorType {
    /// bf16.
    Bf16,
    /// Anything of one byte.
    Byte,
}

/// In which order the copy engine lays 16-byte pieces of a row into shared memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Swizzle {
    /// Within rows of 128 bytes.
    B128,
}

/// What a [`TensorMap`] describes; lists begin with the innermost dimension.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TensorMapSpec<'a> {
    /// The first element, on a boundary of 16 bytes.
    pub(crate) start: DevicePtr,
    /// The element type.
    pub(crate) element: TensorType,
    /// Extent of each dimension, 1 to 5 of them.
    pub(crate) extents: &'a [u64],
    /// Bytes from one to the next in each dimension but the innermost, multiples of 16.
    pub(crate) strides: &'a [u64],
    /// Extent of the piece that one copy brings.
    pub(crate) piece: &'a [u32],
    /// The order in shared memory.
    pub(crate) swizzle: Swizzle,
}

/// A tensor as the copy engine sees it; kernels take it as `const __grid_constant__`. What lies outside
/// the extents reads as zeros and is not written.
#[derive(Clone, Copy, Debug)]
#[repr(transparent)]
pub(crate) struct TensorMap(sys::CUtensorMap);

impl TensorMap {
    /// Describes a tensor.
    pub(crate) fn new(context: &Context, spec: TensorMapSpec<'_>) -> Result<Self> {
        let rank = spec.extents.len();
        let fits =
            (1..=5).contains(&rank) && spec.strides.len() + 1 == rank && spec.piece.len() == rank;
        if !fits {
            return Err(context.failed("describe a tensor", format!("{spec:?} does not fit")));
        }
        let element = match spec.element {
            TensorType::Bf16 => sys::CUtensorMapDataType::CU_TENSOR_MAP_DATA_TYPE_BFLOAT16,
            TensorType::Byte => sys::CUtensorMapDataType::CU_TENSOR_MAP_DATA_TYPE_UINT8,
        };
        let swizzle = match spec.swizzle {
            Swizzle::B128 => sys::CUtensorMapSwizzle::CU_TENSOR_MAP_SWIZZLE_128B,
        };
        let mut map = sys::CUtensorMap { opaque: [0; 16] };
        // SAFETY: every list has `rank` entries, strides one fewer; the driver writes one descriptor.
        let answer = unsafe {
            sys::cuTensorMapEncodeTiled(
                &raw mut map,
                element,
                u32::try_from(rank).unwrap_or(0),
                spec.start.raw() as *mut std::ffi::c_void,
                spec.extents.as_ptr(),
                spec.strides.as_ptr(),
                spec.piece.as_ptr(),
                [1u32; 5].as_ptr(),
                sys::CUtensorMapInterleave::CU_TENSOR_MAP_INTERLEAVE_NONE,
                swizzle,
                sys::CUtensorMapL2promotion::CU_TENSOR_MAP_L2_PROMOTION_L2_256B,
                sys::CUtensorMapFloatOOBfill::CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE,
            )
        };
        context.check("describe a tensor", answer).map_err(|error| {
            let zao_backend::Error::Device { op, device, message } = error else { return error };
            zao_backend::Error::Device { op, device, message: format!("{message}: {spec:?}") }
        })?;
        Ok(Self(map))
    }
}
