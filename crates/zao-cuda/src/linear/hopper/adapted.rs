//! Products of rows that follow adapters, in one kernel each: it sums what the layer sums, scales, and goes on with
//! the adapters' short products in bf16 (`Sm90aAddends` in `kernels/gemm_sm90a.cuh`). What it does not take (Kronecker
//! products, odd ranks, long stacks) is composed in `changes.rs`.

use zao_backend::op::{Change, TermMatrix};
use zao_backend::{Element, Result};

use super::{Operands, Product, TILES, Tile, arguments, launch, map};
use crate::address::{int, start};
use crate::device::Cuda;
use crate::driver::{Argument, DevicePtr, TensorMap, args};
use crate::weight::Kept;

/// Products that a kernel adds at most.
const MOST: usize = 4;

/// A product that is added to sums: `x`, `[rows, inputs]`, times `weight^T`, both bf16.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Addend {
    pub(crate) x: DevicePtr,
    pub(crate) weight: DevicePtr,
    pub(crate) inputs: usize,
}

/// `struct Sm90aAddends`.
#[repr(C, align(64))]
#[derive(Clone, Copy)]
struct Addends {
    a: [TensorMap; MOST],
    w: [TensorMap; MOST],
    gain: DevicePtr,
    k: [i32; MOST],
    count: i32,
}

// SAFETY: the layout of `Sm90aAddends` in `gemm_sm90a.cuh`.
unsafe impl Argument for Addends {}

/// The terms of `change` as a kernel adds them to `product`, with their scales still to be multiplied into what they
/// read; `None` for what no kernel takes.
pub(crate) fn addends(
    cuda: &Cuda,
    product: &Product,
    change: &Change<'_, Cuda>,
) -> Result<Option<Vec<(Addend, f32)>>> {
    let is_made = |operands: Operands| cuda.has_kernels(operands.adapted_module());
    if !super::takes(cuda, product)
        || !Operands::of(product).is_some_and(is_made)
        || !(1..=MOST).contains(&change.terms.len())
    {
        return Ok(None);
    }
    let mut addends = Vec::with_capacity(change.terms.len());
    for term in &change.terms {
        let TermMatrix::Weight(weight) = term.matrix else { return Ok(None) };
        let (x, inputs) = (start(term.input), term.input.width());
        let matrix = weight.device().matrix()?;
        let Some(weight) = matrix.resident() else { return Ok(None) };
        // Rows are whole pieces of 16 bytes.
        let fits = (term.input.element(), matrix.kept()) == (Element::Bf16, Kept::Bf16)
            && inputs > 0
            && inputs.is_multiple_of(8);
        if !fits {
            return Ok(None);
        }
        addends.push((Addend { x, weight, inputs }, term.scale));
    }
    Ok(Some(addends))
}

/// Multiplies, adds `addends`, one to four of them, to the sums times `gain` (or null), and ends them.
pub(crate) fn multiply(
    cuda: &Cuda,
    product: &Product,
    gain: DevicePtr,
    addends: &[Addend],
) -> Result<()> {
    let (Some(operands), Some(first)) = (Operands::of(product), addends.first()) else {
        return Err(cuda.unsupported("linear", format!("adapters on Hopper: {product:?}")));
    };
    let (rows, columns) = (product.rows, product.outputs);
    if rows == 0 || columns == 0 {
        return Ok(());
    }
    let made = |tile: &Tile| tile.adapted;
    let multiprocessors = cuda.card().multiprocessors;
    let tiles = TILES.into_iter().filter(made);
    let tile = Tile::of(tiles, operands, rows, columns, multiprocessors);
    let maps = |addend: &Addend| -> Result<[TensorMap; 2]> {
        let bf16 = Operands::Bf16;
        Ok([
            map(cuda, bf16, (addend.x, rows, addend.inputs), tile.rows / tile.cluster)?,
            map(cuda, bf16, (addend.weight, columns, addend.inputs), tile.columns)?,
        ])
    };
    let [a, w] = maps(first)?;
    let (mut a, mut w, mut k) = ([a; MOST], [w; MOST], [0; MOST]);
    for (i, addend) in addends.iter().take(MOST).enumerate() {
        [a[i], w[i]] = maps(addend)?;
        k[i] = int(addend.inputs)?;
    }
    let addends = Addends { a, w, gain, k, count: int(addends.len().min(MOST))? };
    let kernel = cuda.kernel(operands.adapted_module(), tile.adapted_kernels[operands as usize])?;
    let arguments = arguments(cuda, operands, product, tile)?;
    let launch = launch(tile, rows, columns, multiprocessors);
    // SAFETY: as for products that nothing is added to; those that are have the same rows and columns, and rows of
    // whole pieces of 16 bytes.
    unsafe { cuda.run(&kernel, launch, args![arguments, addends]) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_lie_as_the_kernel_reads_them() {
        assert_eq!(size_of::<Addends>(), 1088);
        assert_eq!(std::mem::offset_of!(Addends, gain), 1024);
        assert_eq!(std::mem::offset_of!(Addends, count), 1048);
    }
}
