//! The one place that asks the system for memory: zeroed, aligned, and refusing by value.

#![allow(unsafe_code, reason = "it talks to the allocator")]

use std::alloc::{Layout, alloc_zeroed, dealloc};
use std::ptr::NonNull;

/// Every block starts at a multiple of this, the alignment that `zao_backend::Arena` gives offsets.
pub(crate) const ALIGNMENT: usize = 256;

/// Zeroed bytes at an aligned address. Large blocks cost nothing until they are touched: the system
/// maps its zero pages lazily.
#[derive(Debug)]
pub(crate) struct Block {
    /// What the allocator returned, with `ALIGNMENT` bytes to spare.
    raw: NonNull<u8>,
    layout: Layout,
    bytes: usize,
}

// SAFETY: a block owns its memory alone, like a `Box<[u8]>`.
unsafe impl Send for Block {}
// SAFETY: shared access to a block only reads it.
unsafe impl Sync for Block {}

impl Block {
    /// A block of `bytes` zeros, or `None` when the system has not that much.
    pub(crate) fn new(bytes: usize) -> Option<Self> {
        // Asking the allocator itself for the alignment would make it clear, and so touch, every page.
        let layout = Layout::from_size_align(bytes.checked_add(ALIGNMENT)?, 16).ok()?;
        // SAFETY: the layout has a size of at least `ALIGNMENT`.
        let raw = NonNull::new(unsafe { alloc_zeroed(layout) })?;
        Some(Self { raw, layout, bytes })
    }

    /// The aligned first byte.
    pub(crate) fn start(&self) -> NonNull<u8> {
        let skip = self.raw.align_offset(ALIGNMENT);
        // SAFETY: fewer than `ALIGNMENT` bytes are skipped, and the layout has as many to spare.
        unsafe { self.raw.add(skip) }
    }

    /// All bytes.
    pub(crate) fn bytes(&self) -> &[u8] {
        // SAFETY: `bytes` initialised bytes follow the start, and `self` is borrowed.
        unsafe { std::slice::from_raw_parts(self.start().as_ptr(), self.bytes) }
    }

    /// All bytes, for writing.
    pub(crate) fn bytes_mut(&mut self) -> &mut [u8] {
        // SAFETY: as for `bytes`, and the borrow is exclusive.
        unsafe { std::slice::from_raw_parts_mut(self.start().as_ptr(), self.bytes) }
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        // SAFETY: `raw` came from the allocator with this layout and is freed once.
        unsafe { dealloc(self.raw.as_ptr(), self.layout) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_aligned_and_zero() {
        for bytes in [0, 1, 255, 5000] {
            let mut block = Block::new(bytes).unwrap();
            assert_eq!(block.start().as_ptr() as usize % ALIGNMENT, 0);
            assert_eq!(block.bytes().len(), bytes);
            assert!(block.bytes().iter().all(|&b| b == 0));
            block.bytes_mut().fill(7);
        }
    }

    #[test]
    fn too_much_is_refused() {
        assert!(Block::new(usize::MAX).is_none());
        assert!(Block::new(usize::MAX / 4).is_none());
    }
}
