//! Work that is recorded once and launched as one.

use std::sync::Arc;

use cudarc::driver::sys;
use zao_backend::Result;

use super::{Context, Stream};

/// Recorded work, ready to launch again and again. It uses the addresses it was recorded with.
#[derive(Debug)]
pub(crate) struct Graph {
    context: Arc<Context>,
    executable: sys::CUgraphExec,
}

// SAFETY: the driver lets any thread launch a graph, one at a time, which `&self` on one stream is.
unsafe impl Send for Graph {}

impl Graph {
    /// Records what `work` gives to `stream` instead of running it.
    ///
    /// # Errors
    /// What `work` says, or work that cannot be recorded (waiting, allocating).
    pub(crate) fn record(stream: &Stream, work: impl FnOnce() -> Result<()>) -> Result<Self> {
        let context = Arc::clone(stream.context());
        let mode = sys::CUstreamCaptureMode::CU_STREAM_CAPTURE_MODE_THREAD_LOCAL;
        // SAFETY: the stream is alive; the capture ends below on every path.
        let answer = unsafe { sys::cuStreamBeginCapture_v2(stream.raw(), mode) };
        context.check("begin recording", answer)?;
        let done = work();
        let mut graph = std::ptr::null_mut();
        // SAFETY: a capture is under way, and the driver writes one handle.
        let ended = unsafe { sys::cuStreamEndCapture(stream.raw(), &raw mut graph) };
        done?;
        context.check("end recording", ended)?;
        let mut executable = std::ptr::null_mut();
        // SAFETY: the graph is whole; it is not needed once it is instantiated.
        let made = unsafe {
            let made = sys::cuGraphInstantiateWithFlags(&raw mut executable, graph, 0);
            let _ = sys::cuGraphDestroy(graph);
            made
        };
        context.check("make a graph", made)?;
        Ok(Self { context, executable })
    }

    /// Queues the recorded work.
    ///
    /// # Safety
    /// Every address in the recorded work must still be memory that it may use.
    pub(crate) unsafe fn launch(&self, stream: &Stream) -> Result<()> {
        // SAFETY: graph and stream are alive, and the caller vouches for the memory.
        let answer = unsafe { sys::cuGraphLaunch(self.executable, stream.raw()) };
        self.context.check("launch a graph", answer)
    }
}

impl Drop for Graph {
    fn drop(&mut self) {
        if self.context.bind().is_ok() {
            // SAFETY: it was made in `record`; a graph that still runs is destroyed when it is done.
            let _ = unsafe { sys::cuGraphExecDestroy(self.executable) };
        }
    }
}
