//! One run from token ids to pictures, the same on every backend, so that it can be rehearsed.

use std::sync::Arc;

use zao_backend::Shape;
use zao_backend::prelude::*;
use zao_model::noise;
use zao_model::schedule::Schedule;
use zao_model::vae::Decoder;

use crate::adapters::{Stack, Stacks};
use crate::denoise::{Latent, denoise};
use crate::origins::origins;
use crate::parts::{Piece, Supply};
use crate::watch::Watch;
use crate::work::Work;
use crate::{Job, Picture, Result, Stage};

/// The generator of a job: as many normal values as are asked for, others with each call.
pub(crate) type Draws = Box<dyn FnMut(usize) -> Vec<f32>>;

/// The generator of the noise that `job` begins with.
pub(crate) fn noise_of(job: &Job) -> Draws {
    let mut source = noise::Source::new(job.ask().generator, job.ask().seed);
    Box::new(move |count| source.normal(count))
}

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
    let latents = begin(b, supply, work, scheduler, draws, watch)?;
    watch.enter(Stage::Denoise);
    let latents = denoise(b, supply.transformer(watch)?, latents, watch)?;
    supply.finished(Piece::Transformer);

    watch.check()?;
    let decoder = supply.decoder(watch)?;
    watch.enter(Stage::Decode);
    for (work, latent) in work.iter().zip(latents) {
        watch.check()?;
        watch.decoded(decode(b, decoder, work, latent)?);
    }
    supply.finished(Piece::Decoder);
    Ok(())
}

/// The latents of `work` before their first step, with the captions that they follow.
pub(crate) fn begin<B: Backend>(
    b: &B,
    supply: &mut dyn Supply<B>,
    work: &[Work<'_>],
    scheduler: &zao_model::SchedulerConfig,
    draws: &dyn Fn(&Job) -> Draws,
    watch: &mut Watch<'_>,
) -> Result<Vec<Latent<B>>> {
    let origins = origins(b, supply, work, draws, watch)?;
    let captions = Captions::new(b, supply, work, watch)?;
    let config = supply.transformer(watch)?.config();
    let latents = work.iter().zip(origins).map(|(work, origin)| {
        let (cells, ask) = (work.job.latent(), work.job.ask());
        let shape = Shape::new(config.in_channels, cells.area());
        let tokens = cells.over(config.patch()).area();
        let schedule =
            Schedule::new(scheduler, ask.steps, tokens).without_first(work.job.left_out());
        let values = match &origin {
            None => draws(&work.job)(shape.len()),
            Some(origin) => origin.beginning(&schedule),
        };
        let tensor = b.upload(shape, &values, Region::Job)?;
        let stack = work.job.adapters();
        let positive = captions.of(&work.positive, stack);
        let negative = work.negative.as_ref().map(|ids| captions.of(ids, stack));
        let (guidance, adapters) = (ask.guidance, captions.stacks.of(stack));
        Ok(Latent { cells, guidance, schedule, origin, tensor, positive, negative, adapters })
    });
    latents.collect()
}

/// The picture of `work` in a latent that is done.
pub(crate) fn decode<B: Backend>(
    b: &B,
    decoder: &Decoder<B>,
    work: &Work<'_>,
    latent: Tensor<B>,
) -> Result<Picture> {
    let image = decoder.decode(b, &latent, work.job.latent(), work.thrift)?;
    drop(latent);
    let rgb = b.read_bytes(&b.to_rgb8(&image)?)?;
    let (width, height) = (work.job.ask().width, work.job.ask().height);
    Ok(Picture { width, height, rgb })
}

/// What a caption depends on: token ids and adapters.
type Words<'a> = (&'a [u32], Stack<'a>);

/// Refined captions of the distinct prompts of a run, and the adapters that these follow.
struct Captions<'a, B: Backend> {
    stacks: Stacks<'a, B>,
    of: Vec<(Words<'a>, Arc<zao_model::transformer::Caption<B>>)>,
}

impl<'a, B: Backend> Captions<'a, B> {
    fn new(
        b: &B,
        supply: &mut dyn Supply<B>,
        work: &'a [Work<'a>],
        watch: &mut Watch<'_>,
    ) -> Result<Self> {
        let (prompts, mut words) = (Work::prompts(work), Vec::<Words<'a>>::new());
        for work in work {
            for ids in std::iter::once(&work.positive).chain(&work.negative) {
                let own = (ids.as_slice(), work.job.adapters());
                if !words.contains(&own) {
                    words.push(own);
                }
            }
        }
        let features = supply.features(b, &prompts, watch)?;
        watch.check()?;
        supply.finished(Piece::TextEncoder);
        let stacks = Stacks::new(b, supply, work, watch)?;
        let transformer = supply.transformer(watch)?;
        let features_of = |ids: &[u32]| {
            let index = prompts.iter().position(|&prompt| prompt == ids);
            &features[index.expect("every prompt of the run was encoded")]
        };
        let captions: Vec<_> =
            words.iter().map(|&(ids, stack)| (features_of(ids), stacks.of(stack))).collect();
        let captions = transformer.refine_following(b, &captions)?;
        Ok(Self { stacks, of: words.into_iter().zip(captions.into_iter().map(Arc::new)).collect() })
    }

    fn of(&self, ids: &[u32], stack: Stack<'_>) -> Arc<zao_model::transformer::Caption<B>> {
        let found = self.of.iter().find(|(words, _)| *words == (ids, stack));
        Arc::clone(&found.expect("every prompt of the run was encoded").1)
    }
}
