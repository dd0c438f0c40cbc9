//! Drawing on one kind of device: how many pictures at a time, and in how much memory.

#[cfg(test)]
mod census;

use std::borrow::Cow;
use std::slice::from_ref;

use zao_backend::{Backend, Plan};
use zao_model::noise;

use crate::adapters::used;
use crate::devices::Target;
use crate::error::Bytes;
use crate::forecast::{MemoryPlan, most_of_weights};
use crate::memory::Budget;
use crate::model::ModelFiles;
use crate::parts::{Loading, Parts, Piece};
use crate::rehearsal::{largest_fitting, rehearse, thriftier};
use crate::run::{Draws, run};
use crate::watch::Watch;
use crate::work::Work;
use crate::{CancelToken, Error, Event, Job, Residency, ResolvedPrecision, Result};

/// Drawing without naming the device.
pub(crate) trait Draw {
    /// Draws every job; `watch` gets the pictures in the order of the jobs.
    fn draw(&mut self, model: &ModelFiles, jobs: &[Job], watch: &mut Watch<'_>) -> Result<()>;

    /// Bytes of the device's memory that are held for weights and runs.
    fn held_bytes(&self, model: &ModelFiles) -> u64;

    /// Gives back everything that is only kept for the next run.
    fn rest(&mut self, model: &ModelFiles);

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

/// What a drawing will be like.
pub(crate) struct Foreseen {
    /// The most memory that it takes at once.
    pub(crate) plan: MemoryPlan,
    /// In how many batches it is done.
    pub(crate) batches: usize,
}

impl<B: Backend> Artist<B> {
    pub(crate) fn new(backend: B, target: Target, budget: Budget, residency: Residency) -> Self {
        let (parts, reserved) = (Parts::new(), Plan::default());
        Self { backend, parts, target, budget, residency, reserved }
    }

    /// Bytes that a run of `work` with this plan needs at least: beside it, one part at a time has to fit, and
    /// beside the transformer all adapters.
    fn needed(&self, model: &ModelFiles, work: &[Work<'_>], plan: Plan) -> u64 {
        self.without_parts(plan) + self.weights(model, work)
    }

    /// Bytes that a run of this plan needs beside parts and adapters.
    fn without_parts(&self, plan: Plan) -> u64 {
        plan.bytes() as u64 + self.backend.beside_bytes()
    }

    /// Bytes of weights that a run of `work` needs at once.
    fn weights(&self, model: &ModelFiles, work: &[Work<'_>]) -> u64 {
        let adapters = model.adapters.sizes_of(work, self.target);
        let adapters: u64 = adapters.into_iter().map(|(_, bytes)| bytes).sum();
        let transformer = model.loaded_bytes(Piece::Transformer, self.target);
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
        let own = from_ref(work);
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

    /// The refusal of a run that was planned to fit, when the device had less than it said. It is said for what is
    /// free now that the run has given everything back.
    fn no_longer_fits(&self, model: &ModelFiles, work: &[Work<'_>]) -> Result<Error> {
        let total = self.budget.total(self.held_bytes(model), self.backend.free_bytes());
        for one in work {
            let fits = |plan| self.needed(model, from_ref(one), plan) <= total;
            let (_, plan) = thriftier(model, self.backend.policy(), one, fits)?;
            if !fits(plan) {
                return Ok(self.too_large(model, one, plan, total));
            }
        }
        let what = match work.len() {
            1 => "this picture".to_owned(),
            count => format!("drawing {count} pictures at once"),
        };
        let plan = rehearse(model, self.backend.policy(), work)?;
        let needed = self.needed(model, work, plan);
        let advice =
            "other programs took memory meanwhile; draw again, which plans with what is free now";
        Ok(Error::OutOfMemory { what, needed, free: total, advice: advice.into() })
    }

    /// What the device will keep for runs when `batch` follows those that it kept `reserved` for: what earlier
    /// runs kept gives way where both have no room.
    fn kept_for(
        &self,
        model: &ModelFiles,
        reserved: Plan,
        Batch { work, plan }: &Batch<'_, '_>,
        total: u64,
    ) -> Plan {
        let both = reserved.max(*plan);
        if self.needed(model, work, both) > total { *plan } else { both }
    }

    /// The most that these batches will take at once.
    fn forecast(&self, model: &ModelFiles, batches: &[Batch<'_, '_>], total: u64) -> MemoryPlan {
        let mut present = self.parts.present(model, self.target);
        let mut reserved = self.reserved;
        let mut most = MemoryPlan::default();
        for (index, batch) in batches.iter().enumerate() {
            reserved = self.kept_for(model, reserved, batch, total);
            let room = total.saturating_sub(self.without_parts(reserved));
            let residency = self.residency_of(index, batches.len());
            let adapters = model.adapters.sizes_of(&batch.work, self.target);
            let weights =
                most_of_weights(&mut present, &batch.pieces(), &adapters, room, residency);
            let (runs, beside) = (reserved.bytes() as u64, self.backend.beside_bytes());
            most = most.larger(MemoryPlan { weights, runs, beside, limit: total });
        }
        most
    }

    /// What drawing `jobs` will take within the budget, without doing any of it.
    ///
    /// # Errors
    /// A picture that does not fit; the error says which would.
    pub(crate) fn foresee(&self, model: &ModelFiles, jobs: &[Job]) -> Result<Foreseen> {
        let (events, cancel, mut deliver) = (|_| (), CancelToken::new(), drop);
        let watch = Watch::new(&events, &cancel, &mut deliver);
        let work = jobs.iter().map(|job| Work::new(model, job, &watch));
        let work = work.collect::<Result<Vec<_>>>()?;
        let total = self.budget.total(self.held_bytes(model), self.backend.free_bytes());
        let batches = self.batches(model, &work, total)?;
        let plan = self.forecast(model, &batches, total);
        Ok(Foreseen { plan, batches: batches.len() })
    }

    /// What becomes of parts after batch number `index` of `count`: until the last, the others will ask for every
    /// part once more.
    fn residency_of(&self, index: usize, count: usize) -> Residency {
        if index + 1 == count { self.residency } else { Residency::Keep }
    }

    /// Makes the device keep memory for `batch`, and returns what is left of `total` for parts. What
    /// earlier runs kept, memory or parts, gives way where both have no room.
    fn reserve(&mut self, model: &ModelFiles, batch: &Batch<'_, '_>, total: u64) -> Result<u64> {
        let kept = self.kept_for(model, self.reserved, batch, total);
        if kept != self.reserved.max(batch.plan) {
            self.release();
        }
        self.reserved = kept;
        let room = total.saturating_sub(self.without_parts(kept));
        self.parts.shrink(model, self.target, room, &used(&batch.work));
        self.backend.reserve(batch.plan)?;
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
        watch.tell(Event::Planned(self.forecast(model, &batches, total)));
        for work in batches.iter().flat_map(|batch| &*batch.work) {
            if let Some(warning) = work.thrift_in_words() {
                watch.tell(Event::Warning(warning));
            }
        }
        let count = batches.len();
        for (index, batch) in batches.into_iter().enumerate() {
            let room = self.reserve(model, &batch, total)?;
            let residency = self.residency_of(index, count);
            let work = batch.work;
            let mut supply = Loading {
                backend: &self.backend,
                model,
                parts: &mut self.parts,
                target: self.target,
                room,
                adapters: used(&work),
                residency,
            };
            let draws = |job: &Job| -> Draws {
                let mut source = noise::Source::new(job.ask().generator, job.ask().seed);
                Box::new(move |count| source.normal(count))
            };
            run(&self.backend, &mut supply, &work, &model.scheduler, &draws, watch)?;
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
        let Err(error) = self.draw_batches(model, &work, watch) else { return Ok(()) };
        self.release();
        if self.residency == Residency::InTurn {
            self.parts.clear(model);
        }
        Err(match error {
            Error::Device(zao_backend::Error::OutOfMemory { .. }) => {
                self.no_longer_fits(model, &work)?
            }
            other => other,
        })
    }

    fn held_bytes(&self, model: &ModelFiles) -> u64 {
        self.parts.present(model, self.target).bytes() + self.reserved.bytes() as u64
    }

    fn rest(&mut self, model: &ModelFiles) {
        self.parts.clear(model);
        self.backend.rest();
        self.reserved = Plan::default();
    }

    fn forget_transformer(&mut self, model: &ModelFiles) {
        self.parts.unload(model, Piece::Transformer);
    }

    fn describe(&self) -> zao_backend::Description {
        self.backend.describe()
    }
}

impl Batch<'_, '_> {
    /// What it needs of the model, in the order of a run.
    fn pieces(&self) -> Vec<Piece> {
        let begins = self.work.iter().any(|work| work.job.ask().start.is_some());
        Piece::ALL.into_iter().filter(|&piece| begins || piece != Piece::Encoder).collect()
    }

    /// Steps of the longest job.
    fn steps(&self) -> usize {
        self.work.iter().map(|work| work.job.steps()).max().unwrap_or(0)
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
    use crate::{Ask, Mask, Picture, Settings, Start};

    /// A planner in the place of the device counts what a run with real weights takes.
    #[test]
    fn a_run_takes_exactly_what_was_planned() {
        let folder =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("../zao-model/tests/goldens/tiny-a");
        let source = || Source::Folder(folder.clone());
        let model = ModelFiles::open(&source().into()).unwrap();
        let info = crate::open("test", source(), &Settings::default()).unwrap().model().clone();
        // The wider pictures begin with a picture, the widest with a mask.
        let start = |width: usize| {
            let picture = Picture { width, height: 20, rgb: vec![9; 3 * 20 * width] };
            let mask = Mask { width, height: 20, grey: vec![255; 20 * width] };
            (width > 8).then(|| Start {
                picture: picture.into(),
                mask: (width > 12).then(|| mask.into()),
                strength: 0.5,
            })
        };
        let job = |width, scale, steps| {
            let guidance = Guidance { scale, normalization: 0.5, truncation: 0.5 };
            let (prompt, negative) = ("a cat".to_owned(), "a dog".to_owned());
            let (seed, generator, start) = (0, Generator::TorchCpu, start(width));
            let height = 20;
            let ask =
                Ask { prompt, negative, width, height, steps, guidance, seed, generator, start };
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
