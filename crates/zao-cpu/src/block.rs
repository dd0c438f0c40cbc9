//! The one place that asks the system for memory: zeroed, aligned, and refusing by value.

#![allow(unsafe_code, reason = "it talks to the allocator")]

use std::alloc::{Layout, alloc_zeroed, dealloc};
use std::ptr::NonNull;

use memmap2::MmapMut;

/// Every block starts at a multiple of this, the alignment that `zao_backend::Arena` gives offsets.
pub(crate) const ALIGNMENT: usize = 256;

/// Blocks from this size on are mapped, in huge pages where the system has them: a forward walks
/// through gigabytes of weights, and every small page costs a look into the page tables.
const LARGE: usize = 4 << 20;

/// Zeroed bytes at an aligned address. Large blocks cost nothing until they are touched: the system
/// maps its zero pages lazily.
#[derive(Debug)]
pub(crate) struct Block {
    home: Home,
    start: NonNull<u8>,
    bytes: usize,
}

/// Who gets the memory back.
#[derive(Debug)]
enum Home {
    /// What the allocator returned, with `ALIGNMENT` bytes to spare.
    Heap(NonNull<u8>, Layout),
    Mapped(#[allow(dead_code, reason = "it is held so that the bytes stay")] MmapMut),
}

// SAFETY: a block owns its memory alone, like a `Box<[u8]>`.
unsafe impl Send for Block {}
// SAFETY: shared access to a block only reads it.
unsafe impl Sync for Block {}

impl Block {
    /// A block of `bytes` zeros, or `None` when the system has not that much.
    pub(crate) fn new(bytes: usize) -> Option<Self> {
        if bytes >= LARGE { Self::mapped(bytes) } else { Self::heap(bytes) }
    }

    fn mapped(bytes: usize) -> Option<Self> {
        if bytes > isize::MAX as usize {
            return None;
        }
        let mut map = MmapMut::map_anon(bytes).ok()?;
        // Without huge pages it is only slower.
        #[cfg(target_os = "linux")]
        let _ = map.advise(memmap2::Advice::HugePage);
        let start = NonNull::new(map.as_mut_ptr())?;
        Some(Self { home: Home::Mapped(map), start, bytes })
    }

    fn heap(bytes: usize) -> Option<Self> {
        // Asking the allocator itself for the alignment would make it clear, and so touch, every page.
        let layout = Layout::from_size_align(bytes.checked_add(ALIGNMENT)?, 16).ok()?;
        // SAFETY: the layout has a size of at least `ALIGNMENT`.
        let raw = NonNull::new(unsafe { alloc_zeroed(layout) })?;
        let skip = raw.align_offset(ALIGNMENT);
        // SAFETY: fewer than `ALIGNMENT` bytes are skipped, and the layout has as many to spare.
        let start = unsafe { raw.add(skip) };
        Some(Self { home: Home::Heap(raw, layout), start, bytes })
    }

    /// The aligned first byte.
    pub(crate) fn start(&self) -> NonNull<u8> {
        self.start
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

impl AsRef<[u8]> for Block {
    fn as_ref(&self) -> &[u8] {
        self.bytes()
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        if let Home::Heap(raw, layout) = &self.home {
            // SAFETY: `raw` came from the allocator with this layout and is freed once.
            unsafe { dealloc(raw.as_ptr(), *layout) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_aligned_and_zero() {
        for bytes in [0, 1, 255, 5000, LARGE, LARGE + 5001] {
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
