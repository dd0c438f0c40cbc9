//! Device memory with an owner.

use std::sync::Arc;

use cudarc::driver::sys::{self, CUresult};
use zao_backend::{Region, Result};

use super::Context;

/// An address in device memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(transparent)]
pub(crate) struct DevicePtr(u64);

impl DevicePtr {
    /// The address that kernels take for "there is none".
    pub(crate) const NULL: Self = Self(0);

    /// The driver's address.
    pub(crate) const fn raw(self) -> u64 {
        self.0
    }

    /// The address `bytes` further on.
    #[must_use]
    pub(crate) const fn plus(self, bytes: usize) -> Self {
        Self(self.0 + bytes as u64)
    }
}

/// A piece of device memory, freed when it is dropped. Freeing waits for the work that uses it.
#[derive(Debug)]
pub(crate) struct Buffer {
    context: Arc<Context>,
    start: DevicePtr,
    bytes: usize,
}

impl Buffer {
    /// `bytes` bytes, uninitialised, aligned to 256 bytes. `region` is what a refusal says.
    ///
    /// # Errors
    /// [`zao_backend::Error::OutOfMemory`]
    pub(crate) fn new(context: &Arc<Context>, bytes: usize, region: Region) -> Result<Self> {
        context.bind()?;
        let mut start = 0;
        // SAFETY: the context is current and the driver writes one address.
        match unsafe { sys::cuMemAlloc_v2(&raw mut start, bytes.max(1)) } {
            // An absurd size is refused in other words than a large one.
            CUresult::CUDA_ERROR_OUT_OF_MEMORY | CUresult::CUDA_ERROR_INVALID_VALUE => {
                Err(context.out_of_memory(region, bytes, context.free_bytes()?))
            }
            answer => {
                context.check("allocate memory", answer)?;
                Ok(Self { context: Arc::clone(context), start: DevicePtr(start), bytes })
            }
        }
    }

    /// The first byte.
    pub(crate) fn start(&self) -> DevicePtr {
        self.start
    }

    /// Number of bytes.
    pub(crate) fn len(&self) -> usize {
        self.bytes
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        if self.context.bind().is_ok() {
            // SAFETY: it was allocated in `new` and is freed once; the driver waits for work that uses it.
            let _ = unsafe { sys::cuMemFree_v2(self.start.0) };
        }
    }
}
