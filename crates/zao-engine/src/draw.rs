//! Drawing on one kind of device: one planned batch after the other, in the memory that was planned for it.

#[cfg(test)]
mod beside;
#[cfg(test)]
mod census;
mod session;
#[cfg(test)]
mod settings;

use std::borrow::Cow;

use zao_backend::{Backend, Description, Plan};

use crate::adapters::used;
use crate::aside::Aside;
use crate::desk::Desk;
use crate::devices::Target;
use crate::memory::Budget;
use crate::model::ModelFiles;
use crate::parts::{Loading, Parts, Piece, Present};
use crate::placement::Placement;
use crate::planning::{Batch, Bounds, Planning, Terms};
use crate::run::{noise_of, run};
use crate::watch::Watch;
use crate::work::{Work, smaller_in_words};
use crate::{
    AdapterId, CancelToken, Error, Event, Grid, Job, MemoryPlan, Reads, Residency, Result, probe,
};
use session::{Pace, Rehearsed};

/// Drawing without naming the device.
pub(crate) trait Draw {
    /// Draws every job; `watch` gets the pictures in the order of the jobs.
    fn draw(&mut self, model: &ModelFiles, jobs: &[Job], watch: &mut Watch<'_>) -> Result<()>;

    /// Draws what `desk` hands in until it has nothing more.
    fn work_through(&mut self, model: &ModelFiles, desk: &mut dyn Desk) -> Result<()>;

    /// Whether a picture of `job` has room now.
    fn fits(&self, model: &ModelFiles, job: &Job) -> Result<bool>;

    /// The most memory that drawing the job would take, were nothing held now.
    fn foresee(&self, model: &ModelFiles, job: &Job) -> Result<MemoryPlan>;

    /// Bytes of the device's memory that are held for weights and runs.
    fn held_bytes(&self, model: &ModelFiles) -> u64;

    /// Bytes of the device's memory that weights and runs may still take; `None` where nobody knows a bound.
    fn free_bytes(&self, model: &ModelFiles) -> Option<u64>;

    /// How many adapters are loaded.
    fn adapters(&self) -> usize;

    /// Gives back everything that is only kept for the next run.
    fn rest(&mut self, model: &ModelFiles);

    /// Has the device compute a little, and waits for it.
    fn probe(&mut self) -> Result<()>;

    /// Drops the transformer, whose weights will be others.
    fn forget_transformer(&mut self, model: &ModelFiles);

    /// Drops an adapter until a run needs it again.
    fn unload_adapter(&mut self, id: AdapterId);

    /// The device.
    fn describe(&self) -> Description;

    /// What reads prompts in place of the device, if anything does.
    fn describe_reader(&mut self) -> Result<Option<Description>>;
}

/// Where parts are and how long they stay there, while the reserved memory is what it is.
#[derive(Clone, Copy)]
struct Stay {
    placement: Placement,
    /// Bytes for weights and adapters.
    room: u64,
    residency: Residency,
}

/// A device and the parts of a model on it.
pub(crate) struct Artist<B: Backend> {
    backend: B,
    parts: Parts<B>,
    target: Target,
    budget: Budget,
    residency: Residency,
    /// Who reads prompts.
    reads: Reads,
    /// What the device keeps for runs.
    reserved: Plan,
    /// What was learned of drawing for a desk.
    pace: Pace,
    rehearsed: Rehearsed,
}

impl<B: Backend> Artist<B> {
    pub(crate) fn new(backend: B, target: Target, budget: Budget, residency: Residency) -> Self {
        let (parts, reserved, reads) = (Parts::new(), Plan::default(), Reads::Device);
        let (pace, rehearsed) = (Pace::default(), Rehearsed::default());
        Self { backend, parts, target, budget, residency, reads, reserved, pace, rehearsed }
    }

    /// The same with prompts read as this says, by this.
    pub(crate) fn with_reader(self, (reads, aside): (Reads, Box<dyn Aside>)) -> Self {
        Self { reads, parts: self.parts.with_reader(aside), ..self }
    }

    /// Plans with what is free now.
    fn planning<'m>(&self, model: &'m ModelFiles) -> Planning<'m> {
        let terms = Terms {
            target: self.target,
            policy: self.backend.policy(),
            beside: self.backend.beside_bytes(),
            budget: self.budget,
            residency: self.residency,
            reads: self.reads,
        };
        let held = self.held_bytes(model);
        // What is held already has its place, however little is free besides.
        let kept = if held > 0 { held + terms.beside } else { 0 };
        let device = self.budget.total(held, self.backend.free_bytes()).max(kept);
        let present = self.parts.present(model, self.target);
        let aside = present.processor_bytes();
        let host = self.budget.lockable(present.locked_bytes() + aside);
        let main = self.budget.main(aside);
        Planning::new(terms, model, Bounds { device, host, main })
    }

    /// Makes the device keep memory for `batch`, and returns where weights are to be meanwhile. What earlier runs
    /// kept, memory or parts, gives way where both have no room.
    fn reserve(
        &mut self,
        planning: &Planning<'_>,
        model: &ModelFiles,
        batch: &Batch<'_, '_>,
        residency: Residency,
    ) -> Result<Placement> {
        let kept = planning.kept_for(self.reserved, batch);
        if kept != self.reserved.max(batch.plan) {
            self.release();
        }
        self.reserved = kept;
        let planned = planning.placement(batch, kept, residency);
        let placement = self.parts.settle(model, self.target, &planned);
        self.parts.shrink(model, self.target, planning.room(kept), &used(&*batch.work));
        self.backend.reserve(batch.plan)?;
        Ok(placement)
    }

    /// Parts of `model` for a run that follows `adapters`.
    fn supply<'s>(
        &'s mut self,
        model: &'s ModelFiles,
        stay: Stay,
        adapters: Vec<AdapterId>,
    ) -> Loading<'s, B> {
        let Stay { placement, room, residency } = stay;
        let (backend, parts, target) = (&self.backend, &mut self.parts, self.target);
        Loading { backend, model, parts, target, placement, room, adapters, residency }
    }

    /// Has those of `work` that have no room even alone drawn as large as they have, if they may be smaller.
    fn shrink(&self, model: &ModelFiles, work: &mut [Work<'_>], watch: &Watch<'_>) {
        for work in work.iter_mut().filter(|work| work.job.may_shrink()) {
            let planning = self.planning(model);
            let alone = planning.batches(std::slice::from_ref(work)).map(drop);
            let Err(Error::OutOfMemory { .. }) = alone else { continue };
            let Some(smaller) = planning.smaller(work) else { continue };
            let size = Grid::new(smaller.job.ask().height, smaller.job.ask().width);
            watch.tell(Event::Warning(smaller_in_words(&work.job, size)));
            *work = smaller;
        }
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
        let planning = self.planning(model);
        let batches = planning.batches(work)?;
        watch.expect(batches.iter().map(Batch::steps).sum(), work.len());
        let present = self.parts.present(model, self.target);
        let plan = planning.forecast(present, self.reserved, &batches)?;
        watch.tell(Event::Planned(Box::new(plan)));
        for work in batches.iter().flat_map(|batch| &*batch.work) {
            if let Some(warning) = work.thrift_in_words() {
                watch.tell(Event::Warning(warning));
            }
        }
        let count = batches.len();
        for (index, batch) in batches.into_iter().enumerate() {
            let residency = planning.residency_of(index, count);
            let placement = self.reserve(&planning, model, &batch, residency)?;
            let room = planning.room(self.reserved);
            let work = batch.work;
            let mut supply = self.supply(model, Stay { placement, room, residency }, used(&*work));
            run(supply.backend, &mut supply, &work, &model.scheduler, &noise_of, watch)?;
        }
        Ok(())
    }
}

impl<B: Backend> Draw for Artist<B> {
    fn draw(&mut self, model: &ModelFiles, jobs: &[Job], watch: &mut Watch<'_>) -> Result<()> {
        watch.check()?;
        let work = jobs.iter().map(|job| Work::new(model, Cow::Borrowed(job), watch));
        let mut work = work.collect::<Result<Vec<_>>>()?;
        if work.is_empty() {
            return Ok(());
        }
        self.shrink(model, &mut work, watch);
        let Err(error) = self.draw_batches(model, &work, watch) else { return Ok(()) };
        self.release();
        if self.residency == Residency::InTurn {
            self.parts.clear(model);
        }
        Err(match error {
            Error::Device(zao_backend::Error::OutOfMemory { .. }) => {
                self.planning(model).no_longer_fits(&work)?
            }
            other => other,
        })
    }

    fn work_through(&mut self, model: &ModelFiles, desk: &mut dyn Desk) -> Result<()> {
        session::work_through(self, model, desk)
    }

    fn fits(&self, model: &ModelFiles, job: &Job) -> Result<bool> {
        let (events, cancel, mut deliver) = (|_| (), CancelToken::new(), drop);
        let watch = Watch::new(&events, &cancel, &mut deliver);
        let work = [Work::new(model, Cow::Borrowed(job), &watch)?];
        match self.planning(model).batches(&work) {
            Ok(_) => Ok(true),
            Err(error) if error.is_out_of_memory() => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn foresee(&self, model: &ModelFiles, job: &Job) -> Result<MemoryPlan> {
        let (events, cancel, mut deliver) = (|_| (), CancelToken::new(), drop);
        let watch = Watch::new(&events, &cancel, &mut deliver);
        let work = [Work::new(model, Cow::Borrowed(job), &watch)?];
        let planning = self.planning(model);
        let batches = planning.batches(&work)?;
        planning.forecast(Present::default(), Plan::default(), &batches)
    }

    fn held_bytes(&self, model: &ModelFiles) -> u64 {
        self.parts.present(model, self.target).bytes() + self.reserved.bytes() as u64
    }

    fn free_bytes(&self, model: &ModelFiles) -> Option<u64> {
        let held = self.held_bytes(model);
        let total = self.budget.total(held, self.backend.free_bytes());
        (total < u64::MAX).then(|| total.saturating_sub(held))
    }

    fn adapters(&self) -> usize {
        self.parts.adapters()
    }

    fn rest(&mut self, model: &ModelFiles) {
        self.parts.clear(model);
        if let Some(aside) = self.parts.aside() {
            aside.rest();
        }
        self.backend.rest();
        self.reserved = Plan::default();
    }

    fn probe(&mut self) -> Result<()> {
        let (plan, before) = (probe::plan(&self.backend)?, self.reserved);
        let probed = self.backend.reserve(plan).and_then(|()| probe::check(&self.backend));
        if before == Plan::default() {
            self.release();
        } else {
            self.reserved = before.max(plan);
        }
        Ok(probed?)
    }

    fn forget_transformer(&mut self, model: &ModelFiles) {
        self.rehearsed.clear();
        self.parts.unload(model, Piece::Transformer);
    }

    fn unload_adapter(&mut self, id: AdapterId) {
        self.parts.unload_adapter(id);
    }

    fn describe(&self) -> Description {
        self.backend.describe()
    }

    fn describe_reader(&mut self) -> Result<Option<Description>> {
        self.parts.aside().map(Aside::describe).transpose()
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
    use crate::{Ask, Mask, Picture, ResolvedPrecision, Settings, Start};

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
