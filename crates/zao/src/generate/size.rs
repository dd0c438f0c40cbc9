//! How large a picture is drawn when its size is left open, in whole or in part: as the picture that it
//! begins with, or as the model's own.

use zao_api::Request;
use zao_engine::{Grid, ModelInfo};

/// The size to draw for `request`, which may begin with a picture of the size `picture`.
pub(super) fn size(request: &Request, picture: Option<Grid>, model: &ModelInfo) -> Grid {
    let side = |pixels: u32| pixels as usize;
    let open = picture.map_or(model.default_size, |picture| reduced(picture, model));
    match (request.width.map(side), request.height.map(side), picture) {
        (Some(width), Some(height), _) => Grid::new(height, width),
        // A side alone leaves a picture its proportions.
        (Some(width), None, Some(it)) => {
            let height = nearest(scaled(it.height, width, it.width), model, model.max_size.height);
            Grid::new(height, width)
        }
        (None, Some(height), Some(it)) => {
            let width = nearest(scaled(it.width, height, it.height), model, model.max_size.width);
            Grid::new(height, width)
        }
        (width, height, _) => Grid::new(height.unwrap_or(open.height), width.unwrap_or(open.width)),
    }
}

/// The picture's own size if the model draws it, else the largest in its proportions; rounded down, as
/// diffusers rounds it.
fn reduced(picture: Grid, model: &ModelInfo) -> Grid {
    let max = model.max_size;
    let ratio = |side: usize, max: usize| (max as f64 / side as f64).min(1.0);
    let ratio = ratio(picture.width, max.width).min(ratio(picture.height, max.height));
    let multiple = model.size_multiple;
    let side = |side: usize| {
        // A side that just fits must not be rounded below it.
        let pixels = (side as f64 * ratio + 1e-6) as usize;
        (pixels / multiple * multiple).max(multiple)
    };
    Grid::new(side(picture.height), side(picture.width))
}

/// `side * to / from`.
fn scaled(side: usize, to: usize, from: usize) -> f64 {
    side as f64 * to as f64 / from as f64
}

/// The nearest side that the model draws, of at most `max` pixels.
fn nearest(pixels: f64, model: &ModelInfo, max: usize) -> usize {
    let multiple = model.size_multiple;
    let times = (pixels / multiple as f64).round() as usize;
    (times * multiple).clamp(multiple, max)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn model(side: usize) -> ModelInfo {
        ModelInfo {
            name: "test".into(),
            fingerprint: String::new(),
            size_multiple: 16,
            pixels_per_cell: 8,
            max_size: Grid::new(2048, 2048),
            default_size: Grid::new(side, side),
            shift: 3.0,
        }
    }

    fn settled(
        sides: (Option<u32>, Option<u32>),
        picture: Option<(usize, usize)>,
    ) -> (usize, usize) {
        let request = Request { width: sides.0, height: sides.1, ..Request::default() };
        let picture = picture.map(|(width, height)| Grid::new(height, width));
        let Grid { width, height } = size(&request, picture, &model(1024));
        (width, height)
    }

    const OPEN: (Option<u32>, Option<u32>) = (None, None);

    #[test]
    fn a_picture_is_drawn_in_its_own_size_rounded_down() {
        for (picture, expected) in [
            ((1024, 768), (1024, 768)),
            ((250, 203), (240, 192)),
            ((5, 5), (16, 16)),
            ((2048, 2048), (2048, 2048)),
            ((4096, 3072), (2048, 1536)),
            ((3000, 6000), (1024, 2048)),
            ((16_000, 20), (2048, 16)),
        ] {
            assert_eq!(settled(OPEN, Some(picture)), expected, "{picture:?}");
        }
    }

    #[test]
    fn what_is_asked_for_is_drawn() {
        let picture = Some((400, 200));
        assert_eq!(settled((Some(512), Some(64)), picture), (512, 64));
        assert_eq!(settled((Some(512), None), picture), (512, 256));
        assert_eq!(settled((None, Some(512)), picture), (1024, 512));
        assert_eq!(settled((None, Some(512)), None), (1024, 512));
        assert_eq!(settled((Some(10), None), None), (10, 1024), "refused later, in words");
    }
}
