//! What makes and marks tokens: embeddings, time, pad tokens.

use zao_backend::op::{Embed, FillRows, Silu, TimestepEmbedding};
use zao_backend::{Element, Result};

use crate::address::{blocks, int, scales, start};
use crate::device::Cuda;
use crate::driver::{Launch, args};
use crate::rows::{RowKernel, no_kernel, row_kernel};
use crate::weight::Kept;

/// A block of 256 threads for each row.
fn a_block_each(rows: usize) -> Result<Launch> {
    Ok(Launch { grid: [blocks(rows, 1)?, 1, 1], block: [256, 1, 1], ..Launch::ONE })
}

/// `Embed` of `zao-backend`.
pub(crate) fn embed(cuda: &Cuda, op: Embed<'_, Cuda>) -> Result<()> {
    let table = op.table.device();
    let name = match (table.kept(), op.out.element()) {
        (Kept::F32, Element::F32) => "embed_f32_f32",
        (Kept::F32, Element::Bf16) => "embed_f32_bf16",
        (Kept::Bf16, Element::F32) => "embed_bf16_f32",
        (Kept::Bf16, Element::Bf16) => "embed_bf16_bf16",
        (Kept::Fp8, Element::Bf16) => "embed_fp8_bf16",
        (Kept::Int8, Element::Bf16) => "embed_int8_bf16",
        (kept, to) => return Err(cuda.unsupported("embed", format!("from {kept:?} to {to:?}"))),
    };
    let kernel = cuda.kernel("sequence", name)?;
    let ids = cuda.stage(op.ids)?;
    // SAFETY: the ids were checked against the table, the shapes are the operation's; the arguments are those of
    // the kernel.
    unsafe {
        cuda.run(
            &kernel,
            a_block_each(op.ids.len())?,
            args![ids, table.values(), table.scales(), start(op.out), int(op.out.width())?],
        )
    }
}

/// `TimestepEmbedding` of `zao-backend`.
pub(crate) fn timestep_embedding(cuda: &Cuda, op: TimestepEmbedding<'_, Cuda>) -> Result<()> {
    let kernel = cuda.kernel("sequence", "timestep_embedding_f32")?;
    let times = cuda.stage(op.times)?;
    // SAFETY: the result is [times, width] of f32; the arguments are those of the kernel.
    unsafe {
        cuda.run(
            &kernel,
            a_block_each(op.times.len())?,
            args![times, start(op.out), int(op.out.width())?],
        )
    }
}

/// `Silu` of `zao-backend`.
pub(crate) fn silu(cuda: &Cuda, op: Silu<'_, Cuda>) -> Result<()> {
    let (from, to) = (op.x.element(), op.out.element());
    let kernel = match (from, to) {
        (Element::F32, Element::Bf16) => {
            Some(RowKernel { held: "silu_f32_bf16", any: "silu_f32_bf16_any" })
        }
        _ => row_kernel!("silu", from, to),
    };
    let kernel = kernel.ok_or_else(|| no_kernel(cuda, "silu", from, to))?;
    let (rows, width) = (op.x.rows(), op.x.width());
    let (kernel, launch) = kernel.over(cuda, "quantise", rows, width)?;
    // SAFETY: the operation's shapes were checked; the arguments are those of the kernel.
    unsafe {
        cuda.run(&kernel, launch, args![start(op.x), start(op.out), scales(op.out), int(width)?])
    }
}

/// `FillRows` of `zao-backend`.
pub(crate) fn fill_rows(cuda: &Cuda, op: FillRows<'_, Cuda>) -> Result<()> {
    let name = match op.x.element() {
        Element::F32 => "fill_rows_f32",
        Element::Bf16 => "fill_rows_bf16",
        element => return Err(cuda.unsupported("fill_rows", format!("{element:?}"))),
    };
    let kernel = cuda.kernel("sequence", name)?;
    let (first, width) = (int(op.rows.start)?, int(op.x.width())?);
    // SAFETY: the rows are rows of `x`; the arguments are those of the kernel.
    unsafe {
        cuda.run(
            &kernel,
            a_block_each(op.rows.len())?,
            args![start(op.x), start(op.vector), first, width],
        )
    }
}
