//! Positions on three axes (caption, row, column) and the rotation table they give.

use zao_backend::Grid;

use super::padded;
use crate::{TransformerConfig, rope};

/// Rotations of the tokens of one picture and its caption.
pub(super) struct Positions {
    theta: f64,
    axes_dims: [usize; 3],
}

impl Positions {
    pub(super) fn new(config: &TransformerConfig) -> Self {
        Self { theta: config.rope_theta, axes_dims: config.axes_dims }
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

    /// Appends the row of one token.
    pub(super) fn push(&self, table: &mut Vec<f32>, position: [usize; 3]) {
        let axes = position.into_iter().zip(self.axes_dims);
        let angles = axes.flat_map(|(at, dim)| {
            (0..dim / 2).map(move |i| {
                let frequency = 1.0 / self.theta.powf((2 * i) as f64 / dim as f64);
                (at as f64 * frequency) as f32
            })
        });
        rope::push_row(table, angles);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pads_sit_at_the_origin_and_the_picture_behind_the_padded_caption() {
        let config =
            TransformerConfig { axes_dims: [2, 2, 2], rope_theta: 256.0, ..Default::default() };
        let positions = Positions::new(&config);
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
