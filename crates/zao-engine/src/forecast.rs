//! The memory of a run, told before anything is loaded: which parts are there when most is taken, and how much
//! that is. It decides nothing; `draw.rs` does.

use crate::parts::{Piece, Present};
use crate::placement::{Place, Placed, Placement};
use crate::{AdapterId, Residency};

/// The most of a device's memory that a run takes at once, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MemoryPlan {
    /// Weights and adapters that are loaded then; on the processor also prompts that are remembered.
    pub weights: u64,
    /// Activations, latents and tables.
    pub runs: u64,
    /// What the device takes besides: buffers, and what kernels use for themselves.
    pub beside: u64,
    /// How much all of it may be; [`u64::MAX`] where nobody knows a bound.
    pub limit: u64,
    /// Where the weights of each part are then.
    pub placement: Placement,
    /// Bytes of main memory that are page-locked for weights on their way to a card.
    pub locked: u64,
    /// Bytes of main memory in which the processor reads prompts beside a card.
    pub aside: u64,
}

impl MemoryPlan {
    /// All of it together.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.weights.saturating_add(self.runs).saturating_add(self.beside)
    }

    /// Whether not all parts that every picture needs are there together, so that they are loaded anew for the next.
    #[must_use]
    pub fn parts_take_turns(&self) -> bool {
        let Placement { text_encoder, transformer, decoder, .. } = &self.placement;
        let together = [text_encoder, transformer, decoder].map(Placed::device_bytes);
        self.weights < together.iter().sum()
    }

    /// Whether the text encoder and the transformer stay on the device, so that no weight ever comes to it again.
    #[must_use]
    pub(crate) fn is_resident(&self) -> bool {
        let Placement { text_encoder, transformer, .. } = &self.placement;
        let stays = |placed: &Placed| placed.place == Place::Resident;
        stays(text_encoder) && stays(transformer) && !self.parts_take_turns()
    }

    /// The one of both that takes more.
    #[must_use]
    pub(crate) fn larger(self, other: Self) -> Self {
        if other.total() > self.total() { other } else { self }
    }
}

/// What one batch needs of the model.
pub(crate) struct Needs<'n> {
    /// Pieces, in the order of a run, each as it is placed.
    pub(crate) pieces: &'n [(Piece, Placed)],
    /// Adapters, which come in front of the transformer.
    pub(crate) adapters: &'n [(AdapterId, u64)],
    /// Distinct prompts, and how many numbers are remembered of each token.
    pub(crate) prompts: (&'n [&'n [u32]], usize),
}

/// The most bytes of weights that one batch has loaded at once, when it begins with `present` ones and has `room`
/// for them; what is there afterwards is left in `present`.
pub(crate) fn most_of_weights(
    present: &mut Present,
    Needs { pieces: needed, adapters, prompts: (prompts, width) }: Needs<'_>,
    room: u64,
    residency: Residency,
) -> u64 {
    let used: Vec<_> = adapters.iter().map(|(id, _)| *id).collect();
    present.shrink(room, &used);
    let mut most = present.bytes();
    for &(piece, placed) in needed {
        if piece == Piece::Transformer {
            for &(id, bytes) in adapters {
                if !present.has_adapter(id) {
                    present.shrink(room.saturating_sub(bytes), &used);
                    present.add_adapter(id, bytes);
                }
                most = most.max(present.bytes());
            }
        }
        if !present.has(piece) {
            present.shrink(room.saturating_sub(placed.device_bytes()), &used);
            present.add(piece, placed);
        }
        if piece == Piece::TextEncoder && residency == Residency::Keep {
            present.read(prompts, width, room);
        }
        most = most.max(present.bytes());
        if residency == Residency::InTurn {
            present.finish(piece);
        }
    }
    most
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parts::Recall;

    fn size(piece: Piece) -> u64 {
        match piece {
            Piece::Encoder | Piece::Decoder => 1,
            Piece::TextEncoder => 8,
            Piece::Transformer => 12,
        }
    }

    fn needs<'n>(pieces: &'n [(Piece, Placed)], adapters: &'n [(AdapterId, u64)]) -> Needs<'n> {
        Needs { pieces, adapters, prompts: (&[], 0) }
    }

    /// All in this order, as large as `size` says, and resident.
    fn placed(size: impl Fn(Piece) -> u64) -> [(Piece, Placed); 4] {
        let place = |piece| Placed { bytes: size(piece), place: crate::Place::Resident };
        Piece::ALL.map(|piece| (piece, place(piece)))
    }

    #[test]
    fn parts_take_turns_where_they_are_told_to_or_have_to() {
        let most = |room, residency| {
            let mut present = Present::default();
            let all = placed(size);
            let [_, words @ ..] = all;
            let mut draw =
                |needed: &[_]| most_of_weights(&mut present, needs(needed, &[]), room, residency);
            (draw(&words), draw(&all), present.bytes())
        };
        assert_eq!(most(100, Residency::Keep), (21, 22, 22));
        assert_eq!(most(100, Residency::InTurn), (12, 12, 0));
        // What was needed first gives way first.
        assert_eq!(most(13, Residency::Keep), (13, 13, 13));
    }

    #[test]
    fn adapters_stay_with_the_transformer_and_give_way_to_what_does_not_need_them() {
        let [_, words @ ..] = placed(size);
        let (ink, wash) = (AdapterId::nth(0), AdapterId::nth(1));
        let most = |room, residency| {
            let mut present = Present::default();
            let mut draw = |adapters: &[_]| {
                most_of_weights(&mut present, needs(&words, adapters), room, residency)
            };
            (draw(&[(ink, 3)]), draw(&[(wash, 5)]), present.bytes())
        };
        assert_eq!(most(100, Residency::Keep), (24, 29, 29));
        assert_eq!(most(100, Residency::InTurn), (15, 17, 0));
        // The other picture's adapter goes first, and the text encoder's place is taken in turn.
        assert_eq!(most(18, Residency::Keep), (16, 18, 18));

        // An adapter that is there is in the way of a text encoder that is larger than the transformer.
        let size = |piece| if piece == Piece::TextEncoder { 15 } else { size(piece) };
        let [_, words @ ..] = placed(size);
        let mut present = Present::new([None; 4], vec![(ink, 3)]);
        let adapters = [(ink, 3)];
        let needs = needs(&words, &adapters);
        let most = most_of_weights(&mut present, needs, 16, Residency::InTurn);
        assert_eq!((most, present.bytes()), (15, 0));
    }

    #[test]
    fn prompts_are_remembered_where_there_is_room_and_give_way_before_parts_that_stay() {
        let [_, words @ ..] = placed(size);
        let (cat, dog) = ([1, 2], [3]);
        let most = |room, residency| {
            let mut present = Present::default().remembering(Recall::default());
            let mut draw = |prompts: &[&[u32]]| {
                let needs = Needs { prompts: (prompts, 0), ..needs(&words, &[]) };
                (most_of_weights(&mut present, needs, room, residency), present.bytes())
            };
            [draw(&[&cat]), draw(&[&cat, &dog]), draw(&[&dog])]
        };
        // Four bytes a token.
        assert_eq!(most(100, Residency::Keep), [(29, 29), (33, 33), (33, 33)]);
        assert_eq!(most(100, Residency::InTurn), [(12, 0); 3]);
        // There is room for all parts, and for one prompt while a part is missing.
        assert_eq!(most(21, Residency::Keep), [(21, 21); 3]);
        // Parts take turns, and what is small enough stays beside each of them.
        assert_eq!(most(18, Residency::Keep), [(16, 13), (17, 13), (17, 17)]);
    }
}
