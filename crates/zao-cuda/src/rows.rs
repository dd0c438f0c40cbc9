//! Kernels that have a block for each row: which of their two forms a width takes, and how it is started. Sums
//! of a row depend on its width alone, whatever the number of rows.

use std::sync::Arc;

use zao_backend::{Element, Error, Result};

use crate::address::blocks;
use crate::device::Cuda;
use crate::driver::{Kernel, Launch};

/// The two forms of a kernel.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RowKernel {
    /// Keeps a row in registers, 16 elements a thread.
    pub(crate) held: &'static str,
    /// Reads a row again for each pass: any width.
    pub(crate) any: &'static str,
}

/// The kernel of this operation from one element type to another, if there is one:
/// `row_kernel!("rms_norm", from, to)`.
macro_rules! row_kernel {
    ($operation:literal, $from:expr, $to:expr) => {
        $crate::rows::row_kernel!(@pairs $operation, ($from, $to),
            F32 F32 "_f32_f32", Bf16 Bf16 "_bf16_bf16", Bf16 Fp8 "_bf16_fp8", Bf16 Int8 "_bf16_int8")
    };
    (@pairs $operation:literal, $pair:expr, $($from:ident $to:ident $suffix:literal),+) => {
        match $pair {
            $((zao_backend::Element::$from, zao_backend::Element::$to) => Some($crate::rows::RowKernel {
                held: concat!($operation, $suffix),
                any: concat!($operation, $suffix, "_any"),
            }),)+
            _ => None,
        }
    };
}
pub(crate) use row_kernel;

/// Widest row whose kernels keep it in registers.
const WIDEST_HELD: usize = 8192;

impl RowKernel {
    /// The form for rows of `width`, and its launch over `rows` of them.
    pub(crate) fn over(
        self,
        cuda: &Cuda,
        module: &'static str,
        rows: usize,
        width: usize,
    ) -> Result<(Arc<Kernel>, Launch)> {
        self.over_up_to(WIDEST_HELD, cuda, module, rows, width)
    }

    /// The same for a kernel that keeps rows of up to `widest` in registers.
    pub(crate) fn over_up_to(
        self,
        widest: usize,
        cuda: &Cuda,
        module: &'static str,
        rows: usize,
        width: usize,
    ) -> Result<(Arc<Kernel>, Launch)> {
        let held = width.is_multiple_of(8) && width <= widest;
        let name = if held { self.held } else { self.any };
        let threads = if held { blocks(width, 16)?.next_multiple_of(32) } else { 256 };
        let launch = Launch {
            grid: [blocks(rows, 1)?, 1, 1],
            block: [threads.max(32), 1, 1],
            overlap: true,
            ..Launch::ONE
        };
        Ok((cuda.kernel(module, name)?, launch))
    }
}

/// The launch of a kernel whose blocks have several rows: as many blocks as the card runs at once, or fewer.
pub(crate) fn at_once(cuda: &Cuda, kernel: &Kernel, launch: Launch) -> Result<Launch> {
    let [rows, _, _] = launch.grid;
    let each = kernel.blocks_per_multiprocessor(launch.block[0], launch.shared)?;
    let blocks = rows.min(each * cuda.card().multiprocessors);
    Ok(Launch { grid: [blocks, 1, 1], ..launch })
}

/// The refusal of a pair of element types.
pub(crate) fn no_kernel(cuda: &Cuda, operation: &'static str, from: Element, to: Element) -> Error {
    cuda.unsupported(operation, format!("from {from:?} to {to:?}"))
}
