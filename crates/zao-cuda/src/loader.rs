//! From mapped files to the card at the speed of the bus.
//!
//! Threads copy pieces of a file into page-locked buffers, and each piece goes to the card as soon as it is there,
//! on a stream of its own; what has to be converted is converted on the card. What is converted into what is decided
//! in `weight.rs`.

use std::borrow::Cow;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError};

use zao_backend::{Backend, BlockKind, Dtype, Error, Region, Result, ScaledKind};

use crate::device::Cuda;
use crate::driver::{Context, DevicePtr, Event, Kernel, Launch, Pinned, Stream, args};
use crate::memory::Memory;

/// What brings a weight to the card.
#[derive(Default)]
pub(crate) struct Shipment<'a> {
    pub(crate) parts: Vec<Part<'a>>,
    /// Queued behind all parts.
    pub(crate) measures: Vec<Measure>,
}

/// Finds out what the rows of a part that stays packed will be multiplied with (`kernels/load_packed.cu`).
pub(crate) struct Measure {
    pub(crate) kernel: Arc<Kernel>,
    pub(crate) rows: u32,
    /// The part where it lies.
    pub(crate) from: DevicePtr,
    /// `f32 [rows]` each, which are written.
    pub(crate) scales: DevicePtr,
    pub(crate) factors: DevicePtr,
    /// Values of a row.
    pub(crate) width: i32,
}

/// Rows of a stored matrix on their way into a weight.
pub(crate) struct Part<'a> {
    /// Which part of its weight it is.
    pub(crate) number: usize,
    /// How its values are stored.
    pub(crate) values: Values,
    /// All rows.
    pub(crate) bytes: Cow<'a, [u8]>,
    /// How many, or how many groups of rows that are not stored one by one.
    pub(crate) rows: usize,
    /// What happens to them.
    pub(crate) way: Way,
}

/// How values are stored, as far as looking for those that are no numbers asks.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Values {
    Dense(Dtype),
    Blocks(BlockKind),
    Scaled(ScaledKind),
    /// Integers, whatever their order, or what was looked at before.
    Numbers,
}

impl Values {
    /// How many are in so many bytes.
    fn count(self, bytes: usize) -> usize {
        match self {
            Self::Dense(dtype) => bytes / dtype.size(),
            Self::Blocks(kind) => bytes / kind.bytes() * kind.values(),
            Self::Scaled(_) | Self::Numbers => bytes,
        }
    }

    /// The index of the first that is NaN or infinite, if there is one.
    fn first_non_finite(self, bytes: &[u8]) -> Option<usize> {
        match self {
            Self::Dense(dtype) => dtype.first_non_finite(bytes),
            Self::Blocks(kind) => kind.first_non_finite(bytes),
            Self::Scaled(kind) => kind.first_non_finite(bytes),
            Self::Numbers => None,
        }
    }
}

/// What happens to rows on their way. Kernels are those of `kernels/load.cu`, and for packed ones of `load_packed.cu`.
pub(crate) enum Way {
    /// They are copied to `to`, where a row takes `row` bytes.
    AsIs { to: DevicePtr, row: usize },
    /// Row `i` is converted into row `first + i * step` of `to`.
    Rows {
        kernel: Arc<Kernel>,
        to: DevicePtr,
        scales: DevicePtr,
        width: i32,
        first: i32,
        step: i32,
    },
    /// Rows of a convolution: from `[columns, taps]` to `[taps, columns]`, where a row takes `row` bytes.
    Taps { kernel: Arc<Kernel>, to: DevicePtr, row: usize, columns: i32, taps: i32 },
    /// Packed rows are converted as [`Self::Rows`] are.
    Packed(Packed),
}

/// Packed rows that are converted on their way.
pub(crate) struct Packed {
    pub(crate) kernel: Arc<Kernel>,
    /// The scale of each row that lies beside its bytes, or none. They travel with their rows.
    pub(crate) from_scales: Vec<f32>,
    pub(crate) to: DevicePtr,
    pub(crate) scales: DevicePtr,
    /// What the kernel calls the width.
    pub(crate) width: i32,
    /// Values that are rotated together.
    pub(crate) rotated: i32,
    pub(crate) first: i32,
    pub(crate) step: i32,
    /// All rows.
    pub(crate) rows: usize,
    /// Rows that are stored together.
    pub(crate) group: usize,
    /// Bytes of shared memory.
    pub(crate) shared: u32,
}

/// What loading keeps from weight to weight, made at the first.
#[derive(Debug, Default)]
pub(crate) struct Loader(Option<Ring>);

#[derive(Debug)]
struct Ring {
    copies: Stream,
    slots: Vec<Slot>,
}

/// A buffer that a thread fills and the card empties.
#[derive(Debug)]
struct Slot {
    number: usize,
    pinned: Pinned,
    /// When the card has emptied it.
    emptied: Event,
}

/// Bytes of device memory for rows on their way that have to be converted.
pub const STAGING_BYTES: u64 = (PIECE * SLOTS_OF_THREAD * THREADS) as u64;

/// Bytes of a slot: large enough for the bus, small enough that many threads share one weight.
const PIECE: usize = 4 << 20;
/// What lies beside rows begins at a multiple of this.
const ALIGNMENT: usize = 16;
/// Slots of a thread: one is filled while the other is emptied.
const SLOTS_OF_THREAD: usize = 2;
/// More threads do not read faster.
const THREADS: usize = 8;

impl Ring {
    fn new(context: &Arc<Context>) -> Result<Self> {
        let threads = std::thread::available_parallelism().map_or(1, usize::from).min(THREADS);
        let slot = |number| {
            let (pinned, emptied) = (Pinned::new(context, PIECE)?, Event::new(context)?);
            Ok(Slot { number, pinned, emptied })
        };
        Ok(Self {
            copies: Stream::new(context)?,
            slots: (0..threads * SLOTS_OF_THREAD).map(slot).collect::<Result<_>>()?,
        })
    }
}

/// A few rows of a part.
struct Piece<'a> {
    part: &'a Part<'a>,
    first: usize,
    rows: usize,
    bytes: &'a [u8],
    /// What lies beside them.
    scales: &'a [f32],
}

impl Piece<'_> {
    /// Where scales begin in a slot: behind the rows.
    fn scales_at(&self) -> usize {
        self.bytes.len().next_multiple_of(ALIGNMENT)
    }

    /// Bytes that it takes of a slot.
    fn len(&self) -> usize {
        if self.scales.is_empty() {
            self.bytes.len()
        } else {
            self.scales_at() + size_of_val(self.scales)
        }
    }
}

/// What a load comes after, and how others learn of its end.
pub(crate) struct Behind<'a> {
    /// Who uses the memory of the weight has reached these marks when it does so no more.
    pub(crate) events: Vec<&'a Event>,
    /// [`STAGING_BYTES`] of device memory where rows are converted; without it some is taken for the time of loading,
    /// which no run may use meanwhile.
    pub(crate) staging: Option<DevicePtr>,
    /// Recorded behind the last copy.
    pub(crate) arrived: &'a Event,
}

/// Brings a weight to the card. It is there for what is launched next.
pub(crate) fn load_resident(cuda: &Cuda, shipment: &Shipment<'_>) -> Result<()> {
    // Who had the memory of the weight before may still use it.
    let (before, arrived) = (Event::untimed(cuda.context())?, Event::untimed(cuda.context())?);
    before.record(cuda.stream())?;
    let behind = Behind { events: vec![&before], staging: None, arrived: &arrived };
    load(cuda, shipment, behind)?;
    cuda.stream().wait_for(&arrived)
}

/// Brings a weight to the card, in the order that `behind` says. Its bytes have been read when this returns.
pub(crate) fn load(cuda: &Cuda, shipment: &Shipment<'_>, behind: Behind<'_>) -> Result<()> {
    let Shipment { parts, measures } = shipment;
    let mut loader = cuda.loader().lock().unwrap_or_else(PoisonError::into_inner);
    let ring = match &mut loader.0 {
        Some(ring) => ring,
        none => none.insert(Ring::new(cuda.context())?),
    };
    let pieces = pieces(cuda, parts)?;
    let threads = pieces.len().min(ring.slots.len() / SLOTS_OF_THREAD).max(1);
    let converts = parts.iter().any(|part| !matches!(part.way, Way::AsIs { .. }));
    let own = (converts && behind.staging.is_none())
        .then(|| staging(cuda, threads * SLOTS_OF_THREAD))
        .transpose()?;
    let staging = own.as_ref().map(Memory::start).or(behind.staging).unwrap_or(DevicePtr::NULL);
    for event in behind.events {
        ring.copies.wait_for(event)?;
    }
    let (next, copies) = (AtomicUsize::new(0), &ring.copies);
    let work = |slots: &mut [Slot]| -> Result<()> {
        cuda.context().bind()?;
        for turn in 0.. {
            let Some(piece) = pieces.get(next.fetch_add(1, Ordering::Relaxed)) else { break };
            let slot = &mut slots[turn % SLOTS_OF_THREAD];
            slot.emptied.wait()?;
            let slot_bytes = slot.pinned.bytes_mut();
            slot_bytes[piece.scales_at()..][..size_of_val(piece.scales)]
                .copy_from_slice(bytemuck::cast_slice(piece.scales));
            let pinned = &mut slot_bytes[..piece.bytes.len()];
            pinned.copy_from_slice(piece.bytes);
            // The copy is still in the processor's cache.
            let values = piece.part.values;
            if let Some(at) = values.first_non_finite(pinned) {
                let index = piece.first * values.count(piece.bytes.len() / piece.rows) + at;
                return Err(Error::NotFinite { part: piece.part.number, index });
            }
            send(copies, slot, staging.plus(slot.number * PIECE), piece)?;
            slot.emptied.record(copies)?;
        }
        Ok(())
    };
    let mut slots = ring.slots.chunks_mut(SLOTS_OF_THREAD).take(threads);
    let outcome = if threads > 1 {
        std::thread::scope(|scope| {
            let workers: Vec<_> = slots.map(|slots| scope.spawn(|| work(slots))).collect();
            workers.into_iter().try_for_each(|worker| {
                let died = |_| cuda.context().failed("load", "a thread that read files died");
                worker.join().map_err(died)?
            })
        })
    } else {
        slots.next().map_or(Ok(()), work)
    };
    let measured = outcome.and_then(|()| measures.iter().try_for_each(|it| it.run(&ring.copies)));
    behind.arrived.record(&ring.copies)?;
    if own.is_some() {
        // Whoever gets that memory next uses it after the last conversion.
        cuda.stream().wait_for(behind.arrived)?;
    }
    measured
}

impl Measure {
    /// Queues it.
    fn run(&self, stream: &Stream) -> Result<()> {
        let launch = Launch { grid: [self.rows, 1, 1], block: [256, 1, 1], ..Launch::ONE };
        let arguments = args![self.from, self.scales, self.factors, self.width];
        // SAFETY: the part has so many rows of this width, and room for two lists.
        unsafe { launch.run(stream, &self.kernel, arguments) }
    }
}

/// A piece of device memory for each of so many slots, for rows that are converted. No run computes while weights are
/// loaded, so it is taken from what is reserved for runs, if there is as much.
fn staging(cuda: &Cuda, slots: usize) -> Result<Memory> {
    let bytes = slots * PIECE;
    cuda.allocate(bytes, Region::Step)
        .or_else(|_| Memory::apart(cuda.context(), bytes, Region::Step))
}

/// Cuts parts into pieces of whole rows that fit a slot with what lies beside them.
fn pieces<'a>(cuda: &Cuda, parts: &'a [Part<'_>]) -> Result<Vec<Piece<'a>>> {
    let mut pieces = Vec::new();
    for part in parts.iter().filter(|part| !part.bytes.is_empty()) {
        let row = part.bytes.len() / part.rows;
        let (scales, group) = match &part.way {
            Way::Packed(packed) => (packed.from_scales.as_slice(), packed.group),
            Way::AsIs { .. } | Way::Rows { .. } | Way::Taps { .. } => (&[][..], 1),
        };
        let (beside, gap) = match scales {
            [] => (0, 0),
            _ => (group * size_of::<f32>(), ALIGNMENT),
        };
        let rows = (PIECE - gap) / (row + beside);
        if rows == 0 {
            return Err(
                cuda.unsupported("load", format!("a row of {row} bytes, more than {PIECE}"))
            );
        }
        let mut scales = scales.chunks(rows * group);
        for (number, bytes) in part.bytes.chunks(rows * row).enumerate() {
            let (first, rows) = (number * rows, bytes.len() / row);
            pieces.push(Piece { part, first, rows, bytes, scales: scales.next().unwrap_or(&[]) });
        }
    }
    Ok(pieces)
}

/// Queues what brings a filled slot to where it belongs.
fn send(copies: &Stream, slot: &Slot, staging: DevicePtr, piece: &Piece<'_>) -> Result<()> {
    let (bytes, first) = (piece.len(), piece.first);
    let grid = [crate::address::blocks(piece.rows, 1)?, 1, 1];
    let launch = Launch { grid, block: [256, 1, 1], ..Launch::ONE };
    let place = match &piece.part.way {
        Way::AsIs { to, row } => to.plus(first * row),
        Way::Rows { .. } | Way::Taps { .. } | Way::Packed(_) => staging,
    };
    // SAFETY: a weight has room for all rows of its parts, the slot's staging for a piece; the slot changes only when
    // the card has emptied it.
    unsafe { copies.upload_pinned(place, &slot.pinned, bytes)? };
    match &piece.part.way {
        Way::AsIs { .. } => Ok(()),
        Way::Rows { kernel, to, scales, width, first: start, step } => {
            let start = start + crate::address::int(first)? * step;
            let arguments = args![staging, *to, *scales, *width, start, *step];
            // SAFETY: these are the kernel's arguments; it writes rows of the weight that are this piece's.
            unsafe { launch.run(copies, kernel, arguments) }
        }
        Way::Taps { kernel, to, row, columns, taps } => {
            let to = to.plus(first * row);
            let arguments = args![staging, to, *columns, *taps];
            // SAFETY: as above.
            unsafe { launch.run(copies, kernel, arguments) }
        }
        Way::Packed(packed) => {
            let row = first * packed.group;
            let rows = (piece.rows * packed.group).min(packed.rows - row);
            let launch = Launch {
                grid: [crate::address::blocks(rows, 1)?, 1, 1],
                shared: packed.shared,
                ..launch
            };
            let from_scales = match piece.scales {
                [] => DevicePtr::NULL,
                _ => staging.plus(piece.scales_at()),
            };
            let Packed { kernel, to, scales, width, rotated, step, .. } = packed;
            let start = packed.first + crate::address::int(row)? * step;
            let arguments =
                args![staging, from_scales, *to, *scales, *width, *rotated, start, *step];
            // SAFETY: as above; there is a scale for each row where the kernel reads any, and shared memory for one.
            unsafe { launch.run(copies, kernel, arguments) }
        }
    }
}
