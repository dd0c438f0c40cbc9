//! A device that things are measured on: memory is planned and refused as for a drawing, then the
//! weights are made, one untimed repetition warms up, and the rest is timed.

use std::time::Instant;

use zao_backend::prelude::*;
use zao_backend::{Description, Expected, Plan, Planner, Policy};

use super::gemm::Gemm;
use super::workload::{Decode, Encode, Forward, Workload};
use super::{Measured, Task};
use crate::devices::{Measurable, Target};
use crate::error::Bytes;
use crate::memory::Budget;
use crate::model::ModelFiles;
use crate::parts::Reading;
use crate::watch::Watch;
use crate::{Error, Event, Result, Stage};

/// Measuring without naming the device.
pub(super) trait Measure {
    /// Measures `task` with so many repetitions.
    fn measure(
        &self,
        model: &ModelFiles,
        task: &Task,
        repeat: usize,
        watch: &mut Watch<'_>,
    ) -> Result<Measured>;

    /// Additions and multiplications a second that the device does at most, measured now.
    fn peak(&self) -> Result<f64>;

    /// The element types of the device.
    fn policy(&self) -> Policy;

    /// The device.
    fn describe(&self) -> Description;
}

/// A device with nothing on it.
pub(super) struct Station<B: Measurable> {
    backend: B,
    target: Target,
    budget: Budget,
}

/// What a workload takes, found without a device.
pub(super) struct Rehearsed {
    pub(super) plan: Plan,
    /// Additions and multiplications of one repetition.
    pub(super) flops: u64,
}

/// Runs a workload without weights on a device of this policy.
pub(super) fn rehearse<W: Workload>(
    workload: &W,
    model: &ModelFiles,
    policy: Policy,
) -> Result<Rehearsed> {
    let planner = Planner::new(policy);
    let loaded = workload.load(&planner, &model.outline(W::PART), model)?;
    let ready = workload.prepare(&planner, model, &loaded)?;
    let before = planner.flops();
    workload.run(&planner, &loaded, &ready)?;
    Ok(Rehearsed { plan: planner.plan(), flops: planner.flops() - before })
}

impl<B: Measurable> Station<B> {
    pub(super) fn new(backend: B, target: Target, budget: Budget) -> Self {
        Self { backend, target, budget }
    }

    fn measure_workload<W: Workload>(
        &self,
        workload: &W,
        model: &ModelFiles,
        task: &Task,
        repeat: usize,
        watch: &mut Watch<'_>,
    ) -> Result<Measured> {
        let b = &self.backend;
        let Rehearsed { plan, flops } = rehearse(workload, model, b.policy())?;
        let weights = self.refuse_too_large(workload, model, plan, task)?;
        b.reserve(plan)?;

        watch.enter(Stage::Load);
        let since = Instant::now();
        b.expect_weights(Expected::resident(weights))?;
        let loaded =
            workload.load(b, &Reading::new(model.part(W::PART), self.target, watch), model)?;
        let load = since.elapsed();

        watch.enter(task.stage());
        let ready = workload.prepare(b, model, &loaded)?;
        let mut peak = b.peak()?;
        let output_rms = self.rms(&workload.run(b, &loaded, &ready)?)?;
        let (mut runs, mut queued) = (Vec::with_capacity(repeat), Vec::with_capacity(repeat));
        for done in 1..=repeat {
            let since = Instant::now();
            let output = workload.run(b, &loaded, &ready)?;
            queued.push(since.elapsed());
            b.wait()?;
            runs.push(since.elapsed());
            drop(output);
            watch.tell(Event::Step { done, of: repeat });
        }
        peak = peak.max(b.peak()?);
        drop((ready, loaded));
        b.release();
        Ok(Measured { load, runs, queued, flops, peak, output_rms })
    }

    /// Before anything is made: whether it all fits into memory. Returns the bytes of the weights.
    fn refuse_too_large<W: Workload>(
        &self,
        workload: &W,
        model: &ModelFiles,
        plan: Plan,
        task: &Task,
    ) -> Result<u64> {
        let whole = || model.loaded_bytes(W::PART, self.target);
        let weights = workload.weight_bytes().unwrap_or_else(whole);
        let needed = weights + plan.bytes() as u64 + self.backend.beside_bytes();
        let free = self.budget.total(0, self.backend.free_bytes());
        if needed <= free {
            return Ok(weights);
        }
        let remedy = self.budget.remedy(free);
        let advice = if weights > free {
            format!("the weights alone need {}; {remedy}", Bytes(weights))
        } else {
            format!("measure a smaller size or {remedy}")
        };
        let what = task.describe(model.pixels_per_cell());
        Err(Error::OutOfMemory { what, needed, free, advice })
    }

    /// Root mean square of all values.
    fn rms(&self, tensors: &[Tensor<B>]) -> Result<f64> {
        let (mut squares, mut count) = (0.0, 0);
        for tensor in tensors {
            let values = self.backend.read(tensor)?;
            squares += values.iter().map(|&v| f64::from(v).powi(2)).sum::<f64>();
            count += values.len();
        }
        if !squares.is_finite() {
            return Err(Error::Model(zao_model::Error::NotANumber { stage: "the measured stage" }));
        }
        Ok((squares / count.max(1) as f64).sqrt())
    }
}

impl<B: Measurable> Measure for Station<B> {
    fn measure(
        &self,
        model: &ModelFiles,
        task: &Task,
        repeat: usize,
        watch: &mut Watch<'_>,
    ) -> Result<Measured> {
        match *task {
            Task::Forward { latent, batch } => {
                self.measure_workload(&Forward { latent, batch }, model, task, repeat, watch)
            }
            Task::Encode => self.measure_workload(&Encode, model, task, repeat, watch),
            Task::Decode { latent } => {
                self.measure_workload(&Decode { latent }, model, task, repeat, watch)
            }
            Task::Gemm(product) => {
                let gemm = Gemm::new(product, &model.transformer);
                self.measure_workload(&gemm, model, task, repeat, watch)
            }
        }
    }

    fn peak(&self) -> Result<f64> {
        self.backend.peak()
    }

    fn policy(&self) -> Policy {
        self.backend.policy()
    }

    fn describe(&self) -> Description {
        self.backend.describe()
    }
}
