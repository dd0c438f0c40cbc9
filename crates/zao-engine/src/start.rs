//! What a job begins with when it is not noise alone: a picture, and where that is drawn anew. How it
//! becomes a latent is not decided here.

use std::sync::Arc;

use zao_backend::Grid;

use crate::Picture;

/// From this brightness on a mask means "draw anew".
const REDRAWN: u8 = 128;

/// A picture to begin with, of the size that is drawn.
#[derive(Clone, Debug, PartialEq)]
pub struct Start {
    /// The picture.
    pub picture: Arc<Picture>,
    /// Where it is drawn anew; `None` for everywhere.
    pub mask: Option<Arc<Mask>>,
    /// How much it is changed, above 0 and up to 1: the share of the steps that is done, and with it how
    /// much noise it gets. With 1 it is drowned in noise, and only what a mask keeps is left of it.
    ///
    /// In `f64` because it is multiplied with the number of steps and cut to a whole number, as in Python.
    pub strength: f64,
}

/// Which pixels are drawn anew.
#[derive(Clone, PartialEq, Eq)]
pub struct Mask {
    /// Width in pixels.
    pub width: usize,
    /// Height in pixels.
    pub height: usize,
    /// A brightness for each pixel, row by row: dark ones stay, those from 128 on are drawn anew.
    pub grey: Vec<u8>,
}

impl std::fmt::Debug for Mask {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Mask({}x{})", self.width, self.height)
    }
}

impl Start {
    /// Whether picture and mask have `size` and all their pixels.
    pub(crate) fn fits(&self, size: Grid) -> bool {
        let Picture { width, height, rgb } = &*self.picture;
        let mask_fits = |mask: &Mask| {
            Grid::new(mask.height, mask.width) == size && mask.grey.len() == size.area()
        };
        Grid::new(*height, *width) == size
            && rgb.len() == 3 * size.area()
            && self.mask.as_deref().is_none_or(mask_fits)
    }

    /// A start that takes as much as this one would in another size.
    pub(crate) fn resized(&self, size: Grid) -> Self {
        let Grid { width, height } = size;
        let rgb = vec![0; 3 * size.area()];
        let mask = || Arc::new(Mask { width, height, grey: vec![0; size.area()] });
        Self {
            picture: Arc::new(Picture { width, height, rgb }),
            mask: self.mask.is_some().then(mask),
            strength: self.strength,
        }
    }
}

impl Mask {
    /// Which cells of a latent of this extent are drawn anew: those whose first pixel is, as torch's
    /// interpolation to the nearest takes them.
    pub(crate) fn cells(&self, latent: Grid) -> Vec<bool> {
        let nearest = |at: usize, cells: usize, pixels: usize| at * pixels / cells;
        let row = |y: usize| nearest(y, latent.height, self.height) * self.width;
        let cell = |y: usize, x: usize| self.grey[row(y) + nearest(x, latent.width, self.width)];
        (0..latent.height)
            .flat_map(|y| (0..latent.width).map(move |x| (y, x)))
            .map(|(y, x)| cell(y, x) >= REDRAWN)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_is_what_its_first_pixel_is() {
        let mut grey = vec![0; 8 * 4];
        grey[0] = 127;
        grey[2] = 128;
        grey[3] = 0;
        grey[2 * 8 + 5] = 255;
        grey[2 * 8 + 6] = 255;
        let mask = Mask { width: 8, height: 4, grey };
        let expected = [false, true, false, false, false, false, false, true];
        assert_eq!(mask.cells(Grid::new(2, 4)), expected);
    }
}
