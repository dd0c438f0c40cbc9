//! Small values on their way to kernels (token ids, times, segments), and memory that kernels use for themselves.

use std::sync::{Arc, Mutex, PoisonError};

use zao_backend::{Region, Result, Segments};

use crate::driver::{Buffer, Context, DevicePtr, Stream};
use crate::memory::{Memory, Pool};

/// A ring of device memory for values that the next kernels read.
#[derive(Debug)]
pub(crate) struct Ring {
    buffer: Buffer,
    next: Mutex<usize>,
}

impl Ring {
    /// Bytes of a ring.
    pub(crate) const BYTES: usize = 4 << 20;
    const ALIGNMENT: usize = 256;

    pub(crate) fn new(context: &Arc<Context>) -> Result<Self> {
        Ok(Self { buffer: Buffer::new(context, Self::BYTES, Region::Model)?, next: Mutex::new(0) })
    }

    /// Copies `bytes` in. They stay for the kernels that are launched next; later values overwrite them in stream
    /// order. `None` when they are too many.
    pub(crate) fn put(&self, stream: &Stream, bytes: &[u8]) -> Result<Option<DevicePtr>> {
        let taken = bytes.len().max(1).next_multiple_of(Self::ALIGNMENT);
        if taken > Self::BYTES {
            return Ok(None);
        }
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        let at = if *next + taken > Self::BYTES { 0 } else { *next };
        *next = at + taken;
        let to = self.buffer.start().plus(at);
        // SAFETY: the bytes fit between `at` and the end of the ring, and what reads it runs in stream order.
        unsafe { stream.upload(to, bytes)? };
        Ok(Some(to))
    }
}

/// Memory that a kernel uses while it runs. All of it is one piece, since kernels run one after the other.
#[derive(Debug, Default)]
pub(crate) struct Scratch(Mutex<Option<Buffer>>);

impl Scratch {
    /// What kernels that can work in portions are content with: enough rows at once to keep the card busy.
    pub(crate) const USUAL: usize = 128 << 20;

    /// At least `bytes` bytes of unspecified content. They are the caller's until the next kernel asks.
    pub(crate) fn get(&self, context: &Arc<Context>, bytes: usize) -> Result<DevicePtr> {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(buffer) = held.as_ref()
            && buffer.len() >= bytes
        {
            return Ok(buffer.start());
        }
        // The old piece goes first, so that both never exist at once. Freeing waits for who uses it.
        *held = None;
        let buffer = Buffer::new(context, bytes.next_multiple_of(2 << 20), Region::Step)?;
        let start = buffer.start();
        *held = Some(buffer);
        Ok(start)
    }

    /// Bytes that it has now.
    pub(crate) fn held(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).as_ref().map_or(0, Buffer::len)
    }

    /// Gives it back to the driver.
    pub(crate) fn release(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

/// Offsets of segments that are on the device already: operations of a batch name the same ones again and again.
#[derive(Debug, Default)]
pub(crate) struct KnownSegments(Mutex<Vec<(Segments, Memory)>>);

impl KnownSegments {
    /// So many batches are remembered.
    const KEPT: usize = 16;

    /// Gives back what is remembered.
    pub(crate) fn forget(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Where the offsets of `segments` lie, `[segments + 1]` of `int`: segment `s` has the rows from `offsets[s]` up to
    /// `offsets[s + 1]`.
    pub(crate) fn get(
        &self,
        stream: &Stream,
        pool: &Arc<Pool>,
        segments: &Segments,
    ) -> Result<DevicePtr> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(at) = known.iter().position(|(known, _)| known == segments) {
            // The latest stays at the end, the one to forget first at the front.
            known[at..].rotate_left(1);
        } else {
            let mut offsets = vec![0i32];
            for rows in segments.iter() {
                offsets.push(crate::address::int(rows.end)?);
            }
            let memory = pool.allocate(size_of_val(offsets.as_slice()))?;
            // SAFETY: the memory is as large as the offsets.
            unsafe { stream.upload(memory.start(), bytemuck::cast_slice(&offsets))? };
            if known.len() == Self::KEPT {
                known.remove(0);
            }
            known.push((segments.clone(), memory));
        }
        Ok(known.last().map_or(DevicePtr::NULL, |(_, memory)| memory.start()))
    }
}
