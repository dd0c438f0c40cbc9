//! Linear layers in `f32` arithmetic (`kernels/gemm_f32.cu`): any size, any types.

use zao_backend::{Element, Result};

use super::Product;
use crate::address::{blocks, int};
use crate::device::Cuda;
use crate::driver::{Argument, DevicePtr, Launch, args};
use crate::ending::{self, stored};
use crate::weight::Kept;

/// `struct PlainGemmArguments`.
#[repr(C)]
#[derive(Clone, Copy)]
struct Arguments {
    a: DevicePtr,
    w: DevicePtr,
    ending: ending::Ending,
    m: i32,
    n: i32,
    k: i32,
    a_stored: i32,
    w_stored: i32,
    /// The struct is a multiple of its alignment.
    padding: i32,
}

// SAFETY: the layout of `PlainGemmArguments` in `gemm_f32.cu`, whose end is padded by the compiler.
unsafe impl Argument for Arguments {}

/// A kernel, its rows and columns, and its threads. They sum in the same order.
type Tile = (&'static str, usize, usize, u32);
const FEW_ROWS: Tile = ("gemm_f32_16x128", 16, 128, 256);
const SMALL: Tile = ("gemm_f32_32x64", 32, 64, 128);
const LARGE: Tile = ("gemm_f32_128x128", 128, 128, 256);

/// Multiplies anything.
pub(crate) fn multiply(cuda: &Cuda, product: &Product) -> Result<()> {
    let (rows, columns) = (product.rows, product.outputs);
    let weight = match product.weight_kept {
        Kept::F32 => Element::F32,
        Kept::Bf16 => Element::Bf16,
        Kept::Fp8 => Element::Fp8,
        Kept::Int8 => Element::Int8,
    };
    let (Some(a_stored), Some(w_stored)) = (stored(product.x_element), stored(weight)) else {
        return Err(cuda.unsupported("linear", format!("these types: {product:?}")));
    };
    let large = rows.div_ceil(LARGE.1) * columns.div_ceil(LARGE.2);
    let (name, tile_rows, tile_columns, threads) = if rows <= FEW_ROWS.1 {
        FEW_ROWS
    } else if large < cuda.card().multiprocessors as usize {
        SMALL
    } else {
        LARGE
    };
    let arguments = Arguments {
        a: product.x,
        w: product.weight,
        ending: product.ending()?,
        m: int(rows)?,
        n: int(columns)?,
        k: int(product.inputs)?,
        a_stored,
        w_stored,
        padding: 0,
    };
    let kernel = cuda.kernel("gemm_f32", name)?;
    let tiles = rows.div_ceil(tile_rows) * columns.div_ceil(tile_columns);
    let launch = Launch { grid: [blocks(tiles, 1)?, 1, 1], block: [threads, 1, 1], ..Launch::ONE };
    // SAFETY: the sizes and types are those of the operands, and the grid covers the result.
    unsafe { cuda.run(&kernel, launch, args![arguments]) }
}
