//! The engine as its callers see it: open a model, draw jobs.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use zao_backend::{Description, Grid};
use zao_model::Shift;

use crate::desk::Desk;
use crate::devices::Found;
use crate::draw::{Artist, Draw};
use crate::memory::Budget;
use crate::model::ModelFiles;
use crate::precision::{Choice, choose, usual_picture};
use crate::watch::Watch;
use crate::{
    AdapterId, AdapterInfo, CancelToken, Device, Event, Instructions, Job, MemoryPlan, ModelSource,
    Picture, Precision, PrecisionReason, ResolvedPrecision, Result, Synthetic, TextEncoderOn,
    Timings, UseOfLibraries, devices, reads,
};

/// How to open an engine.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Which device draws.
    pub device: Device,
    /// In which precision.
    pub precision: Precision,
    /// How many threads compute on the processor; `None` for one a core.
    pub threads: Option<NonZeroUsize>,
    /// Which instructions compute on the processor; `None` for the fastest that it has.
    pub instructions: Option<Instructions>,
    /// The most memory of the device, in bytes, that weights and runs may take together; `None` for what
    /// is free. With less than everything needs, fewer pictures are drawn at a time and
    /// parts of the model are loaded in turn: slower, but the pictures are the same.
    pub memory_limit: Option<u64>,
    /// The most memory of a card, in bytes, that its driver may report for this process, with what the driver
    /// needs itself; `None` for what is free. Weights that have no room are streamed from main memory. The processor
    /// has no such memory.
    pub vram: Option<u64>,
    /// The most main memory, in bytes: beside a card for weights that are streamed to it, on the
    /// processor for everything. `None` for what is free.
    pub ram: Option<u64>,
    /// How long parts of the model stay in memory.
    pub residency: Residency,
    /// Where the text encoder of what a card draws is computed.
    pub text_encoder_on: TextEncoderOn,
    /// Which libraries a card may be driven with, beside what is built in.
    pub libraries: UseOfLibraries,
    /// A folder for what is measured once for a device; `None` to measure again each time.
    pub cache: Option<PathBuf>,
}

/// How long parts of the model stay in memory once a run has used them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Residency {
    /// Until memory is short, so that the next run finds them.
    #[default]
    Keep,
    /// Until the run needs them no more, so that it takes no more at once than its largest part: for
    /// whoever draws once.
    InTurn,
}

/// What a model can draw.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelInfo {
    /// What users call it.
    pub name: String,
    /// Tells models of the same name apart by their content.
    pub fingerprint: String,
    /// What both sides of a picture are multiples of, in pixels.
    pub size_multiple: usize,
    /// Pixels of a latent cell's side.
    pub pixels_per_cell: usize,
    /// The largest picture, in pixels.
    pub max_size: Grid,
    /// The size to draw when nobody asks for another, in pixels.
    pub default_size: Grid,
    /// Static shift of the noise schedule; 1 when it depends on the size.
    pub shift: f32,
}

/// A model on a device, ready to draw.
pub struct Engine {
    model: ModelFiles,
    info: ModelInfo,
    precision: ResolvedPrecision,
    reason: PrecisionReason,
    passed_over: Option<String>,
    /// The number of the card, if it is one.
    card: Option<usize>,
    artist: Box<dyn Draw>,
}

/// Opens the model at `source`, checks every tensor's name, shape and type, and takes the device.
/// Weights are loaded when the first picture needs them.
///
/// # Errors
/// A model that is not whole, files that are not of it, a precision that its weights cannot be had in, or a device that is not
/// there.
pub fn open(name: &str, source: impl Into<ModelSource>, settings: &Settings) -> Result<Engine> {
    engine(name, ModelFiles::open(&source.into())?, settings)
}

/// Opens a model of random weights, which are made when the first picture needs them.
///
/// # Errors
/// A device that is not there.
pub fn open_synthetic(synthetic: Synthetic, settings: &Settings) -> Result<Engine> {
    let model = ModelFiles::synthetic(synthetic)?;
    engine(synthetic.architecture.as_str(), model, settings)
}

fn engine(name: &str, model: ModelFiles, settings: &Settings) -> Result<Engine> {
    let info = ModelInfo::of(name, &model);
    let Choice { found, passed_over, precision, reason } = choose(settings, &model, &info)?;
    let budget = Budget::of(settings, &found);
    let target = found.with(precision);
    let reads = reads::choose(settings, &model, &info, (&found, precision))?;
    let card = found.ordinal();
    let artist: Box<dyn Draw> = match found {
        Found::Cpu => {
            let cpu = devices::cpu(precision, settings.threads, settings.instructions)?;
            Box::new(Artist::new(cpu, target, budget, settings.residency))
        }
        // The card stays found until the device is open, which makes that quick.
        Found::Cuda(_card, ordinal) => {
            let cuda = devices::cuda(precision, ordinal, settings)?;
            let artist = Artist::new(cuda, target, budget, settings.residency);
            Box::new(match devices::reader(reads, settings) {
                Some(reader) => artist.with_reader(reader),
                None => artist,
            })
        }
    };
    Ok(Engine { model, info, precision, reason, passed_over, card, artist })
}

impl ModelInfo {
    /// What `model`, which users call `name`, can draw.
    pub(crate) fn of(name: &str, model: &ModelFiles) -> Self {
        Self {
            name: name.into(),
            fingerprint: model.fingerprint.clone(),
            size_multiple: model.size_multiple(),
            pixels_per_cell: model.pixels_per_cell(),
            max_size: model.max_size(),
            default_size: model.default_size(),
            shift: match model.scheduler.shift {
                Shift::Static(shift) => shift,
                Shift::Dynamic { .. } => 1.0,
            },
        }
    }
}

impl ModelInfo {
    /// So many quarters of the sides of the usual size, as near as the model draws.
    pub(crate) fn quarters(&self, quarters: usize) -> Grid {
        let side = |side: usize, most: usize| {
            let multiple = self.size_multiple;
            (side * quarters / 4 / multiple * multiple).clamp(multiple, most)
        };
        let (usual, most) = (self.default_size, self.max_size);
        Grid::new(side(usual.height, most.height), side(usual.width, most.width))
    }
}

impl Engine {
    /// What the model can draw.
    #[must_use]
    pub fn model(&self) -> &ModelInfo {
        &self.info
    }

    /// How many tokens `prompt` is, without those that the model's template adds to every prompt.
    ///
    /// # Errors
    /// A template that fails.
    pub fn prompt_tokens(&self, prompt: &str) -> Result<usize> {
        self.model.prompts.count(prompt)
    }

    /// The precision it draws in.
    #[must_use]
    pub fn precision(&self) -> ResolvedPrecision {
        self.precision
    }

    /// Why it draws in this precision.
    #[must_use]
    pub fn precision_reason(&self) -> PrecisionReason {
        self.reason
    }

    /// Why it does not draw on a card that this machine has, as a part of a sentence.
    #[must_use]
    pub fn passed_over(&self) -> Option<&str> {
        self.passed_over.as_deref()
    }

    /// The device it draws on.
    #[must_use]
    pub fn device(&self) -> Description {
        self.artist.describe()
    }

    /// The number of the card that it draws on, for [`crate::CardMeter::of_card`]; `None` for a processor.
    #[must_use]
    pub fn card(&self) -> Option<usize> {
        self.card
    }

    /// What reads its prompts in place of that device, if anything does; it is taken for that.
    ///
    /// # Errors
    /// A processor that cannot be had.
    pub fn reader(&mut self) -> Result<Option<Description>> {
        self.artist.describe_reader()
    }

    /// Whether a picture of `job` can be drawn with the memory that is free now, in bands if need be. It is rehearsed for
    /// the answer, and nothing is loaded.
    ///
    /// # Errors
    /// A prompt that cannot be read.
    pub fn fits(&self, job: &Job) -> Result<bool> {
        self.artist.fits(&self.model, job)
    }

    /// The most memory that a picture of `size` as people ask for them would take alone, were nothing held now. Nothing is loaded.
    ///
    /// # Errors
    /// [`crate::Error::OutOfMemory`] for what would be refused, with what would fit; a size that the model does not draw.
    pub fn foresee(&self, size: Grid) -> Result<MemoryPlan> {
        let job = Job::new(usual_picture(size), &self.info)?;
        self.artist.foresee(&self.model, &job)
    }

    /// Bytes of the device's memory that it holds now for weights and runs.
    #[must_use]
    pub fn held_bytes(&self) -> u64 {
        self.artist.held_bytes(&self.model)
    }

    /// Bytes of the device's memory that weights and runs may still take, within the limits of [`Settings`]; `None` where
    /// nobody knows a bound.
    #[must_use]
    pub fn free_bytes(&self) -> Option<u64> {
        self.artist.free_bytes(&self.model)
    }

    /// How many adapters are loaded now.
    #[must_use]
    pub fn loaded_adapters(&self) -> usize {
        self.artist.adapters()
    }

    /// Gives all memory back that is only held for the next picture, of weights and of runs, on a card everything but
    /// the driver's own; the next picture loads again, and is the same. For whoever has nothing to draw for a
    /// while ([`crate::IdleTimer`] says when).
    pub fn release(&mut self) {
        self.artist.rest(&self.model);
    }

    /// Has the device compute a little whose result is known, and waits for it: for whoever has had nothing to draw for a while and wants
    /// to know whether it still could. It takes milliseconds, and neither needs weights nor keeps anything.
    ///
    /// # Errors
    /// A device that fails or computes something else; one with no room for a quarter of a megabyte
    /// ([`crate::Error::is_out_of_memory`]), which says nothing of it.
    pub fn probe(&mut self) -> Result<()> {
        self.artist.probe()
    }

    /// Opens the adapter (LoRA, LoHa, LoKr or DoRA) in a safetensors file, or in PEFT's folder, so that jobs can
    /// follow it. Every tensor is checked now, and loaded with the first picture that needs it.
    ///
    /// # Errors
    /// A file that cannot be read, or does not fit the model; names and shapes are told.
    pub fn open_adapter(&mut self, path: &Path) -> Result<AdapterId> {
        self.model.adapters.open(path)
    }

    /// Gives back what an adapter takes of the device's memory. It stays open: the next picture that follows it loads it again.
    pub fn unload_adapter(&mut self, id: AdapterId) {
        self.artist.unload_adapter(id);
    }

    /// What an adapter is.
    #[must_use]
    pub fn adapter(&self, id: AdapterId) -> AdapterInfo {
        self.model.adapters.info(id)
    }

    /// Has the transformer loaded with this stack in its weights, in place of what was merged before: following
    /// it costs nothing then, and every picture does. Weights are changed in `f32` and rounded or quantised
    /// afterwards.
    pub fn merge_adapters(&mut self, stack: Vec<(AdapterId, f32)>) {
        self.artist.forget_transformer(&self.model);
        self.model.adapters.merge(stack);
    }

    /// Draws all jobs, as one packed batch as far as memory allows, hands each picture to `deliver` as
    /// soon as it is decoded, in the order of the jobs, and says where the time went. Each picture is
    /// the one that its job alone would give, bit for bit.
    ///
    /// # Errors
    /// Cancelled, out of memory, or a model or device that fails. Pictures that were delivered before
    /// are whole; the engine can draw again.
    pub fn draw_each(
        &mut self,
        jobs: &[Job],
        events: &dyn Fn(Event),
        cancel: &CancelToken,
        deliver: &mut dyn FnMut(Picture),
    ) -> Result<Timings> {
        let mut watch = Watch::new(events, cancel, deliver);
        self.artist.draw(&self.model, jobs, &mut watch)?;
        Ok(watch.finish())
    }

    /// Draws what `desk` hands in until it has nothing more. Pictures join and leave between two steps; each is the
    /// one that its job alone would give, bit for bit. A job that fails is told of, and the others go on; so does the
    /// engine where memory is short, with fewer at a time.
    ///
    /// # Errors
    /// A device that failed: every job that was under way has been told, and this engine draws no more.
    pub fn work_through(&mut self, desk: &mut dyn Desk) -> Result<()> {
        self.artist.work_through(&self.model, desk)
    }

    /// Draws all jobs as [`Self::draw_each`] does and returns the pictures together.
    ///
    /// # Errors
    /// Those of [`Self::draw_each`]; no picture is returned then.
    pub fn draw(
        &mut self,
        jobs: &[Job],
        events: &dyn Fn(Event),
        cancel: &CancelToken,
    ) -> Result<(Vec<Picture>, Timings)> {
        let mut pictures = Vec::with_capacity(jobs.len());
        let timings = self.draw_each(jobs, events, cancel, &mut |p| pictures.push(p))?;
        Ok((pictures, timings))
    }
}
