//! The definition of the operations on latents.

use super::{OnHost, elements, elements_mut, row, row_mut};
use crate::Grid;
use crate::op::{CfgCombine, EulerStep, LatentToImage, Patchify, Unpatchify};

pub(super) fn patchify<B: OnHost>(op: Patchify<'_, B>) {
    let Patchify { latent, grid, patch, out } = op;
    elements_mut(out).fill(0.0);
    for cell in PatchedCell::all(grid, patch) {
        for c in 0..latent.rows() {
            let column = cell.in_patch * latent.rows() + c;
            row_mut(out, cell.token)[column] = row(latent, c)[cell.in_latent];
        }
    }
}

pub(super) fn unpatchify<B: OnHost>(op: Unpatchify<'_, B>) {
    let Unpatchify { x, first_row, grid, patch, out } = op;
    for cell in PatchedCell::all(grid, patch) {
        for c in 0..out.rows() {
            let column = cell.in_patch * out.rows() + c;
            row_mut(out, c)[cell.in_latent] = row(x, first_row + cell.token)[column];
        }
    }
}

/// Where one cell of a latent is found in the latent and among the tokens.
struct PatchedCell {
    in_latent: usize,
    token: usize,
    in_patch: usize,
}

impl PatchedCell {
    /// All cells of a latent of extent `grid` cut into patches of side `patch`.
    fn all(grid: Grid, patch: usize) -> impl Iterator<Item = Self> {
        (0..grid.area()).map(move |in_latent| {
            let (y, x) = (in_latent / grid.width, in_latent % grid.width);
            Self {
                in_latent,
                token: y / patch * (grid.width / patch) + x / patch,
                in_patch: y % patch * patch + x % patch,
            }
        })
    }
}

pub(super) fn euler_step<B: OnHost>(op: EulerStep<'_, B>) {
    let EulerStep { latent, velocity, delta } = op;
    for (latent, velocity) in elements_mut(latent).iter_mut().zip(elements(velocity)) {
        *latent += delta * velocity;
    }
}

pub(super) fn cfg_combine<B: OnHost>(op: CfgCombine<'_, B>) {
    let CfgCombine { positive, negative, guidance, limit, out } = op;
    let (positive, negative, out) = (elements(positive), elements(negative), elements_mut(out));
    for (out, (p, n)) in out.iter_mut().zip(positive.iter().zip(negative)) {
        *out = p + guidance * (p - n);
    }
    let allowed = f64::from(limit) * norm(positive);
    let reached = norm(out);
    if limit > 0.0 && reached > allowed {
        for out in out {
            *out *= (allowed / reached) as f32;
        }
    }
}

/// The Euclidean norm. Summed in `f64`: a sum over a whole latent is too long for `f32`.
fn norm(x: &[f32]) -> f64 {
    x.iter().map(|&v| f64::from(v) * f64::from(v)).sum::<f64>().sqrt()
}

pub(super) fn latent_to_image<B: OnHost>(op: LatentToImage<'_, B>) {
    let LatentToImage { latent, scale, shift, out } = op;
    for cell in 0..latent.width() {
        for c in 0..latent.rows() {
            row_mut(out, cell)[c] = row(latent, c)[cell] / scale + shift;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{tensor, values};
    use crate::Scalar;
    use crate::prelude::*;

    #[test]
    fn patches_interleave_channels_and_pad_with_zeros() {
        // Two channels of 2x4 cells: two patches of side 2.
        let latent = tensor(&[
            [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0],
            [10.0, 11.0, 12.0, 13.0, 14.0, 15.0, 16.0, 17.0],
        ]);
        let grid = Grid::new(2, 4);
        let tokens = Scalar.patchify(&latent, grid, 2, 3, None).unwrap();
        let rows = [
            [0.0, 10.0, 1.0, 11.0, 4.0, 14.0, 5.0, 15.0],
            [2.0, 12.0, 3.0, 13.0, 6.0, 16.0, 7.0, 17.0],
            [0.0; 8],
        ];
        assert_eq!(values(&tokens), rows.as_flattened());
        let back = Scalar.unpatchify(&tokens, 0, grid, 2).unwrap();
        assert_eq!(values(&back), values(&latent));
    }

    #[test]
    fn unpatchify_starts_at_its_row() {
        let tokens = tensor(&[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]);
        let latent = Scalar.unpatchify(&tokens, 1, Grid::new(1, 2), 1).unwrap();
        assert_eq!(values(&latent), [3.0, 5.0, 4.0, 6.0]);
    }

    #[test]
    fn a_step_goes_along_the_velocity() {
        let mut latent = tensor(&[[1.0, 2.0]]);
        Scalar.euler_step(&mut latent, &tensor(&[[4.0, -4.0]]), -0.25).unwrap();
        assert_eq!(values(&latent), [0.0, 3.0]);
    }

    #[test]
    fn guidance_leads_away_from_the_negative_up_to_the_limit() {
        let (positive, negative) = (tensor(&[[3.0, 4.0]]), tensor(&[[0.0, 0.0]]));
        for (guidance, limit, expected) in [
            (0.0, 0.0, [3.0, 4.0]),
            (1.0, 0.0, [6.0, 8.0]),
            (1.0, 1.5, [4.5, 6.0]),
            (1.0, 3.0, [6.0, 8.0]),
        ] {
            let out = Scalar.cfg_combine(&positive, &negative, guidance, limit).unwrap();
            assert_eq!(values(&out), expected, "guidance {guidance} limit {limit}");
        }
    }

    #[test]
    fn the_decoder_gets_channels_last() {
        let latent = tensor(&[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]);
        let image = Scalar.latent_to_image(&latent, 0.5, 1.0).unwrap();
        assert_eq!(values(&image), [3.0, 9.0, 5.0, 11.0, 7.0, 13.0]);
    }
}
