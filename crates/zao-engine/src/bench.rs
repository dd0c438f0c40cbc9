//! How fast this machine is: a whole picture of a synthetic model, one stage of it, or one of its
//! products, measured again and again. What a measurement is good for is not judged here.
//!
//! The arithmetic of a stage is counted by running the same code on `zao_backend`'s planner, and what
//! the machine could do at most is measured in the same run, so that the share of it means something.

mod gemm;
mod picture;
mod station;
mod workload;

use std::num::NonZeroUsize;
use std::time::Duration;

use zao_backend::{Description, Grid};

pub use self::gemm::{Extent, Layer, Product};
pub use self::picture::{Drawing, Drawn, StageFlops};
use self::station::{Measure, Station};
use crate::devices::Found;
use crate::memory::Budget;
use crate::model::ModelFiles;
use crate::precision::choose;
use crate::watch::Watch;
use crate::{
    CancelToken, Event, Job, ModelInfo, ResolvedPrecision, Result, Settings, Stage, Synthetic,
    WeightForm, devices,
};

/// What a measurement gave.
#[derive(Clone, Debug, PartialEq)]
pub struct Measured {
    /// Loading what was measured, the making of its weights included.
    pub load: Duration,
    /// Each repetition, in order; one more came before them and is not here.
    pub runs: Vec<Duration>,
    /// Of each repetition, how long it took to hand all of its work to the device. A device that works meanwhile
    /// waits for the host where this is as long as the repetition.
    pub queued: Vec<Duration>,
    /// Additions and multiplications of one repetition.
    pub flops: u64,
    /// Additions and multiplications a second that this machine does at most in this precision: the
    /// better of one measurement before the repetitions and one after.
    pub peak: f64,
    /// Root mean square of what came out, which tells whether the numbers stayed sane on their way.
    pub output_rms: f64,
}

/// A synthetic model and a device that it is measured on.
pub struct Bench {
    synthetic: Synthetic,
    settings: Settings,
    model: ModelFiles,
    info: ModelInfo,
    precision: ResolvedPrecision,
    station: Box<dyn Measure>,
}

/// What is measured, without the device.
#[derive(Clone, Debug)]
enum Task {
    /// One forward of the transformer for each of so many pictures of this latent extent.
    Forward { latent: Grid, batch: usize },
    /// One caption through the text encoder.
    Encode,
    /// One latent of this extent to pixels.
    Decode { latent: Grid },
    /// One product.
    Gemm(Product),
}

impl Bench {
    /// Takes the device; weights are made when something is measured.
    ///
    /// # Errors
    /// A device that is not there.
    pub fn open(synthetic: Synthetic, settings: &Settings) -> Result<Self> {
        let model = ModelFiles::synthetic(synthetic)?;
        let info = ModelInfo::of(synthetic.architecture.as_str(), &model);
        let budget = Budget::new(settings.memory_limit);
        let chosen = choose(settings.device, settings.precision, &model, &info, budget)?;
        let (precision, target) = (chosen.precision, chosen.found.with(chosen.precision));
        let station: Box<dyn Measure> = match chosen.found {
            Found::Cpu => {
                let cpu = devices::cpu(precision, settings.threads, settings.instructions)?;
                Box::new(Station::new(cpu, target, budget))
            }
            Found::Cuda(_, ordinal) => {
                Box::new(Station::new(devices::cuda(precision, ordinal, settings)?, target, budget))
            }
        };
        let settings = settings.clone();
        Ok(Self { synthetic, settings, model, info, precision, station })
    }

    /// What the model can draw, for making jobs.
    #[must_use]
    pub fn model(&self) -> &ModelInfo {
        &self.info
    }

    /// How its large matrices are stored.
    #[must_use]
    pub fn weights(&self) -> WeightForm {
        self.synthetic.weights
    }

    /// The precision it is measured in.
    #[must_use]
    pub fn precision(&self) -> ResolvedPrecision {
        self.precision
    }

    /// The device it is measured on.
    #[must_use]
    pub fn device(&self) -> Description {
        self.station.describe()
    }

    /// One forward of the transformer for `batch` pictures of the size of `job`. What is computed once
    /// a picture (refining the caption, the adaLN outputs of the schedule) is done before and not
    /// counted, as in a run of the engine.
    ///
    /// # Errors
    /// Out of memory, found before anything is made; a device that fails.
    pub fn forward(
        &self,
        job: &Job,
        batch: NonZeroUsize,
        repeat: NonZeroUsize,
        events: &dyn Fn(Event),
    ) -> Result<Measured> {
        self.measure(&Task::Forward { latent: job.latent(), batch: batch.get() }, repeat, events)
    }

    /// The caption through the text encoder.
    ///
    /// # Errors
    /// Those of [`Self::forward`].
    pub fn text(&self, repeat: NonZeroUsize, events: &dyn Fn(Event)) -> Result<Measured> {
        self.measure(&Task::Encode, repeat, events)
    }

    /// A latent of the size of `job` through the decoder.
    ///
    /// # Errors
    /// Those of [`Self::forward`].
    pub fn vae(&self, job: &Job, repeat: NonZeroUsize, events: &dyn Fn(Event)) -> Result<Measured> {
        self.measure(&Task::Decode { latent: job.latent() }, repeat, events)
    }

    /// One product of the transformer's layers.
    ///
    /// # Errors
    /// Those of [`Self::forward`].
    pub fn gemm(&self, product: Product, repeat: NonZeroUsize) -> Result<Measured> {
        // Its loading is a small part of what would be told.
        self.measure(&Task::Gemm(product), repeat, &|_| ())
    }

    /// A whole picture, each time on an engine that nothing was loaded into before; so the first
    /// repetition is timed like the others. What each stage takes is told apart.
    ///
    /// # Errors
    /// Those of [`Self::forward`].
    pub fn generate(
        &self,
        job: &Job,
        repeat: NonZeroUsize,
        events: &dyn Fn(Event),
    ) -> Result<Drawn> {
        let flops = picture::flops(&self.model, self.station.policy(), job)?;
        let before = self.station.peak()?;
        let draw = |_| picture::draw(self.synthetic, &self.settings, job, events);
        let runs = (0..repeat.get()).map(draw).collect::<Result<_>>()?;
        Ok(Drawn { runs, flops, peak: before.max(self.station.peak()?) })
    }

    /// The sizes of a product.
    #[must_use]
    pub fn extent(&self, product: Product) -> Extent {
        product.extent(&self.model.transformer)
    }

    /// Tokens of one picture of the size of `job` in the transformer's layers, its caption and all pads
    /// included.
    ///
    /// # Errors
    /// A picture that the model has no positions for.
    pub fn tokens(&self, job: &Job) -> Result<usize> {
        workload::tokens(&self.model, self.station.policy(), job.latent())
    }

    fn measure(
        &self,
        task: &Task,
        repeat: NonZeroUsize,
        events: &dyn Fn(Event),
    ) -> Result<Measured> {
        let (cancel, mut deliver) = (CancelToken::new(), drop);
        let mut watch = Watch::new(events, &cancel, &mut deliver);
        self.station.measure(&self.model, task, repeat.get(), &mut watch)
    }
}

impl Task {
    /// The stage of a drawing that it is a part of.
    fn stage(&self) -> Stage {
        match self {
            Self::Forward { .. } | Self::Gemm(_) => Stage::Denoise,
            Self::Encode => Stage::Text,
            Self::Decode { .. } => Stage::Decode,
        }
    }

    /// What it is, for a refusal.
    fn describe(&self, pixels_per_cell: usize) -> String {
        match self {
            Self::Forward { latent, batch: 1 } => {
                format!("a forward at {}", latent.times(pixels_per_cell))
            }
            Self::Forward { latent, batch } => {
                format!("a forward of {batch} pictures at {}", latent.times(pixels_per_cell))
            }
            Self::Encode => "encoding a caption".into(),
            Self::Decode { latent } => format!("decoding {}", latent.times(pixels_per_cell)),
            Self::Gemm(Product { layer, tokens }) => {
                format!("the product {} of {tokens} tokens", layer.as_str())
            }
        }
    }
}
