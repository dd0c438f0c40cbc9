//! A queue of work on a card, which runs in the order it was given.

use std::ops::Range;
use std::sync::Arc;

use cudarc::driver::sys;
use zao_backend::Result;

use super::{Context, DevicePtr, Event, Locked, Pinned};

/// A stream. Copies and kernels on it run one after the other, beside those of other streams.
#[derive(Debug)]
pub(crate) struct Stream {
    context: Arc<Context>,
    stream: sys::CUstream,
}

// SAFETY: the driver lets any thread use a stream; each call on it is atomic.
unsafe impl Send for Stream {}
// SAFETY: as above.
unsafe impl Sync for Stream {}

impl Stream {
    /// A new stream, independent of the default one.
    pub(crate) fn new(context: &Arc<Context>) -> Result<Self> {
        let mut stream = std::ptr::null_mut();
        let flags = sys::CUstream_flags::CU_STREAM_NON_BLOCKING as u32;
        // SAFETY: the context is current and the driver writes one handle.
        let answer = unsafe { sys::cuStreamCreate(&raw mut stream, flags) };
        context.check("make a stream", answer)?;
        Ok(Self { context: Arc::clone(context), stream })
    }

    /// The driver's handle.
    pub(crate) fn raw(&self) -> sys::CUstream {
        self.stream
    }

    /// Waits until everything given so far is done.
    pub(crate) fn wait(&self) -> Result<()> {
        // SAFETY: the stream is alive.
        let answer = unsafe { sys::cuStreamSynchronize(self.stream) };
        self.context.check("wait for the card", answer)
    }

    /// What is given from now on starts after `event`.
    pub(crate) fn wait_for(&self, event: &Event) -> Result<()> {
        // SAFETY: both are alive.
        let answer = unsafe { sys::cuStreamWaitEvent(self.stream, event.raw(), 0) };
        self.context.check("order two streams", answer)
    }

    /// Copies host bytes to `to`. They are read before this returns, or staged by the driver, so they may change
    /// afterwards; it is asynchronous only in what the card does.
    ///
    /// # Safety
    /// `to` must be the start of at least as many bytes of live device memory, which nobody reads out of order.
    pub(crate) unsafe fn upload(&self, to: DevicePtr, bytes: &[u8]) -> Result<()> {
        if bytes.is_empty() {
            return Ok(());
        }
        let from = bytes.as_ptr().cast();
        // SAFETY: `from` is valid for the length; pageable memory is staged before the call returns.
        let answer = unsafe { sys::cuMemcpyHtoDAsync_v2(to.raw(), from, bytes.len(), self.stream) };
        self.context.check("copy to the card", answer)
    }

    /// Copies the first `bytes` of `from` to `to`. The caller keeps `from` unchanged until the copy is done.
    ///
    /// # Safety
    /// `to` must be the start of `bytes` bytes of live device memory; `from` must neither change nor go before
    /// the copy is done.
    pub(crate) unsafe fn upload_pinned(
        &self,
        to: DevicePtr,
        from: &Pinned,
        bytes: usize,
    ) -> Result<()> {
        assert!(bytes <= from.len(), "the copy stays inside the buffer");
        // SAFETY: the caller's promise.
        let answer =
            unsafe { sys::cuMemcpyHtoDAsync_v2(to.raw(), from.start().cast(), bytes, self.stream) };
        self.context.check("copy to the card", answer)
    }

    /// Queues a copy of some bytes of `from` to `to`.
    ///
    /// # Safety
    /// `to` must be the start of as many bytes of device memory that nobody uses before the copy is done; `from` must
    /// neither change nor go before that.
    pub(crate) unsafe fn upload_locked(
        &self,
        to: DevicePtr,
        from: &Locked,
        bytes: Range<usize>,
    ) -> Result<()> {
        assert!(bytes.end <= from.len(), "the copy stays inside the memory");
        let (from, count) = (from.at(bytes.start).cast_const().cast(), bytes.len());
        // SAFETY: the caller's promise.
        let answer = unsafe { sys::cuMemcpyHtoDAsync_v2(to.raw(), from, count, self.stream) };
        self.context.check("copy to the card", answer)
    }

    /// Queues a copy of device bytes over some bytes of `to`.
    ///
    /// # Safety
    /// `from` must be the start of as many bytes of live device memory that do not change before the copy is done, and
    /// `to` must not be used nor go before that.
    pub(crate) unsafe fn download_locked(
        &self,
        to: &Locked,
        bytes: Range<usize>,
        from: DevicePtr,
    ) -> Result<()> {
        assert!(bytes.end <= to.len(), "the copy stays inside the memory");
        let (to, count) = (to.at(bytes.start).cast(), bytes.len());
        // SAFETY: the caller's promise.
        let answer = unsafe { sys::cuMemcpyDtoHAsync_v2(to, from.raw(), count, self.stream) };
        self.context.check("copy from the card", answer)
    }

    /// Queues a copy of device bytes over the start of `to`.
    ///
    /// # Safety
    /// `from` must be the start of `bytes` bytes of live device memory, and `to` must not be read, written or
    /// dropped before the copy is done.
    pub(crate) unsafe fn download_pinned(
        &self,
        to: &mut Pinned,
        from: DevicePtr,
        bytes: usize,
    ) -> Result<()> {
        assert!(bytes <= to.len(), "the copy stays inside the buffer");
        // SAFETY: the caller's promise.
        let answer = unsafe {
            sys::cuMemcpyDtoHAsync_v2(to.start_mut().cast(), from.raw(), bytes, self.stream)
        };
        self.context.check("copy from the card", answer)
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        if self.context.bind().is_ok() {
            // SAFETY: it was created in `new`. Work on it completes; a refusal cannot be answered here.
            let _ = unsafe { sys::cuStreamDestroy_v2(self.stream) };
        }
    }
}
