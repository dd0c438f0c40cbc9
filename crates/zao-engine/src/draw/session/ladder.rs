//! What is tried, and in which order, when a device has less memory than it said. Bands and the text encoder's
//! place are not here: the next plan, made with what is free then, finds them by itself.

use crate::desk::Rung;

/// How many pictures are drawn at a time, and what has been tried since memory was last enough.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ladder {
    at_once: usize,
    cleared: bool,
}

impl Ladder {
    /// No more pictures than this are drawn at a time: from here on none saves time, and each takes memory.
    const MOST: usize = 16;

    pub(super) const fn new() -> Self {
        Self { at_once: Self::MOST, cleared: false }
    }

    /// How many pictures may be drawn at a time.
    pub(super) const fn at_once(&self) -> usize {
        self.at_once
    }

    /// Memory was enough: more may be tried again.
    pub(super) fn fits(&mut self) {
        *self = Self { at_once: (2 * self.at_once).min(Self::MOST), cleared: false };
    }

    /// Memory was short with so many `pictures`; what to do now, or `None` if nothing is left.
    pub(super) fn climb(&mut self, pictures: usize) -> Option<Rung> {
        if !self.cleared {
            self.cleared = true;
            return Some(Rung::Caches);
        }
        let fewer = pictures.min(self.at_once) / 2;
        (fewer > 0).then(|| {
            self.at_once = fewer;
            Rung::Batch
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn caches_go_first_then_pictures_and_with_one_picture_it_ends() {
        let mut ladder = Ladder::new();
        let mut climbed = Vec::new();
        while let Some(rung) = ladder.climb(5) {
            climbed.push((rung, ladder.at_once()));
        }
        assert_eq!(climbed, [(Rung::Caches, 16), (Rung::Batch, 2), (Rung::Batch, 1)]);
        ladder.fits();
        assert_eq!((ladder.at_once(), ladder.climb(1)), (2, Some(Rung::Caches)));
        assert_eq!(ladder.climb(1), None);
        (0..9).for_each(|_| ladder.fits());
        assert_eq!(ladder.at_once(), Ladder::MOST);
    }
}
