//! Linear layers whose rows follow adapters: in one kernel where there is one (`hopper/adapted.rs`), else composed
//! (`kernels/adapter.cu`): sums go to scratch in `f32`, adapters change them there, and a kernel of its own ends
//! them. Rows that follow none take the usual way, so their bits are those of a layer without adapters.

use std::ops::Range;

use zao_backend::op::{Change, TermMatrix};
use zao_backend::{Backend, Element, Result};

use super::hopper::{self, Addend};
use super::{Ending, Output, Product, by_own_kernel, in_portions, slices};
use crate::address::{blocks, int, start};
use crate::device::Cuda;
use crate::driver::{Argument, DevicePtr, Launch, args};
use crate::packed::PackedAtHand;
use crate::quantise::{Quantised, quantise};
use crate::staging::Scratch;

/// Threads of a block.
const THREADS: usize = 256;

/// `struct Kronecker`.
#[repr(C)]
#[derive(Clone, Copy)]
struct Kronecker {
    sums: DevicePtr,
    input: DevicePtr,
    left: DevicePtr,
    scale: f32,
    columns: i32,
    pair: i32,
    first: i32,
    o1: i32,
    i1: i32,
    o2: i32,
    rows: i32,
}

// SAFETY: the layout of `Kronecker` in `adapter.cu`: three addresses and eight words.
unsafe impl Argument for Kronecker {}

/// The rows in pieces that follow the same adapters, or none.
pub(super) fn runs<'a>(
    rows: usize,
    changes: &'a [Change<'a, Cuda>],
) -> Vec<(Range<usize>, Option<&'a Change<'a, Cuda>>)> {
    let (mut runs, mut end) = (Vec::new(), 0);
    for change in changes {
        runs.push((end..change.rows.start, None));
        runs.push((change.rows.clone(), Some(change)));
        end = change.rows.end;
    }
    runs.push((end..rows, None));
    runs.retain(|(rows, _)| !rows.is_empty());
    runs
}

/// Multiplies rows that follow `change`; all rows of `product` do.
pub(super) fn multiply(
    cuda: &Cuda,
    product: &Product,
    packed: Option<&PackedAtHand<'_>>,
    output: Output,
    change: &Change<'_, Cuda>,
) -> Result<()> {
    // A gain is for all sums of a layer, and packed weights are multiplied some outputs at a time.
    let addends = match (packed, change.gain) {
        (Some(_), Some(_)) => None,
        _ => hopper::addends(cuda, product, change)?,
    };
    match addends {
        Some(addends) => {
            let gain = change.gain.map_or(DevicePtr::NULL, start);
            at_once(cuda, (product, packed), output, gain, &addends)
        }
        None => composed(cuda, (product, packed), output, change),
    }
}

/// In one kernel. What has a scale other than one is scaled before.
fn at_once(
    cuda: &Cuda,
    (product, packed): (&Product, Option<&PackedAtHand<'_>>),
    output: Output,
    gain: DevicePtr,
    addends: &[(Addend, f32)],
) -> Result<()> {
    let element = Element::Bf16;
    let bytes = |addend: &Addend, rows: usize| {
        (rows * addend.inputs * element.size()).next_multiple_of(super::ALIGNMENT)
    };
    let scaled_ones = addends.iter().filter(|(_, scale)| !is_one(*scale));
    let own = scaled_ones.map(|(addend, _)| bytes(addend, product.rows)).sum();
    in_portions(cuda, product, output, own, |product, rows, mut own| {
        let mut ready = Vec::with_capacity(addends.len());
        for &(addend, scale) in addends {
            let at = addend.x.plus(rows.start * addend.inputs * element.size());
            let input = Input { at, element, width: addend.inputs };
            let x = scaled(cuda, input, product.rows, scale, own)?;
            if !is_one(scale) {
                own = own.plus(bytes(&addend, product.rows));
            }
            ready.push(Addend { x, ..addend });
        }
        slices::each(cuda, product, packed, |product, first| {
            let of_slice = |addend: &Addend| {
                let row = addend.inputs * element.size();
                Addend { weight: addend.weight.plus(first * row), ..*addend }
            };
            let addends: Vec<_> = ready.iter().map(of_slice).collect();
            hopper::multiply_adapted(cuda, product, gain, &addends)
        })
    })
}

/// Whether multiplying by it changes nothing.
fn is_one(scale: f32) -> bool {
    scale.to_bits() == 1.0f32.to_bits()
}

/// Step by step.
fn composed(
    cuda: &Cuda,
    (product, packed): (&Product, Option<&PackedAtHand<'_>>),
    output: Output,
    change: &Change<'_, Cuda>,
) -> Result<()> {
    let unscaled = cuda.policy().activation;
    let inputs = change.terms.iter().map(|term| term.input.width() * term.input.element().size());
    let input = inputs.max().unwrap_or(0);
    let between = if output.is_8bit(product) { output.width * unscaled.size() } else { 0 };
    let sums = product.outputs * size_of::<f32>();
    let each = (sums + between + input).max(1);
    let most = (Scratch::USUAL / each / super::ROWS * super::ROWS).max(super::ROWS);
    let most = most.min(product.rows);
    let aligned = |bytes: usize| bytes.next_multiple_of(256);
    let parts = [aligned(most * sums), aligned(most * between), aligned(most * input)];
    let scratch = cuda.scratch(parts.iter().sum())?;
    let [sums, between, input] =
        [scratch, scratch.plus(parts[0]), scratch.plus(parts[0] + parts[1])];
    for first in (0..product.rows).step_by(most) {
        let rows = first..(first + most).min(product.rows);
        let (part, output) = (product.of_rows(&rows, output.width), output.of_rows(&rows));
        let whole = Product {
            ending: Ending::Store,
            bias: DevicePtr::NULL,
            out: sums,
            out_element: Element::F32,
            out_width: part.outputs,
            ..part
        };
        slices::each(cuda, &whole, packed, |product, _| by_own_kernel(cuda, product))?;
        if let Some(gain) = change.gain {
            scale_sums(cuda, &whole, start(gain), part.ending)?;
        }
        for term in &change.terms {
            let width = term.input.width();
            let at = start(term.input).plus(first * width * term.input.element().size());
            let piece = Input { at, element: term.input.element(), width };
            add(cuda, &whole, part.ending, piece, (&term.matrix, term.scale), input)?;
        }
        if output.is_8bit(&part) {
            end(cuda, &Product { out: between, out_element: unscaled, ..part }, sums)?;
            let to = Quantised {
                values: part.out,
                scales: output.scales,
                element: part.out_element,
                rows: part.rows,
                width: output.width,
            };
            quantise(cuda, between, unscaled, to)?;
        } else {
            end(cuda, &part, sums)?;
        }
    }
    Ok(())
}

/// What a term reads, from the first row on.
#[derive(Clone, Copy)]
struct Input {
    at: DevicePtr,
    element: Element,
    width: usize,
}

/// Adds a term to the sums that `whole` made.
fn add(
    cuda: &Cuda,
    whole: &Product,
    ending: Ending,
    input: Input,
    (matrix, scale): (&TermMatrix<'_, Cuda>, f32),
    scratch: DevicePtr,
) -> Result<()> {
    match matrix {
        TermMatrix::Weight(weight) => {
            let x = scaled(cuda, input, whole.rows, scale, scratch)?;
            let matrix = weight.device().matrix()?;
            let weight = matrix.at_hand(cuda)?;
            by_own_kernel(
                cuda,
                &Product {
                    x,
                    x_scales: DevicePtr::NULL,
                    x_element: input.element,
                    weight: weight.values(),
                    weight_scales: weight.scales(),
                    weight_kept: matrix.kept(),
                    ending: Ending::Accumulate,
                    inputs: input.width,
                    ..*whole
                },
            )?;
            weight.used(cuda)
        }
        TermMatrix::Kronecker { left, first } => {
            let (o1, i1) = (left.rows(), left.width());
            let o2 = input.width / i1;
            let arguments = Kronecker {
                sums: whole.out,
                input: input.at,
                left: start(left),
                scale,
                columns: int(whole.outputs)?,
                pair: i32::from(ending == Ending::SwiGlu),
                first: int(*first)?,
                o1: int(o1)?,
                i1: int(i1)?,
                o2: int(o2)?,
                rows: int(whole.rows)?,
            };
            let name = of_type(cuda, input.element, ["kronecker_f32", "kronecker_bf16"])?;
            let (kernel, launch) = over(cuda, name, whole.rows * o1 * o2)?;
            // SAFETY: the sizes are those of the tensors, which were checked to fit each other.
            unsafe { cuda.run(&kernel, launch, args![arguments]) }
        }
    }
}

/// `scale * input`, in `scratch` unless the scale is one.
fn scaled(
    cuda: &Cuda,
    input: Input,
    rows: usize,
    scale: f32,
    scratch: DevicePtr,
) -> Result<DevicePtr> {
    if is_one(scale) {
        return Ok(input.at);
    }
    let name = of_type(cuda, input.element, ["scale_f32", "scale_bf16"])?;
    let count = rows * input.width;
    let (kernel, launch) = over(cuda, name, count)?;
    // SAFETY: both have so many elements of this type.
    unsafe { cuda.run(&kernel, launch, args![input.at, scratch, scale, count as i64])? };
    Ok(scratch)
}

fn scale_sums(cuda: &Cuda, whole: &Product, gain: DevicePtr, ending: Ending) -> Result<()> {
    let count = whole.rows * whole.outputs;
    let (kernel, launch) = over(cuda, "gain_sums", count)?;
    let (columns, pair) = (int(whole.outputs)?, i32::from(ending == Ending::SwiGlu));
    // SAFETY: there are so many sums, and a gain for each column.
    unsafe { cuda.run(&kernel, launch, args![whole.out, gain, columns, pair, count as i64]) }
}

/// Ends the sums of `product`, whose scales are in them already.
fn end(cuda: &Cuda, product: &Product, sums: DevicePtr) -> Result<()> {
    let unscaled =
        Product { x_scales: DevicePtr::NULL, weight_scales: DevicePtr::NULL, ..*product };
    let (kernel, launch) = over(cuda, "end_sums", product.rows * product.outputs.div_ceil(4))?;
    let (rows, columns) = (int(product.rows)?, int(product.outputs)?);
    // SAFETY: sums and result have these sizes.
    unsafe { cuda.run(&kernel, launch, args![sums, unscaled.ending()?, rows, columns]) }
}

/// The name for `f32` or for bf16.
fn of_type(cuda: &Cuda, element: Element, names: [&'static str; 2]) -> Result<&'static str> {
    match element {
        Element::F32 => Ok(names[0]),
        Element::Bf16 => Ok(names[1]),
        Element::Int8 | Element::Fp8 | Element::U8 => {
            Err(cuda.unsupported("linear", format!("an adapter's term of {element:?}")))
        }
    }
}

/// A kernel with a thread for each of `count` things.
fn over(
    cuda: &Cuda,
    name: &'static str,
    count: usize,
) -> Result<(std::sync::Arc<crate::driver::Kernel>, Launch)> {
    let kernel = cuda.kernel("adapter", name)?;
    let grid = [blocks(count, THREADS)?, 1, 1];
    Ok((kernel, Launch { grid, block: [THREADS as u32, 1, 1], ..Launch::ONE }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_lie_as_the_kernel_reads_them() {
        assert_eq!(size_of::<Kronecker>(), 56);
        assert_eq!(std::mem::offset_of!(Kronecker, rows), 52);
    }

    #[test]
    fn rows_are_cut_where_adapters_begin_and_end() {
        let change = |rows| Change { rows, gain: None, terms: Vec::new() };
        let changes = [change(0..3), change(3..5), change(7..8)];
        let runs: Vec<_> =
            runs(9, &changes).into_iter().map(|(rows, change)| (rows, change.is_some())).collect();
        assert_eq!(runs, [(0..3, true), (3..5, true), (5..7, false), (7..8, true), (8..9, false)]);
    }
}
