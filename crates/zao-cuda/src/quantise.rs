//! Rows into 8 bits, for results whose kernel writes bf16 or f32.

use zao_backend::{Element, Result};

use crate::address::int;
use crate::device::Cuda;
use crate::driver::{DevicePtr, args};
use crate::rows::{RowKernel, no_kernel};

/// Widest row that a block keeps in registers: what feed-forward layers hold in between is wider than tokens are.
const WIDEST: usize = 16384;

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
    let (kernel, launch) = kernel.over_up_to(WIDEST, cuda, "quantise", to.rows, to.width)?;
    // SAFETY: the caller's sizes are those of the tensors; the arguments are those of the kernel.
    unsafe { cuda.run(&kernel, launch, args![from, to.values, to.scales, int(to.width)?]) }
}
