//! Bookkeeping of a window: a ring of bytes that weights pass through, each where the one before it ends. Only
//! numbers, so that it is tested without a card; `streaming.rs` copies.

/// Which weights are in the window, and where.
#[derive(Debug)]
pub(crate) struct Window {
    bytes: usize,
    /// Where the next one goes.
    next: usize,
    slots: Vec<Slot>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Slot {
    weight: usize,
    at: usize,
    bytes: usize,
    /// Whether it was brought for a use that has not come yet.
    awaited: bool,
}

/// What a new weight may take the place of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Over {
    /// Only weights that nobody waits for.
    Used,
    /// Any: it is needed now.
    Anything,
}

/// A place for a weight.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Placed {
    /// Its first byte.
    pub(crate) at: usize,
    /// The weights that are gone for it. Who fills the place waits until they were used.
    pub(crate) gone: Vec<usize>,
}

impl Window {
    /// Weights begin on multiples of this.
    const ALIGNMENT: usize = 1024;

    /// An empty window.
    pub(crate) fn new(bytes: usize) -> Self {
        Self { bytes, next: 0, slots: Vec::new() }
    }

    /// Where a weight is, if it is there.
    pub(crate) fn find(&self, weight: usize) -> Option<usize> {
        self.slots.iter().find(|slot| slot.weight == weight).map(|slot| slot.at)
    }

    /// A place for a weight that is not there, which is awaited from now on. `None` where it would take the place
    /// of something that it must not, or is larger than the window.
    pub(crate) fn place(&mut self, weight: usize, bytes: usize, over: Over) -> Option<Placed> {
        let at = if self.next + bytes <= self.bytes { self.next } else { 0 };
        let end = at + bytes;
        if end > self.bytes {
            return None;
        }
        let in_the_way = |slot: &Slot| slot.at < end && at < slot.at + slot.bytes;
        if over == Over::Used && self.slots.iter().any(|slot| in_the_way(slot) && slot.awaited) {
            return None;
        }
        let gone = self.slots.iter().filter(|slot| in_the_way(slot)).map(|slot| slot.weight);
        let gone = gone.collect();
        self.slots.retain(|slot| !in_the_way(slot));
        self.slots.push(Slot { weight, at, bytes, awaited: true });
        self.next = end.next_multiple_of(Self::ALIGNMENT);
        Some(Placed { at, gone })
    }

    /// Somebody will use the weight, if it is there: whether it is.
    pub(crate) fn awaits(&mut self, weight: usize) -> bool {
        let slot = self.slots.iter_mut().find(|slot| slot.weight == weight);
        slot.map(|slot| slot.awaited = true).is_some()
    }

    /// The weight was used, so that another may take its place.
    pub(crate) fn used(&mut self, weight: usize) {
        for slot in self.slots.iter_mut().filter(|slot| slot.weight == weight) {
            slot.awaited = false;
        }
    }

    /// The weight is not there after all.
    pub(crate) fn forget(&mut self, weight: usize) {
        self.slots.retain(|slot| slot.weight != weight);
    }

    /// What was awaited did not come: nothing is any more.
    pub(crate) fn await_nothing(&mut self) {
        self.slots.iter_mut().for_each(|slot| slot.awaited = false);
    }
}

/// Which weight is used after which: as they were loaded at first, and then as they were used last time.
#[derive(Debug, Default)]
pub(crate) struct Order {
    after: Vec<usize>,
    last: Option<usize>,
}

impl Order {
    /// One more weight, the last so far; after it comes the first.
    pub(crate) fn add(&mut self) {
        let count = self.after.len();
        if let Some(last) = self.after.last_mut() {
            *last = count;
        }
        self.after.push(0);
    }

    /// The weight is used now.
    pub(crate) fn uses(&mut self, weight: usize) {
        if let Some(last) = self.last.filter(|&last| last != weight) {
            self.after[last] = weight;
        }
        self.last = Some(weight);
    }

    /// The weights that are expected after `weight`, as many as there are others.
    pub(crate) fn after(&self, weight: usize) -> impl Iterator<Item = usize> {
        let next = |weight: &usize| Some(self.after[*weight]);
        std::iter::successors(Some(self.after[weight]), next)
            .take(self.after.len().saturating_sub(1))
    }
}

/// Which of the weights that may be streamed stay: an even share of the bytes so far, so that bus and multipliers
/// are busy at the same time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Share {
    resident: u64,
    candidates: u64,
    seen: u64,
    stayed: u64,
}

impl Share {
    /// At most `resident` of `candidates` bytes stay.
    pub(crate) fn new(resident: u64, candidates: u64) -> Self {
        Self { resident, candidates, seen: 0, stayed: 0 }
    }

    /// Whether the next weight stays.
    pub(crate) fn stays(&mut self, bytes: u64) -> bool {
        self.seen += bytes;
        let share =
            u128::from(self.resident) * u128::from(self.seen) / u128::from(self.candidates.max(1));
        let stays = u128::from(self.stayed + bytes) <= share.min(u128::from(self.resident));
        self.stayed += if stays { bytes } else { 0 };
        stays
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use super::*;

    /// Copies and uses in the order in which they are queued on two streams, with what each waits for; the simulated
    /// card runs them as late or as early as that allows.
    struct Simulated {
        window: Window,
        order: Order,
        sizes: Vec<usize>,
        misses: usize,
        /// Uses that were queued, by the weight's number, and the latest copy of each weight.
        copies: usize,
        uses: usize,
        /// For each copy, the use that it waits for; for each use, the copy.
        copy_waits: Vec<usize>,
        use_waits: Vec<usize>,
        latest_copy: Vec<usize>,
        latest_use: Vec<usize>,
        /// What each byte of the window holds once the copies so far are done: copy number, and until which use.
        bytes: Vec<(usize, usize)>,
        hazards: usize,
    }

    impl Simulated {
        fn new(window: usize, sizes: Vec<usize>) -> Self {
            let mut order = Order::default();
            sizes.iter().for_each(|_| order.add());
            let (latest_copy, latest_use) = (vec![0; sizes.len()], vec![0; sizes.len()]);
            let bytes = vec![(0, 0); window];
            let (window, misses, copies, uses) = (Window::new(window), 0, 0, 0);
            let (copy_waits, use_waits, hazards) = (vec![0], vec![0], 0);
            Self {
                window,
                order,
                sizes,
                misses,
                copies,
                uses,
                copy_waits,
                use_waits,
                latest_copy,
                latest_use,
                bytes,
                hazards,
            }
        }

        fn copy(&mut self, weight: usize, over: Over) -> bool {
            let size = self.sizes[weight];
            let Some(placed) = self.window.place(weight, size, over) else { return false };
            let waits = placed.gone.iter().map(|&gone| self.latest_use[gone]).max().unwrap_or(0);
            self.copies += 1;
            self.copy_waits.push(waits.max(self.copy_waits[self.copies - 1]));
            self.latest_copy[weight] = self.copies;
            for byte in &mut self.bytes[placed.at..placed.at + size] {
                // Whoever read these bytes last must be among those that the copy waits for.
                self.hazards += usize::from(byte.1 > self.copy_waits[self.copies]);
                *byte = (self.copies, 0);
            }
            true
        }

        fn multiply(&mut self, weight: usize) {
            if self.window.find(weight).is_none() {
                self.misses += 1;
                self.window.await_nothing();
                assert!(self.copy(weight, Over::Anything));
            }
            let at = self.window.find(weight).unwrap();
            self.uses += 1;
            self.use_waits.push(self.latest_copy[weight]);
            for byte in &mut self.bytes[at..at + self.sizes[weight]] {
                assert_eq!(byte.0, self.latest_copy[weight], "the weight is there as a whole");
                byte.1 = self.uses;
            }
            self.latest_use[weight] = self.uses;
            self.window.used(weight);
            self.order.uses(weight);
            let ahead: Vec<usize> = self.order.after(weight).collect();
            for next in ahead {
                if !self.window.awaits(next) && !self.copy(next, Over::Used) {
                    break;
                }
            }
        }

        /// How many weights are there or on their way that were not used yet.
        fn ahead(&self) -> usize {
            self.window.slots.iter().filter(|slot| slot.awaited).count()
        }
    }

    /// Sizes that follow no order, the same in every run.
    fn sizes(count: usize, seed: u64) -> Vec<usize> {
        let mut state = seed.wrapping_mul(2) + 1;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(99);
            (state >> 40) as usize
        };
        (0..count).map(|_| 1024 * (1 + next() % 15)).collect()
    }

    #[test]
    fn nothing_is_overwritten_before_it_was_used_and_every_weight_is_whole_when_it_is() {
        for seed in 0..50 {
            let sizes = sizes(30, seed);
            let largest = *sizes.iter().max().unwrap();
            for window in [largest, 2 * largest, 3 * largest, 10 * largest] {
                let mut card = Simulated::new(window, sizes.clone());
                for step in 0..6 {
                    let passed_by = |weight: &usize| step > 0 && (5..9).contains(weight);
                    (0..30).filter(|it| !passed_by(it)).for_each(|weight| card.multiply(weight));
                }
                assert_eq!(card.hazards, 0, "seed {seed}, window {window}");
            }
        }
    }

    #[test]
    fn after_the_first_round_nothing_is_waited_for_and_the_next_is_always_on_its_way() {
        for seed in 0..50 {
            let sizes = sizes(30, seed);
            let largest = *sizes.iter().max().unwrap();
            let mut card = Simulated::new(3 * largest, sizes);
            let round = |card: &mut Simulated| {
                for weight in (0..30).filter(|weight| !(5..9).contains(weight)) {
                    card.multiply(weight);
                    assert!(card.ahead() > 0);
                }
            };
            (0..30).for_each(|weight| card.multiply(weight));
            round(&mut card);
            let misses = card.misses;
            round(&mut card);
            round(&mut card);
            assert_eq!(card.misses, misses, "seed {seed}");
        }
    }

    #[test]
    fn each_copy_waits_for_no_use_that_waits_for_it() {
        let mut card = Simulated::new(3 * 15 * 1024, sizes(30, 7));
        (0..4).for_each(|_| (0..30).for_each(|weight| card.multiply(weight)));
        // Both streams run in order, so all of it ends if somebody can always go on.
        let mut copies: VecDeque<usize> = (1..=card.copies).collect();
        let mut uses: VecDeque<usize> = (1..=card.uses).collect();
        let (mut copied, mut used) = (0, 0);
        while !uses.is_empty() {
            if let Some(&copy) = copies.front().filter(|&&copy| card.copy_waits[copy] <= used) {
                copied = copy;
                copies.pop_front();
            } else {
                let next = uses.pop_front().unwrap();
                assert!(card.use_waits[next] <= copied, "both wait for each other");
                used = next;
            }
        }
    }

    #[test]
    fn what_fits_into_the_window_as_a_whole_is_copied_once() {
        let sizes = sizes(5, 3);
        let mut card = Simulated::new(sizes.iter().sum(), sizes);
        (0..4).for_each(|_| (0..5).for_each(|weight| card.multiply(weight)));
        assert_eq!((card.copies, card.misses), (5, 1));
    }

    #[test]
    fn a_weight_that_is_larger_than_the_window_has_no_place() {
        let mut window = Window::new(4096);
        assert_eq!(window.place(0, 4097, Over::Anything), None);
        let placed = window.place(0, 4096, Over::Used);
        assert_eq!(placed, Some(Placed { at: 0, gone: Vec::new() }));
        assert_eq!(window.place(1, 10, Over::Used), None);
        window.used(0);
        assert_eq!(window.place(1, 10, Over::Used), Some(Placed { at: 0, gone: vec![0] }));
    }

    #[test]
    fn the_share_that_stays_is_even_and_never_larger_than_it_may_be() {
        for seed in 0..20 {
            let sizes = sizes(100, seed);
            let (all, largest) = (sizes.iter().sum::<usize>(), *sizes.iter().max().unwrap());
            for percent in [0, 1, 25, 50, 75, 99, 100] {
                let resident = all * percent / 100;
                let mut share = Share::new(resident as u64, all as u64);
                let (mut seen, mut stayed) = (0, 0);
                for &size in &sizes {
                    seen += size;
                    stayed += if share.stays(size as u64) { size } else { 0 };
                    let wanted = seen * resident / all;
                    assert!(stayed <= wanted && stayed + largest > wanted, "{percent} %");
                }
                assert!(stayed <= resident);
            }
        }
    }
}
