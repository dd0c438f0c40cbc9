//! Rows into 8 bits, for results whose kernel writes bf16 or f32.

use zao_backend::{Element, Result};

use crate::address::int;
use crate::device::Cuda;
use crate::driver::{DevicePtr, args};
use crate::rows::{RowKernel, no_kernel, row_kernel};

/// Widest result of a SwiGLU whose kernel keeps it in registers.
const WIDEST_SWIGLU: usize = 16384;

/// Rows of 8-bit values that are to be written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Quantised {
    /// `[rows, width]`.
    pub(crate) values: DevicePtr,
    /// `[rows]`, `f32`.
    pub(crate) scales: DevicePtr,
    /// `Fp8` or `Int8`.
    pub(crate) element: Element,
    /// Rows.
    pub(crate) rows: usize,
    /// Elements of a row.
    pub(crate) width: usize,
}

/// Quantises `[rows, width]` at `from`, held as `element`.
pub(crate) fn quantise(
    cuda: &Cuda,
    from: DevicePtr,
    element: Element,
    to: Quantised,
) -> Result<()> {
    let kernel = match (element, to.element) {
        (Element::F32, Element::Fp8) => {
            RowKernel { held: "quantise_f32_fp8", any: "quantise_f32_fp8_any" }
        }
        (Element::F32, Element::Int8) => {
            RowKernel { held: "quantise_f32_int8", any: "quantise_f32_int8_any" }
        }
        (Element::Bf16, Element::Fp8) => {
            RowKernel { held: "quantise_bf16_fp8", any: "quantise_bf16_fp8_any" }
        }
        (Element::Bf16, Element::Int8) => {
            RowKernel { held: "quantise_bf16_int8", any: "quantise_bf16_int8_any" }
        }
        (from, to) => return Err(no_kernel(cuda, "quantise", from, to)),
    };
    let (kernel, launch) = kernel.over(cuda, "quantise", to.rows, to.width)?;
    // SAFETY: the caller's sizes are those of the tensors; the arguments are those of the kernel.
    unsafe { cuda.run(&kernel, launch, args![from, to.values, to.scales, int(to.width)?]) }
}

/// Writes `silu(x[2 i]) * x[2 i + 1]` of `[rows, 2 * width]` at `from`, held as `element`.
pub(crate) fn swiglu(cuda: &Cuda, from: DevicePtr, element: Element, to: Quantised) -> Result<()> {
    let kernel = row_kernel!("swiglu", element, to.element);
    let kernel = kernel.ok_or_else(|| no_kernel(cuda, "swiglu", element, to.element))?;
    let (kernel, launch) = kernel.over_up_to(WIDEST_SWIGLU, cuda, "quantise", to.rows, to.width)?;
    // SAFETY: as above.
    unsafe { cuda.run(&kernel, launch, args![from, to.values, to.scales, int(to.width)?]) }
}
