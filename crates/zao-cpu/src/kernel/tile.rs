//! The register tile: two registers of columns by as many vectors as the register file holds. Which
//! instruction multiplies and what becomes of the sums is not known here.

use std::hint::black_box;

use super::dot::Dot;
use super::{Operands, PANEL};

/// Most vectors of a tile on any machine.
pub(super) const MOST: usize = 12;

/// Asks for the line of memory at `address`, which need not exist.
#[inline(always)]
fn prefetch(address: *const u32) {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: a prefetch reads nothing and never faults.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(address.cast()) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = address;
}

/// The operands of a tile.
#[derive(Clone, Copy)]
pub(super) struct Tile {
    words: usize,
    panel: *const u32,
    panel_step: usize,
    vectors: *const u32,
    stride: usize,
    step: usize,
    /// What is fetched meanwhile, lines of [`LINE`] words spread evenly over the sum: those under way at
    /// a time must leave room for what the tile itself misses.
    ahead: *const u32,
    /// How many of these lines.
    lines: usize,
}

/// Words of a line of a cache.
const LINE: usize = 16;

/// The sums of a tile: for each vector the first register of columns, and the second.
pub(super) struct Sums<D: Dot> {
    pub(super) low: [D::Sum; MOST],
    pub(super) high: [D::Sum; MOST],
}

/// What a product does with its tiles.
pub(super) trait Walk<D: Dot> {
    /// Computes the tile of `N` vectors from `first` on and the two registers of columns from `column`
    /// on.
    ///
    /// # Safety
    /// The operands must have those vectors and columns.
    unsafe fn tile<const N: usize>(&mut self, tile: Tile, first: usize, column: usize);
}

/// Cuts a product into tiles.
///
/// # Safety
/// Operands must have passed [`super::check`], and the machine must have the instructions of `D`.
#[inline(always)]
pub(super) unsafe fn walk<D: Dot, W: Walk<D>>(
    Operands { words, panel, vectors }: Operands<'_>,
    mut walk: W,
) {
    let mut first = 0;
    // Behind a panel's words are those that are multiplied next, if the panel has more. Each row of
    // tiles asks for its share of them, so that they come from main memory meanwhile.
    let next = panel.data.as_ptr().wrapping_add(words * PANEL);
    let behind = panel.data.len().saturating_sub(words * PANEL).min(words * PANEL);
    let tiles = vectors.count.div_ceil(D::VECTORS);
    let share = if panel.step == PANEL { behind / tiles.max(1) } else { 0 };
    for index in 0..tiles {
        // About as many vectors in each tile: a short last one would wait for its own sums.
        let count = (vectors.count - first).div_ceil(tiles - index);
        let ahead = next.wrapping_add(index * share);
        for column in (0..PANEL).step_by(2 * D::LANES) {
            let tile = Tile {
                words,
                panel: panel.data.as_ptr().wrapping_add(column),
                panel_step: panel.step,
                vectors: vectors.data.as_ptr().wrapping_add(first * vectors.stride),
                stride: vectors.stride,
                step: vectors.step,
                ahead,
                lines: if column == 0 { share.div_ceil(LINE) } else { 0 },
            };
            macro_rules! with_count {
                ($($n:literal)*) => {
                    match count {
                        // SAFETY: `check` saw that vectors `first .. first + count` and all columns exist.
                        $($n if $n <= D::VECTORS => unsafe { walk.tile::<$n>(tile, first, column) },)*
                        _ => unreachable!("a tile has at most twelve vectors"),
                    }
                };
            }
            with_count!(1 2 3 4 5 6 7 8 9 10 11 12);
        }
        first += count;
    }
}

impl Tile {
    /// Adds the products of `N` vectors to sums that begin with `start`.
    ///
    /// # Safety
    /// The pointers must be valid for all words that the sizes describe, and the machine must have the
    /// instructions of `D`.
    #[inline(always)]
    pub(super) unsafe fn run<D: Dot, const N: usize>(self, start: [D::Sum; MOST]) -> Sums<D> {
        let (mut low, mut high) = (start, start);
        let mut panel = self.panel;
        // Two pointers of which LLVM does not know that they are related: it would turn all addresses
        // into one chain of additions, as long as the products take.
        let mut a = self.vectors;
        let mut b = black_box(a.wrapping_add(6 * self.stride));
        let (mut ahead, mut lines, mut words) = (self.ahead, self.lines, self.words);
        let between = words.checked_div(lines).unwrap_or(words).max(1);
        while words > 0 {
            let now = if lines > 0 { words.min(between) } else { words };
            if lines > 0 {
                prefetch(ahead);
                ahead = ahead.wrapping_add(LINE);
                lines -= 1;
            }
            words -= now;
            for _ in 0..now {
                // SAFETY: this row of the panel has two registers at this column: the caller's promise.
                let (left, right) = unsafe { (D::load(panel), D::load(panel.add(D::LANES))) };
                // Written out, because LLVM does not always unroll a loop, and without that the sums do
                // not stay in registers.
                macro_rules! multiply_add {
                    ($($t:literal: $first:ident $offset:literal,)*) => {$(
                        if $t < N {
                            // SAFETY: each of the `N` vectors has this word: the caller's promise.
                            unsafe {
                                let word = D::broadcast($first.add($offset * self.stride));
                                low[$t] = D::dot(low[$t], left, word);
                                high[$t] = D::dot(high[$t], right, word);
                            }
                        }
                    )*};
                }
                multiply_add!(
                    0: a 0, 1: a 1, 2: a 2, 3: a 3, 4: a 4, 5: a 5,
                    6: b 0, 7: b 1, 8: b 2, 9: b 3, 10: b 4, 11: b 5,
                );
                panel = panel.wrapping_add(self.panel_step);
                a = a.wrapping_add(self.step);
                b = b.wrapping_add(self.step);
            }
        }
        Sums { low, high }
    }
}
