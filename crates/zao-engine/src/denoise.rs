//! The loop over steps: every picture of the batch moves from noise towards the picture together,
//! each on its own schedule, and leaves when it is done. Others may come in between two steps.

use std::sync::Arc;
use std::time::Instant;

use zao_backend::prelude::*;
use zao_model::AdapterStack;
use zao_model::guidance::Guidance;
use zao_model::schedule::Schedule;
use zao_model::transformer::{Batch, BatchItem, Caption, Modulations, Transformer};

use crate::origins::Origin;
use crate::watch::Watch;
use crate::{Error, Result};

/// A latent on its way.
pub(crate) struct Latent<B: Backend> {
    /// Its extent.
    pub(crate) cells: Grid,
    pub(crate) guidance: Guidance,
    pub(crate) schedule: Schedule,
    /// What it begins with besides noise.
    pub(crate) origin: Option<Origin>,
    /// `[channels, cells]`.
    pub(crate) tensor: Tensor<B>,
    pub(crate) positive: Arc<Caption<B>>,
    pub(crate) negative: Option<Arc<Caption<B>>>,
    /// The adapters that it follows, as its captions do.
    pub(crate) adapters: Option<Arc<AdapterStack<B>>>,
}

/// A latent with what its schedule makes of the model's weights.
struct Course<B: Backend> {
    latent: Latent<B>,
    times: Vec<f32>,
    modulations: Arc<Modulations<B>>,
    /// Steps that are done.
    step: usize,
}

/// Which prediction of which latent one item of a batch is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Positive(usize),
    Negative(usize),
}

/// Latents that step together. Those that are done stay, in the order in which they came, until they are taken out.
pub(crate) struct Denoising<B: Backend> {
    courses: Vec<Course<B>>,
    /// The row layout of the last step, and for whom it was made.
    batch: Option<(Vec<Side>, Batch<B>)>,
}

/// Takes every latent through its schedule; returns them in the same order.
pub(crate) fn denoise<B: Backend>(
    b: &B,
    transformer: &Transformer<B>,
    latents: Vec<Latent<B>>,
    watch: &mut Watch<'_>,
) -> Result<Vec<Tensor<B>>> {
    let mut denoising = Denoising::new();
    for latent in latents {
        denoising.join(b, transformer, latent)?;
    }
    while denoising.has_steps() {
        watch.check()?;
        let since = Instant::now();
        denoising.step(b, transformer)?;
        watch.stepped(since);
    }
    denoising.finish(b)
}

impl<B: Backend> Denoising<B> {
    pub(crate) fn new() -> Self {
        Self { courses: Vec::new(), batch: None }
    }

    /// Takes a latent in, as the last one. Latents on the same schedule that follow the same adapters share their
    /// modulations.
    pub(crate) fn join(
        &mut self,
        b: &B,
        transformer: &Transformer<B>,
        latent: Latent<B>,
    ) -> Result<()> {
        let times = latent.schedule.times();
        let adapters = latent.adapters.as_deref();
        let same = |other: &&Course<B>| {
            let others = other.latent.adapters.as_deref();
            other.times == times
                && others.map(std::ptr::from_ref) == adapters.map(std::ptr::from_ref)
        };
        let modulations = match self.courses.iter().find(same) {
            Some(other) => Arc::clone(&other.modulations),
            None => Arc::new(transformer.modulations_following(b, &times, adapters)?),
        };
        self.courses.push(Course { latent, times, modulations, step: 0 });
        Ok(())
    }

    /// Whether any latent has steps left.
    pub(crate) fn has_steps(&self) -> bool {
        self.courses.iter().any(|course| !course.is_done())
    }

    /// One step of every latent that has steps left.
    pub(crate) fn step(&mut self, b: &B, transformer: &Transformer<B>) -> Result<()> {
        let sides = self.sides();
        if self.batch.as_ref().is_none_or(|(of, _)| *of != sides) {
            // The old layout's memory goes before the new one's is taken.
            drop(self.batch.take());
            let items = sides.iter().map(|&side| self.item(side)).collect();
            self.batch = Some((sides, transformer.batch(b, items)?));
        }
        self.advance(b, transformer)?;
        b.wait()?;
        let running = self.courses.iter_mut().filter(|course| !course.is_done());
        running.for_each(|course| course.step += 1);
        Ok(())
    }

    /// Gives the memory of the row layout back, which the next step makes anew: whoever reads prompts needs it.
    pub(crate) fn clear_layout(&mut self) {
        self.batch = None;
    }

    /// Takes out the latent at `index`; those behind it move up.
    pub(crate) fn remove(&mut self, index: usize) -> Tensor<B> {
        self.batch = None;
        self.courses.remove(index).latent.tensor
    }

    /// Takes out all latents but the first `count`.
    pub(crate) fn truncate(&mut self, count: usize) {
        self.batch = None;
        self.courses.truncate(count);
    }

    /// Takes out the latent at `index`, which is done.
    pub(crate) fn take(&mut self, b: &B, index: usize) -> Result<Tensor<B>> {
        finished(b, self.remove(index))
    }

    /// Whether the latent at `index` is done.
    pub(crate) fn is_done(&self, index: usize) -> bool {
        self.courses[index].is_done()
    }

    /// The values of the latent at `index`.
    pub(crate) fn values(&self, b: &B, index: usize) -> Result<Vec<f32>> {
        Ok(b.read(&self.courses[index].latent.tensor)?)
    }

    /// What the latent at `index`, whose values were `before` its last step, is on the way to: the model's guess of
    /// the picture without noise.
    pub(crate) fn guess(&self, b: &B, index: usize, before: &[f32]) -> Result<Vec<f32>> {
        let course = &self.courses[index];
        let sigmas = course.latent.schedule.sigmas();
        let (from, to) = (sigmas[course.step - 1], sigmas[course.step]);
        let further = to / (from - to);
        let mut values = self.values(b, index)?;
        for (value, before) in values.iter_mut().zip(before) {
            *value += further * (*value - before);
        }
        Ok(values)
    }

    /// The latents, all of which are done.
    fn finish(mut self, b: &B) -> Result<Vec<Tensor<B>>> {
        drop(self.batch.take());
        self.courses.into_iter().map(|course| finished(b, course.latent.tensor)).collect()
    }

    /// The predictions that the next step needs.
    fn sides(&self) -> Vec<Side> {
        let running = self.courses.iter().enumerate().filter(|(_, course)| !course.is_done());
        running
            .flat_map(|(i, course)| {
                let guided = course.latent.negative.is_some()
                    && course.latent.guidance.applies_at(course.times[course.step]);
                std::iter::once(Side::Positive(i)).chain(guided.then_some(Side::Negative(i)))
            })
            .collect()
    }

    fn item(&self, side: Side) -> BatchItem<B> {
        let (Side::Positive(i) | Side::Negative(i)) = side;
        let Latent { cells, positive, negative, .. } = &self.courses[i].latent;
        let caption = match side {
            Side::Positive(_) => positive,
            Side::Negative(_) => negative.as_ref().expect("only guided latents have this side"),
        };
        BatchItem { caption: Arc::clone(caption), latent: *cells }
    }

    /// One forward for all, then one Euler step for each.
    fn advance(&mut self, b: &B, transformer: &Transformer<B>) -> Result<()> {
        let (sides, batch) = self.batch.as_ref().expect("it was just made");
        let of = |&(Side::Positive(i) | Side::Negative(i)): &Side| &self.courses[i];
        let latents: Vec<_> = sides.iter().map(|side| &of(side).latent.tensor).collect();
        let times: Vec<_> =
            sides.iter().map(|side| (&*of(side).modulations, of(side).step)).collect();
        let outputs = transformer.forward(b, batch, &latents, &times)?;
        let mut outputs = sides.iter().zip(outputs).peekable();
        while let Some((&side, positive)) = outputs.next() {
            let (Side::Positive(i) | Side::Negative(i)) = side;
            let negative = outputs.next_if(|(next, _)| **next == Side::Negative(i));
            let Course { latent, step, .. } = &mut self.courses[i];
            let velocity = match negative {
                Some((_, negative)) => {
                    let Guidance { scale, normalization, .. } = latent.guidance;
                    b.cfg_combine(&positive, &negative, scale, normalization)?
                }
                None => positive,
            };
            b.euler_step(&mut latent.tensor, &velocity, latent.schedule.delta(*step))?;
            if let Some(origin) = &latent.origin {
                origin.restore(b, &mut latent.tensor, &latent.schedule, *step + 1)?;
            }
        }
        Ok(())
    }
}

impl<B: Backend> Course<B> {
    fn is_done(&self) -> bool {
        self.step == self.latent.schedule.steps()
    }
}

/// A latent that is all numbers; anything else would decode to a black picture.
fn finished<B: Backend>(b: &B, latent: Tensor<B>) -> Result<Tensor<B>> {
    if b.read(&latent)?.iter().all(|v| v.is_finite()) {
        Ok(latent)
    } else {
        Err(Error::Model(zao_model::Error::NotANumber { stage: "the transformer" }))
    }
}
