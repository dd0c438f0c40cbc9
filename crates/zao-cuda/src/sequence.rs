//! What makes and marks tokens: embeddings, time, pad tokens.

use zao_backend::op::{Embed, FillRows, Silu, TimestepEmbedding};
use zao_backend::{Element, Error, Result};

use crate::address::{blocks, int, scales, start};
use crate::device::Cuda;
use crate::driver::{Launch, args};
use crate::rows::{RowKernel, no_kernel, row_kernel};
use crate::transfer;

/// A block of 256 threads for each row.
fn a_block_each(rows: usize) -> Result<Launch> {
    Ok(Launch { grid: [blocks(rows, 1)?, 1, 1], block: [256, 1, 1], ..Launch::ONE })
}

/// `Embed` of `zao-backend`. The table is the host's, so its rows are sent as values are.
pub(crate) fn embed(cuda: &Cuda, op: Embed<'_, Cuda>) -> Result<()> {
    let (table, width) = (op.table.device().table()?, op.out.width());
    let mut rows = vec![0.0; op.ids.len() * width];
    for (&id, row) in op.ids.iter().zip(rows.chunks_mut(width.max(1))) {
        let first = id as usize * width;
        table.widen(first, row);
        // Loading looks at all that goes to the card; a table is looked at where it is read.
        if let Some(at) = row.iter().position(|value| !value.is_finite()) {
            return Err(Error::NotFinite { part: 0, index: first + at });
        }
    }
    transfer::write(cuda, op.out, &rows)
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
