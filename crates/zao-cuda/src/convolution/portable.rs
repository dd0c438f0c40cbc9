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

/// A tile of results. Tiles of one kind compute the same.
struct Tile {
    /// As it is, and with a norm.
    kernels: [&'static str; 2],
    cells: usize,
    outputs: usize,
    stages: usize,
    /// Rates that it reached on an H100 where there were enough blocks, without and with a norm, in percent of
    /// the best.
    rates: [usize; 2],
}

/// Bytes of a row of operands in shared memory, which are `CHANNELS` channels.
const ROW_BYTES: usize = 128;
const CHANNELS: usize = 64;
const THREADS: u32 = 256;

/// Cells one after the other.
const GATHERED: [Tile; 3] = [
    gathered(128, ["convolution_128x128", "convolution_128x128_norm"], 3, [80, 37]),
    gathered(64, ["convolution_128x64", "convolution_128x64_norm"], 3, [42, 30]),
    gathered(16, ["convolution_128x16", "convolution_128x16_norm"], 4, [26, 9]),
];

const fn gathered(
    outputs: usize,
    kernels: [&'static str; 2],
    stages: usize,
    rates: [usize; 2],
) -> Tile {
    Tile { kernels, cells: 128, outputs, stages, rates }
}

/// Columns of a patch of results.
const PATCH_WIDTH: usize = 16;

/// Patches of 8 or 16 rows.
const PATCHES: [Tile; 5] = [
    patch(16, 128, ["convolution_patch_tall_128", "convolution_patch_tall_128_norm"], [100, 69]),
    patch(8, 256, ["convolution_patch_256", "convolution_patch_256_norm"], [97, 83]),
    patch(8, 128, ["convolution_patch_128", "convolution_patch_128_norm"], [74, 63]),
    patch(8, 64, ["convolution_patch_64", "convolution_patch_64_norm"], [46, 44]),
    patch(8, 16, ["convolution_patch_16", "convolution_patch_16_norm"], [38, 22]),
];

const HALF_PATCHES: [Tile; 5] = [
    patch(
        16,
        128,
        ["convolution_patch_tall_128_half", "convolution_patch_tall_128_half_norm"],
        [100, 90],
    ),
    patch(8, 256, ["convolution_patch_256_half", "convolution_patch_256_half_norm"], [99, 90]),
    patch(8, 128, ["convolution_patch_128_half", "convolution_patch_128_half_norm"], [74, 63]),
    patch(8, 64, ["convolution_patch_64_half", "convolution_patch_64_half_norm"], [46, 44]),
    patch(8, 16, ["convolution_patch_16_half", "convolution_patch_16_half_norm"], [38, 22]),
];

const fn patch(rows: usize, outputs: usize, kernels: [&'static str; 2], rates: [usize; 2]) -> Tile {
    Tile { kernels, cells: rows * PATCH_WIDTH, outputs, stages: 3, rates }
}

/// Computes it.
pub(crate) fn conv2d(cuda: &Cuda, op: &Conv2d<'_, Cuda>) -> Result<()> {
    if op.rows.is_empty() {
        return Ok(());
    }
    let arguments = arguments(cuda, op)?;
    let kept = op.weight.device().matrix()?.kept();
    let bf16 = op.view.x.element() == Element::Bf16 && kept == Kept::Bf16;
    if !bf16 || !op.weight.columns().is_multiple_of(8) {
        return plain(cuda, op, arguments);
    }
    match (op.weight.kernel(), op.stride) {
        (3, Stride::One) => patches(cuda, op, arguments, &PATCHES),
        (3, Stride::Half) => patches(cuda, op, arguments, &HALF_PATCHES),
        _ => gather(cuda, op, arguments),
    }
}

fn arguments(cuda: &Cuda, op: &Conv2d<'_, Cuda>) -> Result<Arguments> {
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
        weight: op.weight.device().matrix()?.at_hand(cuda)?.values(),
        ending: Ending {
            out: start(op.out),
            bias: start(op.bias),
            row_scales: DevicePtr::NULL,
            column_scales: DevicePtr::NULL,
            kind: if op.epilogue == Epilogue::Accumulate { Kind::Accumulate } else { Kind::Store },
            out_f32: i32::from(op.out.element() == Element::F32),
            out_width: int(op.weight.rows())?,
        },
        first_row: int(op.rows.start)?,
        rows: int(op.rows.len())?,
        row_width: int(op.stride.of(view.strip.grid).width)?,
        outputs: int(op.weight.rows())?,
    })
}

fn patches(cuda: &Cuda, op: &Conv2d<'_, Cuda>, arguments: Arguments, tiles: &[Tile]) -> Result<()> {
    let normed = op.view.norm.is_some();
    let width = op.stride.of(op.view.strip.grid).width;
    let rows = |tile: &Tile| tile.cells / PATCH_WIDTH;
    let shared = |tile: &Tile| {
        let seen =
            |extent: usize| if op.stride == Stride::Half { extent / 2 + 2 } else { extent + 2 };
        let cells = (seen(rows(tile)) * seen(PATCH_WIDTH) * ROW_BYTES).next_multiple_of(1024);
        let norm = if normed { 2 * CHANNELS * 2 * size_of::<f32>() } else { 0 };
        2 * cells + tile.stages * tile.outputs * ROW_BYTES + norm
    };
    let count = |tile: &Tile| op.rows.len().div_ceil(rows(tile)) * width.div_ceil(PATCH_WIDTH);
    run(cuda, op, "convolution_patch", arguments, tiles, shared, count)
}

fn gather(cuda: &Cuda, op: &Conv2d<'_, Cuda>, arguments: Arguments) -> Result<()> {
    let shared = |tile: &Tile| tile.stages * (tile.cells + tile.outputs) * ROW_BYTES;
    let count = |tile: &Tile| op.out.rows().div_ceil(tile.cells);
    run(cuda, op, "convolution", arguments, &GATHERED, shared, count)
}

/// Runs the fastest of `tiles` whose `shared` bytes the card has; `count` tiles cover the cells.
fn run(
    cuda: &Cuda,
    op: &Conv2d<'_, Cuda>,
    module: &'static str,
    arguments: Arguments,
    tiles: &[Tile],
    shared: impl Fn(&Tile) -> usize,
    count: impl Fn(&Tile) -> usize,
) -> Result<()> {
    let normed = usize::from(op.view.norm.is_some());
    let card = cuda.card();
    let count = |tile: &Tile| count(tile) * op.weight.rows().div_ceil(tile.outputs);
    let time = |tile: &&Tile| {
        let rounds = count(tile).div_ceil(card.multiprocessors as usize);
        rounds * tile.cells * tile.outputs * 1000 / tile.rates[normed]
    };
    let fit = tiles.iter().filter(|tile| shared(tile) <= card.shared_per_block as usize);
    let tile = fit.min_by_key(time).expect("the smallest tile fits every card");
    let kernel = cuda.kernel(module, tile.kernels[normed])?;
    let launch = Launch {
        grid: [blocks(count(tile), 1)?, 1, 1],
        block: [THREADS, 1, 1],
        shared: u32::try_from(shared(tile)).expect("a tile is smaller than shared memory"),
        ..Launch::ONE
    };
    // SAFETY: the operation's shapes were checked, types and channels are those of the kernel, and the
    // grid covers the result.
    unsafe { cuda.run(&kernel, launch, args![arguments]) }
}

fn plain(cuda: &Cuda, op: &Conv2d<'_, Cuda>, convolution: Arguments) -> Result<()> {
    let weight_stored = match op.weight.device().matrix()?.kept() {
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
    let count = op.out.rows().div_ceil(128) * op.weight.rows().div_ceil(outputs);
    let launch = Launch { grid: [blocks(count, 1)?, 1, 1], block: [threads, 1, 1], ..Launch::ONE };
    // SAFETY: the operation's shapes were checked, and the grid covers the result.
    unsafe { cuda.run(&kernel, launch, args![arguments]) }
}
