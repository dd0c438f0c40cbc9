//! How large a picture is drawn when its size is left open, in whole or in part: by the picture that it
//! begins with, by the quality asked for, or by the length of the prompt.

use zao_api::{Quality, Request};
use zao_engine::{Grid, ModelInfo};

use crate::Result;

/// Prompts of at most so many tokens are drawn as drafts, and as standard. Published guides take 30 and 60
/// words; an English word is 1.3 tokens, and Chinese has no words to count.
const SHORT: usize = 40;
const MEDIUM: usize = 80;

/// The size to draw for `request`, which may begin with a picture of the size `picture`, and what to tell
/// the user about it if zao chose. `tokens` counts those of a prompt; it is only asked where the prompt decides.
///
/// Whether the model draws that size is for [`ModelInfo::check_size`] to say.
///
/// # Errors
/// Those of `tokens`.
pub fn settle<E>(
    request: &Request,
    picture: Option<Grid>,
    model: &ModelInfo,
    tokens: impl FnOnce(&str) -> Result<usize, E>,
) -> Result<(Grid, Option<String>), E> {
    if request.quality != Some(Quality::Auto) {
        return Ok((size(request, picture, request.quality, model), None));
    }
    let tokens = tokens(&request.prompt)?;
    let quality = by_length(tokens);
    let size = size(request, picture, Some(quality), model);
    let remark = format!(
        "drawing {size}, {quality} quality, for a prompt of {tokens} tokens (up to {SHORT} draft, \
         up to {MEDIUM} standard, else high)"
    );
    Ok((size, Some(remark)))
}

fn by_length(tokens: usize) -> Quality {
    if tokens <= SHORT {
        Quality::Draft
    } else if tokens <= MEDIUM {
        Quality::Standard
    } else {
        Quality::High
    }
}

fn size(
    request: &Request,
    picture: Option<Grid>,
    quality: Option<Quality>,
    model: &ModelInfo,
) -> Grid {
    let own = model.default_size;
    let side = |pixels: u32| pixels as usize;
    let open = match (picture, quality) {
        (Some(picture), None) => reduced(picture, model),
        (Some(picture), Some(quality)) => with_area(picture, tier(own, quality, model), model),
        (None, Some(quality)) => tier(own, quality, model),
        (None, None) => own,
    };
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

/// The sides of a model whose own are `own`, times the quality's factor.
fn tier(own: Grid, quality: Quality, model: &ModelInfo) -> Grid {
    let quarters = match quality {
        Quality::Draft => 3,
        Quality::Standard | Quality::Auto => 4,
        Quality::High => 5,
    };
    let side = |side: usize, max| nearest(side as f64 * f64::from(quarters) / 4.0, model, max);
    let max = model.max_size;
    Grid::new(side(own.height, max.height), side(own.width, max.width))
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

/// The picture's proportions with about as many pixels as `of`.
fn with_area(picture: Grid, of: Grid, model: &ModelInfo) -> Grid {
    let area = |size: Grid| size.width as f64 * size.height as f64;
    let ratio = (area(of) / area(picture)).sqrt();
    let side = |side: usize, max| nearest(side as f64 * ratio, model, max);
    let max = model.max_size;
    Grid::new(side(picture.height, max.height), side(picture.width, max.width))
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
        quality: Option<Quality>,
    ) -> (usize, usize) {
        let request = Request { width: sides.0, height: sides.1, ..Request::default() };
        let picture = picture.map(|(width, height)| Grid::new(height, width));
        let Grid { width, height } = size(&request, picture, quality, &model(1024));
        (width, height)
    }

    const OPEN: (Option<u32>, Option<u32>) = (None, None);

    #[test]
    fn qualities_are_shares_of_the_models_own_size() {
        for (quality, side) in
            [(Quality::Draft, 768), (Quality::Standard, 1024), (Quality::High, 1280)]
        {
            assert_eq!(settled(OPEN, None, Some(quality)), (side, side));
            let small = tier(Grid::new(256, 256), quality, &model(256));
            assert_eq!((small.width, small.height), (side / 4, side / 4));
        }
        assert_eq!(settled(OPEN, None, None), (1024, 1024));
    }

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
            assert_eq!(settled(OPEN, Some(picture), None), expected, "{picture:?}");
        }
    }

    #[test]
    fn quality_keeps_a_pictures_proportions() {
        let standard = |picture| settled(OPEN, Some(picture), Some(Quality::Standard));
        assert_eq!(standard((400, 400)), (1024, 1024));
        assert_eq!(standard((4032, 3024)), (1184, 880));
        assert_eq!(standard((10_000, 10)), (2048, 32));
    }

    #[test]
    fn what_is_asked_for_is_drawn() {
        let picture = Some((400, 200));
        assert_eq!(settled((Some(512), Some(64)), picture, None), (512, 64));
        assert_eq!(settled((Some(512), None), picture, None), (512, 256));
        assert_eq!(settled((None, Some(512)), picture, None), (1024, 512));
        assert_eq!(settled((None, Some(512)), None, None), (1024, 512));
        assert_eq!(settled((Some(10), None), None, None), (10, 1024), "refused later, in words");
    }

    #[test]
    fn longer_prompts_are_drawn_larger() {
        for (tokens, quality) in [
            (0, Quality::Draft),
            (40, Quality::Draft),
            (41, Quality::Standard),
            (80, Quality::Standard),
            (81, Quality::High),
        ] {
            assert_eq!(by_length(tokens), quality, "{tokens}");
        }
    }
}
