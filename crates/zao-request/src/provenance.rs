//! What made a picture, as its recipe records it, and the PNG that carries both. Files are NOT written here.

use zao_api::{InputImage, Model, Recipe, RecipeFormat, ResolvedPrecision, Rng, UsedLora};
use zao_engine::{Engine, Generator, Job, Picture};

use crate::{Error, Result, recorded_device, recorded_precision};

/// The model, the arithmetic, the device, the picture to begin with and the adapters, which are the same for all
/// pictures of a run.
#[derive(Clone, Debug)]
pub struct Provenance {
    model: Model,
    image: Option<InputImage>,
    shift: f32,
    precision: ResolvedPrecision,
    device: String,
    loras: Vec<UsedLora>,
    /// Whether pictures tell it.
    is_told: bool,
}

impl Provenance {
    /// Of what `engine` draws.
    ///
    /// # Errors
    /// A processor that cannot be had to read prompts.
    pub fn of(engine: &mut Engine) -> Result<Self> {
        let device = recorded_device(engine)?;
        let model = engine.model();
        Ok(Self {
            model: Model { name: model.name.clone(), fingerprint: model.fingerprint.clone() },
            image: None,
            shift: model.shift,
            precision: recorded_precision(engine),
            device,
            loras: Vec::new(),
            is_told: true,
        })
    }

    /// The same for pictures that begin with another.
    #[must_use]
    pub fn with_image(self, image: Option<InputImage>) -> Self {
        Self { image, ..self }
    }

    /// The same for pictures that follow adapters.
    #[must_use]
    pub fn with_loras(self, loras: Vec<UsedLora>) -> Self {
        Self { loras, ..self }
    }

    /// The same for pictures that tell it or, where somebody wants that, keep it to themselves.
    #[must_use]
    pub fn told(self, is_told: bool) -> Self {
        Self { is_told, ..self }
    }

    /// The model.
    #[must_use]
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// The device as recipes record it.
    #[must_use]
    pub fn device(&self) -> &str {
        &self.device
    }

    /// The arithmetic.
    #[must_use]
    pub fn precision(&self) -> ResolvedPrecision {
        self.precision
    }

    /// How to draw the picture of `job` again.
    ///
    /// # Errors
    /// [`Error::TooLarge`].
    pub fn recipe(&self, job: &Job) -> Result<Recipe> {
        let ask = job.ask();
        Ok(Recipe {
            format: RecipeFormat,
            zao_version: env!("CARGO_PKG_VERSION").into(),
            prompt: ask.prompt.clone(),
            negative_prompt: Some(ask.negative.clone()).filter(|text| !text.is_empty()),
            model: self.model.clone(),
            width: narrow(ask.width)?,
            height: narrow(ask.height)?,
            steps: narrow(ask.steps)?,
            guidance: ask.guidance.scale,
            cfg_normalization: ask.guidance.normalization,
            cfg_truncation: ask.guidance.truncation,
            seed: ask.seed,
            rng: match ask.generator {
                Generator::TorchCpu => Rng::TorchCpu,
                Generator::Nv => Rng::Nv,
            },
            image: self.image.clone(),
            shift: self.shift,
            loras: self.loras.clone(),
            precision: self.precision,
            device: self.device.clone(),
        })
    }

    /// How to draw `picture` again, which `job` gave: it may be smaller than was asked for.
    ///
    /// # Errors
    /// [`Error::TooLarge`].
    pub fn recipe_of(&self, job: &Job, picture: &Picture) -> Result<Recipe> {
        let (width, height) = (narrow(picture.width)?, narrow(picture.height)?);
        Ok(Recipe { width, height, ..self.recipe(job)? })
    }

    /// The PNG of the picture that `job` gave, with its recipe unless that is kept back.
    ///
    /// # Errors
    /// [`Error::TooLarge`]; [`Error::Png`] when the texts of the recipe are too long for a file.
    pub fn png(&self, job: &Job, picture: &Picture) -> Result<Vec<u8>> {
        let recipe = self.recipe_of(job, picture)?;
        let (width, height) = (recipe.width, recipe.height);
        Ok(if self.is_told {
            zao_png::encode(&picture.rgb, width, height, &recipe)?
        } else {
            zao_png::encode_plain(&picture.rgb, width, height)?
        })
    }
}

/// A checked number of pixels or steps as recipes hold it.
fn narrow(count: usize) -> Result<u32> {
    u32::try_from(count).map_err(|_| Error::TooLarge { count })
}
