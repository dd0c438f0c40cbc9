//! What is left of a run: PNG files with their recipes, and what is said about them.

use std::time::{Duration, Instant};

use zao_api::{Generated, GeneratedImage, Stages};
use zao_engine::{Engine, Job, Picture, Timings};
use zao_request::Provenance;

use super::output::Output;
use crate::failure::Result;
use crate::units;

/// What files and lines say of a run, besides its times.
pub(super) struct Report {
    provenance: Provenance,
    precision_reason: String,
    device: String,
    start: Instant,
    images: Vec<GeneratedImage>,
    encode_png: Duration,
}

impl Report {
    /// A run of `count` pictures of this `provenance`, that began at `start`.
    pub(super) fn new(
        engine: &Engine,
        provenance: Provenance,
        count: usize,
        start: Instant,
    ) -> Self {
        Self {
            provenance,
            precision_reason: engine.precision_reason().to_string(),
            device: engine.device().device,
            start,
            images: Vec::with_capacity(count),
            encode_png: Duration::ZERO,
        }
    }

    /// Writes the next picture of `jobs`.
    pub(super) fn write(&mut self, jobs: &[Job], picture: &Picture, output: &Output) -> Result<()> {
        let index = self.images.len();
        let (job, target) = (&jobs[index], &output.targets()[index]);
        let since = Instant::now();
        let recipe = self.provenance.recipe_of(job, picture)?;
        let (width, height) = (recipe.width, recipe.height);
        let png = zao_png::encode(&picture.rgb, width, height, &recipe)?;
        self.encode_png += since.elapsed();
        target.write(&png)?;
        let (file, prompt) = (target.to_string(), job.ask().prompt.clone());
        let (seed, steps) = (job.ask().seed, steps(job));
        self.images.push(GeneratedImage { file, prompt, seed, width, height, steps });
        Ok(())
    }

    /// The files that are written so far, for a run that ends early.
    pub(super) fn written(&self) -> String {
        match self.images.as_slice() {
            [] => "nothing was written".into(),
            [only] => format!("{} is written", only.file),
            [first, .., last] => format!("{} to {} are written", first.file, last.file),
        }
    }

    /// The run as one JSON object.
    pub(super) fn json(
        &self,
        jobs: &[Job],
        timings: &Timings,
        planned: Option<u64>,
        warnings: Vec<String>,
    ) -> Generated {
        let first = jobs.first().map(Job::ask);
        Generated {
            images: self.images.clone(),
            prompt: first.map(|ask| ask.prompt.clone()).unwrap_or_default(),
            model: self.provenance.model().clone(),
            device: self.device.clone(),
            precision: self.provenance.precision(),
            precision_reason: self.precision_reason.clone(),
            stages: Stages {
                load: timings.load.as_secs_f64(),
                encode: timings.encode.as_secs_f64(),
                text: timings.text.as_secs_f64(),
                denoise: timings.denoise.as_secs_f64(),
                decode: timings.decode.as_secs_f64(),
                encode_png: self.encode_png.as_secs_f64(),
                total: self.start.elapsed().as_secs_f64(),
            },
            steps: jobs.first().map_or(0, steps),
            step_seconds: timings.steps.iter().map(Duration::as_secs_f64).collect(),
            planned_memory_bytes: planned,
            peak_memory_bytes: zao_engine::peak_bytes(),
            warnings,
        }
    }

    /// The run as lines: a file each, then where the time went.
    pub(super) fn lines(&self, timings: &Timings) -> Vec<String> {
        let file = |image: &GeneratedImage| {
            let GeneratedImage { file, seed, width, height, .. } = image;
            format!("{file}  {width}x{height}  seed {seed}")
        };
        let Timings { load, encode, text, denoise, decode, .. } = timings;
        let total = units::seconds(self.start.elapsed());
        let encode = (!encode.is_zero()).then(|| format!("picture {}, ", units::seconds(*encode)));
        let encode = encode.unwrap_or_default();
        let [load, text, denoise, decode] =
            [load, text, denoise, decode].map(|t| units::seconds(*t));
        let times =
            format!("{total}: load {load}, {encode}text {text}, steps {denoise}, decode {decode}");
        self.images.iter().map(file).chain([times]).collect()
    }
}

fn steps(job: &Job) -> u32 {
    u32::try_from(job.steps()).unwrap_or(u32::MAX)
}
