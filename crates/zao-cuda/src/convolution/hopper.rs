//! Convolutions on Hopper cards (`kernels/convolution_sm90a.cu`), over pictures of bf16.
//!
//! The copy engine carries cells from memory to the tensor cores without a look at them, so a norm is applied by a
//! kernel before, into scratch and by bands of rows. A kernel of side 1 is a linear layer.

use std::ops::Range;

use zao_backend::op::{Conv2d, Epilogue, Stride};
use zao_backend::{Element, Result};

use crate::address::{int, start};
use crate::device::Cuda;
use crate::driver::{
    Argument, DevicePtr, Launch, Swizzle, TensorMap, TensorMapSpec, TensorType, args,
};
use crate::ending::{self, Kind};
use crate::group_norm::{Normalised, normalise_into};
use crate::linear::{self, Ending, Product};
use crate::staging::Scratch;
use crate::weight::{CardMatrix, Kept};

const MODULE: &str = "convolution_sm90a";
/// Channels that one copy brings, in bytes.
const CHANNEL_BYTES: u32 = 128;
/// Patches of results that are worked on together, so that weights and what they read stay in L2.
const GROUP: i32 = 16;

/// `struct Sm90aConvolution`.
#[repr(C, align(64))]
#[derive(Clone, Copy)]
struct Arguments {
    picture: TensorMap,
    w: TensorMap,
    ending: ending::Ending,
    channels: i32,
    outputs: i32,
    held_top: i32,
    width: i32,
    first_row: i32,
    end_row: i32,
    quarter: i32,
    group: i32,
}

// SAFETY: the layout of `Sm90aConvolution` in `convolution_sm90a.cuh`.
unsafe impl Argument for Arguments {}

/// One of the tiles that the kernel is compiled for: a patch of results by outputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Tile {
    kernel: &'static str,
    rows: u32,
    columns: u32,
    outputs: u32,
    /// Stages of the rings of patches and of weights.
    stages: [u32; 2],
    /// Time that a multiprocessor takes for an element of a tile, in percent of the best.
    time: usize,
}

const TILES: [Tile; 3] = [
    Tile {
        kernel: "convolution_16x16_by_128",
        rows: 16,
        columns: 16,
        outputs: 128,
        stages: [2, 9],
        time: 100,
    },
    Tile {
        kernel: "convolution_8x16_by_256",
        rows: 8,
        columns: 16,
        outputs: 256,
        stages: [2, 5],
        time: 101,
    },
    Tile {
        kernel: "convolution_8x16_by_128",
        rows: 8,
        columns: 16,
        outputs: 128,
        stages: [3, 10],
        time: 104,
    },
];

const THREADS: u32 = 384;

impl Tile {
    /// The fastest for a result of `rows` by `width` cells.
    fn of(rows: usize, width: usize, outputs: usize, multiprocessors: u32) -> Self {
        let time = |tile: &Self| {
            let rounds = tile.count(rows, width, outputs).div_ceil(multiprocessors as usize);
            rounds * (tile.rows * tile.columns * tile.outputs) as usize * tile.time
        };
        TILES.into_iter().min_by_key(time).expect("there are tiles")
    }

    /// Tiles that cover `rows` by `width` cells.
    fn count(self, rows: usize, width: usize, outputs: usize) -> usize {
        rows.div_ceil(self.rows as usize)
            * width.div_ceil(self.columns as usize)
            * outputs.div_ceil(self.outputs as usize)
    }

    /// Bytes of shared memory: both rings from a boundary of 1024 on, and two barriers for each stage.
    const fn shared(self) -> u32 {
        let [patches, weights] = self.stages;
        let patch = (self.rows + 2) * self.columns * CHANNEL_BYTES;
        1024 + patches * (patch + 16) + weights * (self.outputs * CHANNEL_BYTES + 16)
    }
}

/// Whether the kernels can compute it; how many rows there are does not matter.
pub(crate) fn takes(cuda: &Cuda, op: &Conv2d<'_, Cuda>) -> bool {
    let kept = op.weight.device().matrix().map(CardMatrix::kept);
    let bf16 = op.view.x.element() == Element::Bf16 && kept == Ok(Kept::Bf16);
    let walks = match op.stride {
        Stride::One => true,
        Stride::Half => op.weight.kernel() == 3,
        Stride::Two => false,
    };
    let sizes = op.weight.rows().is_multiple_of(8) && op.weight.columns().is_multiple_of(8);
    bf16 && walks && sizes && cuda.has_kernels(MODULE)
}

/// Computes it.
pub(crate) fn conv2d(cuda: &Cuda, op: &Conv2d<'_, Cuda>) -> Result<()> {
    let (strip, channels) = (op.view.strip, op.weight.columns());
    let row = |y: usize| (y - strip.top) * strip.grid.width * channels * 2;
    let Some(norm) = op.view.norm else {
        return band(cuda, op, &op.rows, strip.top..strip.top + strip.height, start(op.view.x));
    };
    let seen_by = |rows: &Range<usize>| op.stride.sees(op.weight.kernel(), rows, strip.grid.height);
    let height = rows_of_band(op, strip.grid.width * channels * 2);
    let bands = || op.rows.clone().step_by(height).map(|top| top..op.rows.end.min(top + height));
    let most = bands().map(|rows| seen_by(&rows).len()).max().unwrap_or(0);
    let scratch = cuda.scratch(most * strip.grid.width * channels * 2)?;
    for rows in bands() {
        let seen = seen_by(&rows);
        normalise_into(
            cuda,
            Normalised {
                x: start(op.view.x).plus(row(seen.start)),
                factors: start(norm.factors),
                silu: norm.silu,
                out: scratch,
                from: Element::Bf16,
                to: Element::Bf16,
                cells: seen.len() * strip.grid.width,
                channels,
            },
        )?;
        band(cuda, op, &rows, seen, scratch)?;
    }
    Ok(())
}

/// Rows of the result that see about [`Scratch::USUAL`] bytes of a picture whose rows have `row_bytes`. Fewer would leave
/// multiprocessors idle at the end of each band.
fn rows_of_band(op: &Conv2d<'_, Cuda>, row_bytes: usize) -> usize {
    let seen = (Scratch::USUAL / row_bytes).max(16);
    match op.stride {
        Stride::Half => 2 * seen,
        Stride::One | Stride::Two => seen,
    }
}

/// The rows `rows` of the result, from the rows `held` of the picture, which are at `x`.
fn band(
    cuda: &Cuda,
    op: &Conv2d<'_, Cuda>,
    rows: &Range<usize>,
    held: Range<usize>,
    x: DevicePtr,
) -> Result<()> {
    let result_width = op.stride.of(op.view.strip.grid).width;
    let skipped = (rows.start - op.rows.start) * result_width * op.weight.rows();
    let out = start(op.out).plus(skipped * op.out.element().size());
    if op.weight.kernel() == 3 {
        walk(cuda, op, rows, held, x, out)
    } else {
        flat(cuda, op, rows, held, x, out)
    }
}

/// A kernel of side 1.
fn flat(
    cuda: &Cuda,
    op: &Conv2d<'_, Cuda>,
    rows: &Range<usize>,
    held: Range<usize>,
    x: DevicePtr,
    out: DevicePtr,
) -> Result<()> {
    let (width, channels) = (op.view.strip.grid.width, op.weight.columns());
    linear::multiply(
        cuda,
        &Product {
            x: x.plus((rows.start - held.start) * width * channels * 2),
            x_scales: DevicePtr::NULL,
            x_element: Element::Bf16,
            weight: op.weight.device().matrix()?.at_hand(cuda)?.values(),
            weight_scales: DevicePtr::NULL,
            weight_kept: Kept::Bf16,
            bias: start(op.bias),
            ending: match op.epilogue {
                Epilogue::Store => Ending::Store,
                Epilogue::Silu => Ending::Silu,
                Epilogue::Accumulate => Ending::Accumulate,
            },
            out,
            out_element: op.out.element(),
            out_width: op.weight.rows(),
            rows: rows.len() * width,
            outputs: op.weight.rows(),
            inputs: channels,
        },
    )
}

/// A kernel of side 3.
fn walk(
    cuda: &Cuda,
    op: &Conv2d<'_, Cuda>,
    rows: &Range<usize>,
    held: Range<usize>,
    x: DevicePtr,
    out: DevicePtr,
) -> Result<()> {
    let width = op.view.strip.grid.width;
    let (outputs, channels) = (op.weight.rows(), op.weight.columns());
    if rows.is_empty() || width == 0 {
        return Ok(());
    }
    let quarter = usize::from(op.stride == Stride::Half);
    // Of quartered cells, each patch holds the results of one parity in both directions.
    let height = rows.end.div_ceil(1 << quarter) - (rows.start >> quarter);
    let multiprocessors = cuda.card().multiprocessors;
    let tile = Tile::of(height << (2 * quarter), width, outputs, multiprocessors);
    let element = TensorType::Bf16;
    let row_bytes = channels as u64 * 2;
    let arguments = Arguments {
        picture: cuda.tensor_map(TensorMapSpec {
            start: x,
            element,
            extents: &[channels as u64, width as u64, held.len() as u64],
            strides: &[row_bytes, row_bytes * width as u64],
            piece: &[CHANNEL_BYTES / 2, tile.columns, tile.rows + 2],
            swizzle: Swizzle::B128,
        })?,
        w: cuda.tensor_map(TensorMapSpec {
            start: op.weight.device().matrix()?.at_hand(cuda)?.values(),
            element,
            extents: &[channels as u64, 9, outputs as u64],
            strides: &[row_bytes, 9 * row_bytes],
            piece: &[CHANNEL_BYTES / 2, 1, tile.outputs],
            swizzle: Swizzle::B128,
        })?,
        ending: ending::Ending {
            out,
            bias: start(op.bias),
            row_scales: DevicePtr::NULL,
            column_scales: DevicePtr::NULL,
            kind: match op.epilogue {
                Epilogue::Store => Kind::Store,
                Epilogue::Silu => Kind::Silu,
                Epilogue::Accumulate => Kind::Accumulate,
            },
            out_f32: i32::from(op.out.element() == Element::F32),
            out_width: int(op.weight.rows())?,
        },
        channels: int(channels)?,
        outputs: int(outputs)?,
        held_top: int(held.start)?,
        width: int(width)?,
        first_row: int(rows.start)?,
        end_row: int(rows.end)?,
        quarter: int(quarter)?,
        group: GROUP,
    };
    let count = tile.count(height, width, outputs) << (2 * quarter);
    let launch = Launch {
        grid: [multiprocessors.min(u32::try_from(count).unwrap_or(u32::MAX)), 1, 1],
        block: [THREADS, 1, 1],
        shared: tile.shared(),
        overlap: true,
        ..Launch::ONE
    };
    let kernel = cuda.kernel(MODULE, tile.kernel)?;
    // SAFETY: the operation's shapes were checked; `held` rows are at `x` and are all that `rows` see, and there is
    // room for `rows` at `out`.
    unsafe { cuda.run(&kernel, launch, args![arguments]) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(side: usize, outputs: usize) -> &'static str {
        Tile::of(side, side, outputs, 132).kernel
    }

    #[test]
    fn small_pictures_are_cut_finer() {
        assert_eq!(chosen(1024, 128), "convolution_16x16_by_128");
        assert_eq!(chosen(64, 512), "convolution_8x16_by_128");
    }

    #[test]
    fn tiles_fit_shared_memory() {
        assert!(TILES.iter().all(|tile| tile.shared() <= 232_448));
    }

    #[test]
    fn arguments_lie_as_the_kernel_reads_them() {
        assert_eq!(size_of::<Arguments>(), 384);
        assert_eq!(std::mem::offset_of!(Arguments, ending), 256);
        assert_eq!(std::mem::offset_of!(Arguments, channels), 304);
    }
}
