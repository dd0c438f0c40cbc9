//! How attention is divided among the blocks of one grid so that all end at about the same time. Only
//! arithmetic: no card is asked, and how a piece is computed is the kernel's.
//!
//! A piece is some consecutive queries of one head against all keys they may see. How rows are grouped into pieces
//! changes no bit of the result, so the division may follow the card and the whole batch.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, VecDeque};

use zao_backend::Segments;
use zao_backend::op::Mask;

/// Queries that one warpgroup computes.
const QUERIES: usize = 64;
/// Warpgroups of a block that compute.
const WARPGROUPS: usize = 3;
/// Keys that are walked at once.
const KEYS: usize = 80;
/// Time of a piece by how many of its warpgroups are at work: alone they wait for the tensor cores less
/// often, but cannot fill them. Measured on an H100.
const TIME: [u64; WARPGROUPS] = [56, 77, 100];
/// What a piece takes besides its tiles of keys, in hundredths of a tile.
const AROUND: u64 = 120;

/// Consecutive queries of one head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Piece {
    head: usize,
    /// First row of the segment.
    begin: usize,
    /// Rows of the segment.
    rows: usize,
    /// First query, counted from `begin`.
    first: usize,
    /// Number of queries.
    queries: usize,
}

impl Piece {
    fn warpgroups(&self) -> usize {
        self.queries.div_ceil(QUERIES)
    }

    fn cost(&self, mask: Mask) -> u64 {
        let keys = match mask {
            Mask::Full => self.rows,
            Mask::Causal => self.first + self.queries,
        };
        TIME[self.warpgroups() - 1] * (keys.div_ceil(KEYS) as u64 * 100 + AROUND)
    }

    fn cut(self, queries: usize) -> impl Iterator<Item = Self> {
        (0..self.queries).step_by(queries).map(move |at| Self {
            first: self.first + at,
            queries: queries.min(self.queries - at),
            ..self
        })
    }
}

/// What each block computes, as `kernels/attention_sm90a.cu` reads it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Division {
    /// Four numbers a piece: row of its first query, first row and number of rows of its segment, and
    /// `head << 16 | queries`. Pieces of one block follow one another, those with fewer warpgroups last.
    pub(super) pieces: Vec<i32>,
    /// Block `b` computes the pieces `begins[b]..begins[b + 1]`.
    pub(super) begins: Vec<i32>,
}

/// Divides `heads` query heads of all `segments` among `blocks` blocks. Sizes must fit into 31 bits, heads into 15.
pub(super) fn divide(segments: &Segments, heads: usize, mask: Mask, blocks: usize) -> Division {
    let mut best: Option<Candidate> = None;
    for width in 2..=WARPGROUPS {
        let whole = pieces(segments, heads, width * QUERIES);
        let (wide, narrow): (Vec<_>, Vec<_>) =
            whole.into_iter().partition(|piece| piece.warpgroups() == width);
        let wide = by_cost(wide, mask);
        for (cut, narrower) in cuts(wide.len(), width, blocks) {
            let (kept, last) = wide.split_at(wide.len() - cut);
            let mut all: Vec<Piece> = kept.to_vec();
            all.extend(&narrow);
            all.extend(last.iter().flat_map(|piece| piece.cut(narrower * QUERIES)));
            let candidate = Candidate::new(by_cost(all, mask), mask, blocks);
            if best.as_ref().is_none_or(|best| candidate.longest < best.longest) {
                best = Some(candidate);
            }
        }
    }
    best.map_or_else(Division::default, |best| best.division(mask))
}

/// All pieces of up to `queries` queries, head by head, so that blocks at work at the same time read the same keys.
fn pieces(segments: &Segments, heads: usize, queries: usize) -> Vec<Piece> {
    let mut all = Vec::new();
    for range in segments.iter().filter(|range| !range.is_empty()) {
        for head in 0..heads {
            let (begin, rows) = (range.start, range.len());
            all.extend(Piece { head, begin, rows, first: 0, queries: rows }.cut(queries));
        }
    }
    all
}

fn by_cost(mut pieces: Vec<Piece>, mask: Mask) -> Vec<Piece> {
    pieces.sort_by_key(|piece| Reverse(piece.cost(mask)));
    pieces
}

/// Which trailing pieces to try in how many warpgroups: none, the last incomplete round of blocks, and parts of all.
fn cuts(pieces: usize, width: usize, blocks: usize) -> Vec<(usize, usize)> {
    let rest = pieces % blocks;
    let mut counts = vec![rest / 2, rest, pieces / 8, pieces / 4, pieces / 2, pieces];
    counts.sort_unstable();
    counts.dedup();
    let mut cuts = vec![(0, 1)];
    for narrower in 1..width {
        cuts.extend(counts.iter().filter(|&&count| count > 0).map(|&count| (count, narrower)));
    }
    cuts
}

/// Pieces, most expensive first, and the costs of those that each block gets.
struct Candidate {
    pieces: Vec<Piece>,
    blocks: Vec<Vec<u64>>,
    longest: u64,
}

impl Candidate {
    /// Bisects the time in which first fit can still pack everything; the greedy rule gives the upper bound.
    fn new(pieces: Vec<Piece>, mask: Mask, blocks: usize) -> Self {
        let costs: Vec<u64> = pieces.iter().map(|piece| piece.cost(mask)).collect();
        let total: u64 = costs.iter().sum();
        let mut low = (total / blocks as u64).max(costs.first().copied().unwrap_or(0));
        let mut packed = greedy(&costs, blocks);
        let mut high = longest(&packed);
        while high - low > high / 500 {
            let middle = low.midpoint(high);
            match first_fit(&costs, blocks, middle) {
                Some(fitting) => {
                    high = longest(&fitting);
                    packed = fitting;
                }
                None => low = middle + 1,
            }
        }
        Self { pieces, blocks: packed, longest: high }
    }

    /// Pieces of one cost are interchangeable: they are dealt in their order, one to each block in turn.
    fn division(self, mask: Mask) -> Division {
        let mut waiting: BTreeMap<u64, VecDeque<Piece>> = BTreeMap::new();
        for piece in self.pieces {
            waiting.entry(piece.cost(mask)).or_default().push_back(piece);
        }
        let rounds = self.blocks.iter().map(Vec::len).max().unwrap_or(0);
        let mut dealt = vec![Vec::new(); self.blocks.len()];
        for round in 0..rounds {
            for (costs, pieces) in self.blocks.iter().zip(&mut dealt) {
                let next = costs.get(round).and_then(|cost| waiting.get_mut(cost));
                pieces.extend(next.and_then(VecDeque::pop_front));
            }
        }
        let mut division = Division { pieces: Vec::new(), begins: vec![0] };
        for mut pieces in dealt {
            pieces.sort_by_key(|piece: &Piece| Reverse(piece.warpgroups()));
            for piece in pieces {
                let numbers = [
                    piece.begin + piece.first,
                    piece.begin,
                    piece.rows,
                    piece.head << 16 | piece.queries,
                ];
                division.pieces.extend(numbers.map(|number| number as i32));
            }
            division.begins.push((division.pieces.len() / 4) as i32);
        }
        division
    }
}

fn longest(blocks: &[Vec<u64>]) -> u64 {
    blocks.iter().map(|costs| costs.iter().sum()).max().unwrap_or(0)
}

/// Each cost to the block that has least so far.
fn greedy(costs: &[u64], blocks: usize) -> Vec<Vec<u64>> {
    let mut packed = vec![Vec::new(); blocks];
    let mut least: BinaryHeap<_> = (0..blocks).map(|block| Reverse((0, block))).collect();
    for &cost in costs {
        let Some(Reverse((time, block))) = least.pop() else { break };
        packed[block].push(cost);
        least.push(Reverse((time + cost, block)));
    }
    packed
}

/// Each cost to the first block where it still fits into `limit`; `None` when one fits nowhere.
fn first_fit(costs: &[u64], blocks: usize, limit: u64) -> Option<Vec<Vec<u64>>> {
    let mut packed = vec![Vec::new(); blocks];
    let mut times = vec![0; blocks];
    let mut block = 0;
    let mut last = None;
    for &cost in costs {
        // Blocks that were too full for a cost stay so for the same cost.
        if last != Some(cost) {
            block = 0;
            last = Some(cost);
        }
        block += times[block..].iter().position(|time| time + cost <= limit)?;
        times[block] += cost;
        packed[block].push(cost);
    }
    Some(packed)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BLOCKS: usize = 132;

    /// Every (row, head) of a division with how often it is computed.
    fn covered(division: &Division) -> BTreeMap<(i32, i32), usize> {
        let mut covered = BTreeMap::new();
        for piece in division.pieces.chunks(4) {
            let [row, begin, rows, packed] = [piece[0], piece[1], piece[2], piece[3]];
            let (head, queries) = (packed >> 16, packed & 0xffff);
            assert!(queries > 0 && row >= begin && row + queries <= begin + rows);
            assert_eq!((row - begin) % QUERIES as i32, 0);
            for row in row..row + queries {
                *covered.entry((row, head)).or_insert(0) += 1;
            }
        }
        covered
    }

    /// Longest block over the time of a perfect division into whole warpgroups that share blocks.
    fn excess(lengths: &[usize], heads: usize) -> f64 {
        let segments = Segments::new(lengths.iter().copied());
        let division = divide(&segments, heads, Mask::Full, BLOCKS);
        let cost = |piece: &[i32]| {
            let (rows, queries) = (piece[2] as usize, (piece[3] & 0xffff) as usize);
            Piece { head: 0, begin: 0, rows, first: 0, queries }.cost(Mask::Full)
        };
        let longest = division
            .begins
            .windows(2)
            .map(|b| &division.pieces[4 * b[0] as usize..4 * b[1] as usize])
            .map(|pieces| pieces.chunks(4).map(cost).sum::<u64>())
            .max();
        let all = pieces(&segments, heads, QUERIES).into_iter();
        let perfect: u64 = all.map(|p| Piece { queries: 192, ..p }.cost(Mask::Full)).sum();
        longest.unwrap_or(0) as f64 * (BLOCKS * WARPGROUPS) as f64 / perfect as f64
    }

    #[test]
    fn every_row_of_every_head_is_computed_once() {
        for lengths in [&[1][..], &[64], &[65, 1, 192], &[31, 32, 33, 0, 700], &[4160]] {
            for mask in [Mask::Full, Mask::Causal] {
                let segments = Segments::new(lengths.iter().copied());
                let division = divide(&segments, 3, mask, 7);
                let covered = covered(&division);
                assert_eq!(covered.len(), 3 * segments.rows());
                assert!(covered.values().all(|&times| times == 1));
                assert_eq!(division.begins.len(), 8);
                assert_eq!(*division.begins.last().unwrap() as usize * 4, division.pieces.len());
            }
        }
    }

    #[test]
    fn pieces_with_fewer_warpgroups_stand_last() {
        let division = divide(&Segments::new([1088, 4160, 33]), 30, Mask::Full, BLOCKS);
        for block in division.begins.windows(2) {
            let pieces = &division.pieces[4 * block[0] as usize..4 * block[1] as usize];
            let queries: Vec<_> = pieces.chunks(4).map(|piece| piece[3] & 0xffff).collect();
            assert!(queries.is_sorted_by_key(|&q| Reverse((q as usize).div_ceil(QUERIES))));
        }
    }

    #[test]
    fn pictures_leave_hardly_any_block_idle() {
        assert!(excess(&[4160], 30) < 1.03);
        assert!(excess(&[4160, 4160], 30) < 1.03);
        assert!(excess(&[1088, 4160, 2080], 30) < 1.03);
        assert!(excess(&[1088; 4], 30) < 1.10);
        // A sixth of the pieces is left for a second round, which is divided as finely as it goes.
        assert!(excess(&[1088], 30) < 1.24);
    }

    #[test]
    fn no_rows_need_no_pieces() {
        let division = divide(&Segments::new([]), 30, Mask::Full, 2);
        assert!(division.pieces.is_empty());
    }
}
