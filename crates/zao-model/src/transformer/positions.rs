//! Positions on three axes (caption, row, column) and the rotation table they give.

use zao_backend::Grid;

use super::padded;
use crate::TransformerConfig;

/// Rotations of the tokens of pictures and their captions, up to some position on each axis.
pub(super) struct Positions {
    axes: [Axis; 3],
}

/// Cosines and sines of the positions of one axis: a picture has thousands of tokens, but only some
/// hundred different positions.
struct Axis {
    pairs: usize,
    cos: Vec<f32>,
    sin: Vec<f32>,
}

impl Axis {
    /// Angles are rounded to `f32` first, as the reference implementation holds them; their sine and
    /// cosine are then exact to the last bit.
    fn new(theta: f64, dim: usize, reach: usize) -> Self {
        let frequencies: Vec<f64> =
            (0..dim / 2).map(|i| 1.0 / theta.powf((2 * i) as f64 / dim as f64)).collect();
        let angles = (0..reach).flat_map(|at| {
            frequencies.iter().map(move |frequency| f64::from((at as f64 * frequency) as f32))
        });
        let (cos, sin) = angles.map(|angle| (angle.cos() as f32, angle.sin() as f32)).unzip();
        Self { pairs: dim / 2, cos, sin }
    }

    fn row<'a>(&self, values: &'a [f32], at: usize) -> &'a [f32] {
        &values[at * self.pairs..][..self.pairs]
    }
}

impl Positions {
    /// Positions below `reach` on each axis.
    pub(super) fn new(config: &TransformerConfig, reach: [usize; 3]) -> Self {
        let axis = |i: usize| Axis::new(config.rope_theta, config.axes_dims[i], reach[i]);
        Self { axes: [0, 1, 2].map(axis) }
    }

    /// What pictures of these `grids` of patches behind captions of these padded lengths reach.
    pub(super) fn reach(items: impl IntoIterator<Item = (Grid, usize)>) -> [usize; 3] {
        let end = |(grid, caption_len): (Grid, usize)| [caption_len + 2, grid.height, grid.width];
        let furthest = |a: [usize; 3], b: [usize; 3]| [0, 1, 2].map(|i| a[i].max(b[i]));
        items.into_iter().map(end).fold([1; 3], furthest)
    }

    /// Rows for a caption padded to `padded_len` tokens: positions 1, 2 ... on the first axis, running
    /// on through the pads.
    pub(super) fn caption(&self, padded_len: usize) -> Vec<f32> {
        let mut table = Vec::new();
        for i in 1..=padded_len {
            self.push(&mut table, [i, 0, 0]);
        }
        table
    }

    /// Rows for a picture of `grid` patches behind a caption padded to `caption_len` tokens, and for
    /// its pads, which all sit at the origin.
    pub(super) fn image(&self, grid: Grid, caption_len: usize) -> Vec<f32> {
        let mut table = Vec::new();
        for row in 0..grid.height {
            for column in 0..grid.width {
                self.push(&mut table, [caption_len + 1, row, column]);
            }
        }
        for _ in grid.area()..padded(grid.area()) {
            self.push(&mut table, [0, 0, 0]);
        }
        table
    }

    /// Appends the row of one token: the cosines of all axes, then their sines.
    pub(super) fn push(&self, table: &mut Vec<f32>, position: [usize; 3]) {
        for (axis, at) in self.axes.iter().zip(position) {
            table.extend_from_slice(axis.row(&axis.cos, at));
        }
        for (axis, at) in self.axes.iter().zip(position) {
            table.extend_from_slice(axis.row(&axis.sin, at));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pads_sit_at_the_origin_and_the_picture_behind_the_padded_caption() {
        let config =
            TransformerConfig { axes_dims: [2, 2, 2], rope_theta: 256.0, ..Default::default() };
        let positions = Positions::new(&config, Positions::reach([(Grid::new(3, 5), 32)]));
        let table = positions.image(Grid::new(3, 5), 32);
        assert_eq!(table.len(), 32 * 6);
        let row = |i: usize| &table[i * 6..][..6];
        let expected = [33.0f64, 2.0, 4.0];
        for (axis, at) in expected.into_iter().enumerate() {
            assert_eq!(row(14)[axis], at.cos() as f32);
            assert_eq!(row(14)[axis + 3], at.sin() as f32);
        }
        assert_eq!(row(15), [1.0, 1.0, 1.0, 0.0, 0.0, 0.0]);
        let caption = positions.caption(32);
        assert_eq!(caption[0], 1f64.cos() as f32);
        assert_eq!(caption[31 * 6], 32f64.cos() as f32);
    }
}
