//! The loop over steps: every picture of the batch moves from noise towards the picture together,
//! each on its own schedule, and leaves when it is done.

use std::sync::Arc;
use std::time::Instant;

use zao_backend::prelude::*;
use zao_model::AdapterStack;
use zao_model::schedule::Schedule;
use zao_model::transformer::{Batch, BatchItem, Caption, Modulations, Transformer};

use crate::origins::Origin;
use crate::watch::Watch;
use crate::{Error, Job, Result};

/// A latent on its way.
pub(crate) struct Latent<'a, B: Backend> {
    pub(crate) job: &'a Job,
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
struct Course<'a, B: Backend> {
    latent: Latent<'a, B>,
    times: Vec<f32>,
    modulations: Arc<Modulations<B>>,
}

/// Which prediction of which latent one item of a batch is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Positive(usize),
    Negative(usize),
}

/// Takes every latent through its schedule; returns them in the same order.
pub(crate) fn denoise<B: Backend>(
    b: &B,
    transformer: &Transformer<B>,
    latents: Vec<Latent<'_, B>>,
    watch: &mut Watch<'_>,
) -> Result<Vec<Tensor<B>>> {
    let mut courses = courses(b, transformer, latents)?;
    let steps = courses.iter().map(|course| course.latent.schedule.steps()).max().unwrap_or(0);
    let mut batch: Option<(Vec<Side>, Batch<B>)> = None;
    for step in 0..steps {
        watch.check()?;
        let since = Instant::now();
        let sides = sides(&courses, step);
        if batch.as_ref().is_none_or(|(of, _)| *of != sides) {
            // The old layout's memory goes before the new one's is taken.
            drop(batch.take());
            let items = sides.iter().map(|&side| item(&courses, side)).collect();
            batch = Some((sides.clone(), transformer.batch(b, items)?));
        }
        let layout = &batch.as_ref().expect("it was just made").1;
        advance(b, transformer, layout, &mut courses, &sides, step)?;
        b.wait()?;
        watch.stepped(since);
    }
    drop(batch);
    courses.into_iter().map(|course| finished(b, course.latent.tensor)).collect()
}

/// Modulations; latents on the same schedule that follow the same adapters share them.
fn courses<'a, B: Backend>(
    b: &B,
    transformer: &Transformer<B>,
    latents: Vec<Latent<'a, B>>,
) -> Result<Vec<Course<'a, B>>> {
    let mut courses: Vec<Course<'a, B>> = Vec::with_capacity(latents.len());
    for latent in latents {
        let times = latent.schedule.times();
        let adapters = latent.adapters.as_deref();
        let same = |other: &&Course<'a, B>| {
            let others = other.latent.adapters.as_deref();
            other.times == times
                && others.map(std::ptr::from_ref) == adapters.map(std::ptr::from_ref)
        };
        let modulations = match courses.iter().find(same) {
            Some(other) => Arc::clone(&other.modulations),
            None => Arc::new(transformer.modulations_following(b, &times, adapters)?),
        };
        courses.push(Course { latent, times, modulations });
    }
    Ok(courses)
}

/// The predictions that step `step` needs.
fn sides<B: Backend>(courses: &[Course<'_, B>], step: usize) -> Vec<Side> {
    let running =
        courses.iter().enumerate().filter(|(_, course)| step < course.latent.schedule.steps());
    running
        .flat_map(|(i, course)| {
            let guided = course.latent.negative.is_some()
                && course.latent.job.ask().guidance.applies_at(course.times[step]);
            std::iter::once(Side::Positive(i)).chain(guided.then_some(Side::Negative(i)))
        })
        .collect()
}

fn item<B: Backend>(courses: &[Course<'_, B>], side: Side) -> BatchItem<B> {
    let (Side::Positive(i) | Side::Negative(i)) = side;
    let Latent { job, positive, negative, .. } = &courses[i].latent;
    let caption = match side {
        Side::Positive(_) => positive,
        Side::Negative(_) => negative.as_ref().expect("only guided latents have this side"),
    };
    BatchItem { caption: Arc::clone(caption), latent: job.latent() }
}

/// One forward for all, then one Euler step for each.
fn advance<B: Backend>(
    b: &B,
    transformer: &Transformer<B>,
    batch: &Batch<B>,
    courses: &mut [Course<'_, B>],
    sides: &[Side],
    step: usize,
) -> Result<()> {
    let of = |&(Side::Positive(i) | Side::Negative(i)): &Side| &courses[i];
    let latents: Vec<_> = sides.iter().map(|side| &of(side).latent.tensor).collect();
    let times: Vec<_> = sides.iter().map(|side| (&*of(side).modulations, step)).collect();
    let outputs = transformer.forward(b, batch, &latents, &times)?;
    let mut outputs = sides.iter().zip(outputs).peekable();
    while let Some((&side, positive)) = outputs.next() {
        let (Side::Positive(i) | Side::Negative(i)) = side;
        let negative = outputs.next_if(|(next, _)| **next == Side::Negative(i));
        let latent = &mut courses[i].latent;
        let guidance = latent.job.ask().guidance;
        let velocity = match negative {
            Some((_, negative)) => {
                b.cfg_combine(&positive, &negative, guidance.scale, guidance.normalization)?
            }
            None => positive,
        };
        b.euler_step(&mut latent.tensor, &velocity, latent.schedule.delta(step))?;
        if let Some(origin) = &latent.origin {
            origin.restore(b, &mut latent.tensor, &latent.schedule, step + 1)?;
        }
    }
    Ok(())
}

/// A latent that is all numbers; anything else would decode to a black picture.
fn finished<B: Backend>(b: &B, latent: Tensor<B>) -> Result<Tensor<B>> {
    if b.read(&latent)?.iter().all(|v| v.is_finite()) {
        Ok(latent)
    } else {
        Err(Error::Model(zao_model::Error::NotANumber { stage: "the transformer" }))
    }
}
