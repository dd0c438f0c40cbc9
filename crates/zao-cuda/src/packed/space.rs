//! Where packed weights are unpacked: one space for all weights of a model's part, in the same memory as they.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use zao_backend::{Backend, Region, Result};

use crate::address::scales_at;
use crate::device::Cuda;
use crate::driver::DevicePtr;
use crate::memory::Memory;
use crate::weight::Kept;

/// Bytes of a space: the largest matrix of Z-Image in 8 bits, 20480 by 3840, is unpacked at once.
pub(super) const SPACE: usize = 80 << 20;
/// Rows at once are a multiple of this where they are not all, so that they are whole tiles of most sizes.
const ROWS: usize = 256;

/// A space, and whose rows are in it.
#[derive(Debug)]
pub(super) struct Space {
    memory: Memory,
    /// The weight and its first row.
    holds: Mutex<Option<(u64, usize)>>,
}

impl Space {
    /// The first byte.
    pub(super) fn start(&self) -> DevicePtr {
        self.memory.start()
    }

    /// Whether the rows from `first` on of a weight are in it.
    pub(super) fn holds(&self, weight: u64, first: usize) -> bool {
        *lock(&self.holds) == Some((weight, first))
    }

    /// Notes that they are.
    pub(super) fn now_holds(&self, weight: u64, first: usize) {
        *lock(&self.holds) = Some((weight, first));
    }

    /// Notes that what is in it will be overwritten.
    pub(super) fn holds_nothing(&self) {
        *lock(&self.holds) = None;
    }
}

/// The space of the weights that are loaded now.
#[derive(Debug, Default)]
pub(crate) struct Spaces(Mutex<Weak<Space>>);

impl Spaces {
    /// The space for a weight that is loaded now.
    pub(super) fn get(&self, cuda: &Cuda) -> Result<Arc<Space>> {
        let mut current = lock(&self.0);
        if let Some(space) = current.upgrade() {
            return Ok(space);
        }
        let memory = cuda.allocate(SPACE, Region::Model)?;
        let space = Arc::new(Space { memory, holds: Mutex::default() });
        *current = Arc::downgrade(&space);
        Ok(space)
    }

    /// Weights that come next belong together and get a space of their own, which goes when they do.
    pub(crate) fn begin_part(&self) {
        *lock(&self.0) = Weak::new();
    }
}

/// How many of `rows` rows of `width` are unpacked at a time: as many as a space has room for, in equal pieces, and an
/// even number.
pub(super) fn rows_at_once(kept: Kept, rows: usize, width: usize) -> usize {
    let row = width * kept.size() + if kept.has_scales() { size_of::<f32>() } else { 0 };
    let most = (SPACE - scales_at(1)) / row.max(1);
    if rows <= most {
        return rows.max(1);
    }
    let equal = rows.div_ceil(rows.div_ceil(most)).next_multiple_of(ROWS);
    let whole = if most >= ROWS { most / ROWS * ROWS } else { most / 2 * 2 };
    equal.min(whole).max(2)
}

/// A panic elsewhere leaves the state whole: each change is one assignment.
fn lock<T>(state: &Mutex<T>) -> MutexGuard<'_, T> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slices_fill_the_space_in_equal_pieces() {
        assert_eq!(rows_at_once(Kept::Fp8, 20_480, 3840), 20_480);
        assert_eq!(rows_at_once(Kept::Bf16, 20_480, 3840), 10_240);
        assert_eq!(rows_at_once(Kept::F32, 20_480, 3840), 5120);
        assert_eq!(rows_at_once(Kept::Bf16, 19_456, 2560), 9728);
        assert_eq!(rows_at_once(Kept::Bf16, 11_520, 3840), 5888);
        for kept in [Kept::F32, Kept::Bf16, Kept::Fp8, Kept::Int8] {
            for (rows, width) in [(30_000, 3840), (1000, 1 << 20), (0, 64), (7, 33)] {
                let at_once = rows_at_once(kept, rows, width);
                assert!(kept.bytes(at_once, width) <= SPACE, "{kept:?} {rows}x{width}");
                assert!(at_once >= rows || at_once.is_multiple_of(2));
            }
        }
    }
}
