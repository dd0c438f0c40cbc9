//! A mark in a stream.

use std::sync::Arc;

use cudarc::driver::sys;
use zao_backend::Result;

use super::{Context, Stream};

/// A mark that can be waited for, and whose time can be compared with another's.
#[derive(Debug)]
pub(crate) struct Event {
    context: Arc<Context>,
    event: sys::CUevent,
}

// SAFETY: the driver lets any thread use an event.
unsafe impl Send for Event {}
// SAFETY: as above.
unsafe impl Sync for Event {}

impl Event {
    /// A mark that is in no stream yet.
    pub(crate) fn new(context: &Arc<Context>) -> Result<Self> {
        Self::with(context, 0)
    }

    /// The same, which knows no time: cheaper for what only waits.
    pub(crate) fn untimed(context: &Arc<Context>) -> Result<Self> {
        Self::with(context, sys::CUevent_flags_enum::CU_EVENT_DISABLE_TIMING as u32)
    }

    fn with(context: &Arc<Context>, flags: u32) -> Result<Self> {
        let mut event = std::ptr::null_mut();
        // SAFETY: the context is current and the driver writes one handle.
        let answer = unsafe { sys::cuEventCreate(&raw mut event, flags) };
        context.check("make an event", answer)?;
        Ok(Self { context: Arc::clone(context), event })
    }

    /// Puts the mark behind everything given to `stream` so far.
    pub(crate) fn record(&self, stream: &Stream) -> Result<()> {
        // SAFETY: both are alive.
        let answer = unsafe { sys::cuEventRecord(self.event, stream.raw()) };
        self.context.check("record an event", answer)
    }

    /// Waits until the stream has reached the mark.
    pub(crate) fn wait(&self) -> Result<()> {
        // SAFETY: the event is alive.
        let answer = unsafe { sys::cuEventSynchronize(self.event) };
        self.context.check("wait for an event", answer)
    }

    /// Milliseconds from `start` to this mark, both reached.
    pub(crate) fn since(&self, start: &Self) -> Result<f32> {
        let mut milliseconds = 0.0;
        // SAFETY: both events are alive.
        let answer =
            unsafe { sys::cuEventElapsedTime(&raw mut milliseconds, start.event, self.event) };
        self.context.check("measure time", answer)?;
        Ok(milliseconds)
    }

    /// The driver's handle.
    pub(super) fn raw(&self) -> sys::CUevent {
        self.event
    }
}

impl Drop for Event {
    fn drop(&mut self) {
        if self.context.bind().is_ok() {
            // SAFETY: it was created in `new`.
            let _ = unsafe { sys::cuEventDestroy_v2(self.event) };
        }
    }
}
