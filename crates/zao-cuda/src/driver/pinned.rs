//! Host memory that the card reads and writes directly.

use std::ptr::NonNull;
use std::sync::Arc;

use cudarc::driver::sys;
use zao_backend::Result;

use super::Context;

/// Page-locked host memory. It is cached by the processor, so reading it back is fast.
#[derive(Debug)]
pub(crate) struct Pinned {
    context: Arc<Context>,
    start: NonNull<u8>,
    bytes: usize,
}

// SAFETY: it is the only owner of its bytes.
unsafe impl Send for Pinned {}
// SAFETY: shared access only reads.
unsafe impl Sync for Pinned {}

impl Pinned {
    /// `bytes` bytes of zeros.
    pub(crate) fn new(context: &Arc<Context>, bytes: usize) -> Result<Self> {
        let bytes = bytes.max(1);
        let mut start = std::ptr::null_mut();
        // SAFETY: the context is current and the driver writes one address.
        let answer = unsafe { sys::cuMemHostAlloc(&raw mut start, bytes, 0) };
        context.check("allocate pinned memory", answer)?;
        let Some(start) = NonNull::new(start.cast::<u8>()) else {
            return Err(context.failed("allocate pinned memory", "the driver gave no address"));
        };
        // SAFETY: the driver gave that many bytes; zeros make them initialised.
        unsafe { start.write_bytes(0, bytes) };
        Ok(Self { context: Arc::clone(context), start, bytes })
    }

    /// Number of bytes.
    pub(crate) fn len(&self) -> usize {
        self.bytes
    }

    /// The bytes. No copy to them may be under way.
    pub(crate) fn bytes(&self) -> &[u8] {
        // SAFETY: the bytes are initialised and owned; copies into them need `&mut` and a wait.
        unsafe { std::slice::from_raw_parts(self.start.as_ptr(), self.bytes) }
    }

    /// The bytes, for writing. No copy from them may be under way.
    pub(crate) fn bytes_mut(&mut self) -> &mut [u8] {
        // SAFETY: as for `bytes`, and the borrow is exclusive.
        unsafe { std::slice::from_raw_parts_mut(self.start.as_ptr(), self.bytes) }
    }

    /// The first byte.
    pub(super) fn start(&self) -> *const u8 {
        self.start.as_ptr()
    }

    /// The first byte, for writing.
    pub(super) fn start_mut(&mut self) -> *mut u8 {
        self.start.as_ptr()
    }
}

impl Drop for Pinned {
    fn drop(&mut self) {
        if self.context.bind().is_ok() {
            // SAFETY: it was allocated in `new` and is freed once.
            let _ = unsafe { sys::cuMemFreeHost(self.start.as_ptr().cast()) };
        }
    }
}
