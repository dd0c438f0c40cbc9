//! Decoding in less memory: what of a picture is held, and what is computed again each time it is read.

use zao_backend::Grid;

use super::bands::Bands;

/// How a decoder saves memory at the price of arithmetic. The picture is the same bit for bit.
///
/// Nearly all memory goes to the last blocks, where the picture is large, and a group norm has to see
/// all of a picture before any of it can be used. So bands of rows alone save nothing: what is not held
/// is computed once for its moments and again for each reader. The cheapest thing not to hold is the
/// enlarged input of a block, the largest tensor of all, which costs one convolution; then what is
/// inside of residual blocks. The residual stream is always held, since computing it again would cost
/// everything before it, for every norm.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Thrift {
    /// Bands of rows that a picture is cut into.
    bands: usize,
    /// Last blocks of which only the residual stream is held.
    stream: usize,
    /// Blocks before them of which all but the enlarged input is held.
    inside: usize,
}

/// What a block holds of a whole picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Held {
    /// Everything.
    All,
    /// All but its enlarged input.
    Inside,
    /// The residual stream.
    Stream,
}

impl Thrift {
    /// Everything is held.
    pub const NONE: Self = Self { bands: 1, stream: 0, inside: 0 };

    /// The ways to save memory in a decoder of `blocks` blocks. One that needs less arithmetic than
    /// another needs more memory.
    pub fn ways(blocks: usize) -> impl Iterator<Item = Self> {
        /// Fewer bands save less, more of them spend more on what neighbours share.
        const BANDS: [usize; 4] = [4, 8, 16, 32];
        /// In published decoders nothing is won by going further: the stream of the last block is
        /// larger than all of the block before the last but one.
        const HELD: [(usize, usize); 3] = [(0, 1), (1, 0), (1, 1)];
        // The first block's input is not enlarged.
        let held = HELD.into_iter().filter(move |(stream, inside)| stream + inside < blocks);
        held.flat_map(|(stream, inside)| BANDS.map(|bands| Self { bands, stream, inside }))
    }

    /// How many bands of rows a picture is cut into.
    #[must_use]
    pub fn count(self) -> usize {
        self.bands.max(1)
    }

    /// What the block before the last `after` blocks holds.
    pub(super) fn held(self, after: usize) -> Held {
        if after < self.stream {
            Held::Stream
        } else if after < self.stream + self.inside {
            Held::Inside
        } else {
            Held::All
        }
    }

    pub(super) fn bands(self, grid: Grid) -> Bands {
        Bands { grid, height: grid.height.div_ceil(self.count()).max(1) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ways_begin_at_the_end_of_the_decoder() {
        let held = |thrift: Thrift| [3, 2, 1, 0].map(|after| thrift.held(after));
        let mut ways: Vec<_> = Thrift::ways(4).map(held).collect();
        ways.dedup();
        let expected = [
            [Held::All, Held::All, Held::All, Held::Inside],
            [Held::All, Held::All, Held::All, Held::Stream],
            [Held::All, Held::All, Held::Inside, Held::Stream],
        ];
        assert_eq!(ways, expected);
        assert_eq!(held(Thrift::NONE), [Held::All; 4]);
        assert_eq!(
            Thrift::ways(2).map(|thrift| thrift.bands).sum::<usize>(),
            2 * (4 + 8 + 16 + 32)
        );
        assert_eq!(Thrift::ways(1).count() + Thrift::ways(0).count(), 0);
    }
}
