//! Pictures that a converted model draws beside those of its original, on the same noise.

use std::num::NonZeroUsize;
use std::path::Path;

use zao_model::guidance::Guidance;
use zao_model::noise::Generator;
use zao_weights::Source;

use super::ConvertTo;
use crate::{
    Ask, CancelToken, Device, Engine, Job, ModelSource, Picture, Precision, ResolvedPrecision,
    Result, Settings, open,
};

/// What is drawn, the prompt of index `i` with the seed `i`: things that a small model knows, too.
const PROMPTS: [&str; 8] = [
    "a red apple on a blue background",
    "a rocket on a black background",
    "an owl on a white background",
    "a panda on a pink background",
    "a hamburger on a yellow background",
    "two red apples on a green background",
    "红苹果，绿色背景",
    "熊猫，蓝色背景",
];

/// The most pictures that can be compared.
pub const COMPARED: usize = PROMPTS.len();

/// Steps of each picture.
const STEPS: usize = 8;

/// The largest side of a picture in pixels: large enough to see what quantising costs, and no more than a processor draws
/// in some minutes.
const SIDE: usize = 512;

/// How two models were compared.
#[derive(Clone, Debug, PartialEq)]
pub struct Beside {
    /// Width of the pictures in pixels.
    pub width: usize,
    /// Height of the pictures in pixels.
    pub height: usize,
    /// Steps of each picture.
    pub steps: usize,
    /// In which precision the original was drawn with.
    pub original: ResolvedPrecision,
    /// In which precision the copy was drawn with.
    pub copy: ResolvedPrecision,
    /// Each picture.
    pub pictures: Vec<Compared>,
}

/// One picture, drawn with both.
#[derive(Clone, Debug, PartialEq)]
pub struct Compared {
    /// The prompt.
    pub prompt: &'static str,
    /// The seed of the noise.
    pub seed: u64,
    /// Peak signal-to-noise ratio in dB; infinite where both are the same.
    pub psnr: f64,
}

impl Beside {
    /// The median of the pictures' PSNR in dB; infinite without any.
    #[must_use]
    pub fn median(&self) -> f64 {
        let mut sorted: Vec<f64> = self.pictures.iter().map(|picture| picture.psnr).collect();
        sorted.sort_by(f64::total_cmp);
        match sorted.len() {
            0 => f64::INFINITY,
            count => f64::midpoint(sorted[(count - 1) / 2], sorted[count / 2]),
        }
    }
}

/// Draws the first `count` of a few fixed prompts with the model at `original` in bf16, and with its copy at `copy`,
/// which was converted `to` that: in bf16, too, so that only the weights differ, or in int8, which copies in int8
/// cannot be drawn with otherwise. `progress` hears how many pictures of how many are drawn.
///
/// # Errors
/// A model that cannot be opened or drawn with; cancelled.
pub fn compare(
    original: impl Into<ModelSource>,
    copy: &Path,
    to: ConvertTo,
    count: usize,
    threads: Option<NonZeroUsize>,
    progress: &dyn Fn(usize, usize),
    cancel: &CancelToken,
) -> Result<Beside> {
    let (device, of_copy) = match to {
        ConvertTo::Int8 => (Device::Cpu, ResolvedPrecision::Int8),
        ConvertTo::Fp8 | ConvertTo::Int4 => (Device::Auto, ResolvedPrecision::Bf16),
    };
    let of_original = ResolvedPrecision::Bf16;
    let settings = |precision| Settings {
        device,
        precision: Precision::Exactly(precision),
        threads,
        ..Settings::default()
    };
    let count = count.min(COMPARED);
    let told = |before| move |done: usize| progress(before + done, 2 * count);

    let mut engine = open("original", original, &settings(of_original))?;
    let size = engine.model().default_size;
    let multiple = engine.model().size_multiple;
    let side = |side: usize| side.min(SIDE / multiple * multiple).max(multiple);
    let (width, height) = (side(size.width), side(size.height));
    let expected = draw(&mut engine, (width, height), count, &told(0), cancel)?;
    // Both at once may not fit.
    drop(engine);
    let copy = Source::Folder(copy.to_owned());
    let mut engine = open("copy", copy, &settings(of_copy))?;
    let drawn = draw(&mut engine, (width, height), count, &told(count), cancel)?;
    let compared = |((seed, prompt), (drawn, expected)): (_, (&Picture, &Picture))| Compared {
        prompt,
        seed,
        psnr: psnr(&drawn.rgb, &expected.rgb),
    };
    let pictures = (0..).zip(PROMPTS).zip(drawn.iter().zip(&expected)).map(compared).collect();
    Ok(Beside { width, height, steps: STEPS, original: of_original, copy: of_copy, pictures })
}

/// The first `count` pictures, one after the other, so that each is as good as alone in memory.
fn draw(
    engine: &mut Engine,
    (width, height): (usize, usize),
    count: usize,
    progress: &dyn Fn(usize),
    cancel: &CancelToken,
) -> Result<Vec<Picture>> {
    let mut pictures = Vec::new();
    for (seed, prompt) in (0..).zip(PROMPTS).take(count) {
        let ask = Ask {
            prompt: prompt.into(),
            negative: String::new(),
            width,
            height,
            steps: STEPS,
            guidance: Guidance::OFF,
            seed,
            generator: Generator::TorchCpu,
            start: None,
        };
        let job = Job::new(ask, engine.model())?;
        pictures.extend(engine.draw(&[job], &|_| (), cancel)?.0);
        progress(pictures.len());
    }
    Ok(pictures)
}

/// Peak signal-to-noise ratio of two pictures of the same size, in dB.
fn psnr(a: &[u8], b: &[u8]) -> f64 {
    let squares = a.iter().zip(b).map(|(&a, &b)| (f64::from(a) - f64::from(b)).powi(2));
    let mean = squares.sum::<f64>() / a.len().max(1) as f64;
    if mean > 0.0 { 10.0 * (255.0 * 255.0 / mean).log10() } else { f64::INFINITY }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_that_of_both_middle_ones() {
        let with = |psnrs: &[f64]| {
            let pictures = psnrs.iter().map(|&psnr| Compared { prompt: "", seed: 0, psnr });
            let pictures = pictures.collect();
            let (original, copy) = (ResolvedPrecision::Bf16, ResolvedPrecision::Int8);
            Beside { width: 1, height: 1, steps: 1, original, copy, pictures }.median()
        };
        assert_eq!(with(&[30.0, 20.0, 26.0]), 26.0);
        assert_eq!(with(&[30.0, 20.0, 26.0, 28.0]), 27.0);
        assert_eq!(with(&[]), f64::INFINITY);
    }

    #[test]
    fn what_differs_by_one_everywhere_is_48_db_away() {
        assert!((psnr(&[1, 2, 3], &[2, 3, 4]) - 48.13).abs() < 0.01);
        assert_eq!(psnr(&[7; 3], &[7; 3]), f64::INFINITY);
    }
}
