//! A picture's or latent's extent in rows and columns.

/// Height and width, in whatever unit the tensor counts (pixels, latent cells, patches).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Grid {
    /// Number of rows.
    pub height: usize,
    /// Number of columns.
    pub width: usize,
}

impl Grid {
    /// A grid of `height` rows and `width` columns.
    #[must_use]
    pub const fn new(height: usize, width: usize) -> Self {
        Self { height, width }
    }

    /// Number of cells.
    #[must_use]
    pub const fn area(self) -> usize {
        self.height * self.width
    }

    /// The grid with every side multiplied by `factor`.
    #[must_use]
    pub const fn times(self, factor: usize) -> Self {
        Self::new(self.height * factor, self.width * factor)
    }

    /// The grid with every side divided by `factor`, rounding down.
    #[must_use]
    pub const fn over(self, factor: usize) -> Self {
        Self::new(self.height / factor, self.width / factor)
    }
}

impl std::fmt::Display for Grid {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}x{}", self.width, self.height)
    }
}
