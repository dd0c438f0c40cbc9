//! Tensors' memory: two reserved regions, and the heap for what a model keeps.

#![allow(unsafe_code, reason = "it hands out pieces of a block")]

use std::ptr::NonNull;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use zao_backend::{Arena, Error, Region, Result, Slot};

use crate::block::Block;

/// The name of this device in errors.
pub(crate) const DEVICE: &str = "cpu";

/// The memory of one tensor. Dropping it gives it back to where it came from.
#[derive(Debug)]
pub struct Memory {
    start: NonNull<u8>,
    bytes: usize,
    home: Home,
}

/// Where the bytes of a [`Memory`] come from, which keeps them alive.
#[derive(Debug)]
enum Home {
    Reserved(Arc<Reserve>, Slot),
    Heap(#[allow(dead_code, reason = "it is held so that the bytes stay")] Block),
}

// SAFETY: a memory is the only owner of its bytes: slots of a region are disjoint.
unsafe impl Send for Memory {}
// SAFETY: shared access to a memory only reads it.
unsafe impl Sync for Memory {}

impl Memory {
    /// Memory of its own, for [`Region::Model`].
    pub(crate) fn heap(bytes: usize) -> Result<Self> {
        let block = Block::new(bytes).ok_or_else(|| out_of_memory(Region::Model, bytes, 0))?;
        Ok(Self { start: block.start(), bytes, home: Home::Heap(block) })
    }

    /// The bytes.
    pub(crate) fn bytes(&self) -> &[u8] {
        // SAFETY: the home keeps `bytes` initialised bytes at `start` alive, and they are this value's.
        unsafe { std::slice::from_raw_parts(self.start.as_ptr(), self.bytes) }
    }

    /// The bytes, for writing.
    pub(crate) fn bytes_mut(&mut self) -> &mut [u8] {
        // SAFETY: as for `bytes`, and the borrow is exclusive.
        unsafe { std::slice::from_raw_parts_mut(self.start.as_ptr(), self.bytes) }
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        if let Home::Reserved(reserve, slot) = &self.home {
            reserve.lock().arena.free(*slot);
        }
    }
}

/// A region that is sized before a run.
#[derive(Debug)]
pub(crate) struct Reserve {
    region: Region,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// `None` as long as nothing is reserved.
    block: Option<Block>,
    arena: Arena,
}

impl Reserve {
    /// An empty region.
    pub(crate) fn new(region: Region) -> Arc<Self> {
        let state = Mutex::new(State { block: None, arena: Arena::new(0) });
        Arc::new(Self { region, state })
    }

    /// Makes the region at least `bytes` large. It only grows, and only while it is empty.
    pub(crate) fn grow(&self, bytes: usize) -> Result<()> {
        let mut state = self.lock();
        if bytes <= state.arena.capacity() {
            return Ok(());
        }
        let refused = out_of_memory(self.region, bytes, state.arena.capacity());
        if state.arena.used() > 0 {
            return Err(refused);
        }
        // The old block goes first, so that both never exist at once.
        *state = State { block: None, arena: Arena::new(0) };
        let block = Block::new(bytes).ok_or(refused)?;
        *state = State { block: Some(block), arena: Arena::new(bytes) };
        Ok(())
    }

    /// Gives everything back to the system, unless a tensor lives here.
    pub(crate) fn release(&self) {
        let mut state = self.lock();
        if state.arena.used() == 0 {
            *state = State { block: None, arena: Arena::new(0) };
        }
    }

    /// A piece of the region.
    pub(crate) fn allocate(self: &Arc<Self>, bytes: usize) -> Result<Memory> {
        let mut state = self.lock();
        let free = state.arena.capacity() - state.arena.used();
        let refused = || out_of_memory(self.region, bytes, free);
        let base = state.block.as_ref().ok_or_else(refused)?.start();
        let slot = state.arena.allocate(bytes).ok_or_else(refused)?;
        // SAFETY: the arena has the capacity of the block, so every slot lies inside it.
        let start = unsafe { base.add(slot.offset) };
        Ok(Memory { start, bytes, home: Home::Reserved(Arc::clone(self), slot) })
    }

    /// A panic elsewhere leaves the state whole: each change is one assignment or arena call.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The refusal of `asked` bytes.
pub(crate) fn out_of_memory(region: Region, asked: usize, free: usize) -> Error {
    Error::OutOfMemory { device: DEVICE.into(), region, asked, free }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_region_grows_only_while_empty() {
        let reserve = Reserve::new(Region::Step);
        assert!(matches!(reserve.allocate(1), Err(Error::OutOfMemory { free: 0, .. })));
        reserve.grow(1024).unwrap();
        let mut memory = reserve.allocate(700).unwrap();
        memory.bytes_mut().fill(9);
        assert!(reserve.allocate(512).is_err());
        assert!(reserve.grow(2048).is_err());
        reserve.release();
        assert_eq!(memory.bytes(), [9; 700]);
        drop(memory);
        reserve.grow(2048).unwrap();
        assert!(reserve.allocate(2048).is_ok());
        reserve.release();
        assert!(reserve.allocate(1).is_err());
    }

    #[test]
    fn an_absurd_reserve_is_an_error_and_leaves_the_region_usable() {
        let reserve = Reserve::new(Region::Job);
        let error = reserve.grow(usize::MAX / 2).unwrap_err();
        assert!(error.to_string().contains("job"), "{error}");
        reserve.grow(256).unwrap();
        assert!(reserve.allocate(256).is_ok());
    }
}
