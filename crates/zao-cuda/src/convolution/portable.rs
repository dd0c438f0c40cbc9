//! Convolutions on the tensor cores that every card since Ampere has (`kernels/convolution_patch.cu` and
//! `kernels/convolution.cu`), and those of any type and size in `f32` arithmetic (`kernels/convolution_f32.cu`).
//!
//! Which kernel computes a convolution depends on its types, its channels and how it walks. How many
//! rows there are decides nothing, and the size of a tile changes no bit.

use zao_backend::op::{Conv2d, Epilogue, Stride};
use zao_backend::{Element, Result};

use crate::address::{blocks, int, start};
use crate::device::Cuda;
use crate::driver::{Argument, DevicePtr, Launch, args};
use crate::ending::{Ending, Kind, stored};
use crate::weight::Kept;

/// `struct ConvolutionArguments`, its parts in order: the picture, the weight, the end, the rows.
#[repr(C)]
#[derive(Clone, Copy)]
struct Arguments {
    x: DevicePtr,
    norm: DevicePtr,
    height: i32,
    width: i32,
    held_top: i32,
    held_height: i32,
    held_width: i32,
    channels: i32,
    quarter: i32,
    step: i32,
    pad: i32,
    side: i32,
    silu: i32,
    picture_end: i32,
    weight: DevicePtr,
    ending: Ending,
    first_row: i32,
    rows: i32,
    row_width: i32,
    outputs: i32,
}

// SAFETY: the layout of `ConvolutionArguments` in `convolution_arguments.cuh`, `Picture` padded to 64 bytes.
unsafe impl Argument for Arguments {}

/// `struct PlainConvolutionArguments`.
#[repr(C)]
#[derive(Clone, Copy)]
struct PlainArguments {
    convolution: Arguments,
    x_stored: i32,
    weight_stored: i32,
}

// SAFETY: the layout of `PlainConvolutionArguments` in `convolution_f32.cu`.
unsafe impl Argument for PlainArguments {}

/// Kernels that compute the same with tiles of so many outputs: as it is, and with a norm.
struct Family {
    outputs: usize,
    kernels: [&'static str; 2],
    /// Stages of the ring of weights.
    stages: usize,
}

/// Cells of a tile, in both kinds of kernels.
const CELLS: usize = 128;
/// Bytes of a row of operands in shared memory.
const ROW_BYTES: usize = 128;
const THREADS: u32 = 256;

const GATHERED: [Family; 3] = [
    Family { outputs: 16, kernels: ["convolution_128x16", "convolution_128x16_norm"], stages: 4 },
    Family { outputs: 64, kernels: ["convolution_128x64", "convolution_128x64_norm"], stages: 3 },
    Family {
        outputs: 128,
        kernels: ["convolution_128x128", "convolution_128x128_norm"],
        stages: 3,
    },
];

const PATCHES: [Family; 4] = [
    patch(16, ["convolution_patch_16", "convolution_patch_16_norm"]),
    patch(64, ["convolution_patch_64", "convolution_patch_64_norm"]),
    patch(128, ["convolution_patch_128", "convolution_patch_128_norm"]),
    patch(256, ["convolution_patch_256", "convolution_patch_256_norm"]),
];

const HALF_PATCHES: [Family; 4] = [
    patch(16, ["convolution_patch_16_half", "convolution_patch_16_half_norm"]),
    patch(64, ["convolution_patch_64_half", "convolution_patch_64_half_norm"]),
    patch(128, ["convolution_patch_128_half", "convolution_patch_128_half_norm"]),
    patch(256, ["convolution_patch_256_half", "convolution_patch_256_half_norm"]),
];

const fn patch(outputs: usize, kernels: [&'static str; 2]) -> Family {
    Family { outputs, kernels, stages: 3 }
}

/// Rows and columns of a patch of results.
const PATCH: (usize, usize) = (8, 16);

/// Computes it.
pub(crate) fn conv2d(cuda: &Cuda, op: &Conv2d<'_, Cuda>) -> Result<()> {
    if op.rows.is_empty() {
        return Ok(());
    }
    let arguments = arguments(op)?;
    let bf16 = op.view.x.element() == Element::Bf16 && op.weight.device().kept() == Kept::Bf16;
    if !bf16 || !op.weight.columns().is_multiple_of(8) {
        return plain(cuda, op, arguments);
    }
    match (op.weight.kernel(), op.stride) {
        (3, Stride::One) => patches(cuda, op, arguments, &PATCHES, (PATCH.0 + 2, PATCH.1 + 2)),
        (3, Stride::Half) => {
            patches(cuda, op, arguments, &HALF_PATCHES, (PATCH.0 / 2 + 2, PATCH.1 / 2 + 2))
        }
        _ => gathered(cuda, op, arguments),
    }
}

fn arguments(op: &Conv2d<'_, Cuda>) -> Result<Arguments> {
    let (view, kernel) = (&op.view, op.weight.kernel());
    let (quarter, step, pad) = match op.stride {
        Stride::One => (0, 1, kernel / 2),
        Stride::Two => (0, 2, 0),
        Stride::Half => (1, 1, kernel / 2),
    };
    let walked = if quarter == 1 { view.strip.grid.times(2) } else { view.strip.grid };
    let norm = view.norm;
    Ok(Arguments {
        x: start(view.x),
        norm: norm.map_or(DevicePtr::NULL, |norm| start(norm.factors)),
        height: int(walked.height)?,
        width: int(walked.width)?,
        held_top: int(view.strip.top)?,
        held_height: int(view.strip.height)?,
        held_width: int(view.strip.grid.width)?,
        channels: int(op.weight.columns())?,
        quarter,
        step,
        pad: int(pad)?,
        side: int(kernel)?,
        silu: i32::from(norm.is_some_and(|norm| norm.silu)),
        picture_end: 0,
        weight: op.weight.device().values(),
        ending: Ending {
            out: start(op.out),
            bias: start(op.bias),
            row_scales: DevicePtr::NULL,
            column_scales: DevicePtr::NULL,
            kind: if op.epilogue == Epilogue::Accumulate { Kind::Accumulate } else { Kind::Store },
            out_f32: i32::from(op.out.element() == Element::F32),
        },
        first_row: int(op.rows.start)?,
        rows: int(op.rows.len())?,
        row_width: int(op.stride.of(view.strip.grid).width)?,
        outputs: int(op.weight.rows())?,
    })
}

/// The smallest tile that takes all outputs, or the largest whose `shared` bytes the card has.
fn family<'a>(
    cuda: &Cuda,
    families: &'a [Family],
    outputs: usize,
    shared: impl Fn(&Family) -> usize,
) -> &'a Family {
    let there = cuda.card().shared_per_block as usize;
    let fit = families.iter().filter(|family| shared(family) <= there);
    let mut best = &families[0];
    for family in fit {
        best = family;
        if outputs <= family.outputs {
            break;
        }
    }
    best
}

fn patches(
    cuda: &Cuda,
    op: &Conv2d<'_, Cuda>,
    arguments: Arguments,
    families: &[Family],
    (seen_height, seen_width): (usize, usize),
) -> Result<()> {
    let seen = (seen_height * seen_width * ROW_BYTES).next_multiple_of(1024);
    let shared = |family: &Family| 2 * seen + family.stages * family.outputs * ROW_BYTES;
    let family = family(cuda, families, op.weight.rows(), shared);
    let width = op.stride.of(op.view.strip.grid).width;
    let patches = op.rows.len().div_ceil(PATCH.0) * width.div_ceil(PATCH.1);
    run(cuda, op, "convolution_patch", family, (patches, shared(family)), arguments)
}

fn gathered(cuda: &Cuda, op: &Conv2d<'_, Cuda>, arguments: Arguments) -> Result<()> {
    let shared = |family: &Family| family.stages * (CELLS + family.outputs) * ROW_BYTES;
    let family = family(cuda, &GATHERED, op.weight.rows(), shared);
    let tiles = op.out.rows().div_ceil(CELLS);
    run(cuda, op, "convolution", family, (tiles, shared(family)), arguments)
}

fn run(
    cuda: &Cuda,
    op: &Conv2d<'_, Cuda>,
    module: &'static str,
    family: &Family,
    (tiles, shared): (usize, usize),
    arguments: Arguments,
) -> Result<()> {
    let kernel = cuda.kernel(module, family.kernels[usize::from(op.view.norm.is_some())])?;
    let count = tiles * op.weight.rows().div_ceil(family.outputs);
    let launch = Launch {
        grid: [blocks(count, 1)?, 1, 1],
        block: [THREADS, 1, 1],
        shared: u32::try_from(shared).expect("a tile is smaller than shared memory"),
        ..Launch::ONE
    };
    // SAFETY: the operation's shapes were checked, types and channels are those of the kernel, and the
    // grid covers the result.
    unsafe { cuda.run(&kernel, launch, args![arguments]) }
}

fn plain(cuda: &Cuda, op: &Conv2d<'_, Cuda>, convolution: Arguments) -> Result<()> {
    let weight_stored = match op.weight.device().kept() {
        Kept::F32 => stored(Element::F32),
        Kept::Bf16 => stored(Element::Bf16),
        Kept::Fp8 | Kept::Int8 => None,
    };
    let x = op.view.x.element();
    let known = matches!(x, Element::F32 | Element::Bf16);
    let (true, Some(x_stored), Some(weight_stored)) = (known, stored(x), weight_stored) else {
        return Err(cuda.unsupported("conv2d", format!("{x:?} through {:?}", op.weight.device())));
    };
    let arguments = PlainArguments { convolution, x_stored, weight_stored };
    let (name, outputs, threads) = if op.weight.rows() <= 16 {
        ("convolution_f32_128x16", 16, 128)
    } else {
        ("convolution_f32_128x128", 128, 256)
    };
    let kernel = cuda.kernel("convolution_f32", name)?;
    let count = op.out.rows().div_ceil(CELLS) * op.weight.rows().div_ceil(outputs);
    let launch = Launch { grid: [blocks(count, 1)?, 1, 1], block: [threads, 1, 1], ..Launch::ONE };
    // SAFETY: the operation's shapes were checked, and the grid covers the result.
    unsafe { cuda.run(&kernel, launch, args![arguments]) }
}
