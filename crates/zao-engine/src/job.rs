//! A picture to draw: checked, complete, nothing left to choose.

use zao_backend::Grid;
use zao_model::guidance::Guidance;
use zao_model::noise::Generator;
use zao_model::schedule::left_out;

use crate::adapters::AdapterId;
use crate::engine::ModelInfo;
use crate::{Mask, Start};

/// No side of a picture is longer than this, whatever the model.
pub const MAX_SIDE: usize = 8192;

/// No job takes more steps than this.
pub const MAX_STEPS: usize = 1000;

/// What somebody wants, as numbers; [`Job::new`] checks it.
#[derive(Clone, Debug, PartialEq)]
pub struct Ask {
    /// The prompt.
    pub prompt: String,
    /// The negative prompt; only read with guidance.
    pub negative: String,
    /// Width in pixels.
    pub width: usize,
    /// Height in pixels.
    pub height: usize,
    /// Forwards of the transformer (twice as many with guidance).
    pub steps: usize,
    /// How the negative prompt counts.
    pub guidance: Guidance,
    /// Seed of the noise.
    pub seed: u64,
    /// Generator of the noise.
    pub generator: Generator,
    /// A picture to begin with; `None` for noise alone.
    pub start: Option<Start>,
}

/// A picture to draw.
#[derive(Clone, Debug, PartialEq)]
pub struct Job {
    ask: Ask,
    latent: Grid,
    adapters: Vec<(AdapterId, f32)>,
    may_shrink: bool,
}

/// No adapter counts more often than this, or less often than minus this.
pub const MAX_ADAPTER_SCALE: f32 = 100.0;

/// Why a job cannot be done; each message says what would be possible.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[allow(missing_docs, reason = "the messages say what the fields are")]
pub enum InvalidJob {
    #[error("the prompt is empty; say what to draw")]
    EmptyPrompt,
    #[error("the size {width}x{height} is not a multiple of {multiple}; the nearest is {nearest}")]
    NotAMultiple { width: usize, height: usize, multiple: usize, nearest: Grid },
    #[error("the size {width}x{height} is not drawable; sizes go from {min}x{min} to {max} pixels")]
    SizeOutOfRange { width: usize, height: usize, min: usize, max: Grid },
    #[error("{steps} steps cannot be done; use 1 to {MAX_STEPS}, the model is made for 8")]
    Steps { steps: usize },
    #[error("guidance {scale} is not usable; use 0 (off) to 100")]
    Guidance { scale: f32 },
    #[error("guidance normalization {normalization} is not usable; use 0 (off) or more")]
    Normalization { normalization: f32 },
    #[error(
        "an adapter's scale of {scale} is not usable; use a number from -{MAX_ADAPTER_SCALE} to {MAX_ADAPTER_SCALE}"
    )]
    AdapterScale { scale: f32 },
    #[error("guidance truncation {truncation} is not usable; use a number from 0 to 1")]
    Truncation { truncation: f32 },
    #[error("the picture to begin with, or its mask, is not of the size {size}; resize it")]
    StartSize { size: Grid },
    #[error("strength {strength} is not usable; use a number above 0 and up to 1")]
    Strength { strength: f64 },
    #[error("strength {strength} leaves none of {steps} steps to do; use more of either")]
    NoStepLeft { strength: f64, steps: usize },
    #[error("the mask has nothing to draw anew; paint that part white and leave the rest black")]
    DarkMask,
}

impl ModelInfo {
    /// Whether the model draws pictures of this size.
    ///
    /// # Errors
    /// [`InvalidJob::SizeOutOfRange`] or [`InvalidJob::NotAMultiple`].
    pub fn check_size(&self, size: Grid) -> Result<(), InvalidJob> {
        let Grid { width, height } = size;
        let multiple = self.size_multiple;
        let max = self.max_size;
        if width == 0 || height == 0 || width > max.width || height > max.height {
            return Err(InvalidJob::SizeOutOfRange { width, height, min: multiple, max });
        }
        if !width.is_multiple_of(multiple) || !height.is_multiple_of(multiple) {
            let nearest = |side: usize, max: usize| {
                ((side + multiple / 2) / multiple * multiple).clamp(multiple, max)
            };
            let nearest = Grid::new(nearest(height, max.height), nearest(width, max.width));
            return Err(InvalidJob::NotAMultiple { width, height, multiple, nearest });
        }
        Ok(())
    }
}

impl Job {
    /// Checks what is asked against what the model can draw.
    ///
    /// # Errors
    /// The first thing that is not possible.
    pub fn new(ask: Ask, model: &ModelInfo) -> Result<Self, InvalidJob> {
        let Ask { width, height, steps, guidance, .. } = ask;
        if ask.prompt.trim().is_empty() {
            return Err(InvalidJob::EmptyPrompt);
        }
        let size = Grid::new(height, width);
        model.check_size(size)?;
        if steps == 0 || steps > MAX_STEPS {
            return Err(InvalidJob::Steps { steps });
        }
        let Guidance { scale, normalization, truncation } = guidance;
        if !(0.0..=100.0).contains(&scale) {
            return Err(InvalidJob::Guidance { scale });
        }
        if !(0.0..f32::INFINITY).contains(&normalization) {
            return Err(InvalidJob::Normalization { normalization });
        }
        if !(0.0..=1.0).contains(&truncation) {
            return Err(InvalidJob::Truncation { truncation });
        }
        let latent = size.over(model.pixels_per_cell);
        if let Some(start) = &ask.start {
            check_start(start, size, latent, steps)?;
        }
        Ok(Self { ask, latent, adapters: Vec::new(), may_shrink: false })
    }

    /// The same job, whose picture follows adapters that the engine has opened, each with its scale. Those of a
    /// scale of zero are left out.
    ///
    /// # Errors
    /// A scale that is no sensible number.
    pub fn following(mut self, adapters: &[(AdapterId, f32)]) -> Result<Self, InvalidJob> {
        let sensible = |scale: f32| scale.abs() <= MAX_ADAPTER_SCALE;
        if let Some(&(_, scale)) = adapters.iter().find(|(_, scale)| !sensible(*scale)) {
            return Err(InvalidJob::AdapterScale { scale });
        }
        self.adapters = adapters.iter().copied().filter(|(_, scale)| *scale != 0.0).collect();
        Ok(self)
    }

    /// The adapters that the picture follows.
    #[must_use]
    pub fn adapters(&self) -> &[(AdapterId, f32)] {
        &self.adapters
    }

    /// Forwards that are really done: those that the strength of the start leaves.
    #[must_use]
    pub fn steps(&self) -> usize {
        self.ask.steps - self.left_out()
    }

    /// Steps of the schedule that a start makes needless.
    pub(crate) fn left_out(&self) -> usize {
        self.ask.start.as_ref().map_or(0, |start| left_out(self.ask.steps, start.strength))
    }

    /// What was asked, now known to be possible.
    #[must_use]
    pub fn ask(&self) -> &Ask {
        &self.ask
    }

    /// Extent of the latent.
    #[must_use]
    pub fn latent(&self) -> Grid {
        self.latent
    }

    /// The same job, in place of which a smaller picture may be drawn where memory has no room for it. A seed draws
    /// another picture at another size. What begins with a picture is never drawn smaller.
    #[must_use]
    pub fn or_smaller(self) -> Self {
        let may_shrink = self.ask.start.is_none();
        Self { may_shrink, ..self }
    }

    /// Whether a smaller picture may be drawn in its place.
    #[must_use]
    pub fn may_shrink(&self) -> bool {
        self.may_shrink
    }

    /// The same job with so many steps.
    pub(crate) fn with_steps(self, steps: usize) -> Self {
        Self { ask: Ask { steps, ..self.ask }, ..self }
    }

    /// The same job for a picture of the next smaller tier, three quarters as wide and high; `None` where it would not
    /// be smaller or must not be.
    pub(crate) fn smaller(&self, multiple: usize) -> Option<Self> {
        let side = |side: usize| (side * 3 / 4 / multiple * multiple).max(multiple);
        let size = Grid::new(side(self.ask.height), side(self.ask.width));
        let shrinks = size != Grid::new(self.ask.height, self.ask.width);
        (self.may_shrink && shrinks).then(|| self.resized(size))
    }

    /// The same job for a picture of `size`, which the model is known to draw.
    pub(crate) fn resized(&self, size: Grid) -> Self {
        let pixels_per_cell = self.ask.height / self.latent.height;
        let start = self.ask.start.as_ref().map(|start| start.resized(size));
        let ask = Ask { width: size.width, height: size.height, start, ..self.ask.clone() };
        let latent = size.over(pixels_per_cell);
        Self { ask, latent, adapters: self.adapters.clone(), may_shrink: self.may_shrink }
    }
}

fn check_start(start: &Start, size: Grid, latent: Grid, steps: usize) -> Result<(), InvalidJob> {
    let strength = start.strength;
    if !(strength > 0.0 && strength <= 1.0) {
        return Err(InvalidJob::Strength { strength });
    }
    if left_out(steps, strength) >= steps {
        return Err(InvalidJob::NoStepLeft { strength, steps });
    }
    if !start.fits(size) {
        return Err(InvalidJob::StartSize { size });
    }
    let draws_nothing = |mask: &Mask| !mask.cells(latent).contains(&true);
    if start.mask.as_deref().is_some_and(draws_nothing) {
        return Err(InvalidJob::DarkMask);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::Picture;

    fn model() -> ModelInfo {
        ModelInfo {
            name: "test".into(),
            fingerprint: String::new(),
            size_multiple: 16,
            pixels_per_cell: 8,
            max_size: Grid::new(2048, 2048),
            default_size: Grid::new(256, 256),
            shift: 3.0,
        }
    }

    fn ask() -> Ask {
        Ask {
            prompt: "a cat".into(),
            negative: String::new(),
            width: 256,
            height: 512,
            steps: 8,
            guidance: Guidance::OFF,
            seed: 0,
            generator: Generator::TorchCpu,
            start: None,
        }
    }

    fn start(strength: f64, (width, height): (usize, usize), grey: Option<u8>) -> Start {
        let mask = |grey| Arc::new(Mask { width, height, grey: vec![grey; width * height] });
        let picture = Picture { width, height, rgb: vec![0; 3 * width * height] };
        Start { picture: Arc::new(picture), mask: grey.map(mask), strength }
    }

    #[test]
    fn a_start_leaves_the_steps_of_its_strength() {
        for (strength, steps) in [(1.0, 8), (0.6, 5), (0.5, 4), (0.01, 1)] {
            let start = Some(start(strength, (256, 512), Some(255)));
            let job = Job::new(Ask { start, ..ask() }, &model()).unwrap();
            assert_eq!((job.steps(), job.left_out()), (steps, 8 - steps), "{strength}");
        }
        assert_eq!(Job::new(ask(), &model()).unwrap().steps(), 8);
    }

    #[test]
    fn starts_that_make_no_sense_are_refused() {
        let size = (256, 512);
        let refusal = |start| {
            let ask = Ask { start: Some(start), ..ask() };
            Job::new(ask, &model()).unwrap_err()
        };
        for strength in [0.0, -0.5, 1.01, f64::NAN, f64::INFINITY] {
            let error = refusal(start(strength, size, None));
            assert!(matches!(error, InvalidJob::Strength { .. }), "{strength}: {error}");
        }
        let error = refusal(start(1e-300, size, None));
        assert!(matches!(error, InvalidJob::NoStepLeft { steps: 8, .. }), "{error}");
        let size_errors = [
            start(0.5, (512, 256), None),
            Start { mask: start(0.5, (16, 16), Some(255)).mask, ..start(0.5, size, None) },
            Start {
                picture: Arc::new(Picture { width: 256, height: 512, rgb: Vec::new() }),
                ..start(0.5, size, None)
            },
        ];
        for start in size_errors {
            assert!(matches!(refusal(start), InvalidJob::StartSize { .. }));
        }
        assert_eq!(refusal(start(0.5, size, Some(127))), InvalidJob::DarkMask);
    }

    #[test]
    fn a_fit_job_knows_its_latent() {
        assert_eq!(Job::new(ask(), &model()).unwrap().latent(), Grid::new(64, 32));
    }

    #[test]
    fn only_a_job_that_says_so_shrinks_by_tiers_down_to_the_smallest_picture() {
        let job = Job::new(ask(), &model()).unwrap();
        assert!(job.smaller(16).is_none() && !job.may_shrink());
        let sizes = std::iter::successors(Some(job.or_smaller()), |job| job.smaller(16));
        let sizes: Vec<_> = sizes.map(|job| (job.ask().width, job.ask().height)).collect();
        assert_eq!(sizes[..3], [(256, 512), (192, 384), (144, 288)]);
        assert_eq!(sizes.last(), Some(&(16, 16)));
        let begun = Ask { start: Some(start(0.5, (256, 512), None)), ..ask() };
        assert!(!Job::new(begun, &model()).unwrap().or_smaller().may_shrink());
    }

    #[test]
    fn the_nearest_size_is_suggested() {
        for (width, height, nearest) in [
            (250, 250, "256x256"),
            (1, 7, "16x16"),
            (2047, 2048, "2048x2048"),
            (264, 263, "272x256"),
        ] {
            let error = Job::new(Ask { width, height, ..ask() }, &model()).unwrap_err().to_string();
            assert!(error.ends_with(nearest), "{error}");
        }
    }

    #[test]
    fn absurd_numbers_are_refused() {
        let guidance = |scale| Guidance { scale, ..Guidance::OFF };
        for bad in [
            Ask { prompt: " \n".into(), ..ask() },
            Ask { width: 0, ..ask() },
            Ask { height: usize::MAX, ..ask() },
            Ask { steps: 0, ..ask() },
            Ask { steps: MAX_STEPS + 1, ..ask() },
            Ask { guidance: guidance(-1.0), ..ask() },
            Ask { guidance: guidance(f32::NAN), ..ask() },
            Ask { guidance: Guidance { normalization: f32::INFINITY, ..Guidance::OFF }, ..ask() },
            Ask { guidance: Guidance { truncation: -0.1, ..Guidance::OFF }, ..ask() },
        ] {
            assert!(Job::new(bad.clone(), &model()).is_err(), "{bad:?}");
        }
    }
}
