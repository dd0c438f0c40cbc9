//! Latents: to tokens and back, one step of the solver, and the way into the decoder.

use zao_backend::op::{CfgCombine, EulerStep, LatentToImage, Patchify, Unpatchify};
use zao_backend::{Element, Grid, Result};

use crate::address::{blocks, int, scales, start};
use crate::device::Cuda;
use crate::driver::{Argument, Launch, args};

/// Threads of a block.
const THREADS: u32 = 256;
/// Blocks that sum squares, as many as the kernel has room for.
const PARTS: u32 = 128;

/// A thread for each of `count` elements.
fn a_thread_each(count: usize) -> Result<Launch> {
    let grid = [blocks(count, THREADS as usize)?, 1, 1];
    Ok(Launch { grid, block: [THREADS, 1, 1], ..Launch::ONE })
}

/// `Patches` of `kernels/latent.cu`.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
struct Patches {
    channels: i32,
    grid_height: i32,
    grid_width: i32,
    patch: i32,
}

// SAFETY: the same four `int`s.
unsafe impl Argument for Patches {}

impl Patches {
    fn of(channels: usize, grid: Grid, patch: usize) -> Result<Self> {
        Ok(Self {
            channels: int(channels)?,
            grid_height: int(grid.height)?,
            grid_width: int(grid.width)?,
            patch: int(patch)?,
        })
    }
}

/// `Patchify` of `zao-backend`.
pub(crate) fn patchify(cuda: &Cuda, op: Patchify<'_, Cuda>) -> Result<()> {
    let patches = Patches::of(op.latent.rows(), op.grid, op.patch)?;
    let (latent, out, rows) = (start(op.latent), start(op.out), op.out.rows());
    let name = match op.out.element() {
        Element::F32 => "patchify_f32",
        Element::Bf16 => "patchify_bf16",
        Element::Fp8 => "patchify_fp8",
        Element::Int8 => "patchify_int8",
        Element::U8 => return Err(cuda.unsupported("patchify", "into bytes")),
    };
    let kernel = cuda.kernel("latent", name)?;
    match op.out.element() {
        Element::Fp8 | Element::Int8 => {
            let launch =
                Launch { grid: [blocks(rows, 1)?, 1, 1], block: [32, 1, 1], ..Launch::ONE };
            // SAFETY: the operation's shapes were checked; the arguments are those of the kernel.
            unsafe { cuda.run(&kernel, launch, args![latent, patches, out, scales(op.out)]) }
        }
        _ => {
            let launch = a_thread_each(op.out.shape().len())?;
            // SAFETY: as above.
            unsafe { cuda.run(&kernel, launch, args![latent, patches, out, rows as i64]) }
        }
    }
}

/// `Unpatchify` of `zao-backend`.
pub(crate) fn unpatchify(cuda: &Cuda, op: Unpatchify<'_, Cuda>) -> Result<()> {
    let name = match op.x.element() {
        Element::F32 => "unpatchify_f32",
        Element::Bf16 => "unpatchify_bf16",
        element => return Err(cuda.unsupported("unpatchify", format!("from {element:?}"))),
    };
    let kernel = cuda.kernel("latent", name)?;
    let patches = Patches::of(op.out.rows(), op.grid, op.patch)?;
    // SAFETY: the operation's shapes were checked; the arguments are those of the kernel.
    unsafe {
        cuda.run(
            &kernel,
            a_thread_each(op.out.shape().len())?,
            args![start(op.x), int(op.first_row)?, patches, start(op.out)],
        )
    }
}

/// `EulerStep` of `zao-backend`.
pub(crate) fn euler_step(cuda: &Cuda, op: EulerStep<'_, Cuda>) -> Result<()> {
    let kernel = cuda.kernel("latent", "euler_step_f32")?;
    let count = op.latent.shape().len();
    // SAFETY: both have `count` elements of f32; the arguments are those of the kernel.
    unsafe {
        cuda.run(
            &kernel,
            a_thread_each(count)?,
            args![start(op.latent), start(op.velocity), op.delta, count as i64],
        )
    }
}

/// `CfgCombine` of `zao-backend`.
pub(crate) fn cfg_combine(cuda: &Cuda, op: CfgCombine<'_, Cuda>) -> Result<()> {
    let count = op.out.shape().len();
    let (positive, negative, out) = (start(op.positive), start(op.negative), start(op.out));
    let (launch, guidance, elements) = (a_thread_each(count)?, op.guidance, count as i64);
    if op.limit > 0.0 {
        let squares = cuda.kernel("latent", "cfg_squares_f32")?;
        let combine = cuda.kernel("latent", "cfg_combine_limited_f32")?;
        let parts = Launch { grid: [PARTS, 1, 1], ..launch };
        // SAFETY: all have `count` elements of f32; the arguments are those of the kernels. What the first leaves in
        // its module's memory the second takes, on the same stream.
        unsafe {
            cuda.run(&squares, parts, args![positive, negative, guidance, elements])?;
            cuda.run(&combine, launch, args![positive, negative, out, guidance, op.limit, elements])
        }
    } else {
        let kernel = cuda.kernel("latent", "cfg_combine_f32")?;
        // SAFETY: as above.
        unsafe { cuda.run(&kernel, launch, args![positive, negative, out, guidance, elements]) }
    }
}

/// `LatentToImage` of `zao-backend`.
pub(crate) fn latent_to_image(cuda: &Cuda, op: LatentToImage<'_, Cuda>) -> Result<()> {
    let name = match op.out.element() {
        Element::F32 => "latent_to_image_f32",
        Element::Bf16 => "latent_to_image_bf16",
        element => return Err(cuda.unsupported("latent_to_image", format!("to {element:?}"))),
    };
    let kernel = cuda.kernel("latent", name)?;
    let (channels, cells) = (int(op.latent.rows())?, int(op.latent.width())?);
    // SAFETY: the operation's shapes were checked; the arguments are those of the kernel.
    unsafe {
        cuda.run(
            &kernel,
            a_thread_each(op.latent.shape().len())?,
            args![start(op.latent), start(op.out), op.scale, op.shift, channels, cells],
        )
    }
}
