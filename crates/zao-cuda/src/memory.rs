//! Tensors' memory: two reserved regions, and pieces of larger blocks for what stays.

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
    /// Memory of its own, whatever is reserved.
    pub(crate) fn apart(context: &Arc<Context>, bytes: usize, region: Region) -> Result<Self> {
        let block = Buffer::new(context, bytes, region)?;
        Ok(Self { start: block.start(), home: Home::Own(block) })
    }

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

/// Memory that stays. The driver hands out whole pages of two megabytes, which small pieces would mostly waste,
/// so they share blocks; whoever says beforehand how much comes gets one block for all of it.
#[derive(Debug)]
pub(crate) struct Pool {
    context: Arc<Context>,
    /// Bytes of a block that pieces share unasked.
    usual: usize,
    blocks: Mutex<Blocks>,
}

#[derive(Debug, Default)]
struct Blocks {
    list: Vec<Option<Block>>,
    /// The one that was prepared last. Those before it take nothing more, so that each goes with what it was made for.
    prepared: Option<usize>,
}

#[derive(Debug)]
struct Block {
    buffer: Buffer,
    arena: Arena,
    /// Whether it is for whatever comes.
    shared: bool,
}

impl Pool {
    /// For boundaries between the pieces of a prepared block.
    const SLACK: usize = 1 << 20;

    /// No blocks yet; `usual` is the size of those that pieces share.
    pub(crate) fn new(context: &Arc<Context>, usual: usize) -> Arc<Self> {
        Arc::new(Self { context: Arc::clone(context), usual, blocks: Mutex::default() })
    }

    /// Makes one block for pieces of `bytes` bytes in all that are asked for next.
    pub(crate) fn prepare(&self, bytes: usize) -> Result<()> {
        let mut blocks = lock(&self.blocks);
        blocks.drop_unused();
        blocks.prepared = None;
        blocks.prepared =
            Some(blocks.add(&self.context, bytes.saturating_add(Self::SLACK), false)?);
        Ok(())
    }

    /// A piece of memory.
    pub(crate) fn allocate(self: &Arc<Self>, bytes: usize) -> Result<Memory> {
        let mut blocks = lock(&self.blocks);
        if let Some((at, start, slot)) = blocks.find(bytes) {
            return Ok(Memory { start, home: Home::Shared(Arc::clone(self), at, slot) });
        }
        // One or two large pieces would leave most of a shared block unused.
        if bytes > self.usual / 4 {
            return Memory::apart(&self.context, bytes, Region::Model);
        }
        blocks.add(&self.context, self.usual, true)?;
        let Some((at, start, slot)) = blocks.find(bytes) else {
            return Err(self.context.out_of_memory(Region::Model, bytes, self.usual));
        };
        Ok(Memory { start, home: Home::Shared(Arc::clone(self), at, slot) })
    }

    fn give_back(&self, at: usize, slot: Slot) {
        let mut blocks = lock(&self.blocks);
        if let Some(Some(block)) = blocks.list.get_mut(at) {
            block.arena.free(slot);
            blocks.drop_unused();
        }
    }
}

impl Blocks {
    /// Gives blocks back to the driver that hold nothing.
    fn drop_unused(&mut self) {
        for (at, place) in self.list.iter_mut().enumerate() {
            if place.as_ref().is_some_and(|block| block.arena.used() == 0) {
                *place = None;
                self.prepared = self.prepared.filter(|&prepared| prepared != at);
            }
        }
    }

    /// A new block, and its place.
    fn add(&mut self, context: &Arc<Context>, bytes: usize, shared: bool) -> Result<usize> {
        let buffer = Buffer::new(context, bytes, Region::Model)?;
        let block = Block { buffer, arena: Arena::new(bytes), shared };
        let at = self.list.iter().position(Option::is_none).unwrap_or(self.list.len());
        if at == self.list.len() {
            self.list.push(None);
        }
        self.list[at] = Some(block);
        Ok(at)
    }

    /// A piece of the prepared block, else of a shared one: the block's place, the address, and the piece.
    fn find(&mut self, bytes: usize) -> Option<(usize, DevicePtr, Slot)> {
        let prepared = self.prepared;
        let takes = |at: usize, block: &Block| block.shared || prepared == Some(at);
        self.list.iter_mut().enumerate().find_map(|(at, place)| {
            let block = place.as_mut().filter(|block| takes(at, block))?;
            let slot = block.arena.allocate(bytes)?;
            Some((at, block.buffer.start().plus(slot.offset), slot))
        })
    }
}

/// A panic elsewhere leaves the state whole: each change is one assignment or arena call.
fn lock<T>(state: &Mutex<T>) -> MutexGuard<'_, T> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}
