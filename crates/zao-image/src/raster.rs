//! Pixels in memory. Where they come from, and how they are resized, is elsewhere.

/// A picture in red, green and blue.
pub type Picture = Raster<3>;

/// One brightness a pixel.
pub type Grey = Raster<1>;

/// Pixels of `N` bytes, row by row from the top left; at least one.
#[derive(Clone, PartialEq, Eq)]
pub struct Raster<const N: usize> {
    width: usize,
    height: usize,
    bytes: Vec<u8>,
}

impl<const N: usize> Raster<N> {
    /// A picture of these bytes; `None` if they are not `N * width * height`, or none.
    #[must_use]
    pub fn new(width: usize, height: usize, bytes: Vec<u8>) -> Option<Self> {
        let expected = width.checked_mul(height)?.checked_mul(N)?;
        (expected > 0 && bytes.len() == expected).then_some(Self { width, height, bytes })
    }

    /// Width in pixels.
    #[must_use]
    pub fn width(&self) -> usize {
        self.width
    }

    /// Height in pixels.
    #[must_use]
    pub fn height(&self) -> usize {
        self.height
    }

    /// The bytes of all pixels.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The bytes of all pixels, without the picture around them.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}

impl<const N: usize> std::fmt::Debug for Raster<N> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Raster<{N}>({}x{})", self.width, self.height)
    }
}
