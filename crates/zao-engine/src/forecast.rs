//! The memory of a run, told before anything is loaded: which parts are there when most is taken, and how much
//! that is. It decides nothing; `draw.rs` does.

use zao_weights::PartName;

use crate::Residency;
use crate::parts::Present;

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

/// The most bytes of parts that one batch has loaded at once, when it begins with `present` ones and has `room`
/// for them; what is there afterwards is left in `present`.
pub(crate) fn most_of_parts(present: &mut Present, room: u64, residency: Residency) -> u64 {
    *present = present.shrunk(room);
    let mut most = present.bytes();
    for part in PartName::ALL {
        if !present.has(part) {
            *present = present.shrunk(room.saturating_sub(present.bytes_of(part)));
            present.add(part);
        }
        most = most.max(present.bytes());
        if residency == Residency::InTurn {
            present.remove(part);
        }
    }
    most
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_take_turns_where_they_are_told_to_or_have_to() {
        let most = |room, residency| {
            let mut present = Present::none(|part| match part {
                PartName::TextEncoder => 8,
                PartName::Transformer => 12,
                PartName::Vae => 1,
            });
            let first = most_of_parts(&mut present, room, residency);
            (first, most_of_parts(&mut present, room, residency), present.bytes())
        };
        assert_eq!(most(100, Residency::Keep), (21, 21, 21));
        assert_eq!(most(100, Residency::InTurn), (12, 12, 0));
        // The text encoder gives way to the transformer, which gives way to the text encoder of the next run.
        assert_eq!(most(13, Residency::Keep), (13, 13, 13));
    }
}
