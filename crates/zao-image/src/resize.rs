//! Lanczos resampling as Pillow does it in 8 bits, which is what diffusers' image processors resize with.
//!
//! Two passes, each rounded to bytes; weights are rounded to 22 bits behind the point. Kept resamplers come
//! within one level of it on smooth pictures but not where a filter overshoots: there the rounding between
//! the two passes cuts, and theirs does not.

use crate::Raster;

/// Lobes of the filter on either side.
const SUPPORT: f64 = 3.0;

/// Bits behind the point in a weight; with 8 bits of a sample and some for overshoot they fill 32.
const FRACTION: u32 = 22;

/// What one value of the result is made of.
struct Window {
    first: usize,
    weights: Vec<i32>,
}

impl<const N: usize> Raster<N> {
    /// The picture in another size, without regard to its proportions.
    ///
    /// # Panics
    /// When a side is 0.
    #[must_use]
    pub fn resized(&self, width: usize, height: usize) -> Self {
        assert!(width > 0 && height > 0, "a picture has at least one pixel");
        if self.columns_first(width, height) {
            self.down(height).across(width)
        } else {
            self.across(width).down(height)
        }
    }

    /// Whether Pillow, from 13 on, begins with the columns: where their pass leaves much less for the other.
    fn columns_first(&self, width: usize, height: usize) -> bool {
        let saved = self.height().saturating_sub(height);
        saved > 0 && self.width() < width + saved.div_ceil(2)
    }

    /// Every row to `width` pixels.
    fn across(&self, width: usize) -> Self {
        if width == self.width() {
            return self.clone();
        }
        let windows = windows(self.width(), width);
        let mut bytes = Vec::with_capacity(N * width * self.height());
        for row in self.bytes().chunks_exact(N * self.width()) {
            for window in &windows {
                bytes.extend(
                    (0..N).map(|c| window.sum(row[N * window.first + c..].iter().step_by(N))),
                );
            }
        }
        Self::new(width, self.height(), bytes).expect("a row of pixels for each row")
    }

    /// Every column to `height` pixels.
    fn down(&self, height: usize) -> Self {
        if height == self.height() {
            return self.clone();
        }
        let stride = N * self.width();
        let mut bytes = Vec::with_capacity(stride * height);
        for window in windows(self.height(), height) {
            let rows = &self.bytes()[stride * window.first..];
            bytes.extend((0..stride).map(|at| window.sum(rows[at..].iter().step_by(stride))));
        }
        Self::new(self.width(), height, bytes).expect("as many rows as asked")
    }
}

impl Window {
    fn sum<'a>(&self, samples: impl Iterator<Item = &'a u8>) -> u8 {
        let half = 1 << (FRACTION - 1);
        let products = self.weights.iter().zip(samples).map(|(w, &s)| w * i32::from(s));
        ((half + products.sum::<i32>()) >> FRACTION).clamp(0, 255) as u8
    }
}

/// The windows of `to` values that are made of `from`.
fn windows(from: usize, to: usize) -> Vec<Window> {
    let scale = from as f64 / to as f64;
    // A smaller picture is filtered as wide as its pixels are.
    let stretch = scale.max(1.0);
    let support = SUPPORT * stretch;
    let window = |at: usize| {
        let center = (at as f64 + 0.5) * scale;
        // A cast rounds towards zero, as Pillow's does, and stops at it.
        let first = (center - support + 0.5) as usize;
        let end = ((center + support + 0.5) as usize).min(from);
        let distance = |x: usize| (x as f64 - center + 0.5) / stretch;
        let weights: Vec<f64> = (first..end).map(|x| lanczos(distance(x))).collect();
        let total: f64 = weights.iter().sum();
        let one = f64::from(1 << FRACTION);
        // Halves go away from zero, as `f64::round` rounds.
        let weights = weights.iter().map(|w| (w / total * one).round() as i32).collect();
        Window { first, weights }
    };
    (0..to).map(window).collect()
}

fn lanczos(x: f64) -> f64 {
    if (-SUPPORT..SUPPORT).contains(&x) { sinc(x) * sinc(x / SUPPORT) } else { 0.0 }
}

fn sinc(x: f64) -> f64 {
    if x == 0.0 {
        return 1.0;
    }
    let x = x * std::f64::consts::PI;
    x.sin() / x
}

#[cfg(test)]
mod tests {
    use crate::{Grey, Picture};

    #[test]
    fn the_same_size_is_the_same_picture() {
        let picture = Picture::new(2, 1, vec![1, 2, 3, 4, 5, 6]).unwrap();
        assert_eq!(picture.resized(2, 1), picture);
    }

    #[test]
    fn one_colour_stays_that_colour_in_any_size() {
        let picture = Picture::new(5, 7, [9, 130, 255].repeat(35)).unwrap();
        for (width, height) in [(1, 1), (3, 20), (64, 2), (5, 6), (100, 100)] {
            let resized = picture.resized(width, height);
            assert_eq!(resized.bytes(), [9, 130, 255].repeat(width * height), "{width}x{height}");
        }
    }

    #[test]
    fn edges_overshoot_within_bytes() {
        let grey = Grey::new(2, 1, vec![0, 255]).unwrap();
        let values = grey.resized(8, 1).into_bytes();
        assert_eq!((values[0], values[7]), (0, 255));
        assert!(values.is_sorted());
    }
}
