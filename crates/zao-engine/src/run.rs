//! One run from token ids to pictures, the same on every backend, so that it can be rehearsed.

use std::sync::Arc;
use std::time::Instant;

use zao_backend::prelude::*;

use crate::denoise::{Latent, denoise};
use crate::parts::Supply;
use crate::{CancelToken, Error, Event, Job, Picture, Result, Stage, Timings};

/// A job with its prompts as token ids, positive and, with guidance, negative.
pub(crate) struct Work<'a> {
    pub(crate) job: &'a Job,
    pub(crate) positive: Vec<u32>,
    pub(crate) negative: Option<Vec<u32>>,
}

/// Who looks on: events out, cancellation in, time by stage.
pub(crate) struct Watch<'a> {
    events: &'a dyn Fn(Event),
    cancel: &'a CancelToken,
    timings: Timings,
    stage: Stage,
    since: Instant,
}

impl<'a> Watch<'a> {
    pub(crate) fn new(events: &'a dyn Fn(Event), cancel: &'a CancelToken) -> Self {
        let (timings, since) = (Timings::default(), Instant::now());
        Self { events, cancel, timings, stage: Stage::Text, since }
    }

    /// Ends the running stage and begins another; returns the one that ended.
    pub(crate) fn enter(&mut self, stage: Stage) -> Stage {
        (self.events)(Event::Stage(stage));
        self.resume(stage)
    }

    /// Goes back to a stage that was interrupted, without telling anybody.
    pub(crate) fn resume(&mut self, stage: Stage) -> Stage {
        *self.timings.of(self.stage) += self.since.elapsed();
        self.since = Instant::now();
        std::mem::replace(&mut self.stage, stage)
    }

    /// Tells of an event.
    pub(crate) fn tell(&self, event: Event) {
        (self.events)(event);
    }

    /// What tells of events while this is borrowed elsewhere.
    pub(crate) fn teller(&self) -> &'a dyn Fn(Event) {
        self.events
    }

    /// Notes how long a step took.
    pub(crate) fn stepped(&mut self, since: Instant) {
        self.timings.steps.push(since.elapsed());
    }

    /// Stops the run if somebody asked for it.
    pub(crate) fn check(&self) -> Result<()> {
        if self.cancel.is_cancelled() { Err(Error::Cancelled) } else { Ok(()) }
    }

    /// Where the time went.
    pub(crate) fn finish(mut self) -> Timings {
        self.resume(Stage::Text);
        self.timings
    }
}

/// Runs `work` as one packed batch. `noise` gives the starting values of a job's latent.
pub(crate) fn run<B: Backend>(
    b: &B,
    supply: &mut dyn Supply<B>,
    work: &[Work<'_>],
    scheduler: &zao_model::SchedulerConfig,
    noise: &dyn Fn(&Job, usize) -> Vec<f32>,
    watch: &mut Watch<'_>,
) -> Result<Vec<Picture>> {
    let latents = {
        let captions = Captions::new(b, supply, work, watch)?;
        let transformer = supply.transformer(watch)?;
        let config = transformer.config();
        let latents = work.iter().map(|work| {
            let shape = zao_backend::Shape::new(config.in_channels, work.job.latent().area());
            let values = noise(work.job, shape.len());
            let tensor = b.upload(shape, &values, Region::Job)?;
            let positive = captions.of(&work.positive);
            let negative = work.negative.as_ref().map(|ids| captions.of(ids));
            Ok(Latent { job: work.job, tensor, positive, negative })
        });
        let latents = latents.collect::<Result<Vec<_>>>()?;
        watch.enter(Stage::Denoise);
        denoise(b, transformer, scheduler, latents, watch)?
    };

    let decoder = supply.decoder(watch)?;
    watch.enter(Stage::Decode);
    let of = work.len();
    let pictures = work.iter().zip(latents).enumerate().map(|(i, (work, latent))| {
        watch.check()?;
        let image = decoder.decode(b, &latent, work.job.latent())?;
        drop(latent);
        let rgb = b.read_bytes(&b.to_rgb8(&image)?)?;
        watch.tell(Event::Decoded { done: i + 1, of });
        let (width, height) = (work.job.ask().width, work.job.ask().height);
        Ok(Picture { width, height, rgb })
    });
    pictures.collect()
}

/// Refined captions of the distinct prompts of a run.
struct Captions<B: Backend> {
    of: Vec<(Vec<u32>, Arc<zao_model::transformer::Caption<B>>)>,
}

impl<B: Backend> Captions<B> {
    fn new(
        b: &B,
        supply: &mut dyn Supply<B>,
        work: &[Work<'_>],
        watch: &mut Watch<'_>,
    ) -> Result<Self> {
        let mut prompts: Vec<&[u32]> = Vec::new();
        for ids in work.iter().flat_map(|w| std::iter::once(&w.positive).chain(&w.negative)) {
            if !prompts.contains(&ids.as_slice()) {
                prompts.push(ids);
            }
        }
        watch.check()?;
        let encoder = supply.text_encoder(watch)?;
        watch.enter(Stage::Text);
        let features = encoder.encode(b, &prompts)?;
        watch.check()?;
        let transformer = supply.transformer(watch)?;
        let features: Vec<_> = features.iter().collect();
        let captions = transformer.refine(b, &features)?;
        let prompts = prompts.into_iter().map(<[u32]>::to_vec);
        Ok(Self { of: prompts.zip(captions.into_iter().map(Arc::new)).collect() })
    }

    fn of(&self, ids: &[u32]) -> Arc<zao_model::transformer::Caption<B>> {
        let found = self.of.iter().find(|(prompt, _)| prompt == ids);
        Arc::clone(&found.expect("every prompt of the run was encoded").1)
    }
}
