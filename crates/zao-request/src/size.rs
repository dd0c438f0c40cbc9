//! How large a picture is drawn when its size is left open, in whole or in part: by the picture that it
//! begins with, by the quality asked for, or by what its prompt asks for.

use zao_api::{Quality, Request};
use zao_engine::{Grid, ModelInfo};
use zao_prompt::{Tier, advise};

use crate::Result;

/// The size to draw for `request`, which may begin with a picture of the size `picture`, and what to tell
/// the user about it if zao chose. Where the prompt decides, `fits` bounds it: the largest tier is taken, of at most the
/// advised one, that has room; else the smallest, for whoever draws it to refuse in words.
///
/// Whether the model draws that size is for [`ModelInfo::check_size`] to say.
///
/// # Errors
/// Those of `fits`.
pub fn settle<E>(
    request: &Request,
    picture: Option<Grid>,
    model: &ModelInfo,
    mut fits: impl FnMut(Grid) -> Result<bool, E>,
) -> Result<(Grid, Option<String>), E> {
    if request.quality != Some(Quality::Auto) {
        return Ok((size(request, picture, request.quality, model), None));
    }
    let advice = advise(&request.prompt);
    let advised = quality(advice.tier);
    let of = |tier: Tier| size(request, picture, Some(quality(tier)), model);
    let tiers = [Tier::High, Tier::Standard, Tier::Draft];
    let mut tier = Tier::Draft;
    for lower in tiers.into_iter().filter(|tier| *tier <= advice.tier) {
        if fits(of(lower))? {
            tier = lower;
            break;
        }
    }
    let (size, quality) = (of(tier), quality(tier));
    let less = (tier < advice.tier).then(|| format!(", since {advised} has no room"));
    let instead = less.unwrap_or_default();
    let remark = format!("drawing {size}, {quality} quality{instead}: {}", advice.reason);
    Ok((size, Some(remark)))
}

fn quality(tier: Tier) -> Quality {
    match tier {
        Tier::Draft => Quality::Draft,
        Tier::Standard => Quality::Standard,
        Tier::High => Quality::High,
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
    // A side alone keeps the proportions: of the picture, or of what would be drawn without it.
    let of = picture.unwrap_or(open);
    match (request.width.map(side), request.height.map(side)) {
        (Some(width), Some(height)) => Grid::new(height, width),
        (Some(width), None) => {
            let height = nearest(scaled(of.height, width, of.width), model, model.max_size.height);
            Grid::new(height, width)
        }
        (None, Some(height)) => {
            let width = nearest(scaled(of.width, height, of.height), model, model.max_size.width);
            Grid::new(height, width)
        }
        (None, None) => open,
    }
}

/// What a quality is of what suits the model, in quarters.
pub(crate) fn quarters(quality: Quality) -> u32 {
    match quality {
        Quality::Draft => 3,
        Quality::Standard | Quality::Auto => 4,
        Quality::High => 5,
    }
}

/// The sides of a model whose own are `own`, times the quality's factor.
fn tier(own: Grid, quality: Quality, model: &ModelInfo) -> Grid {
    let quarters = f64::from(quarters(quality));
    let side = |side: usize, max| nearest(side as f64 * quarters / 4.0, model, max);
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
        assert_eq!(settled((None, Some(512)), None, None), (512, 512));
        assert_eq!(settled((Some(64), None), None, Some(Quality::High)), (64, 64));
        assert_eq!(settled((Some(10), None), None, None), (10, 16), "refused later, in words");
    }

    #[test]
    fn the_prompt_proposes_and_room_bounds() {
        let of = |prompt: &str, most: usize| {
            let quality = Some(Quality::Auto);
            let request = Request { prompt: prompt.into(), quality, ..Request::default() };
            let fits = |size: Grid| Ok::<_, std::convert::Infallible>(size.width <= most);
            let (size, remark) = settle(&request, None, &model(1024), fits).unwrap();
            (size.width, remark.unwrap())
        };
        let long = "stone ".repeat(60);
        for (prompt, most, side) in [
            ("a cat", 2048, 768),
            ("a sign \"Open\"", 2048, 1024),
            (&long, 2048, 1280),
            (&long, 1200, 1024),
            (&long, 800, 768),
            (&long, 100, 768),
        ] {
            let (width, remark) = of(prompt, most);
            assert_eq!(width, side, "{prompt} {most}");
            assert_eq!(remark.contains("has no room"), most < 2048, "{remark}");
        }
    }
}
