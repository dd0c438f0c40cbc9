//! Running without a device, to know the memory and the arithmetic of a run before anything is loaded or
//! computed.

use std::borrow::Cow;
use std::cell::RefCell;
use std::sync::Arc;

use zao_backend::{Arena, Grid, Plan, Planner, Policy};
use zao_model::text::TextEncoder;
use zao_model::transformer::Transformer;
use zao_model::vae::{Decoder, Encoder, Thrift};
use zao_model::{Adapter, Fill};

use crate::aside::{Reader, Unread};
use crate::bench::StageFlops;
use crate::denoise::Denoising;
use crate::model::ModelFiles;
use crate::parts::{Piece, Supply};
use crate::preview;
use crate::run::{Draws, begin, decode, run};
use crate::watch::Watch;
use crate::work::Work;
use crate::{AdapterId, CancelToken, Event, Job, Reads, Result, Stage};

/// The device of a run, as far as it can be rehearsed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Actor {
    /// The element types of its activations.
    pub(crate) policy: Policy,
    /// Who reads the prompts.
    pub(crate) reads: Reads,
}

impl Actor {
    /// A device that reads prompts itself.
    pub(crate) const fn reading(policy: Policy) -> Self {
        Self { policy, reads: Reads::Device }
    }
}

/// The memory that a run of `work` takes on a device.
pub(crate) fn rehearse(model: &ModelFiles, actor: Actor, work: &[Work<'_>]) -> Result<Plan> {
    let planner = Planner::new(actor.policy);
    rehearse_on(&planner, actor.reads, model, work, &|_| ())?;
    Ok(planner.plan())
}

/// The memory that `work` takes when all join at once, which takes more than one after the other, all are shown while
/// they step, and each leaves when it is done. Where others then take the places of those that left, there are gaps
/// among what jobs keep, which are as large as one of them at most.
pub(crate) fn rehearse_joining(
    model: &ModelFiles,
    actor: Actor,
    work: &[Work<'_>],
) -> Result<Plan> {
    let planner = Planner::new(actor.policy);
    let mut supply = Hollow::new(model, &planner, actor.reads)?;
    let (events, cancel, mut deliver) = (|_| (), CancelToken::new(), drop);
    let mut watch = Watch::new(&events, &cancel, &mut deliver);
    let mut denoising = Denoising::new();
    let latents = begin(&planner, &mut supply, work, &model.scheduler, &no_noise, &mut watch)?;
    for latent in latents {
        denoising.join(&planner, &supply.transformer, latent)?;
    }
    denoising.step(&planner, &supply.transformer)?;
    for one in work {
        let (cells, ask) = (one.job.latent(), one.job.ask());
        let shrink = preview::shrink_of(cells, ask.height / cells.height);
        let latent = denoising.values(&planner, 0)?;
        preview::decode_small(&planner, &supply.decoder, &latent, cells, shrink)?;
        let latent = denoising.remove(0);
        decode(&planner, &supply.decoder, one, latent)?;
    }
    let plan = planner.plan();
    let gaps = if work.len() > 1 { plan.job.div_ceil(work.len()) } else { 0 };
    Ok(Plan { job: (plan.job + gaps).next_multiple_of(Arena::ALIGNMENT), ..plan })
}

fn no_noise(_: &Job) -> Draws {
    Box::new(|count| vec![0.0; count])
}

/// `work` with the first way to save memory whose plan `fits`, and that plan; without one that fits,
/// the way with the smallest plan.
pub(crate) fn thriftier<'a>(
    model: &ModelFiles,
    actor: Actor,
    work: &Work<'a>,
    fits: impl Fn(Plan) -> bool,
) -> Result<(Work<'a>, Plan)> {
    let mut best = (work.clone(), rehearse(model, actor, std::slice::from_ref(work))?);
    for thrift in Thrift::ways(model.vae.block_out_channels.len()) {
        if fits(best.1) {
            break;
        }
        let work = Work { thrift, ..work.clone() };
        let plan = rehearse(model, actor, std::slice::from_ref(&work))?;
        if plan.bytes() < best.1.bytes() {
            best = (work, plan);
        }
    }
    Ok(best)
}

/// The arithmetic of each stage of a run of `work` on a device with this policy.
pub(crate) fn rehearse_stages(
    model: &ModelFiles,
    policy: Policy,
    work: &[Work<'_>],
) -> Result<StageFlops> {
    let planner = Planner::new(policy);
    let begun = RefCell::new(Vec::new());
    rehearse_on(&planner, Reads::Device, model, work, &|event| {
        if let Event::Stage(stage) = event {
            begun.borrow_mut().push((stage, planner.flops()));
        }
    })?;
    let mut flops = StageFlops::default();
    let mut until = planner.flops();
    for (stage, since) in begun.into_inner().into_iter().rev() {
        match stage {
            // What is measured begins with noise.
            Stage::Load | Stage::Encode => {}
            Stage::Text => flops.text += until - since,
            Stage::Denoise => flops.denoise += until - since,
            Stage::Decode => flops.decode += until - since,
        }
        until = since;
    }
    Ok(flops)
}

fn rehearse_on(
    planner: &Planner,
    reads: Reads,
    model: &ModelFiles,
    work: &[Work<'_>],
    events: &dyn Fn(Event),
) -> Result<()> {
    let mut supply = Hollow::new(model, planner, reads)?;
    let (cancel, mut deliver) = (CancelToken::new(), drop);
    let mut watch = Watch::new(events, &cancel, &mut deliver);
    run(planner, &mut supply, work, &model.scheduler, &no_noise, &mut watch)
}

/// The largest size smaller than that of `work`, in about the same proportions, whose plan `fits`.
pub(crate) fn largest_fitting(
    model: &ModelFiles,
    actor: Actor,
    work: &Work<'_>,
    fits: impl Fn(Plan) -> bool,
) -> Option<Grid> {
    let asked = Grid::new(work.job.ask().height, work.job.ask().width).over(model.size_multiple());
    let longest = asked.height.max(asked.width);
    let size = |long: usize| {
        let side = |asked: usize| ((asked * long + longest / 2) / longest).max(1);
        Grid::new(side(asked.height), side(asked.width)).times(model.size_multiple())
    };
    let is_small_enough = |long: usize| {
        let job = work.job.resized(size(long));
        let smaller = Work { job: Cow::Owned(job), ..work.clone() };
        thriftier(model, actor, &smaller, &fits).is_ok_and(|(_, plan)| fits(plan))
    };
    // Memory grows with the size, so halving the range finds the border.
    let (mut fitting, mut too_large) = (0, longest);
    while too_large - fitting > 1 {
        let middle = fitting.midpoint(too_large);
        if is_small_enough(middle) { fitting = middle } else { too_large = middle }
    }
    (fitting > 0).then(|| size(fitting))
}

/// All parts without their weights.
pub(crate) struct Hollow<'a> {
    planner: &'a Planner,
    model: &'a ModelFiles,
    adapters: Vec<(AdapterId, Arc<Adapter<Planner>>)>,
    encoder: Encoder<Planner>,
    reads: Reads,
    text_encoder: TextEncoder<Planner>,
    aside: Unread,
    pub(crate) transformer: Transformer<Planner>,
    pub(crate) decoder: Decoder<Planner>,
}

impl<'a> Hollow<'a> {
    pub(crate) fn new(model: &'a ModelFiles, planner: &'a Planner, reads: Reads) -> Result<Self> {
        let of = |piece| model.outline(piece);
        Ok(Self {
            planner,
            model,
            adapters: Vec::new(),
            reads,
            encoder: Encoder::load(planner, &of(Piece::Encoder), &model.vae)?,
            text_encoder: TextEncoder::load(planner, &of(Piece::TextEncoder), &model.text)?,
            aside: Unread { width: model.text.hidden_size },
            transformer: Transformer::load(planner, &of(Piece::Transformer), &model.transformer)?,
            decoder: Decoder::load(planner, &of(Piece::Decoder), &model.vae)?,
        })
    }
}

impl Supply<Planner> for Hollow<'_> {
    fn encoder(&mut self, _: &mut Watch<'_>) -> Result<&Encoder<Planner>> {
        Ok(&self.encoder)
    }

    fn reader(&mut self, _: &mut Watch<'_>) -> Result<Reader<'_, Planner>> {
        Ok(match self.reads {
            Reads::Device => Reader::Own(&self.text_encoder),
            Reads::Processor(_) => Reader::Aside(&self.aside),
        })
    }

    fn transformer(&mut self, _: &mut Watch<'_>) -> Result<&Transformer<Planner>> {
        Ok(&self.transformer)
    }

    fn decoder(&mut self, _: &mut Watch<'_>) -> Result<&Decoder<Planner>> {
        Ok(&self.decoder)
    }

    fn adapter(&mut self, id: AdapterId, _: &mut Watch<'_>) -> Result<Arc<Adapter<Planner>>> {
        if let Some((_, adapter)) = self.adapters.iter().find(|(known, _)| *known == id) {
            return Ok(Arc::clone(adapter));
        }
        let outline = self.model.outline(Piece::Transformer);
        let adapter = self.model.adapters.load(self.planner, id, Fill::Shapes(&outline))?;
        self.adapters.push((id, Arc::clone(&adapter)));
        Ok(adapter)
    }

    fn finished(&mut self, _: Piece) {}
}
