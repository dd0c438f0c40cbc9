//! Which pieces of a model are in memory, and which go when there is no room for all. Only bookkeeping: nothing
//! is loaded here, so that a plan and a run follow the same rules.

use zao_weights::PartName;

use super::recall::{Recall, bytes_of};
use crate::AdapterId;
use crate::placement::{Placed, Placement};

/// What is loaded and dropped as one: a part of the model, or of the autoencoder the half that is needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    /// The half of the autoencoder that makes latents of pictures, for jobs that begin with one.
    Encoder,
    /// The language model that reads the prompt.
    TextEncoder,
    /// The diffusion transformer.
    Transformer,
    /// The half of the autoencoder that makes pictures of latents.
    Decoder,
}

impl Piece {
    /// Every piece, in the order in which a run asks for them.
    pub(crate) const ALL: [Self; 4] =
        [Self::Encoder, Self::TextEncoder, Self::Transformer, Self::Decoder];
}

impl From<PartName> for Piece {
    /// What drawing needs of a part.
    fn from(part: PartName) -> Self {
        match part {
            PartName::TextEncoder => Self::TextEncoder,
            PartName::Transformer => Self::Transformer,
            PartName::Vae => Self::Decoder,
        }
    }
}

/// Which pieces and which adapters of the transformer are in memory, and what each takes there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Present {
    /// In the order of [`Piece::ALL`].
    there: [Option<Placed>; Piece::ALL.len()],
    adapters: Vec<(AdapterId, u64)>,
    /// Prompts that are remembered in the same memory, on a device that has no other.
    prompts: Option<Recall<()>>,
}

impl Present {
    /// These pieces, in the order of [`Piece::ALL`], and these adapters with their sizes.
    pub(crate) fn new(
        there: [Option<Placed>; Piece::ALL.len()],
        adapters: Vec<(AdapterId, u64)>,
    ) -> Self {
        Self { there, adapters, prompts: None }
    }

    /// The same with prompts that are remembered in the device's memory.
    pub(crate) fn remembering(self, prompts: Recall<()>) -> Self {
        Self { prompts: Some(prompts), ..self }
    }

    /// Bytes of device memory of those that are there, and of prompts.
    pub(crate) fn bytes(&self) -> u64 {
        let pieces = self.there.iter().flatten().map(Placed::device_bytes);
        let weights = pieces.chain(self.adapters.iter().map(|(_, size)| *size));
        weights.chain([self.prompt_bytes()]).sum()
    }

    fn prompt_bytes(&self) -> u64 {
        self.prompts.as_ref().map_or(0, Recall::bytes)
    }

    /// Whether a prompt that takes `bytes` may be remembered where everything has `room`.
    pub(crate) fn has_room_to_remember(&self, bytes: u64, room: u64) -> bool {
        self.prompts.is_none() || self.bytes() + bytes <= room
    }

    /// A run reads these distinct `prompts`, of which each token has `width` numbers of states.
    pub(crate) fn read(&mut self, prompts: &[&[u32]], width: usize, room: u64) {
        let Some(recall) = &mut self.prompts else { return };
        let unread: Vec<_> =
            prompts.iter().filter(|ids| recall.get(ids).is_none()).copied().collect();
        for ids in unread {
            let bytes = bytes_of(ids.len(), width);
            if self.has_room_to_remember(bytes, room)
                && let Some(recall) = &mut self.prompts
            {
                recall.add(ids, bytes, ());
            }
        }
    }

    /// Whether nothing of any prompt is to be remembered in the device's memory.
    pub(crate) fn forgets(&self) -> bool {
        self.prompts.as_ref().is_some_and(|prompts| prompts.bytes() == 0)
    }

    fn forget(&mut self) {
        self.prompts.iter_mut().for_each(Recall::clear);
    }

    /// Bytes of main memory that these have page-locked.
    pub(crate) fn locked_bytes(&self) -> u64 {
        self.there.iter().flatten().map(Placed::locked_bytes).sum()
    }

    /// Bytes of main memory in which the processor computes with some of them.
    pub(crate) fn processor_bytes(&self) -> u64 {
        self.there.iter().flatten().map(Placed::processor_bytes).sum()
    }

    pub(crate) fn has(&self, piece: Piece) -> bool {
        self.there[piece as usize].is_some()
    }

    pub(crate) fn add(&mut self, piece: Piece, placed: Placed) {
        self.there[piece as usize] = Some(placed);
    }

    /// Fits what is there into what a run has `planned`: pieces that take no more stay as they are, the others go.
    /// Returns where each is then, or will be.
    pub(crate) fn settle(&mut self, planned: &Placement) -> Placement {
        let placement = planned.keeping(&self.there);
        for piece in Piece::ALL {
            if self.there[piece as usize].is_some_and(|placed| placed != placement.of(piece)) {
                self.remove(piece);
            }
        }
        placement
    }

    pub(crate) fn has_adapter(&self, id: AdapterId) -> bool {
        self.adapters.iter().any(|(known, _)| *known == id)
    }

    pub(crate) fn add_adapter(&mut self, id: AdapterId, bytes: u64) {
        self.adapters.push((id, bytes));
    }

    /// What becomes of a piece that the run has used, where parts take turns: adapters go with their transformer, and
    /// what is remembered of prompts with who read them.
    pub(crate) fn finish(&mut self, piece: Piece) {
        self.remove(piece);
        match piece {
            Piece::TextEncoder => self.forget(),
            Piece::Transformer => self.adapters.clear(),
            Piece::Encoder | Piece::Decoder => {}
        }
    }

    fn remove(&mut self, piece: Piece) {
        self.there[piece as usize] = None;
    }

    /// Drops as many as have to go so that the others take at most `room` bytes of the device: prompts where these alone
    /// make room; else adapters that are not `used`, then the pieces that are needed first in a run, and so are needed
    /// again last, then all adapters. Prompts, which take little and spare a whole text encoder, go last then.
    pub(crate) fn shrink(&mut self, room: u64, used: &[AdapterId]) {
        if self.bytes() > room && self.bytes() - self.prompt_bytes() <= room {
            self.forget();
        }
        if self.bytes() > room {
            self.adapters.retain(|(id, _)| used.contains(id));
        }
        for piece in Piece::ALL {
            if self.bytes() <= room {
                return;
            }
            // What takes no room makes none.
            if self.there[piece as usize].is_some_and(|placed| placed.device_bytes() > 0) {
                self.remove(piece);
            }
        }
        if self.bytes() > room {
            self.adapters.clear();
        }
        if self.bytes() > room {
            self.forget();
        }
    }
}
