//! A picture to draw: checked, complete, nothing left to choose.

use zao_backend::Grid;
use zao_model::guidance::Guidance;
use zao_model::noise::Generator;

use crate::adapters::AdapterId;
use crate::engine::ModelInfo;

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
}

/// A picture to draw.
#[derive(Clone, Debug, PartialEq)]
pub struct Job {
    ask: Ask,
    latent: Grid,
    adapters: Vec<(AdapterId, f32)>,
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
        let multiple = model.size_multiple;
        let max = model.max_size;
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
        let latent = Grid::new(height, width).over(model.pixels_per_cell);
        Ok(Self { ask, latent, adapters: Vec::new() })
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

    /// The same job for a picture of `size`, which the model is known to draw.
    pub(crate) fn resized(&self, size: Grid) -> Self {
        let pixels_per_cell = self.ask.height / self.latent.height;
        let ask = Ask { width: size.width, height: size.height, ..self.ask.clone() };
        Self { ask, latent: size.over(pixels_per_cell), adapters: self.adapters.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        }
    }

    #[test]
    fn a_fit_job_knows_its_latent() {
        assert_eq!(Job::new(ask(), &model()).unwrap().latent(), Grid::new(64, 32));
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
