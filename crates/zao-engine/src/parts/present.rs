//! Which pieces of a model are in memory, and which go when there is no room for all. Only bookkeeping: nothing
//! is loaded here, so that a plan and a run follow the same rules.

use zao_weights::PartName;

use crate::AdapterId;

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
    /// In the order of [`Piece::ALL`], as `there` is.
    sizes: [u64; Piece::ALL.len()],
    there: [bool; Piece::ALL.len()],
    adapters: Vec<(AdapterId, u64)>,
}

impl Present {
    /// Those pieces that `is_there` says, each as large as `size` says, and these adapters with their sizes.
    pub(crate) fn new(
        size: impl Fn(Piece) -> u64,
        is_there: impl Fn(Piece) -> bool,
        adapters: Vec<(AdapterId, u64)>,
    ) -> Self {
        Self { sizes: Piece::ALL.map(size), there: Piece::ALL.map(is_there), adapters }
    }

    /// Bytes that a piece takes when it is there.
    pub(crate) fn bytes_of(&self, piece: Piece) -> u64 {
        self.sizes[piece as usize]
    }

    /// Bytes of those that are there.
    pub(crate) fn bytes(&self) -> u64 {
        let pieces = self.sizes.iter().zip(self.there).filter(|(_, there)| *there);
        let adapters = self.adapters.iter().map(|(_, size)| size);
        pieces.map(|(size, _)| size).chain(adapters).sum()
    }

    pub(crate) fn has(&self, piece: Piece) -> bool {
        self.there[piece as usize]
    }

    pub(crate) fn add(&mut self, piece: Piece) {
        self.there[piece as usize] = true;
    }

    pub(crate) fn has_adapter(&self, id: AdapterId) -> bool {
        self.adapters.iter().any(|(known, _)| *known == id)
    }

    pub(crate) fn add_adapter(&mut self, id: AdapterId, bytes: u64) {
        self.adapters.push((id, bytes));
    }

    /// What becomes of a piece that the run has used, where parts take turns: adapters go with their transformer.
    pub(crate) fn finish(&mut self, piece: Piece) {
        self.remove(piece);
        if piece == Piece::Transformer {
            self.adapters.clear();
        }
    }

    fn remove(&mut self, piece: Piece) {
        self.there[piece as usize] = false;
    }

    /// Drops as many as have to go so that the others take at most `room` bytes: adapters that are not `used`, then
    /// the pieces that are needed first in a run, and so are needed again last, then all adapters.
    pub(crate) fn shrink(&mut self, room: u64, used: &[AdapterId]) {
        if self.bytes() > room {
            self.adapters.retain(|(id, _)| used.contains(id));
        }
        for piece in Piece::ALL {
            if self.bytes() <= room {
                return;
            }
            self.remove(piece);
        }
        if self.bytes() > room {
            self.adapters.clear();
        }
    }
}
