//! Drawing on one kind of device: how many pictures at a time, and in how much memory.

use zao_backend::{Backend, Plan, Planner};
use zao_model::Manifest;
use zao_model::noise;
use zao_model::text::{MAX_TOKENS, TextEncoder};
use zao_model::transformer::Transformer;
use zao_model::vae::Decoder;
use zao_weights::PartName;

use crate::memory::available_bytes;
use crate::model::ModelFiles;
use crate::parts::{Loading, Parts, Supply};
use crate::run::{Watch, Work, run};
use crate::{CancelToken, Error, Event, Job, Picture, ResolvedPrecision, Result};

/// Drawing without naming the device.
pub(crate) trait Draw {
    /// Draws every job.
    fn draw(
        &mut self,
        model: &ModelFiles,
        jobs: &[Job],
        watch: &mut Watch<'_>,
    ) -> Result<Vec<Picture>>;

    /// The device.
    fn describe(&self) -> zao_backend::Description;
}

/// A device and the parts of a model on it.
pub(crate) struct Artist<B: Backend> {
    backend: B,
    parts: Parts<B>,
    precision: ResolvedPrecision,
}

impl<B: Backend> Artist<B> {
    pub(crate) fn new(backend: B, precision: ResolvedPrecision) -> Self {
        Self { backend, parts: Parts::new(), precision }
    }

    /// Draws as many of `work` as fit together, then the rest.
    fn draw_fitting(
        &mut self,
        model: &ModelFiles,
        work: &[Work<'_>],
        watch: &mut Watch<'_>,
    ) -> Result<Vec<Picture>> {
        let policy = self.backend.policy();
        let plan = rehearse(model, policy, work)?;
        if !self.fits(model, plan) {
            if work.len() == 1 {
                return Err(self.too_large(model, plan));
            }
            let (first, rest) = work.split_at(work.len() / 2);
            let mut pictures = self.draw_fitting(model, first, watch)?;
            pictures.extend(self.draw_fitting(model, rest, watch)?);
            return Ok(pictures);
        }
        self.backend.reserve(plan)?;
        let mut supply = Loading {
            backend: &self.backend,
            model,
            parts: &mut self.parts,
            precision: self.precision,
            reserved: plan.bytes() as u64,
        };
        let noise = |job: &Job, count| noise::normal(job.ask().generator, job.ask().seed, count);
        run(&self.backend, &mut supply, work, &model.scheduler, &noise, watch)
    }

    /// The part that needs the most memory has to fit beside the run.
    fn needed(&self, model: &ModelFiles, plan: Plan) -> u64 {
        let parts = PartName::ALL.map(|part| Parts::<B>::bytes(model, part, self.precision));
        plan.bytes() as u64 + parts.into_iter().max().unwrap_or(0)
    }

    fn free(&self, model: &ModelFiles) -> Option<u64> {
        // Parts that are loaded now are dropped when the room is needed.
        let loaded = PartName::ALL
            .into_iter()
            .filter(|&part| self.parts.is_loaded(part))
            .map(|part| Parts::<B>::bytes(model, part, self.precision));
        Some(available_bytes()? + loaded.sum::<u64>())
    }

    fn fits(&self, model: &ModelFiles, plan: Plan) -> bool {
        self.free(model).is_none_or(|free| self.needed(model, plan) <= free)
    }

    fn too_large(&self, model: &ModelFiles, plan: Plan) -> Error {
        Error::OutOfMemory {
            what: "a picture of this size".into(),
            needed: self.needed(model, plan),
            free: self.free(model).unwrap_or(0),
            advice: "use a smaller size or close other programs".into(),
        }
    }
}

impl<B: Backend> Draw for Artist<B> {
    fn draw(
        &mut self,
        model: &ModelFiles,
        jobs: &[Job],
        watch: &mut Watch<'_>,
    ) -> Result<Vec<Picture>> {
        let work = jobs.iter().map(|job| tokenize(model, job, watch));
        let work = work.collect::<Result<Vec<_>>>()?;
        if work.is_empty() {
            return Ok(Vec::new());
        }
        self.draw_fitting(model, &work, watch)
    }

    fn describe(&self) -> zao_backend::Description {
        self.backend.describe()
    }
}

/// The prompts of a job as token ids; tells when one is cut.
fn tokenize<'a>(model: &ModelFiles, job: &'a Job, watch: &Watch<'_>) -> Result<Work<'a>> {
    let encode = |prompt: &str, which: &str| -> Result<Vec<u32>> {
        let tokens = model.tokenizer.encode(prompt, MAX_TOKENS)?;
        if tokens.cut > 0 {
            watch.tell(Event::Warning(format!(
                "the {which} is {} tokens too long; its end is not seen (at most {MAX_TOKENS} \
                 tokens are read)",
                tokens.cut
            )));
        }
        Ok(tokens.ids)
    };
    let ask = job.ask();
    let guided = ask.guidance.is_on();
    Ok(Work {
        job,
        positive: encode(&ask.prompt, "prompt")?,
        negative: if guided { Some(encode(&ask.negative, "negative prompt")?) } else { None },
    })
}

/// Runs `work` without a device and returns the memory that a real run takes.
fn rehearse(model: &ModelFiles, policy: zao_backend::Policy, work: &[Work<'_>]) -> Result<Plan> {
    let planner = Planner::new(policy);
    let mut supply = Hollow::new(model, &planner)?;
    let (events, cancel) = (|_| (), CancelToken::new());
    let mut watch = Watch::new(&events, &cancel);
    let noise = |_: &Job, count| vec![0.0; count];
    run(&planner, &mut supply, work, &model.scheduler, &noise, &mut watch)?;
    Ok(planner.plan())
}

/// All parts without their weights.
struct Hollow {
    text_encoder: TextEncoder<Planner>,
    transformer: Transformer<Planner>,
    decoder: Decoder<Planner>,
}

impl Hollow {
    fn new(model: &ModelFiles, planner: &Planner) -> Result<Self> {
        let nothing = Manifest::default();
        Ok(Self {
            text_encoder: TextEncoder::load(planner, &nothing, &model.text)?,
            transformer: Transformer::load(planner, &nothing, &model.transformer)?,
            decoder: Decoder::load(planner, &nothing, &model.vae)?,
        })
    }
}

impl Supply<Planner> for Hollow {
    fn text_encoder(&mut self, _: &mut Watch<'_>) -> Result<&TextEncoder<Planner>> {
        Ok(&self.text_encoder)
    }

    fn transformer(&mut self, _: &mut Watch<'_>) -> Result<&Transformer<Planner>> {
        Ok(&self.transformer)
    }

    fn decoder(&mut self, _: &mut Watch<'_>) -> Result<&Decoder<Planner>> {
        Ok(&self.decoder)
    }
}
