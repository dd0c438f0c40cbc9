//! Linear layers: which kernel takes which, and what is done around it.

mod changes;
mod choice;
mod hopper;
mod library;
mod measure;
mod plain;
mod portable;
mod slices;

pub(crate) use library::{LibraryProducts, MOST as MOST_OF_LIBRARY};

use std::ops::Range;

use zao_backend::op::{Epilogue, Linear};
use zao_backend::{Backend, Element, Result, Role};

use crate::address::{scales, start};
use crate::device::Cuda;
use crate::driver::DevicePtr;
use crate::packed::PackedAtHand;
use crate::quantise::{Quantised, quantise};
use crate::staging::Scratch;
use crate::weight::Kept;

/// A linear layer in plain addresses and sizes, as its kernels see it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Product {
    /// `[rows, inputs]`.
    pub(crate) x: DevicePtr,
    /// `[rows]`, or null unless `x` is 8-bit.
    pub(crate) x_scales: DevicePtr,
    /// How `x` is held.
    pub(crate) x_element: Element,
    /// `[outputs, inputs]`; for SwiGLU row `2i` is of `W1` and row `2i + 1` of `W3`.
    pub(crate) weight: DevicePtr,
    /// `[outputs]`, or null unless the weight is 8-bit.
    pub(crate) weight_scales: DevicePtr,
    /// How the weight is held.
    pub(crate) weight_kept: Kept,
    /// `[outputs]`, `f32`, or null.
    pub(crate) bias: DevicePtr,
    /// What is done with sums before they are written.
    pub(crate) ending: Ending,
    /// `[rows, outputs]`, for SwiGLU `[rows, outputs / 2]`.
    pub(crate) out: DevicePtr,
    /// How `out` is held; never 8-bit.
    pub(crate) out_element: Element,
    /// Elements from a row of `out` to the next: as many as it has, unless the product makes some of them only.
    pub(crate) out_width: usize,
    /// Rows of `x` and `out`.
    pub(crate) rows: usize,
    /// Sums a row has: rows of the weight, both parts of a SwiGLU pair counted.
    pub(crate) outputs: usize,
    /// Terms of a sum.
    pub(crate) inputs: usize,
}

/// What becomes of a sum.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Ending {
    /// It is written.
    Store,
    /// `silu` of it is written.
    Silu,
    /// It is added to what is there.
    Accumulate,
    /// `silu(sum 2i) * sum (2i + 1)` is written at column `i`.
    SwiGlu,
}

/// Rows at once are a multiple of this: then they begin on the boundaries that kernels ask of addresses.
const ROWS: usize = 1024;

/// Bytes that pieces of scratch begin at multiples of.
const ALIGNMENT: usize = 256;

/// `Linear` of `zao-backend`.
pub(crate) fn linear(cuda: &Cuda, op: Linear<'_, Cuda>) -> Result<()> {
    let weight = op.weight.device();
    if let Some(packed) = weight.packed() {
        let packed = packed.at_hand(cuda)?;
        // Its pieces get their addresses when they are unpacked.
        let nowhere =
            Operand { values: DevicePtr::NULL, scales: DevicePtr::NULL, kept: packed.kept() };
        by(cuda, op, nowhere, Some(&packed))?;
        return packed.used(cuda);
    }
    let matrix = weight.matrix()?.at_hand(cuda)?;
    let operand = Operand { values: matrix.values(), scales: matrix.scales(), kept: matrix.kept() };
    by(cuda, op, operand, None)?;
    matrix.used(cuda)
}

/// A weight as kernels read it.
#[derive(Clone, Copy, Debug)]
struct Operand {
    values: DevicePtr,
    /// One a row, or null.
    scales: DevicePtr,
    kept: Kept,
}

/// Multiplies by `operand`, or by what `packed` becomes.
fn by(
    cuda: &Cuda,
    op: Linear<'_, Cuda>,
    operand: Operand,
    packed: Option<&PackedAtHand<'_>>,
) -> Result<()> {
    let pair = op.weight.role() == Role::SwiGlu;
    let ending = match op.epilogue {
        Epilogue::Store if pair => Ending::SwiGlu,
        Epilogue::Store => Ending::Store,
        Epilogue::Silu => Ending::Silu,
        Epilogue::Accumulate => Ending::Accumulate,
    };
    let product = Product {
        x: start(op.x),
        x_scales: scales(op.x),
        x_element: op.x.element(),
        weight: operand.values,
        weight_scales: operand.scales,
        weight_kept: operand.kept,
        bias: op.bias.map_or(DevicePtr::NULL, start),
        ending,
        out: start(op.out),
        out_element: op.out.element(),
        out_width: op.out.width(),
        rows: op.x.rows(),
        outputs: op.weight.rows() * if pair { 2 } else { 1 },
        inputs: op.x.width(),
    };
    let output = Output { scales: scales(op.out), width: op.out.width() };
    for (rows, change) in changes::runs(product.rows, op.changes) {
        let (product, output) = (product.of_rows(&rows, output.width), output.of_rows(&rows));
        match change {
            None => unchanged(cuda, &product, packed, output)?,
            Some(change) => changes::multiply(cuda, &product, packed, output, change)?,
        }
    }
    Ok(())
}

/// What a [`Product`] does not say of its result, because kernels write no 8 bits.
#[derive(Clone, Copy, Debug)]
struct Output {
    /// `[rows]`, or null unless the result is 8-bit.
    scales: DevicePtr,
    /// Elements of a row.
    width: usize,
}

impl Output {
    fn is_8bit(self, product: &Product) -> bool {
        matches!(product.out_element, Element::Fp8 | Element::Int8)
    }

    /// The same for some rows.
    fn of_rows(self, rows: &Range<usize>) -> Self {
        Self { scales: scales_from(self.scales, rows.start), ..self }
    }
}

impl Product {
    /// The same for some rows, whose results have `width` elements.
    fn of_rows(&self, rows: &Range<usize>, width: usize) -> Self {
        let first = rows.start;
        Self {
            x: self.x.plus(first * self.inputs * self.x_element.size()),
            x_scales: scales_from(self.x_scales, first),
            out: self.out.plus(first * width * self.out_element.size()),
            rows: rows.len(),
            ..*self
        }
    }
}

/// The scales of rows from `row` on, if there are any.
fn scales_from(scales: DevicePtr, row: usize) -> DevicePtr {
    if scales == DevicePtr::NULL { scales } else { scales.plus(row * size_of::<f32>()) }
}

/// Multiplies rows that follow no adapter.
fn unchanged(
    cuda: &Cuda,
    product: &Product,
    packed: Option<&PackedAtHand<'_>>,
    output: Output,
) -> Result<()> {
    in_portions(cuda, product, output, 0, |product, _, _| {
        slices::each(cuda, product, packed, |product, _| multiply(cuda, product))
    })
}

/// Has `multiply` make `product`, which it is told with its rows and with `own` bytes of scratch. An 8-bit result is rounded from what it makes: the
/// scale of a row spans all of its outputs, so it is known only after all of them. Those rows go through scratch
/// some at a time, so that it stays small; what stands beside a row changes no bit of it.
fn in_portions(
    cuda: &Cuda,
    product: &Product,
    output: Output,
    own: usize,
    multiply: impl Fn(&Product, Range<usize>, DevicePtr) -> Result<()>,
) -> Result<()> {
    let (rows, width) = (product.rows, output.width);
    if !output.is_8bit(product) {
        let own = if own > 0 { cuda.scratch(own)? } else { DevicePtr::NULL };
        return multiply(product, 0..rows, own);
    }
    let unscaled = cuda.policy().activation;
    let at_once = (Scratch::USUAL / (width * unscaled.size()).max(1) / ROWS * ROWS)
        .clamp(ROWS, rows.max(ROWS));
    let own = own.next_multiple_of(ALIGNMENT);
    let scratch = cuda.scratch(own + at_once.min(rows) * width * unscaled.size())?;
    let between = scratch.plus(own);
    for first in (0..rows).step_by(at_once) {
        let part = first..(first + at_once).min(rows);
        let (product, output) = (product.of_rows(&part, width), output.of_rows(&part));
        let unrounded = Product { out: between, out_element: unscaled, ..product };
        multiply(&unrounded, part.clone(), scratch)?;
        let out = Quantised {
            values: product.out,
            scales: output.scales,
            element: product.out_element,
            rows: part.len(),
            width,
        };
        quantise(cuda, between, unscaled, out)?;
    }
    Ok(())
}

/// Multiplies by a library where that is faster, else by the kernel that suits `product`.
pub(crate) fn multiply(cuda: &Cuda, product: &Product) -> Result<()> {
    if library::multiply(cuda, product)? {
        return Ok(());
    }
    by_own_kernel(cuda, product)
}

/// Starts the kernel that suits `product`.
fn by_own_kernel(cuda: &Cuda, product: &Product) -> Result<()> {
    if hopper::takes(cuda, product) {
        return hopper::multiply(cuda, product);
    }
    if portable::takes(cuda, product) {
        return portable::multiply(cuda, product);
    }
    plain::multiply(cuda, product)
}
