//! Attention on every card: on `mma.sync` for bf16 heads 64, 128 and 512 wide, and in f32 arithmetic for f32 and
//! any other width up to 512.
//!
//! How high the tiles of queries are and how many pieces are in shared memory depends on the card and the number of
//! tokens; neither changes a bit of the result.

use zao_backend::op::Mask;
use zao_backend::{Element, Result};

use super::Packed;
use crate::address::{blocks, int};
use crate::device::Cuda;
use crate::driver::{Argument, DevicePtr, Launch, args};

/// Widest head that any kernel takes.
const WIDEST: usize = 512;
/// Bytes of shared memory with which the widest heads have eight pieces at once.
const EIGHT_PIECES: u32 = 17 * 8192 + 1024;
/// The same with two.
const TWO_PIECES: u32 = 11 * 8192 + 1024;

/// `AttentionShape` of `kernels/attention_tiles.cuh`.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
struct Shape {
    offsets: DevicePtr,
    segments: i32,
    queries: i32,
    keys: i32,
    dim: i32,
    scale: f32,
    padding: u32,
}

// SAFETY: the same layout; the padding at the end is the compiler's there.
unsafe impl Argument for Shape {}

/// A kernel with its launch.
struct Choice {
    module: &'static str,
    name: &'static str,
    /// Queries of a block.
    height: usize,
    threads: u32,
    shared: u32,
}

/// Whether there is a kernel for this attention.
pub(super) fn takes(packed: &Packed<'_>) -> bool {
    packed.heads.dim <= WIDEST && matches!(packed.element, Element::F32 | Element::Bf16)
}

/// Writes the result at `out`, in the element type of what it reads.
pub(super) fn attend(cuda: &Cuda, packed: &Packed<'_>, out: DevicePtr) -> Result<()> {
    let choice = choose(cuda, packed);
    let kernel = cuda.kernel(choice.module, choice.name)?;
    let shape = Shape {
        offsets: cuda.segments(packed.segments)?,
        segments: int(packed.segments.len())?,
        queries: int(packed.heads.query)?,
        keys: int(packed.heads.kv)?,
        dim: int(packed.heads.dim)?,
        scale: 1.0 / (packed.heads.dim as f32).sqrt(),
        padding: 0,
    };
    let grid = [blocks(tiles(packed, choice.height), 1)?, blocks(packed.heads.query, 1)?, 1];
    let launch =
        Launch { grid, block: [choice.threads, 1, 1], shared: choice.shared, ..Launch::ONE };
    // Rows are counted in elements with 32 bits inside a segment.
    let width = (packed.heads.query + 2 * packed.heads.kv) * packed.heads.dim;
    int(packed.segments.rows() * width)?;
    // SAFETY: the operation's shapes were checked, `out` is as large as the result; the arguments are those of the
    // kernel.
    unsafe { cuda.run(&kernel, launch, args![packed.qkv, out, shape]) }
}

/// Tiles of `height` queries that the segments are cut into.
fn tiles(packed: &Packed<'_>, height: usize) -> usize {
    packed.segments.iter().map(|rows| rows.len().div_ceil(height)).sum()
}

fn choose(cuda: &Cuda, packed: &Packed<'_>) -> Choice {
    let full = packed.mask == Mask::Full;
    let bf16 = packed.element == Element::Bf16;
    match packed.heads.dim {
        64 if bf16 && full => {
            by_height(cuda, packed, ["attention_full_64_64", "attention_full_64_128"])
        }
        64 if bf16 => {
            by_height(cuda, packed, ["attention_causal_64_64", "attention_causal_64_128"])
        }
        128 if bf16 && full => {
            by_height(cuda, packed, ["attention_full_128_64", "attention_full_128_128"])
        }
        128 if bf16 => {
            by_height(cuda, packed, ["attention_causal_128_64", "attention_causal_128_128"])
        }
        512 if bf16 => {
            let eight = cuda.card().shared_per_block >= EIGHT_PIECES;
            let name = match (full, eight) {
                (true, true) => "attention_full_512_8",
                (true, false) => "attention_full_512_2",
                (false, true) => "attention_causal_512_8",
                (false, false) => "attention_causal_512_2",
            };
            let shared = if eight { EIGHT_PIECES } else { TWO_PIECES };
            Choice { module: "attention_wide", name, height: 64, threads: 256, shared }
        }
        dim => {
            let name = match (bf16, full, dim) {
                (false, true, ..=64) => "attention_f32_full_64",
                (false, true, ..=128) => "attention_f32_full_128",
                (false, true, _) => "attention_f32_full_512",
                (false, false, ..=64) => "attention_f32_causal_64",
                (false, false, ..=128) => "attention_f32_causal_128",
                (false, false, _) => "attention_f32_causal_512",
                (true, true, ..=64) => "attention_bf16_full_64",
                (true, true, ..=128) => "attention_bf16_full_128",
                (true, true, _) => "attention_bf16_full_512",
                (true, false, ..=64) => "attention_bf16_causal_64",
                (true, false, ..=128) => "attention_bf16_causal_128",
                (true, false, _) => "attention_bf16_causal_512",
            };
            Choice { module: "attention_any", name, height: 32, threads: 256, shared: 0 }
        }
    }
}

/// The height whose blocks end sooner: high ones read keys half as often, low ones fill a card that has few to do.
fn by_height(cuda: &Cuda, packed: &Packed<'_>, names: [&'static str; 2]) -> Choice {
    let [low, high] = names;
    // Two blocks of either height are on a multiprocessor at once. A high one takes less than twice the time.
    const HIGH_TAKES: f64 = 1.6;
    let at_once = 2 * cuda.card().multiprocessors as usize;
    let waves = |height| (tiles(packed, height) * packed.heads.query).div_ceil(at_once) as f64;
    let (name, height) = if waves(128) * HIGH_TAKES <= waves(64) { (high, 128) } else { (low, 64) };
    let shared = ((height + 128) * packed.heads.dim * 2) as u32;
    Choice { module: "attention", name, height, threads: 128, shared }
}
