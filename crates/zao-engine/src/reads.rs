//! Who reads prompts, the device that draws or the processor beside it, and why. It computes nothing: `aside.rs` reads.

use std::borrow::Cow;

use zao_backend::Plan;
use zao_weights::PartName;

use crate::devices::{Found, Target};
use crate::estimate::{Drawn, ProcessorPeaks, Speed, Times};
use crate::known_cards::KnownCard;
use crate::memory::Budget;
use crate::model::ModelFiles;
use crate::parts::Present;
use crate::planning::{Bounds, Planning, Terms};
use crate::precision::usual_picture;
use crate::rehearsal::rehearse_stages;
use crate::watch::Watch;
use crate::work::Work;
use crate::{
    Ask, CancelToken, Job, MemoryPlan, ModelInfo, Residency, ResolvedPrecision, Result, Settings,
};

/// Where the text encoder is computed, as asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TextEncoderOn {
    /// On the device that draws, unless pictures are there sooner with the processor, or only there at all.
    #[default]
    Auto,
    /// On the device that draws.
    Device,
    /// On the processor.
    Processor,
}

/// Who reads prompts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reads {
    /// The device that draws.
    #[default]
    Device,
    /// The processor, in this precision.
    Processor(ResolvedPrecision),
}

impl Reads {
    /// What the processor computes with, if it reads.
    pub(crate) fn target(self) -> Option<Target> {
        match self {
            Self::Device => None,
            Self::Processor(precision) => Some(Target::Cpu(precision)),
        }
    }

    /// The processor, as it reads for pictures that are drawn in `precision`: in bf16, which costs no more than to read the
    /// weights, unless pictures lose nothing or the weights have lost more.
    pub(crate) fn beside(model: &ModelFiles, precision: ResolvedPrecision) -> Self {
        Self::Processor(match precision {
            _ if model.part(PartName::TextEncoder).has_int8() => ResolvedPrecision::Int8,
            ResolvedPrecision::F32 => ResolvedPrecision::F32,
            _ => ResolvedPrecision::Bf16,
        })
    }

    /// How fast the processor reads with the text encoder of `model`, if it does.
    pub(crate) fn speed(self, peaks: &ProcessorPeaks, model: &ModelFiles) -> Option<Speed> {
        let Self::Processor(precision) = self else { return None };
        // Integers are stored as the processor multiplies them.
        let as_stored = precision == ResolvedPrecision::Int8;
        let speed = Speed::of_processor(peaks, precision, as_stored)?;
        let packed = model.part(PartName::TextEncoder).has_packed();
        Some(if packed { speed.unpacking(peaks) } else { speed })
    }
}

/// Of the time that a picture takes with the device as reader, the most that it may take with the processor for that to
/// be chosen: estimates are no better.
const WORTH: f64 = 0.9;
/// Steps of the picture that is decided for.
const STEPS: usize = 8;

/// Whether the processor should read, where a picture fits with either as these plans say, and takes so long with the
/// device as reader, and with the processor, if that is known.
pub(crate) fn processor_should(
    (device, processor): (&Result<MemoryPlan>, &Result<MemoryPlan>),
    times: Option<(Times, Times)>,
) -> bool {
    match (device, processor) {
        (_, Err(_)) => false,
        (Err(_), Ok(_)) => true,
        (Ok(_), Ok(_)) => times.is_some_and(is_worth),
    }
}

/// Whether the second is so much sooner that estimates tell them apart.
fn is_worth((device, processor): (Times, Times)) -> bool {
    processor.next < device.next.mul_f64(WORTH)
}

/// Who reads prompts for pictures of `model` on the device that was chosen, decided once for all of them: what a caption
/// is must not depend on what is drawn beside it.
///
/// # Errors
/// A processor that has not the instructions that `settings` ask for.
pub(crate) fn choose(
    settings: &Settings,
    model: &ModelFiles,
    info: &ModelInfo,
    (found, precision): (&Found, ResolvedPrecision),
) -> Result<Reads> {
    let Found::Cuda(card, _) = found else { return Ok(Reads::Device) };
    let aside = Reads::beside(model, precision);
    match settings.text_encoder_on {
        TextEncoderOn::Device => return Ok(Reads::Device),
        TextEncoderOn::Processor => return Ok(aside),
        TextEncoderOn::Auto => {}
    }
    let target = found.with(precision);
    let budget = Budget::of(settings, found);
    // What is free is asked once, so that both are about the same moment.
    let bounds = Bounds::of(budget, found);
    let terms = |reads| {
        let (beside, residency) = (found.beside_bytes(), settings.residency);
        Terms { target, policy: target.policy(), beside, budget, residency, reads }
    };
    let plannings = [Reads::Device, aside].map(|it| Planning::new(terms(it), model, bounds));
    let (events, cancel, mut deliver) = (|_| (), CancelToken::new(), drop);
    let watch = Watch::new(&events, &cancel, &mut deliver);
    // Whoever has no room for the usual size draws smaller.
    let mut sizes = [4, 3, 2, 1].map(|quarters| info.quarters(quarters)).into_iter();
    let (size, job, device, processor) = loop {
        let Some(size) = sizes.next() else { return Ok(Reads::Device) };
        let job = Job::new(Ask { steps: STEPS, ..usual_picture(size) }, info)?;
        let work = [Work::new(model, Cow::Borrowed(&job), &watch)?];
        let foresee = |planning: &Planning<'_>| -> Result<MemoryPlan> {
            let batches = planning.batches(&work)?;
            planning.forecast(Present::default(), Plan::default(), &batches)
        };
        let device = foresee(&plannings[0]);
        // Whoever draws once reads weights for so long that it hardly matters who reads the prompt.
        let once = settings.residency == Residency::InTurn;
        if device.as_ref().is_ok_and(|plan| once || plan.is_resident()) {
            return Ok(Reads::Device);
        }
        let processor = foresee(&plannings[1]);
        if device.is_ok() || processor.is_ok() {
            break (size, job, device, processor);
        }
    };
    let mut times = None;
    if let (Ok(device), Ok(processor)) = (&device, &processor)
        && let Some(speed) =
            KnownCard::called(card.name()).and_then(|card| Speed::of_card(card, precision))
    {
        let work = [Work::new(model, Cow::Borrowed(&job), &watch)?];
        let flops = rehearse_stages(model, target.policy(), &work)?;
        let (pixels, stored) = (size.area(), model.stored());
        let drawn = Drawn { flops, steps: STEPS, pixels, stored };
        let both = |reader: &Speed| {
            (speed.times(device, &drawn, reader), speed.times(processor, &drawn, reader))
        };
        // Measuring the processor takes half a second, so it has to have something to gain.
        if is_worth(both(&Speed::NO_TIME)) {
            let peaks = ProcessorPeaks::measure(settings.threads, settings.instructions)?;
            times = aside.speed(&peaks, model).map(|reader| both(&reader));
        }
    }
    Ok(if processor_should((&device, &processor), times) { aside } else { Reads::Device })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::Error;

    #[test]
    fn the_processor_reads_where_nothing_else_fits_or_it_is_much_sooner() {
        let times = |seconds| {
            let next = Duration::from_secs_f64(seconds);
            Times { step: next, first: next, next }
        };
        let fits = || Ok(MemoryPlan::default());
        let refused = || Err(Error::Cancelled);
        let should = |device, processor, seconds: Option<(f64, f64)>| {
            let times = seconds.map(|(device, processor)| (times(device), times(processor)));
            processor_should((&device, &processor), times)
        };
        assert!(should(fits(), fits(), Some((2.0, 1.7))));
        assert!(!should(fits(), fits(), Some((2.0, 1.9))), "estimates are no better");
        assert!(!should(fits(), fits(), None), "nothing is known of the card");
        assert!(should(refused(), fits(), None));
        assert!(!should(fits(), refused(), None) && !should(refused(), refused(), None));
    }
}
