//! Plans for machines that are not there: what drawing would take of a card or a processor, by the rules that a run
//! follows. Nothing is loaded and no device is opened.

use std::borrow::Cow;

use zao_backend::Grid;
use zao_model::guidance::Guidance;

use crate::bench::StageFlops;
use crate::devices::{CARD_BESIDE_BYTES, Target};
use crate::estimate::{ProcessorPeaks, Speed, StoredBytes};
use crate::memory::Budget;
use crate::model::ModelFiles;
use crate::parts::Present;
use crate::planning::{Bounds, Planning, Terms};
use crate::precision::usual_picture;
use crate::rehearsal::rehearse_stages;
use crate::watch::Watch;
use crate::work::Work;
use crate::{
    Ask, CancelToken, InvalidJob, Job, MemoryPlan, ModelInfo, ModelSource, Reads, Residency,
    ResolvedPrecision, Result, Synthetic,
};

/// A machine, as far as a plan depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Machine {
    /// Bytes of the card that its driver may report for this process, with what the driver needs itself; `None` to
    /// draw on the processor.
    pub vram: Option<u64>,
    /// Bytes of main memory that the process may take.
    pub ram: u64,
}

/// A model to plan with.
pub struct Plans {
    model: ModelFiles,
    info: ModelInfo,
}

impl Plans {
    /// For the model at `source`, which users call `name`.
    ///
    /// # Errors
    /// A model that is not whole, or files that are not of it.
    pub fn open(name: &str, source: impl Into<ModelSource>) -> Result<Self> {
        Ok(Self::of(name, ModelFiles::open(&source.into())?))
    }

    /// For a model that is known by its architecture only.
    ///
    /// # Errors
    /// An architecture that makes no sense.
    pub fn synthetic(synthetic: Synthetic) -> Result<Self> {
        Ok(Self::of(synthetic.architecture.as_str(), ModelFiles::synthetic(synthetic)?))
    }

    fn of(name: &str, model: ModelFiles) -> Self {
        Self { info: ModelInfo::of(name, &model), model }
    }

    /// How fast the processor reads prompts, if it does.
    pub(crate) fn reader(&self, reads: Reads, peaks: &ProcessorPeaks) -> Option<Speed> {
        reads.speed(peaks, &self.model)
    }

    /// What the model can draw, for making jobs.
    #[must_use]
    pub fn model(&self) -> &ModelInfo {
        &self.info
    }

    /// Bytes of the model's weights in its files.
    #[must_use]
    pub fn stored(&self) -> StoredBytes {
        self.model.stored()
    }

    /// The processor, as it would read prompts for pictures in `precision` beside a card.
    #[must_use]
    pub fn reads_aside(&self, precision: ResolvedPrecision) -> Reads {
        Reads::beside(&self.model, precision)
    }

    /// Whether its weights are stored in int8, so that only a processor draws with them, in int8.
    #[must_use]
    pub fn is_int8(&self) -> bool {
        self.model.is_int8()
    }

    /// `count` pictures as people ask for them, as far as memory and time depend on it.
    ///
    /// # Errors
    /// A size or a number of steps that the model does not draw.
    pub fn usual_jobs(
        &self,
        size: Grid,
        steps: usize,
        guidance: f32,
        count: usize,
    ) -> Result<Vec<Job>, InvalidJob> {
        let guidance = Guidance { scale: guidance, ..Guidance::OFF };
        let ask = Ask { steps, guidance, ..usual_picture(size) };
        Ok(vec![Job::new(ask, &self.info)?; count])
    }

    /// What drawing `jobs` would take.
    ///
    /// # Errors
    /// [`crate::Error::OutOfMemory`] for what would be refused there, with what would fit.
    pub fn plan(
        &self,
        machine: Machine,
        precision: ResolvedPrecision,
        reads: Reads,
        residency: Residency,
        jobs: &[Job],
    ) -> Result<MemoryPlan> {
        let (target, beside, budget) = match machine.vram {
            None => (Target::Cpu(precision), 0, Budget::new(Some(machine.ram))),
            Some(vram) => {
                let budget = Budget::of_card(None, Some(vram), Some(machine.ram));
                (Target::Cuda(precision), CARD_BESIDE_BYTES, budget)
            }
        };
        let terms = Terms { target, policy: target.policy(), beside, budget, residency, reads };
        let (device, host, main) = (budget.total(0, None), budget.lockable(0), budget.main(0));
        let bounds = Bounds { device, host, main };
        let work = self.work(jobs)?;
        let planning = Planning::new(terms, &self.model, bounds);
        let batches = planning.batches(&work)?;
        planning.forecast(Present::default(), zao_backend::Plan::default(), &batches)
    }

    /// The arithmetic of drawing `jobs` at once.
    ///
    /// # Errors
    /// A job that is not of this model.
    pub fn flops(&self, jobs: &[Job]) -> Result<StageFlops> {
        let policy = Target::Cuda(ResolvedPrecision::Bf16).policy();
        rehearse_stages(&self.model, policy, &self.work(jobs)?)
    }

    fn work<'a>(&'a self, jobs: &'a [Job]) -> Result<Vec<Work<'a>>> {
        let (events, cancel, mut deliver) = (|_| (), CancelToken::new(), drop);
        let watch = Watch::new(&events, &cancel, &mut deliver);
        jobs.iter().map(|job| Work::new(&self.model, Cow::Borrowed(job), &watch)).collect()
    }
}

#[cfg(test)]
mod tests {
    use zao_backend::BlockKind;

    use super::*;
    use crate::{Architecture, Generator, Place, Placement, WeightForm};

    const MB: u64 = 1_000_000;
    const GB: u64 = 1000 * MB;

    fn plans() -> Plans {
        plans_of(WeightForm::Bf16)
    }

    fn plans_of(weights: WeightForm) -> Plans {
        let architecture = Architecture::ZImageTurbo;
        Plans::synthetic(Synthetic { architecture, tokens: 64, weights }).unwrap()
    }

    fn job(plans: &Plans, (width, height): (usize, usize), scale: f32) -> Job {
        let ask = Ask {
            start: None,
            prompt: "a picture".into(),
            negative: String::new(),
            width,
            height,
            steps: 8,
            guidance: Guidance { scale, ..Guidance::OFF },
            seed: 0,
            generator: Generator::TorchCpu,
        };
        Job::new(ask, plans.model()).unwrap()
    }

    #[test]
    fn thirty_plans_keep_to_what_there_is_and_say_what_would_fit_where_nothing_does() {
        let plans = plans();
        let mut state = 7u64;
        let mut within = |most: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 33) % most
        };
        let mut planned = 0;
        for _ in 0..30 {
            let (vram, ram) = (within(28) * GB + 2 * GB, within(40) * GB);
            let precision = match within(3) {
                0 => ResolvedPrecision::Bf16,
                1 => ResolvedPrecision::Fp8,
                _ => ResolvedPrecision::Int8,
            };
            let residency = if within(2) == 0 { Residency::Keep } else { Residency::InTurn };
            let jobs: Vec<Job> = (0..=within(3))
                .map(|_| {
                    let mut side = || 256 + 64 * within(16) as usize;
                    let size = (side(), side());
                    job(&plans, size, if within(2) == 0 { 0.0 } else { 4.0 })
                })
                .collect();
            let machine = Machine { vram: Some(vram), ram };
            match plans.plan(machine, precision, Reads::Device, residency, &jobs) {
                Ok(plan) => {
                    planned += 1;
                    assert!(plan.total() <= plan.limit && plan.limit < vram, "{plan:?}");
                    assert!(plan.locked <= ram, "{plan:?}");
                    let placement = &plan.placement;
                    let largest = placement.transformer.device_bytes();
                    assert!(largest.max(placement.text_encoder.device_bytes()) <= plan.weights);
                }
                Err(error) => assert!(error.to_string().contains("would fit") || vram < 4 * GB),
            }
        }
        assert!(planned > 20, "{planned}");
    }

    #[test]
    fn a_card_of_any_size_from_six_gigabytes_on_draws_the_published_model() {
        let plans = plans();
        let jobs = [job(&plans, (1024, 1024), 0.0)];
        let plan = |vram, precision, residency| {
            let machine = Machine { vram: Some(vram), ram: 64 * GB };
            plans.plan(machine, precision, Reads::Device, residency, &jobs).unwrap()
        };
        for residency in [Residency::Keep, Residency::InTurn] {
            for precision in [ResolvedPrecision::Bf16, ResolvedPrecision::Fp8] {
                let mut streamed = u64::MAX;
                for gigabytes in [5, 6, 8, 12, 16, 24, 32] {
                    let plan = plan(gigabytes * GB, precision, residency);
                    assert!(plan.total() <= plan.limit && plan.limit < gigabytes * GB, "{plan:?}");
                    let now = plan.placement.transformer.streamed_bytes();
                    assert!(now <= streamed, "{gigabytes}: {plan:?}");
                    streamed = now;
                }
                assert_eq!(streamed, 0);
            }
        }
        let bf16 = |vram| plan(vram, ResolvedPrecision::Bf16, Residency::Keep).placement;
        assert_eq!(bf16(24 * GB).text_encoder.place, Place::Resident);
        assert_eq!(bf16(16 * GB).transformer.place, Place::Resident);
        assert!(bf16(16 * GB).text_encoder.streamed_bytes() > 3 * GB);
        assert!((2 * GB..5 * GB).contains(&bf16(12 * GB).transformer.streamed_bytes()));
    }

    #[test]
    fn packed_weights_are_streamed_as_far_as_they_have_no_room() {
        let int4 = plans_of(WeightForm::INT4);
        let jobs = [job(&int4, (1024, 1024), 0.0)];
        for precision in [ResolvedPrecision::Bf16, ResolvedPrecision::Fp8] {
            let plan = |plans: &Plans, vram| {
                let machine = Machine { vram: Some(vram), ram: 64 * GB };
                plans.plan(machine, precision, Reads::Device, Residency::Keep, &jobs).unwrap()
            };
            let mut before = u64::MAX;
            for megabytes in [4000, 4500, 5000, 6000, 8000] {
                let plan = plan(&int4, megabytes * MB);
                assert!(plan.total() <= plan.limit && !plan.parts_take_turns(), "{plan:?}");
                let transformer = plan.placement.transformer.streamed_bytes();
                assert!(transformer <= before, "{megabytes}: {plan:?}");
                before = transformer;
            }
            let Placement { text_encoder, transformer, .. } = plan(&int4, 6 * GB).placement;
            assert!(text_encoder.streamed_bytes() > GB, "{text_encoder:?}");
            assert_eq!(transformer.place, Place::Resident);
            // Blocks that are converted to fp8 pass as they are multiplied.
            let q8_0 = plan(&plans_of(WeightForm::Blocks(BlockKind::Q8_0)), 6 * GB).placement;
            assert!(q8_0.transformer.streamed_bytes() > GB, "{q8_0:?}");
        }
    }
}
