//! What is left of a run: PNG files with their recipes, and what is said about them.

use std::time::{Duration, Instant};

use anyhow::Context;
use zao_api::{Generated, GeneratedImage, Model, Recipe, RecipeFormat, Rng, Stages};
use zao_engine::{Engine, Generator, Job, Picture, Timings};

use super::output::Output;
use super::{recorded, recorded_device};
use crate::failure::Result;
use crate::units;

/// A finished run.
pub(super) struct Report<'a> {
    pub(super) engine: &'a Engine,
    pub(super) jobs: &'a [Job],
    pub(super) timings: &'a Timings,
    pub(super) start: Instant,
}

/// The files of a run and the time their encoding took.
pub(super) struct Files {
    images: Vec<GeneratedImage>,
    encode_png: Duration,
}

impl Report<'_> {
    /// Writes all pictures.
    pub(super) fn write(&self, pictures: &[Picture], output: &Output) -> Result<Files> {
        let mut files = Files { images: Vec::new(), encode_png: Duration::ZERO };
        for ((job, picture), target) in self.jobs.iter().zip(pictures).zip(output.targets()) {
            let since = Instant::now();
            let (width, height) = (side(picture.width)?, side(picture.height)?);
            let png = zao_png::encode(&picture.rgb, width, height, &self.recipe(job)?)?;
            files.encode_png += since.elapsed();
            target.write(&png)?;
            let (file, seed) = (target.to_string(), job.ask().seed);
            files.images.push(GeneratedImage { file, seed, width, height });
        }
        Ok(files)
    }

    fn model(&self) -> Model {
        let model = self.engine.model();
        Model { name: model.name.clone(), fingerprint: model.fingerprint.clone() }
    }

    fn recipe(&self, job: &Job) -> Result<Recipe> {
        let ask = job.ask();
        Ok(Recipe {
            format: RecipeFormat,
            zao_version: env!("CARGO_PKG_VERSION").into(),
            prompt: ask.prompt.clone(),
            negative_prompt: Some(ask.negative.clone()).filter(|text| !text.is_empty()),
            model: self.model(),
            width: side(ask.width)?,
            height: side(ask.height)?,
            steps: side(ask.steps)?,
            guidance: ask.guidance.scale,
            cfg_normalization: ask.guidance.normalization,
            cfg_truncation: ask.guidance.truncation,
            seed: ask.seed,
            rng: match ask.generator {
                Generator::TorchCpu => Rng::TorchCpu,
                Generator::Nv => Rng::Nv,
            },
            shift: self.engine.model().shift,
            precision: recorded(self.engine),
            device: recorded_device(self.engine),
        })
    }

    /// The run as one JSON object.
    pub(super) fn json(&self, files: Files, warnings: Vec<String>) -> Generated {
        let timings = self.timings;
        let first = self.jobs.first().map(Job::ask);
        Generated {
            images: files.images,
            prompt: first.map(|ask| ask.prompt.clone()).unwrap_or_default(),
            model: self.model(),
            device: self.engine.device().device,
            precision: recorded(self.engine),
            stages: Stages {
                load: timings.load.as_secs_f64(),
                text: timings.text.as_secs_f64(),
                denoise: timings.denoise.as_secs_f64(),
                decode: timings.decode.as_secs_f64(),
                encode_png: files.encode_png.as_secs_f64(),
                total: self.start.elapsed().as_secs_f64(),
            },
            steps: first.map_or(0, |ask| u32::try_from(ask.steps).unwrap_or(u32::MAX)),
            step_seconds: timings.steps.iter().map(Duration::as_secs_f64).collect(),
            peak_memory_bytes: zao_engine::peak_bytes(),
            warnings,
        }
    }

    /// The run as lines: a file each, then where the time went.
    pub(super) fn lines(&self, files: &Files) -> Vec<String> {
        let file = |image: &GeneratedImage| {
            let GeneratedImage { file, seed, width, height } = image;
            format!("{file}  {width}x{height}  seed {seed}")
        };
        let Timings { load, text, denoise, decode, .. } = self.timings;
        let total = units::seconds(self.start.elapsed());
        let [load, text, denoise, decode] =
            [load, text, denoise, decode].map(|t| units::seconds(*t));
        let times = format!("{total}: load {load}, text {text}, steps {denoise}, decode {decode}");
        files.images.iter().map(file).chain([times]).collect()
    }
}

/// A checked number of pixels or steps as recipes hold it.
fn side(count: usize) -> Result<u32> {
    Ok(u32::try_from(count).with_context(|| format!("{count} does not fit into a recipe"))?)
}
