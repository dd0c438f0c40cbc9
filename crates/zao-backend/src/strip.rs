//! Some rows of a picture: what a tensor holds of it, when it does not hold all.

use std::ops::Range;

use crate::Grid;

/// Consecutive rows of a picture, over its whole width.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Strip {
    /// Extent of the picture.
    pub grid: Grid,
    /// First row.
    pub top: usize,
    /// Number of rows.
    pub height: usize,
}

impl Strip {
    /// The rows `rows` of a picture of extent `grid`.
    #[must_use]
    pub const fn new(grid: Grid, rows: &Range<usize>) -> Self {
        Self { grid, top: rows.start, height: rows.end - rows.start }
    }

    /// All rows of a picture.
    #[must_use]
    pub const fn whole(grid: Grid) -> Self {
        Self { grid, top: 0, height: grid.height }
    }

    /// Which rows of the picture these are.
    #[must_use]
    pub const fn rows(self) -> Range<usize> {
        self.top..self.top + self.height
    }

    /// Number of cells.
    #[must_use]
    pub const fn area(self) -> usize {
        self.height * self.grid.width
    }

    /// Whether `rows` of the picture are among these.
    #[must_use]
    pub const fn holds(self, rows: &Range<usize>) -> bool {
        self.top <= rows.start && rows.end <= self.top + self.height
    }
}

impl std::fmt::Display for Strip {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "rows {:?} of {}", self.rows(), self.grid)
    }
}
