//! An allocator of offsets: which bytes of a region are whose. It owns no memory itself.

use std::collections::BTreeMap;

/// A piece of a region.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Slot {
    /// First byte.
    pub offset: usize,
    /// Length in bytes, rounded up to the allocator's alignment.
    pub bytes: usize,
}

/// First-fit allocation with coalescing over `capacity` bytes.
///
/// It is deterministic: the same calls give the same offsets, so a run that was rehearsed on an
/// unbounded arena fits exactly into one of [`Arena::peak`] bytes.
#[derive(Debug)]
pub struct Arena {
    capacity: usize,
    /// Free pieces: offset to length, never adjacent.
    free: BTreeMap<usize, usize>,
    used: usize,
    peak: usize,
}

impl Arena {
    /// Offsets and lengths are multiples of this, so that any vector load of any tensor is aligned.
    pub const ALIGNMENT: usize = 256;

    /// An arena over `capacity` bytes.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        let capacity = capacity / Self::ALIGNMENT * Self::ALIGNMENT;
        let free = if capacity > 0 { BTreeMap::from([(0, capacity)]) } else { BTreeMap::new() };
        Self { capacity, free, used: 0, peak: 0 }
    }

    /// An arena that never refuses: for planning.
    #[must_use]
    pub fn unbounded() -> Self {
        Self::new(usize::MAX)
    }

    /// Total bytes.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.capacity
    }

    /// Bytes allocated now.
    #[must_use]
    pub fn used(&self) -> usize {
        self.used
    }

    /// The end of the highest slot ever given out: the capacity that a rerun needs.
    #[must_use]
    pub fn peak(&self) -> usize {
        self.peak
    }

    /// A slot of at least `bytes` bytes (an empty one still gets an address of its own), or `None`
    /// when no free piece is large enough.
    pub fn allocate(&mut self, bytes: usize) -> Option<Slot> {
        let bytes = bytes.max(1).checked_next_multiple_of(Self::ALIGNMENT)?;
        let (&offset, &length) = self.free.iter().find(|&(_, &length)| length >= bytes)?;
        self.free.remove(&offset);
        if length > bytes {
            self.free.insert(offset + bytes, length - bytes);
        }
        self.used += bytes;
        self.peak = self.peak.max(offset + bytes);
        Some(Slot { offset, bytes })
    }

    /// Takes a slot back. It must have come from this arena and not have been given back before.
    pub fn free(&mut self, slot: Slot) {
        let Slot { mut offset, mut bytes } = slot;
        self.used -= bytes;
        if let Some(next) = self.free.remove(&(offset + bytes)) {
            bytes += next;
        }
        if let Some((&before, &length)) = self.free.range(..offset).next_back()
            && before + length == offset
        {
            offset = before;
            bytes += length;
        }
        self.free.insert(offset, bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn freed_neighbours_join_again() {
        let mut arena = Arena::new(1024);
        let slots: Vec<_> = (0..4).map(|_| arena.allocate(256).unwrap()).collect();
        assert_eq!(arena.allocate(1), None);
        for i in [0, 2, 1, 3] {
            arena.free(slots[i]);
        }
        assert_eq!(arena.allocate(1024), Some(Slot { offset: 0, bytes: 1024 }));
    }

    #[test]
    fn a_rehearsed_run_fits_its_peak_exactly() {
        fn run(arena: &mut Arena) -> Option<Vec<Slot>> {
            let mut live = Vec::new();
            let mut seen = Vec::new();
            let mut x = 12345u64;
            for _ in 0..2000 {
                x = x.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
                if live.len() > 20 || (x >> 60 < 6 && !live.is_empty()) {
                    arena.free(live.swap_remove((x >> 33) as usize % live.len()));
                } else {
                    let slot = arena.allocate((x >> 40) as usize % 100_000)?;
                    live.push(slot);
                    seen.push(slot);
                }
            }
            Some(seen)
        }
        let mut rehearsal = Arena::unbounded();
        let offsets = run(&mut rehearsal).unwrap();
        assert_eq!(run(&mut Arena::new(rehearsal.peak())), Some(offsets));
        assert_eq!(run(&mut Arena::new(rehearsal.peak() - Arena::ALIGNMENT)), None);
    }

    #[test]
    fn slots_never_overlap() {
        let mut arena = Arena::new(1 << 20);
        let mut live: Vec<Slot> = Vec::new();
        for i in 0..500usize {
            if i % 3 == 2 {
                arena.free(live.swap_remove(i * 7 % live.len()));
            }
            if let Some(slot) = arena.allocate(i * 131 % 9000) {
                let disjoint = |o: &Slot| {
                    o.offset + o.bytes <= slot.offset || slot.offset + slot.bytes <= o.offset
                };
                assert!(live.iter().all(disjoint));
                live.push(slot);
            }
        }
    }
}
