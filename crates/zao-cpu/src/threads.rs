//! The threads that compute: how work is handed to them and what scratch memory each one has.
//!
//! Nothing here knows an operation. A piece of work is an item of an iterator; who takes it is not
//! determined, so operations must not let their results depend on it.

use std::num::NonZeroUsize;
use std::sync::{Mutex, PoisonError};

use zao_backend::{Error, Region, Result};

use crate::affinity::Places;
use crate::block::Block;
use crate::helpers::Helpers;
use crate::memory::{DEVICE, out_of_memory};

/// More threads than any machine has cores for: a slip of the finger, refused before it hurts.
const MOST: usize = 1024;

/// The calling thread and its helpers.
#[derive(Debug)]
pub(crate) struct Threads {
    /// Everyone but the caller; `None` when the caller is alone.
    helpers: Option<Helpers>,
    /// One scratch block a thread, grown to the largest size ever asked.
    scratch: Vec<Mutex<Block>>,
    /// One that an operation's tasks read together.
    shared: Mutex<Block>,
}

/// Whether an operation is worth waking the helpers for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Work {
    /// Done before a helper would be awake.
    Small,
    /// Worth sharing.
    Large,
}

impl Work {
    /// Judges an operation by the number of `f32` values that it touches.
    pub(crate) const fn of_elements(elements: usize) -> Self {
        if elements < 1 << 14 { Self::Small } else { Self::Large }
    }
}

impl Threads {
    /// `count` threads, the caller included.
    /// Helpers stay on processors of their own where there are as many as threads; the caller, whose
    /// thread is not this device's, is left free and takes what is left.
    pub(crate) fn new(count: NonZeroUsize) -> Result<Self> {
        if count.get() > MOST {
            return Err(refused(format!("{count} threads are too many; ask for at most {MOST}")));
        }
        let places = Places::for_each_of(count.get());
        let keep = move |index| {
            if let Some(places) = &places {
                places.keep(index);
            }
        };
        let helpers = (count.get() > 1)
            .then(|| Helpers::new(count.get() - 1, keep))
            .transpose()
            .map_err(|error| refused(format!("{count} threads cannot be started: {error}")))?;
        let empty =
            || Block::new(0).map(Mutex::new).ok_or_else(|| out_of_memory(Region::Model, 0, 0));
        let scratch = (0..count.get()).map(|_| empty()).collect::<Result<_>>()?;
        Ok(Self { helpers, scratch, shared: empty()? })
    }

    /// How many threads compute.
    pub(crate) fn count(&self) -> usize {
        self.scratch.len()
    }

    /// Gives all scratch memory back.
    pub(crate) fn forget_scratch(&self) {
        for block in self.scratch.iter().chain([&self.shared]) {
            // An empty block is nothing that the system could refuse.
            if let Some(empty) = Block::new(0) {
                *lock(block) = empty;
            }
        }
    }

    /// Calls `work` with `values` `f32` values of unspecified content, which one operation prepares for
    /// all its tasks.
    pub(crate) fn with_shared<R>(
        &self,
        values: usize,
        work: impl FnOnce(&mut [f32]) -> Result<R>,
    ) -> Result<R> {
        let mut block = lock(&self.shared);
        grow(&mut block, values * size_of::<f32>())?;
        work(&mut bytemuck::cast_slice_mut(block.bytes_mut())[..values])
    }

    /// Calls `task` with every item of `items`, each on some thread, with `scratch` `f32` values of
    /// unspecified content that are that thread's until the call returns.
    pub(crate) fn for_each<I>(
        &self,
        work: Work,
        scratch: usize,
        items: I,
        task: impl Fn(I::Item, &mut [f32]) + Sync,
    ) -> Result<()>
    where
        I: Iterator + Send,
    {
        let count = if work == Work::Small { 1 } else { self.count() };
        for block in &self.scratch[..count] {
            grow(&mut lock(block), scratch * size_of::<f32>())?;
        }
        let items = Mutex::new(items);
        let drain = |index: usize| {
            let mut block = lock(&self.scratch[index]);
            let scratch = &mut bytemuck::cast_slice_mut(block.bytes_mut())[..scratch];
            // The lock on the items is held while one is taken, not while it is worked on.
            while let Some(item) = { lock(&items).next() } {
                task(item, scratch);
            }
        };
        match &self.helpers {
            Some(helpers) if count > 1 => helpers.with(&drain),
            _ => drain(0),
        }
        Ok(())
    }
}

fn refused(message: String) -> Error {
    Error::Device { op: "start threads", device: DEVICE.into(), message }
}

/// What the locks guard has no invariant that a panic could break.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn grow(block: &mut Block, bytes: usize) -> Result<()> {
    if block.bytes().len() < bytes {
        let refused = out_of_memory(Region::Step, bytes, block.bytes().len());
        *block = Block::new(bytes).ok_or(refused)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_item_is_worked_on_once() {
        for count in 1..4 {
            let threads = Threads::new(NonZeroUsize::new(count).unwrap()).unwrap();
            for work in [Work::Small, Work::Large] {
                let mut data = vec![0u32; 1000];
                threads
                    .for_each(work, 3, data.chunks_mut(7), |chunk, scratch| {
                        assert_eq!(scratch.len(), 3);
                        chunk.iter_mut().for_each(|v| *v += 1);
                    })
                    .unwrap();
                assert!(data.iter().all(|&v| v == 1));
            }
        }
    }

    #[test]
    fn absurdly_many_threads_are_refused() {
        let error = Threads::new(NonZeroUsize::new(100_000).unwrap()).unwrap_err().to_string();
        assert!(error.contains("at most"), "{error}");
    }
}
