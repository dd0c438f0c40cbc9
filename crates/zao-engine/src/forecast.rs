//! The memory of a run, told before anything is loaded: which parts are there when most is taken, and how much
//! that is. It decides nothing; `draw.rs` does.

use crate::Residency;
use crate::parts::{Piece, Present};

/// The most of a device's memory that a run takes at once, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MemoryPlan {
    /// Weights that are loaded then.
    pub weights: u64,
    /// Activations, latents and tables.
    pub runs: u64,
    /// What the device takes besides: buffers, and what kernels use for themselves.
    pub beside: u64,
    /// How much all of it may be; [`u64::MAX`] where nobody knows a bound.
    pub limit: u64,
}

impl MemoryPlan {
    /// All of it together.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.weights.saturating_add(self.runs).saturating_add(self.beside)
    }

    /// The one of both that takes more.
    #[must_use]
    pub(crate) fn larger(self, other: Self) -> Self {
        if other.total() > self.total() { other } else { self }
    }
}

/// The most bytes of weights that one batch has loaded at once, when it begins with `present` ones, has `room`
/// for them, and needs those `needed`, in the order of a run; what is there afterwards is left in `present`.
pub(crate) fn most_of_weights(
    present: &mut Present,
    needed: &[Piece],
    room: u64,
    residency: Residency,
) -> u64 {
    *present = present.shrunk(room);
    let mut most = present.bytes();
    for &piece in needed {
        if !present.has(piece) {
            *present = present.shrunk(room.saturating_sub(present.bytes_of(piece)));
            present.add(piece);
        }
        most = most.max(present.bytes());
        if residency == Residency::InTurn {
            present.remove(piece);
        }
    }
    most
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_take_turns_where_they_are_told_to_or_have_to() {
        let size = |piece| match piece {
            Piece::Encoder | Piece::Decoder => 1,
            Piece::TextEncoder => 8,
            Piece::Transformer => 12,
        };
        let most = |room, residency| {
            let mut present = Present::new(size, |_| false);
            let [_, words @ ..] = Piece::ALL;
            let mut draw =
                |needed: &[Piece]| most_of_weights(&mut present, needed, room, residency);
            (draw(&words), draw(&Piece::ALL), present.bytes())
        };
        assert_eq!(most(100, Residency::Keep), (21, 22, 22));
        assert_eq!(most(100, Residency::InTurn), (12, 12, 0));
        // What was needed first gives way first.
        assert_eq!(most(13, Residency::Keep), (13, 13, 13));
    }
}
