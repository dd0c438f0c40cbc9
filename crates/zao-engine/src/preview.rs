//! A small picture of what a latent is on the way to: the model's guess without noise, averaged down and decoded. It is
//! decoded like any picture, so it needs no second decoder that would have to be trained; a sixteenth of a picture's
//! cells cost a sixteenth of its time.

use zao_backend::prelude::*;
use zao_backend::{Backend, Shape};
use zao_model::vae::{Decoder, Thrift};

use crate::{Picture, Result};

/// No side of a preview is longer, in pixels, unless it is that of a very long picture.
const LONGEST: usize = 256;

/// How many cells become one, each way, in the preview of a picture of so many `cells`.
pub(crate) fn shrink_of(cells: Grid, pixels_per_cell: usize) -> usize {
    let longest = cells.height.max(cells.width) * pixels_per_cell;
    longest.div_ceil(LONGEST).min(cells.height).min(cells.width).max(1)
}

/// The picture in `latent` (`[channels, cells]`), with `shrink` by `shrink` cells as one.
pub(crate) fn decode_small<B: Backend>(
    b: &B,
    decoder: &Decoder<B>,
    latent: &[f32],
    cells: Grid,
    shrink: usize,
) -> Result<Picture> {
    let small = Grid::new(cells.height / shrink, cells.width / shrink);
    let values: Vec<f32> =
        latent.chunks_exact(cells.area()).flat_map(|of| averaged(of, cells, shrink)).collect();
    let channels = latent.len() / cells.area();
    let latent = b.upload(Shape::new(channels, small.area()), &values, Region::Job)?;
    let image = decoder.decode(b, &latent, small, Thrift::NONE)?;
    let rgb = b.read_bytes(&b.to_rgb8(&image)?)?;
    let pixels = (rgb.len() / 3 / small.area()).isqrt();
    Ok(Picture { width: small.width * pixels, height: small.height * pixels, rgb })
}

/// One channel with the mean of each square of cells; what is left over at the right and the bottom is left out.
fn averaged(channel: &[f32], cells: Grid, shrink: usize) -> Vec<f32> {
    let (height, width) = (cells.height / shrink, cells.width / shrink);
    let mean = |row: usize, column: usize| {
        let rows = (row * shrink..(row + 1) * shrink).map(|row| {
            let begin = row * cells.width + column * shrink;
            channel[begin..begin + shrink].iter().sum::<f32>()
        });
        rows.sum::<f32>() / (shrink * shrink) as f32
    };
    (0..height)
        .flat_map(|row| (0..width).map(move |column| (row, column)))
        .map(|(row, column)| mean(row, column))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_pictures_are_shown_small_and_small_ones_as_they_are() {
        for ((height, width), shrink) in
            [((32, 32), 1), ((128, 128), 4), ((160, 90), 5), ((2, 200), 2), ((1, 1), 1)]
        {
            assert_eq!(shrink_of(Grid::new(height, width), 8), shrink, "{height} {width}");
        }
    }

    #[test]
    fn cells_are_averaged_by_squares() {
        let channel: Vec<f32> = (0..15).map(|v| v as f32).collect();
        // 3 by 5 cells: one row and one column are left over.
        assert_eq!(averaged(&channel, Grid::new(3, 5), 2), [3.0, 5.0]);
        assert_eq!(averaged(&channel, Grid::new(3, 5), 1), channel);
    }
}
