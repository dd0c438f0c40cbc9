//! Copies of rows from tensor to tensor.

use zao_backend::op::CopyRows;
use zao_backend::{Element, Result};

use crate::address::{blocks, int, scales, start};
use crate::device::Cuda;
use crate::driver::{DevicePtr, Launch, args};
use crate::quantise::{Quantised, quantise};
use crate::rows::no_kernel;

/// Threads of a block.
const THREADS: u32 = 256;
/// Bytes that a block of the copy of bytes moves.
const BYTES: usize = 4096;
/// Elements that a block of a converting copy moves.
const ELEMENTS: usize = 2048;

/// `CopyRows` of `zao-backend`.
pub(crate) fn copy_rows(cuda: &Cuda, op: CopyRows<'_, Cuda>) -> Result<()> {
    let (from, to) = (op.from.element(), op.to.element());
    let (width, rows) = (op.from.width(), op.count);
    let source = start(op.from).plus(op.from_row * width * from.size());
    let target = start(op.to).plus(op.to_row * width * to.size());
    let source_scales = || scales(op.from).plus(op.from_row * size_of::<f32>());
    let target_scales = || scales(op.to).plus(op.to_row * size_of::<f32>());
    match (from, to) {
        (Element::F32, Element::F32)
        | (Element::Bf16, Element::Bf16)
        | (Element::U8, Element::U8) => bytes(cuda, source, target, rows * width * from.size()),
        (Element::Fp8, Element::Fp8) | (Element::Int8, Element::Int8) => {
            bytes(cuda, source, target, rows * width)?;
            bytes(cuda, source_scales(), target_scales(), rows * size_of::<f32>())
        }
        (Element::F32, Element::Bf16) => {
            elements(cuda, "copy_f32_bf16", source, target, rows * width)
        }
        (Element::Bf16, Element::F32) => {
            elements(cuda, "copy_bf16_f32", source, target, rows * width)
        }
        (Element::F32 | Element::Bf16, Element::Fp8 | Element::Int8) => {
            let values =
                Quantised { values: target, scales: target_scales(), element: to, rows, width };
            quantise(cuda, source, from, values)
        }
        (Element::Fp8 | Element::Int8, Element::F32 | Element::Bf16) => {
            let name = match (from, to) {
                (Element::Fp8, Element::F32) => "dequantise_fp8_f32",
                (Element::Fp8, _) => "dequantise_fp8_bf16",
                (_, Element::F32) => "dequantise_int8_f32",
                _ => "dequantise_int8_bf16",
            };
            let kernel = cuda.kernel("sequence", name)?;
            let launch =
                Launch { grid: [blocks(rows, 1)?, 1, 1], block: [THREADS, 1, 1], ..Launch::ONE };
            // SAFETY: the rows were checked to be there; the arguments are those of the kernel.
            unsafe {
                cuda.run(&kernel, launch, args![source, source_scales(), target, int(width)?])
            }
        }
        _ => Err(no_kernel(cuda, "copy_rows", from, to)),
    }
}

fn bytes(cuda: &Cuda, from: DevicePtr, to: DevicePtr, count: usize) -> Result<()> {
    many(cuda, "copy_bytes", from, to, (count, BYTES))
}

fn elements(
    cuda: &Cuda,
    name: &'static str,
    from: DevicePtr,
    to: DevicePtr,
    count: usize,
) -> Result<()> {
    many(cuda, name, from, to, (count, ELEMENTS))
}

/// Starts a kernel that moves `count` things, `each` in a block.
fn many(
    cuda: &Cuda,
    name: &'static str,
    from: DevicePtr,
    to: DevicePtr,
    (count, each): (usize, usize),
) -> Result<()> {
    let kernel = cuda.kernel("sequence", name)?;
    let launch =
        Launch { grid: [blocks(count, each)?, 1, 1], block: [THREADS, 1, 1], ..Launch::ONE };
    // SAFETY: the rows were checked to be there; the arguments are those of the kernel.
    unsafe { cuda.run(&kernel, launch, args![from, to, count as i64]) }
}
