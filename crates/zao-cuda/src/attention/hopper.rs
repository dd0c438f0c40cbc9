//! Attention on Hopper cards, for bf16 heads of width 128.
//!
//! The grid has one block for each multiprocessor, and a list says what each computes. Lists are made here and stay
//! on the device, since all layers and steps of a batch ask for the same one.

use std::sync::{Mutex, PoisonError};

use zao_backend::op::Mask;
use zao_backend::{Element, Result, Segments};

use super::Packed;
use super::division::divide;
use crate::address::int;
use crate::device::Cuda;
use crate::driver::{DevicePtr, Launch, Swizzle, TensorMap, TensorMapSpec, TensorType, args};
use crate::memory::Memory;

const MODULE: &str = "attention_sm90a";
/// Width of a head.
const DIM: usize = 128;
/// Queries and keys that one copy brings.
const QUERIES: u32 = 64;
const KEYS: u32 = 80;
const WARPGROUPS: u32 = 3;
/// Tiles of keys and of values that are in shared memory at once, each.
const STAGES: u32 = 3;
/// Two rounds of queries, the rings of keys and values, barriers, and what it takes to begin on a boundary of 1024.
const SHARED: u32 = (2 * WARPGROUPS * QUERIES + 2 * STAGES * KEYS) * (DIM as u32) * 2 + 2 * 1024;

/// Lists that are on the device already.
#[derive(Debug, Default)]
pub(crate) struct WorkLists(Mutex<Vec<WorkList>>);

#[derive(Debug)]
struct WorkList {
    segments: Segments,
    heads: usize,
    mask: Mask,
    pieces: usize,
    memory: Memory,
}

impl WorkLists {
    /// So many are remembered.
    const KEPT: usize = 32;

    /// Gives back what is remembered.
    pub(crate) fn forget(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Where the pieces of all blocks lie, and where the numbers begin that say which block computes which.
    fn get(
        &self,
        cuda: &Cuda,
        segments: &Segments,
        heads: usize,
        mask: Mask,
    ) -> Result<(DevicePtr, DevicePtr)> {
        let mut lists = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let asked = |list: &WorkList| {
            list.segments == *segments && list.heads == heads && list.mask == mask
        };
        if let Some(at) = lists.iter().position(asked) {
            // The latest stays at the end, the one to forget first at the front.
            lists[at..].rotate_left(1);
        } else {
            let blocks = cuda.card().multiprocessors as usize;
            let division = divide(segments, heads, mask, blocks);
            let numbers: Vec<i32> = [division.pieces.as_slice(), &division.begins].concat();
            let memory = cuda.keep_list(size_of_val(numbers.as_slice()))?;
            // SAFETY: the memory is as large as the numbers.
            unsafe { cuda.stream().upload(memory.start(), bytemuck::cast_slice(&numbers))? };
            if lists.len() == Self::KEPT {
                lists.remove(0);
            }
            let (segments, pieces) = (segments.clone(), division.pieces.len());
            lists.push(WorkList { segments, heads, mask, pieces, memory });
        }
        Ok(lists.last().map_or((DevicePtr::NULL, DevicePtr::NULL), |list| {
            let pieces = list.memory.start();
            (pieces, pieces.plus(list.pieces * size_of::<i32>()))
        }))
    }
}

/// Whether the kernel is there for this card and these operands.
pub(super) fn takes(cuda: &Cuda, packed: &Packed<'_>) -> bool {
    let sizes = packed.heads.dim == DIM && packed.heads.query < 1 << 15;
    sizes && packed.element == Element::Bf16 && cuda.has_kernels(MODULE)
}

/// Writes the result in bf16 at `out`.
pub(super) fn attend(cuda: &Cuda, packed: &Packed<'_>, out: DevicePtr) -> Result<()> {
    let (heads, segments, mask) = (packed.heads, packed.segments, packed.mask);
    if segments.rows() == 0 {
        return Ok(());
    }
    let kernel = cuda.kernel(
        MODULE,
        match mask {
            Mask::Full => "attention_full",
            Mask::Causal => "attention_causal",
        },
    )?;
    let (query, kv) = (int(heads.query)?, int(heads.kv)?);
    int(segments.rows())?;
    let (pieces, begins) = cuda.work_lists().get(cuda, segments, heads.query, mask)?;
    let (queries, keys) =
        (rows_of_heads(cuda, packed, QUERIES)?, rows_of_heads(cuda, packed, KEYS)?);
    let launch = Launch {
        grid: [cuda.card().multiprocessors, 1, 1],
        block: [128 * (WARPGROUPS + 1), 1, 1],
        shared: SHARED,
        overlap: true,
        ..Launch::ONE
    };
    // Exponents are taken to the base of two.
    let scale = std::f32::consts::LOG2_E / (DIM as f32).sqrt();
    // SAFETY: the operation's shapes were checked, `out` is as large as the result; the list names rows and heads
    // of this operation only.
    unsafe {
        cuda.run(&kernel, launch, args![queries, keys, out, pieces, begins, query, kv, scale])
    }
}

/// The fused tensor as halves of heads, 64 elements wide, so that a copy brings `rows` rows of both halves of one
/// head, one half after the other.
fn rows_of_heads(cuda: &Cuda, packed: &Packed<'_>, rows: u32) -> Result<TensorMap> {
    let heads = (packed.heads.query + 2 * packed.heads.kv) as u64;
    let half = DIM as u64 / 2;
    cuda.tensor_map(TensorMapSpec {
        start: packed.qkv,
        element: TensorType::Bf16,
        extents: &[half, packed.segments.rows() as u64, 2 * heads],
        strides: &[heads * 4 * half, 2 * half],
        piece: &[64, rows, 2],
        swizzle: Swizzle::B128,
    })
}
