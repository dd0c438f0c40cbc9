//! Pictures cell by cell: enlarged, and as finished bytes.

use zao_backend::op::ToRgb8;
use zao_backend::{Element, Result};

use crate::address::{blocks, start};
use crate::device::Cuda;
use crate::driver::{Launch, args};

/// Threads of a block.
const THREADS: u32 = 256;
/// Values that a block turns into bytes.
const VALUES: usize = 2048;

/// `ToRgb8` of `zao-backend`.
pub(crate) fn to_rgb8(cuda: &Cuda, op: ToRgb8<'_, Cuda>) -> Result<()> {
    let name = match op.x.element() {
        Element::F32 => "to_rgb8_f32",
        Element::Bf16 => "to_rgb8_bf16",
        element => return Err(cuda.unsupported("to_rgb8", format!("from {element:?}"))),
    };
    let kernel = cuda.kernel("image", name)?;
    let count = op.x.shape().len();
    let launch =
        Launch { grid: [blocks(count, VALUES)?, 1, 1], block: [THREADS, 1, 1], ..Launch::ONE };
    // SAFETY: both tensors have `count` elements; the arguments are those of the kernel.
    unsafe { cuda.run(&kernel, launch, args![start(op.x), start(op.out), count as i64]) }
}
