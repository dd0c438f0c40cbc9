//! Where the parts of tensors lie, as kernels take them.

use zao_backend::{Element, Error, Result, Tensor};

use crate::device::Cuda;
use crate::driver::DevicePtr;

/// The first element.
pub(crate) fn start(tensor: &Tensor<Cuda>) -> DevicePtr {
    tensor.memory().start()
}

/// The `f32` scales of the rows of an 8-bit tensor, or null for any other. They follow the values on a boundary
/// of 16 bytes: value = element * scale of its row.
pub(crate) fn scales(tensor: &Tensor<Cuda>) -> DevicePtr {
    match tensor.element() {
        Element::Int8 | Element::Fp8 => start(tensor).plus(scales_at(tensor.shape().len())),
        Element::F32 | Element::Bf16 | Element::U8 => DevicePtr::NULL,
    }
}

/// Bytes before the scales of `elements` 8-bit values.
pub(crate) const fn scales_at(elements: usize) -> usize {
    elements.next_multiple_of(16)
}

/// A size as kernels take it.
pub(crate) fn int(value: usize) -> Result<i32> {
    i32::try_from(value).map_err(|_| Error::shape("launch", format!("{value} is too large a size")))
}

/// A number of blocks, at least one for every `each` of `count`.
pub(crate) fn blocks(count: usize, each: usize) -> Result<u32> {
    let blocks = count.div_ceil(each);
    u32::try_from(blocks)
        .map_err(|_| Error::shape("launch", format!("{blocks} is too large a number of blocks")))
}
