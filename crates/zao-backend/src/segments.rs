//! Packed sequences: which rows of an activation belong to which picture.

use std::ops::Range;

/// The rows of a `[tokens, width]` activation, cut into consecutive segments, one a sequence.
///
/// This is how a batch is expressed everywhere: mixed prompts, sizes and timesteps are segments of
/// different length, so nothing is padded to a common length and nothing is masked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segments {
    offsets: Vec<usize>,
}

impl Segments {
    /// Segments of the given lengths, in order.
    #[must_use]
    pub fn new(lengths: impl IntoIterator<Item = usize>) -> Self {
        let mut end = 0;
        let mut offsets = vec![0];
        offsets.extend(lengths.into_iter().map(|length| {
            end += length;
            end
        }));
        Self { offsets }
    }

    /// Number of segments.
    #[must_use]
    pub fn len(&self) -> usize {
        self.offsets.len() - 1
    }

    /// Whether there is no segment.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Rows of all segments together.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.offsets[self.len()]
    }

    /// The rows of segment `index`.
    ///
    /// # Panics
    /// When there is no such segment.
    #[must_use]
    pub fn range(&self, index: usize) -> Range<usize> {
        self.offsets[index]..self.offsets[index + 1]
    }

    /// The row ranges in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Range<usize>> + '_ {
        self.offsets.windows(2).map(|w| w[0]..w[1])
    }

    /// The segment that holds `row`.
    ///
    /// # Panics
    /// When `row` is past the last segment.
    #[must_use]
    pub fn of_row(&self, row: usize) -> usize {
        assert!(row < self.rows(), "row {row} is past the last segment");
        self.offsets.partition_point(|&offset| offset <= row) - 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_find_their_segment_even_past_empty_ones() {
        let segments = Segments::new([3, 0, 2]);
        assert_eq!(segments.len(), 3);
        assert_eq!(segments.rows(), 5);
        assert_eq!((0..5).map(|r| segments.of_row(r)).collect::<Vec<_>>(), [0, 0, 0, 2, 2]);
        assert_eq!(segments.iter().collect::<Vec<_>>(), [0..3, 3..3, 3..5]);
    }
}
