//! Group norms: moments of a picture's rows, what follows from them, and their application.

use zao_backend::op::{GroupFactors, GroupMoments, Normalise};
use zao_backend::{Element, Result};

use crate::address::{blocks, int, scales, start};
use crate::device::Cuda;
use crate::driver::{DevicePtr, Launch, args};
use crate::rows::no_kernel;

/// Channels that a block of the moments' kernel has threads for.
const SLICE: usize = 128;
/// Cells of 8 channels each that a thread of the normalising kernel treats at once.
const IN_FLIGHT: usize = 2;
/// How often it does so.
const ROUNDS: usize = 2;
/// Channels that a thread of it has.
const RUN: usize = 8;
/// Channels up to which its block has at least one cell.
const MOST_CHANNELS: usize = 2048;

/// `GroupMoments` of `zao-backend`.
pub(crate) fn group_moments(cuda: &Cuda, op: GroupMoments<'_, Cuda>) -> Result<()> {
    let channels = op.x.width();
    let each = channels / op.groups;
    // A block has whole groups, a thread four channels of one.
    let sliced = each.is_multiple_of(4) && each <= SLICE;
    let name = match (op.x.element(), sliced) {
        (Element::F32, true) => "group_moments_f32",
        (Element::F32, false) => "group_moments_f32_any",
        (Element::Bf16, true) => "group_moments_bf16",
        (Element::Bf16, false) => "group_moments_bf16_any",
        (element, _) => return Err(cuda.unsupported("group_moments", format!("of {element:?}"))),
    };
    let kernel = cuda.kernel("group_norm", name)?;
    let (x, out, rows) = (start(op.x), start(op.out), blocks(op.strip.height, 1)?);
    let (top, width) = (int(op.strip.top)?, int(op.strip.grid.width)?);
    let (all, groups) = (int(channels)?, int(op.groups)?);
    if sliced {
        let slice = SLICE / each * each;
        let grid = [rows, blocks(channels, slice)?, 1];
        let launch = Launch { grid, block: [256, 1, 1], ..Launch::ONE };
        // SAFETY: the operation's shapes were checked; the arguments are those of the kernel.
        unsafe { cuda.run(&kernel, launch, args![x, out, top, width, all, groups, int(slice)?]) }
    } else {
        let grid = [rows, blocks(op.groups, 1)?, 1];
        let launch = Launch { grid, block: [32, 1, 1], ..Launch::ONE };
        // SAFETY: as above.
        unsafe { cuda.run(&kernel, launch, args![x, out, top, width, all, groups]) }
    }
}

/// `GroupFactors` of `zao-backend`.
pub(crate) fn group_factors(cuda: &Cuda, op: GroupFactors<'_, Cuda>) -> Result<()> {
    let kernel = cuda.kernel("group_norm", "group_factors_f32")?;
    let groups = op.moments.width() / 3;
    let launch = Launch { grid: [blocks(groups, 1)?, 1, 1], block: [256, 1, 1], ..Launch::ONE };
    // SAFETY: the operation's shapes were checked; the arguments are those of the kernel.
    unsafe {
        cuda.run(
            &kernel,
            launch,
            args![
                start(op.moments),
                start(op.weight),
                start(op.bias),
                start(op.out),
                int(op.moments.rows())?,
                int(op.width)?,
                int(op.weight.width())?,
                int(groups)?,
                op.eps
            ],
        )
    }
}

/// `Normalise` of `zao-backend`.
pub(crate) fn normalise(cuda: &Cuda, op: Normalise<'_, Cuda>) -> Result<()> {
    if matches!(op.out.element(), Element::Fp8 | Element::Int8) {
        return normalise_quantised(cuda, op);
    }
    normalise_into(
        cuda,
        Normalised {
            x: start(op.x),
            factors: start(op.norm.factors),
            silu: op.norm.silu,
            out: start(op.out),
            from: op.x.element(),
            to: op.out.element(),
            cells: op.x.rows(),
            channels: op.x.width(),
        },
    )
}

/// A picture normalised, in plain addresses and sizes: what convolutions ask for before they read it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Normalised {
    /// `[cells, channels]`.
    pub(crate) x: DevicePtr,
    /// `[3, channels]`, `f32`.
    pub(crate) factors: DevicePtr,
    /// Whether `silu` follows.
    pub(crate) silu: bool,
    /// `[cells, channels]`.
    pub(crate) out: DevicePtr,
    /// How `x` is held.
    pub(crate) from: Element,
    /// How `out` is held.
    pub(crate) to: Element,
    /// Cells.
    pub(crate) cells: usize,
    /// Channels.
    pub(crate) channels: usize,
}

/// Normalises a picture.
pub(crate) fn normalise_into(cuda: &Cuda, picture: Normalised) -> Result<()> {
    let Normalised { x, factors, silu, out, from, to, cells, channels } = picture;
    let [fast, any] = match (from, to, silu) {
        (Element::F32, Element::F32, false) => ["normalise_f32_f32", "normalise_f32_f32_any"],
        (Element::F32, Element::F32, true) => {
            ["normalise_silu_f32_f32", "normalise_silu_f32_f32_any"]
        }
        (Element::Bf16, Element::Bf16, false) => ["normalise_bf16_bf16", "normalise_bf16_bf16_any"],
        (Element::Bf16, Element::Bf16, true) => {
            ["normalise_silu_bf16_bf16", "normalise_silu_bf16_bf16_any"]
        }
        _ => return Err(no_kernel(cuda, "normalise", from, to)),
    };
    let all = int(channels)?;
    if channels.is_multiple_of(RUN) && channels <= MOST_CHANNELS {
        let runs = channels / RUN;
        let at_once = 256 / runs;
        let grid = [blocks(cells, at_once * IN_FLIGHT * ROUNDS)?, 1, 1];
        let threads = blocks(runs * at_once, 1)?.next_multiple_of(32);
        let launch = Launch { grid, block: [threads, 1, 1], ..Launch::ONE };
        let kernel = cuda.kernel("image", fast)?;
        // SAFETY: the caller's sizes are those of the pictures; the arguments are those of the kernel.
        unsafe {
            cuda.run(
                &kernel,
                launch,
                args![x, factors, out, cells as i64, all, int(at_once)?, int(ROUNDS)?],
            )
        }
    } else {
        let grid = [blocks(cells * channels, 256)?, 1, 1];
        let launch = Launch { grid, block: [256, 1, 1], ..Launch::ONE };
        let kernel = cuda.kernel("image", any)?;
        // SAFETY: as above.
        unsafe { cuda.run(&kernel, launch, args![x, factors, out, cells as i64, all]) }
    }
}

fn normalise_quantised(cuda: &Cuda, op: Normalise<'_, Cuda>) -> Result<()> {
    let (from, to) = (op.x.element(), op.out.element());
    let name = match (from, to, op.norm.silu) {
        (Element::Bf16, Element::Fp8, false) => "normalise_bf16_fp8",
        (Element::Bf16, Element::Fp8, true) => "normalise_silu_bf16_fp8",
        (Element::Bf16, Element::Int8, false) => "normalise_bf16_int8",
        (Element::Bf16, Element::Int8, true) => "normalise_silu_bf16_int8",
        _ => return Err(no_kernel(cuda, "normalise", from, to)),
    };
    let kernel = cuda.kernel("image", name)?;
    let grid = [blocks(op.x.rows(), 1)?, 1, 1];
    let launch = Launch { grid, block: [256, 1, 1], ..Launch::ONE };
    // SAFETY: the operation's shapes were checked; the arguments are those of the kernel.
    unsafe {
        cuda.run(
            &kernel,
            launch,
            args![
                start(op.x),
                start(op.norm.factors),
                start(op.out),
                scales(op.out),
                int(op.x.width())?
            ],
        )
    }
}
