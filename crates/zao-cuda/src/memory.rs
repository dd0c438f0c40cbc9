//! Tensors' memory: two reserved regions, and pieces of larger blocks for what a model keeps.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use zao_backend::{Arena, Region, Result, Slot};

use crate::driver::{Buffer, Context, DevicePtr};

/// The memory of one tensor. Dropping it gives it back to where it came from; since all work runs in the
/// order of one stream, who gets it next uses it after whoever had it before.
#[derive(Debug)]
pub struct Memory {
    start: DevicePtr,
    home: Home,
}

/// Where the bytes of a [`Memory`] come from, which keeps them alive.
#[derive(Debug)]
enum Home {
    Reserved(Arc<Reserve>, Slot),
    Shared(Arc<Pool>, usize, Slot),
    Own(#[allow(dead_code, reason = "it is held so that the bytes stay")] Buffer),
}

impl Memory {
    /// The first byte, on a boundary of [`Arena::ALIGNMENT`].
    pub(crate) fn start(&self) -> DevicePtr {
        self.start
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        match &self.home {
            Home::Reserved(reserve, slot) => lock(&reserve.state).arena.free(*slot),
            Home::Shared(pool, block, slot) => pool.give_back(*block, *slot),
            Home::Own(_) => {}
        }
    }
}

/// A region that is sized before a run.
#[derive(Debug)]
pub(crate) struct Reserve {
    context: Arc<Context>,
    region: Region,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// `None` as long as nothing is reserved.
    block: Option<Buffer>,
    arena: Arena,
}

impl State {
    fn empty() -> Self {
        Self { block: None, arena: Arena::new(0) }
    }
}

impl Reserve {
    /// An empty region.
    pub(crate) fn new(context: &Arc<Context>, region: Region) -> Arc<Self> {
        let (context, state) = (Arc::clone(context), Mutex::new(State::empty()));
        Arc::new(Self { context, region, state })
    }

    /// Makes the region at least `bytes` large. It only grows, and only while it is empty.
    pub(crate) fn grow(&self, bytes: usize) -> Result<()> {
        let mut state = lock(&self.state);
        if bytes <= state.arena.capacity() {
            return Ok(());
        }
        if state.arena.used() > 0 {
            return Err(self.context.out_of_memory(self.region, bytes, state.arena.capacity()));
        }
        // The old block goes first, so that both never exist at once.
        *state = State::empty();
        let Some(bytes) = bytes.checked_next_multiple_of(Arena::ALIGNMENT) else {
            return Err(self.context.out_of_memory(self.region, bytes, self.context.free_bytes()?));
        };
        let block = Buffer::new(&self.context, bytes, self.region)?;
        *state = State { block: Some(block), arena: Arena::new(bytes) };
        Ok(())
    }

    /// Gives everything back to the driver, unless a tensor lives here.
    pub(crate) fn release(&self) {
        let mut state = lock(&self.state);
        if state.arena.used() == 0 {
            *state = State::empty();
        }
    }

    /// A piece of the region.
    pub(crate) fn allocate(self: &Arc<Self>, bytes: usize) -> Result<Memory> {
        let mut state = lock(&self.state);
        let free = state.arena.capacity() - state.arena.used();
        let refused = || self.context.out_of_memory(self.region, bytes, free);
        let base = state.block.as_ref().ok_or_else(refused)?.start();
        let slot = state.arena.allocate(bytes).ok_or_else(refused)?;
        let start = base.plus(slot.offset);
        Ok(Memory { start, home: Home::Reserved(Arc::clone(self), slot) })
    }
}

/// Memory that stays with a model: small pieces share blocks, because the driver hands out two megabytes
/// at least; large ones have a block of their own.
#[derive(Debug)]
pub(crate) struct Pool {
    context: Arc<Context>,
    blocks: Mutex<Vec<Option<(Buffer, Arena)>>>,
}

impl Pool {
    /// Bytes of a shared block.
    const BLOCK: usize = 32 << 20;
    /// From here on a piece has its own block.
    const LARGE: usize = 8 << 20;

    /// No blocks yet.
    pub(crate) fn new(context: &Arc<Context>) -> Arc<Self> {
        Arc::new(Self { context: Arc::clone(context), blocks: Mutex::default() })
    }

    /// A piece of memory.
    pub(crate) fn allocate(self: &Arc<Self>, bytes: usize) -> Result<Memory> {
        if bytes >= Self::LARGE {
            let block = Buffer::new(&self.context, bytes, Region::Model)?;
            return Ok(Memory { start: block.start(), home: Home::Own(block) });
        }
        let mut blocks = lock(&self.blocks);
        let shared = |at, base: DevicePtr, slot: Slot| {
            let start = base.plus(slot.offset);
            Memory { start, home: Home::Shared(Arc::clone(self), at, slot) }
        };
        for (at, block) in blocks.iter_mut().enumerate() {
            if let Some((buffer, arena)) = block
                && let Some(slot) = arena.allocate(bytes)
            {
                return Ok(shared(at, buffer.start(), slot));
            }
        }
        let buffer = Buffer::new(&self.context, Self::BLOCK, Region::Model)?;
        let (base, mut arena) = (buffer.start(), Arena::new(Self::BLOCK));
        let Some(slot) = arena.allocate(bytes) else {
            return Err(self.context.out_of_memory(Region::Model, bytes, Self::BLOCK));
        };
        let at = blocks.iter().position(Option::is_none).unwrap_or(blocks.len());
        if at == blocks.len() {
            blocks.push(None);
        }
        blocks[at] = Some((buffer, arena));
        Ok(shared(at, base, slot))
    }

    fn give_back(&self, at: usize, slot: Slot) {
        let mut blocks = lock(&self.blocks);
        if let Some(Some((_, arena))) = blocks.get_mut(at) {
            arena.free(slot);
            if arena.used() == 0 {
                blocks[at] = None;
            }
        }
    }
}

/// A panic elsewhere leaves the state whole: each change is one assignment or arena call.
fn lock<T>(state: &Mutex<T>) -> MutexGuard<'_, T> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}
