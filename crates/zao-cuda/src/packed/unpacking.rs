//! Launches of `kernels/unpack.cu`: which parts of a weight go together, and which blocks are whose. Where rows are
//! unpacked to, and whether they are already, is not decided here.

use zao_backend::Result;

use super::Unpacked;
use crate::address::{blocks, int};
use crate::device::Cuda;
use crate::driver::{Argument, DevicePtr, Launch, args};

/// Threads of a block.
const THREADS: u32 = 128;
/// Values that a block unpacks: 2048 for each of its warps.
const BLOCK: usize = THREADS as usize / 32 * 2048;
/// Parts of a launch.
const PARTS: usize = 4;

/// `struct UnpackPart`.
#[repr(C)]
#[derive(Clone, Copy)]
struct PartArguments {
    from: DevicePtr,
    scales: DevicePtr,
    factors: DevicePtr,
    first: i32,
    step: i32,
    rows: i32,
    end: i32,
}

/// `struct UnpackArguments`.
#[repr(C)]
#[derive(Clone, Copy)]
struct Arguments {
    parts: [PartArguments; PARTS],
    to: DevicePtr,
    to_scales: DevicePtr,
    width: u32,
    reciprocal: u32,
}

// SAFETY: the layout of `UnpackArguments` in `unpack.cu`.
unsafe impl Argument for Arguments {}

/// Rows of a part that are unpacked by the kernel of this name: row `i` becomes row `first + i * step`.
#[derive(Clone, Copy, Debug)]
pub(super) struct PackedRows {
    pub(super) kernel: &'static str,
    pub(super) from: DevicePtr,
    /// `f32 [rows]`, or null where neither the layout nor what it becomes has any.
    pub(super) scales: DevicePtr,
    /// `f32 [rows]` where they become 8 bits.
    pub(super) factors: DevicePtr,
    pub(super) first: usize,
    pub(super) step: usize,
    pub(super) rows: usize,
}

/// Queues the unpacking of all `rows`, neighbours of one kernel at once.
///
/// # Safety
/// Each must have so many rows of `width` values, with lists of scales and factors where its kernel reads them, and `to`
/// room for them, with scales where they become 8 bits.
pub(super) unsafe fn unpack(
    cuda: &Cuda,
    rows: &[PackedRows],
    to: Unpacked,
    width: usize,
) -> Result<()> {
    for alike in rows.chunk_by(|one, next| one.kernel == next.kernel) {
        for together in alike.chunks(PARTS) {
            // SAFETY: the caller's promise.
            unsafe { launch(cuda, together, to, width)? };
        }
    }
    Ok(())
}

/// One launch.
unsafe fn launch(cuda: &Cuda, rows: &[PackedRows], to: Unpacked, width: usize) -> Result<()> {
    let [PackedRows { kernel, .. }, ..] = rows else { return Ok(()) };
    let kernel = cuda.kernel("unpack", kernel)?;
    let mut end = 0;
    // What no block is left for is behind the last part.
    let mut parts = [PartArguments {
        from: DevicePtr::NULL,
        scales: DevicePtr::NULL,
        factors: DevicePtr::NULL,
        first: 0,
        step: 1,
        rows: 0,
        end: i32::MAX,
    }; PARTS];
    for (part, it) in parts.iter_mut().zip(rows) {
        // The kernel counts values with 31 bits.
        let values = int(it.rows * width)?.cast_unsigned() as usize;
        end += values.div_ceil(BLOCK);
        *part = PartArguments {
            from: it.from,
            scales: it.scales,
            factors: it.factors,
            first: int(it.first)?,
            step: int(it.step)?,
            rows: int(it.rows)?,
            end: int(end)?,
        };
    }
    let width = int(width)?.cast_unsigned();
    let launch = Launch {
        grid: [blocks(end, 1)?, 1, 1],
        block: [THREADS, 1, 1],
        overlap: true,
        ..Launch::ONE
    };
    let arguments = Arguments {
        parts,
        to: to.values,
        to_scales: to.scales,
        width,
        reciprocal: u32::MAX / width.max(1),
    };
    // SAFETY: the caller's promise; a part has blocks for all of its values.
    unsafe { cuda.run(&kernel, launch, args![arguments]) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_lie_as_the_kernel_reads_them() {
        assert_eq!(size_of::<Arguments>(), 184);
        assert_eq!(std::mem::offset_of!(Arguments, to), 160);
    }
}
