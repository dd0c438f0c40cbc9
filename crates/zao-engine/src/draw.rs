//! Drawing on one kind of device: how many pictures at a time, and in how much memory.

#[cfg(test)]
mod census;

use std::borrow::Cow;

use zao_backend::{Backend, Plan};
use zao_model::noise;
use zao_weights::PartName;

use crate::adapters::used;
use crate::devices::Target;
use crate::error::Bytes;
use crate::memory::Budget;
use crate::model::ModelFiles;
use crate::parts::{Loading, Parts};
use crate::rehearsal::{largest_fitting, rehearse, thriftier};
use crate::run::run;
use crate::watch::Watch;
use crate::work::Work;
use crate::{Error, Event, Job, Residency, ResolvedPrecision, Result};

/// Drawing without naming the device.
pub(crate) trait Draw {
    /// Draws every job; `watch` gets the pictures in the order of the jobs.
    fn draw(&mut self, model: &ModelFiles, jobs: &[Job], watch: &mut Watch<'_>) -> Result<()>;

    /// Bytes of the device's memory that are held for weights and runs.
    fn held_bytes(&self, model: &ModelFiles) -> u64;

    /// Drops the transformer, whose weights will be others.
    fn forget_transformer(&mut self, model: &ModelFiles);

    /// The device.
    fn describe(&self) -> zao_backend::Description;
}

/// A device and the parts of a model on it.
pub(crate) struct Artist<B: Backend> {
    backend: B,
    parts: Parts<B>,
    target: Target,
    budget: Budget,
    residency: Residency,
    /// What the device keeps for runs.
    reserved: Plan,
}

/// Work that fits into memory together.
struct Batch<'w, 'a> {
    work: Cow<'w, [Work<'a>]>,
    plan: Plan,
}

impl<B: Backend> Artist<B> {
    pub(crate) fn new(backend: B, target: Target, budget: Budget, residency: Residency) -> Self {
        let (parts, reserved) = (Parts::new(), Plan::default());
        Self { backend, parts, target, budget, residency, reserved }
    }

    /// Bytes that a run of `work` with this plan needs at least: beside it, one part at a time has to fit, and
    /// beside the transformer all adapters.
    fn needed(&self, model: &ModelFiles, work: &[Work<'_>], plan: Plan) -> u64 {
        plan.bytes() as u64 + self.weights(model, work)
    }

    /// Bytes of weights that a run of `work` needs at once.
    fn weights(&self, model: &ModelFiles, work: &[Work<'_>]) -> u64 {
        let adapters = model.adapters.bytes_of(work, self.target);
        let transformer = model.loaded_bytes(PartName::Transformer, self.target);
        model.largest_part(self.target).max(transformer + adapters)
    }

    /// Divides `work` into batches that fit into `total` bytes, one if possible. A picture that does not
    /// fit alone is decoded with less memory.
    fn batches<'w, 'a>(
        &self,
        model: &ModelFiles,
        work: &'w [Work<'a>],
        total: u64,
    ) -> Result<Vec<Batch<'w, 'a>>> {
        let policy = self.backend.policy();
        let fits = |plan| self.needed(model, work, plan) <= total;
        let plan = rehearse(model, policy, work)?;
        if fits(plan) {
            return Ok(vec![Batch { work: Cow::Borrowed(work), plan }]);
        }
        if let [only] = work {
            let (thrifty, plan) = thriftier(model, policy, only, fits)?;
            if !fits(plan) {
                return Err(self.too_large(model, only, plan, total));
            }
            return Ok(vec![Batch { work: Cow::Owned(vec![thrifty]), plan }]);
        }
        let (first, rest) = work.split_at(work.len() / 2);
        let mut batches = self.batches(model, first, total)?;
        batches.extend(self.batches(model, rest, total)?);
        Ok(batches)
    }

    /// The refusal of a picture, with the size that would not be refused.
    fn too_large(&self, model: &ModelFiles, work: &Work<'_>, plan: Plan, total: u64) -> Error {
        let own = std::slice::from_ref(work);
        let fits = |plan| self.needed(model, own, plan) <= total;
        let remedy = self.budget.remedy();
        let advice = match largest_fitting(model, self.backend.policy(), work, fits) {
            Some(size) => format!("{size} would fit; draw that or {remedy}"),
            None => {
                let weights = self.weights(model, own);
                let smaller = [ResolvedPrecision::Bf16, ResolvedPrecision::Int8]
                    .into_iter()
                    .filter(|&other| {
                        let largest = |target| model.largest_part(target);
                        largest(self.target.with(other)) < largest(self.target)
                    })
                    .map(|other| format!(" or use --precision {other}"));
                let or: String = smaller.collect();
                format!("the weights alone need {}; {remedy}{or}", Bytes(weights))
            }
        };
        let (width, height) = (work.job.ask().width, work.job.ask().height);
        let what = format!("a picture of {width}x{height}");
        Error::OutOfMemory { what, needed: self.needed(model, own, plan), free: total, advice }
    }

    /// Makes the device keep memory for `plan`, and returns what is left of `total` for parts. What
    /// earlier runs kept, memory or parts, gives way where both have no room.
    fn reserve(
        &mut self,
        model: &ModelFiles,
        Batch { work, plan }: &Batch<'_, '_>,
        total: u64,
    ) -> Result<u64> {
        let plan = *plan;
        if self.needed(model, work, self.reserved.max(plan)) > total {
            self.release();
        }
        self.reserved = self.reserved.max(plan);
        let room = total.saturating_sub(self.reserved.bytes() as u64);
        self.parts.shrink(model, self.target, room, &used(work));
        self.backend.reserve(plan)?;
        Ok(room)
    }

    fn release(&mut self) {
        self.backend.release();
        self.reserved = Plan::default();
    }

    fn draw_batches(
        &mut self,
        model: &ModelFiles,
        work: &[Work<'_>],
        watch: &mut Watch<'_>,
    ) -> Result<()> {
        let total = self.budget.total(self.held_bytes(model), self.backend.free_bytes());
        let batches = self.batches(model, work, total)?;
        watch.expect(batches.iter().map(Batch::steps).sum(), work.len());
        for work in batches.iter().flat_map(|batch| &*batch.work) {
            if let Some(warning) = work.thrift_in_words() {
                watch.tell(Event::Warning(warning));
            }
        }
        let last = batches.len() - 1;
        for (index, batch) in batches.into_iter().enumerate() {
            let room = self.reserve(model, &batch, total)?;
            let work = batch.work;
            let mut supply = Loading {
                backend: &self.backend,
                model,
                parts: &mut self.parts,
                target: self.target,
                room,
                adapters: used(&work),
                // Until the last batch the others will ask for every part once more.
                residency: if index == last { self.residency } else { Residency::Keep },
            };
            let noise =
                |job: &Job, count| noise::normal(job.ask().generator, job.ask().seed, count);
            run(&self.backend, &mut supply, &work, &model.scheduler, &noise, watch)?;
        }
        Ok(())
    }
}

impl<B: Backend> Draw for Artist<B> {
    fn draw(&mut self, model: &ModelFiles, jobs: &[Job], watch: &mut Watch<'_>) -> Result<()> {
        watch.check()?;
        let work = jobs.iter().map(|job| Work::new(model, job, watch));
        let work = work.collect::<Result<Vec<_>>>()?;
        if work.is_empty() {
            return Ok(());
        }
        let drawn = self.draw_batches(model, &work, watch);
        if drawn.is_err() {
            self.release();
            if self.residency == Residency::InTurn {
                self.parts.clear(model);
            }
        }
        drawn
    }

    fn held_bytes(&self, model: &ModelFiles) -> u64 {
        self.parts.bytes(model, self.target) + self.reserved.bytes() as u64
    }

    fn forget_transformer(&mut self, model: &ModelFiles) {
        self.parts.unload(model, PartName::Transformer);
    }

    fn describe(&self) -> zao_backend::Description {
        self.backend.describe()
    }
}

impl Batch<'_, '_> {
    /// Steps of the longest job.
    fn steps(&self) -> usize {
        self.work.iter().map(|work| work.job.ask().steps).max().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use zao_backend::{Element, Planner, Policy};
    use zao_model::guidance::Guidance;
    use zao_model::noise::Generator;
    use zao_weights::Source;

    use super::*;
    use crate::{Ask, CancelToken, Settings};

    /// A planner in the place of the device counts what a run with real weights takes.
    #[test]
    fn a_run_takes_exactly_what_was_planned() {
        let folder =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("../zao-model/tests/goldens/tiny-a");
        let source = || Source::Folder(folder.clone());
        let model = ModelFiles::open(source()).unwrap();
        let info = crate::open("test", source(), &Settings::default()).unwrap().model().clone();
        let job = |width, scale, steps| {
            let guidance = Guidance { scale, normalization: 0.5, truncation: 0.5 };
            let (prompt, negative) = ("a cat".to_owned(), "a dog".to_owned());
            let (seed, generator) = (0, Generator::TorchCpu);
            let ask = Ask { prompt, negative, width, height: 20, steps, guidance, seed, generator };
            Job::new(ask, &info).unwrap()
        };
        let bf16 = Element::Bf16;
        let policy = Policy { activation: Element::F32, linear_input: bf16, careful_input: bf16 };
        for jobs in [vec![job(12, 0.0, 1)], vec![job(24, 0.0, 2), job(8, 3.0, 4)]] {
            let target = Target::Cpu(ResolvedPrecision::Bf16);
            let (budget, residency) = (Budget::default(), Residency::Keep);
            let mut artist = Artist::new(Planner::new(policy), target, budget, residency);
            let (events, cancel, mut pictures) = (|_| (), CancelToken::new(), 0);
            let mut deliver = |_| pictures += 1;
            artist.draw(&model, &jobs, &mut Watch::new(&events, &cancel, &mut deliver)).unwrap();
            assert_eq!(pictures, jobs.len());
            assert_eq!(artist.reserved, artist.backend.plan());
            assert!(artist.reserved.step > 0 && artist.reserved.job > 0);
        }
    }
}
