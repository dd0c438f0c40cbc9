//! One run from token ids to pictures, the same on every backend, so that it can be rehearsed.

use std::sync::Arc;

use zao_backend::prelude::*;
use zao_model::schedule::Schedule;

use crate::denoise::{Latent, denoise};
use crate::origins::origins;
use crate::parts::{Piece, Supply};
use crate::watch::Watch;
use crate::work::Work;
use crate::{Job, Picture, Result, Stage};

/// The generator of a job: as many normal values as are asked for, others with each call.
pub(crate) type Draws = Box<dyn FnMut(usize) -> Vec<f32>>;

/// Runs `work` as one packed batch; `watch` gets each picture when it is decoded, in order. `draws`
/// gives the generator of a job.
pub(crate) fn run<B: Backend>(
    b: &B,
    supply: &mut dyn Supply<B>,
    work: &[Work<'_>],
    scheduler: &zao_model::SchedulerConfig,
    draws: &dyn Fn(&Job) -> Draws,
    watch: &mut Watch<'_>,
) -> Result<()> {
    let origins = origins(b, supply, work, draws, watch)?;
    let latents = {
        let captions = Captions::new(b, supply, work, watch)?;
        let transformer = supply.transformer(watch)?;
        let config = transformer.config();
        let latents = work.iter().zip(origins).map(|(work, origin)| {
            let shape = zao_backend::Shape::new(config.in_channels, work.job.latent().area());
            let tokens = work.job.latent().over(config.patch()).area();
            let schedule = Schedule::new(scheduler, work.job.ask().steps, tokens)
                .without_first(work.job.left_out());
            let values = match &origin {
                None => draws(work.job)(shape.len()),
                Some(origin) => origin.beginning(&schedule),
            };
            let tensor = b.upload(shape, &values, Region::Job)?;
            let positive = captions.of(&work.positive);
            let negative = work.negative.as_ref().map(|ids| captions.of(ids));
            Ok(Latent { job: work.job, schedule, origin, tensor, positive, negative })
        });
        let latents = latents.collect::<Result<Vec<_>>>()?;
        watch.enter(Stage::Denoise);
        denoise(b, transformer, latents, watch)?
    };
    supply.finished(Piece::Transformer);

    watch.check()?;
    let decoder = supply.decoder(watch)?;
    watch.enter(Stage::Decode);
    for (work, latent) in work.iter().zip(latents) {
        watch.check()?;
        let image = decoder.decode(b, &latent, work.job.latent(), work.thrift)?;
        drop(latent);
        let rgb = b.read_bytes(&b.to_rgb8(&image)?)?;
        let (width, height) = (work.job.ask().width, work.job.ask().height);
        watch.decoded(Picture { width, height, rgb });
    }
    supply.finished(Piece::Decoder);
    Ok(())
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
        let encoder = supply.text_encoder(watch)?;
        watch.enter(Stage::Text);
        let features = encoder.encode(b, &prompts)?;
        watch.check()?;
        supply.finished(Piece::TextEncoder);
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
