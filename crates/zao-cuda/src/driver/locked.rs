//! Host memory that stays where it is, for weights on their way to the card.
//!
//! The driver's own allocation gets a page of four kilobytes at a time (2.5 GB/s on one machine, however many threads);
//! huge pages that threads touch and then register are there eight times as fast.

use std::ptr::NonNull;
use std::sync::Arc;

use cudarc::driver::sys;
use memmap2::MmapMut;
use zao_backend::Result;

use super::Context;

/// Page-locked host memory that only the card reads and writes.
#[derive(Debug)]
pub(crate) struct Locked {
    context: Arc<Context>,
    #[allow(dead_code, reason = "it is held so that the pages stay")]
    map: MmapMut,
    /// Where the memory begins in it, on a boundary of huge pages.
    start: NonNull<u8>,
    bytes: usize,
}

// SAFETY: it is the only owner of its bytes, which nobody here reads.
unsafe impl Send for Locked {}
// SAFETY: as above; copies of the card are ordered by streams.
unsafe impl Sync for Locked {}

/// What huge pages have, where there are any.
const HUGE: usize = 2 << 20;
/// What all pages have at least.
const PAGE: usize = 4 << 10;

impl Locked {
    /// `bytes` bytes.
    pub(crate) fn new(context: &Arc<Context>, bytes: usize) -> Result<Self> {
        context.bind()?;
        let refused = |what: String| {
            let message = format!("{bytes} bytes: {what}; --ram bounds what is asked for");
            context.failed("lock main memory", message)
        };
        let bytes = bytes.max(1);
        let mut map =
            MmapMut::map_anon(bytes + HUGE).map_err(|error| refused(error.to_string()))?;
        let first = map.as_ptr().align_offset(HUGE);
        // Where there are none, the usual pages do as well.
        #[cfg(target_os = "linux")]
        let _ = map.advise_range(memmap2::Advice::HugePage, first, bytes);
        let memory = &mut map[first..first + bytes];
        memory.iter_mut().step_by(PAGE).for_each(|byte| *byte = 0);
        let start = NonNull::from(memory).cast::<u8>();
        // SAFETY: the map has so many bytes from there on, and lives until they are unregistered.
        let answer = unsafe { sys::cuMemHostRegister_v2(start.as_ptr().cast(), bytes, 0) };
        let registered = context.check("lock main memory", answer);
        registered.map_err(|error| refused(error.to_string()))?;
        Ok(Self { context: Arc::clone(context), map, start, bytes })
    }

    /// Number of bytes.
    pub(crate) fn len(&self) -> usize {
        self.bytes
    }

    /// The byte at `at`.
    pub(super) fn at(&self, at: usize) -> *mut u8 {
        assert!(at < self.bytes, "the copy stays inside the memory");
        // SAFETY: it is inside.
        unsafe { self.start.as_ptr().add(at) }
    }
}

impl Drop for Locked {
    fn drop(&mut self) {
        if self.context.bind().is_ok() {
            // SAFETY: it was registered in `new` and is unregistered once, before the map goes.
            let _ = unsafe { sys::cuMemHostUnregister(self.start.as_ptr().cast()) };
        }
    }
}
