//! Which pieces of a model are in memory, and which go when there is no room for all. Only bookkeeping: nothing
//! is loaded here, so that a plan and a run follow the same rules.

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

/// Which pieces are in memory, and what each takes there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Present {
    /// In the order of [`Piece::ALL`], as `there` is.
    sizes: [u64; Piece::ALL.len()],
    there: [bool; Piece::ALL.len()],
}

impl Present {
    /// Those that `is_there` says, each as large as `size` says.
    pub(crate) fn new(size: impl Fn(Piece) -> u64, is_there: impl Fn(Piece) -> bool) -> Self {
        Self { sizes: Piece::ALL.map(size), there: Piece::ALL.map(is_there) }
    }

    /// Bytes that a piece takes when it is there.
    pub(crate) fn bytes_of(&self, piece: Piece) -> u64 {
        self.sizes[piece as usize]
    }

    /// Bytes of those that are there.
    pub(crate) fn bytes(&self) -> u64 {
        self.sizes
            .into_iter()
            .zip(self.there)
            .map(|(size, there)| if there { size } else { 0 })
            .sum()
    }

    pub(crate) fn has(&self, piece: Piece) -> bool {
        self.there[piece as usize]
    }

    pub(crate) fn add(&mut self, piece: Piece) {
        self.there[piece as usize] = true;
    }

    pub(crate) fn remove(&mut self, piece: Piece) {
        self.there[piece as usize] = false;
    }

    /// Without as many as have to go so that the others take at most `room` bytes, first those that are needed
    /// first in a run, and so are needed again last.
    #[must_use]
    pub(crate) fn shrunk(mut self, room: u64) -> Self {
        for piece in Piece::ALL {
            if self.bytes() <= room {
                break;
            }
            self.remove(piece);
        }
        self
    }
}
