//! Weights that are not on the card as a whole: they pass through a window of its memory, filled ahead of use by a
//! stream of its own. Kernels see an address as ever.
//!
//! What waits for what: a product waits until its weight has arrived, and a copy until the weights that it overwrites
//! were multiplied by, and until the copy before it is done, whichever stream did that: a place may lie over what an
//! earlier copy has left of a weight. All are marks in streams, so the host waits for none. `window.rs` keeps the books.

use std::sync::{Mutex, MutexGuard, PoisonError};

use zao_backend::{Backend, Error, Matrix, Region, Result, Streamed};

use crate::device::Cuda;
use crate::driver::{DevicePtr, Event, Stream};
use crate::home::Arrangement;
use crate::host::{Chunk, Host};
use crate::loader::{self, Behind, STAGING_BYTES};
use crate::memory::Memory;
use crate::window::{Order, Over, Placed, Share, Window};

/// The weights of one part that pass through a window.
#[derive(Debug)]
pub(crate) struct Streaming {
    copies: Stream,
    memory: Memory,
    /// Where weights are converted that come from files; none where all lie in locked memory.
    staging: Option<DevicePtr>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    window: Window,
    order: Order,
    entries: Vec<Entry>,
    share: Share,
    host: Host,
    /// The weight that was copied into the window last.
    copied: Option<usize>,
}

/// A weight.
#[derive(Debug)]
struct Entry {
    bytes: usize,
    source: Source,
    /// The last copy into the window is done.
    arrived: Event,
    /// The last product with it is done.
    used: Event,
}

/// Where a weight comes from.
#[derive(Debug)]
enum Source {
    /// Page-locked memory has it as it lies on the card.
    Locked(Vec<Chunk>),
    /// It is brought again each time from where it is stored.
    Stored(Matrix, Arrangement),
}

impl Streaming {
    /// A window for what is loaded next.
    pub(crate) fn new(cuda: &Cuda, plan: Streamed) -> Result<Self> {
        let size = |bytes: u64| usize::try_from(bytes).unwrap_or(usize::MAX);
        let memory = cuda.allocate(size(plan.window), Region::Model)?;
        let copies = Stream::new(cuda.context())?;
        // Who had the memory before may still use it.
        cuda.stream().wait()?;
        // Whole weights stay, so that up to one more passes than planned.
        let all_locked = plan.locked >= plan.candidates || plan.locked > plan.passing();
        let (window, staging) = if all_locked {
            (plan.window, None)
        } else {
            let window = plan.window.saturating_sub(STAGING_BYTES);
            (window, Some(memory.start().plus(size(window))))
        };
        let state = State {
            window: Window::new(size(window)),
            order: Order::default(),
            entries: Vec::new(),
            share: Share::new(plan.resident, plan.candidates),
            host: Host::new(cuda.context(), size(plan.locked)),
            copied: None,
        };
        Ok(Self { copies, memory, staging, state: Mutex::new(state) })
    }

    /// Whether the next weight stays on the card as a whole.
    pub(crate) fn stays(&self, bytes: usize) -> bool {
        self.state().share.stays(bytes as u64)
    }

    /// Takes a weight in; returns its number.
    pub(crate) fn add(
        &self,
        cuda: &Cuda,
        matrix: &Matrix,
        arrangement: Arrangement,
    ) -> Result<usize> {
        let mut state = self.state();
        let bytes = arrangement.bytes(matrix);
        let number = state.entries.len();
        let chunks = state.host.take(bytes)?;
        let is_locked = chunks.is_some();
        let source = match chunks {
            Some(chunks) => Source::Locked(chunks),
            None => Source::Stored(matrix.clone(), arrangement.clone()),
        };
        let mark = || Event::untimed(cuda.context());
        let (arrived, used) = (mark()?, mark()?);
        let entry = Entry { bytes, source, arrived, used };
        state.order.add();
        state.entries.push(entry);
        if is_locked {
            self.lock(cuda, &mut state, number, (matrix, &arrangement))?;
        }
        Ok(number)
    }

    /// Has a weight converted on the card and copied to its locked memory. What comes from files is read when it is
    /// used.
    fn lock(
        &self,
        cuda: &Cuda,
        state: &mut State,
        number: usize,
        (matrix, arrangement): (&Matrix, &Arrangement),
    ) -> Result<()> {
        let bytes = state.entries[number].bytes;
        let Some(place) = state.window.place(number, bytes, Over::Anything) else {
            return Err(self.too_small(cuda, bytes));
        };
        state.window.used(number);
        let entry = &state.entries[number];
        let to = self.memory.start().plus(place.at);
        let shipment = arrangement.shipment(cuda, matrix, to)?;
        loader::load(cuda, &shipment, self.behind(state, &place.gone, entry))?;
        if let Source::Locked(chunks) = &entry.source {
            self.copies.wait_for(&entry.arrived)?;
            let mut from = to;
            for chunk in chunks {
                // SAFETY: the window holds the weight until `used` is reached, and the chunk is this weight's own.
                unsafe { self.copies.download_locked(&chunk.block, chunk.bytes.clone(), from)? };
                from = from.plus(chunk.bytes.len());
            }
            entry.used.record(&self.copies)?;
        }
        state.copied = Some(number);
        Ok(())
    }

    /// Where weight `number` lies for the kernels that are launched next, until [`Self::used`].
    pub(crate) fn bring(&self, cuda: &Cuda, number: usize) -> Result<DevicePtr> {
        let mut state = self.state();
        if state.window.find(number).is_none() {
            // The guess was wrong, and nothing that was brought for it is in the way of what is used.
            state.window.await_nothing();
            if !self.copy(cuda, &mut state, number, Over::Anything)? {
                return Err(self.too_small(cuda, state.entries[number].bytes));
            }
        }
        cuda.stream().wait_for(&state.entries[number].arrived)?;
        let at = state.window.find(number).unwrap_or(0);
        Ok(self.memory.start().plus(at))
    }

    /// What was launched since [`Self::bring`] is all that reads the weight; the next ones come as far as there is
    /// room.
    pub(crate) fn used(&self, cuda: &Cuda, number: usize) -> Result<()> {
        let mut state = self.state();
        state.entries[number].used.record(cuda.stream())?;
        state.window.used(number);
        state.order.uses(number);
        let ahead: Vec<usize> = state.order.after(number).collect();
        for next in ahead {
            if !state.window.awaits(next) && !self.copy(cuda, &mut state, next, Over::Used)? {
                break;
            }
        }
        Ok(())
    }

    /// Queues the copy of a weight into the window; whether there was a place.
    fn copy(&self, cuda: &Cuda, state: &mut State, number: usize, over: Over) -> Result<bool> {
        let Some(place) = state.window.place(number, state.entries[number].bytes, over) else {
            return Ok(false);
        };
        let filled = self.fill(cuda, state, number, &place);
        match filled {
            Ok(()) => state.copied = Some(number),
            // Nobody may take what is there for the weight.
            Err(_) => state.window.forget(number),
        }
        filled.map(|()| true)
    }

    /// Queues what brings a weight to its place.
    fn fill(&self, cuda: &Cuda, state: &State, number: usize, place: &Placed) -> Result<()> {
        let entry = &state.entries[number];
        let to = self.memory.start().plus(place.at);
        match &entry.source {
            Source::Locked(chunks) => {
                for event in marks_before(state, &place.gone) {
                    self.copies.wait_for(event)?;
                }
                let mut to = to;
                for chunk in chunks {
                    // SAFETY: the place is as large as the weight, and who used it before is waited for; nobody
                    // writes the chunk after it was filled.
                    unsafe { self.copies.upload_locked(to, &chunk.block, chunk.bytes.clone())? };
                    to = to.plus(chunk.bytes.len());
                }
                entry.arrived.record(&self.copies)
            }
            Source::Stored(matrix, arrangement) => {
                let shipment = arrangement.shipment(cuda, matrix, to)?;
                let loaded = loader::load(cuda, &shipment, self.behind(state, &place.gone, entry));
                loaded.map_err(|error| match error {
                    Error::NotFinite { .. } => {
                        cuda.unsupported("load", format!("{}: not all are numbers", matrix.name()))
                    }
                    other => other,
                })
            }
        }
    }

    /// The order of a load into the place of weights that are `gone`.
    fn behind<'a>(&self, state: &'a State, gone: &'a [usize], entry: &'a Entry) -> Behind<'a> {
        let events = marks_before(state, gone).collect();
        Behind { events, staging: self.staging, arrived: &entry.arrived }
    }

    fn too_small(&self, cuda: &Cuda, bytes: usize) -> Error {
        cuda.unsupported("load", format!("a weight of {bytes} bytes, more than its window holds"))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a copy comes after that takes the place of weights which are `gone`.
fn marks_before<'a>(state: &'a State, gone: &'a [usize]) -> impl Iterator<Item = &'a Event> {
    let copied = state.copied.map(|before| &state.entries[before].arrived);
    gone.iter().map(|&gone| &state.entries[gone].used).chain(copied)
}

impl Drop for Streaming {
    fn drop(&mut self) {
        // Nobody else may get the window, nor the system the locked memory, while copies are under way. A refusal
        // cannot be answered here.
        let _ = self.copies.wait();
    }
}
