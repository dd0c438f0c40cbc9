//! The choices there are for drawing on a machine, each with its memory and its time, and which of them to take.

use crate::devices::CONTEXT_BYTES;
use crate::estimate::{Drawn, ProcessorPeaks, Speed, Times};
use crate::known_cards::KnownCard;
use crate::memory::PROCESS;
use crate::reads::processor_should;
use crate::{
    Error, Job, Machine, MemoryPlan, Plans, Reads, Residency, ResolvedPrecision, Result,
    TextEncoderOn,
};

/// A machine to choose for.
#[derive(Clone, Copy, Debug)]
pub struct Site {
    /// Its card, if there is one.
    pub card: Option<CardSite>,
    /// Bytes of main memory that the process may take.
    pub ram: u64,
    /// What its processor does; `None` to leave it out.
    pub processor: Option<ProcessorPeaks>,
    /// Where the text encoder of what a card draws is computed.
    pub text_encoder_on: TextEncoderOn,
}

/// A card of such a machine.
#[derive(Clone, Copy, Debug)]
pub struct CardSite {
    /// Bytes of its memory that the driver may report for the process.
    pub vram: u64,
    /// What it is; without, nothing is known of its time, and fp8 is among the choices.
    pub known: Option<&'static KnownCard>,
}

/// What computes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum On {
    /// The card.
    Card,
    /// The processor.
    Processor,
}

/// One choice.
#[derive(Debug)]
pub struct Prospect {
    /// What computes.
    pub on: On,
    /// In which precision.
    pub precision: ResolvedPrecision,
    /// What it takes, with the model kept in memory between pictures; or why it is refused.
    pub plan: Result<MemoryPlan>,
    /// How long it takes, where that can be estimated.
    pub times: Option<Times>,
}

impl Prospect {
    /// Bytes that the card's driver will report for the process at most; none where nothing runs there.
    #[must_use]
    pub fn card_bytes(&self) -> Option<u64> {
        let plan = self.plan.as_ref().ok().filter(|_| self.on == On::Card)?;
        Some(plan.total() + CONTEXT_BYTES)
    }

    /// Bytes of main memory that the process will take at most, without pages of files.
    #[must_use]
    pub fn main_bytes(&self) -> Option<u64> {
        let plan = self.plan.as_ref().ok()?;
        Some(match self.on {
            On::Card => plan.locked + plan.aside + PROCESS,
            On::Processor => plan.total(),
        })
    }
}

/// Every choice for drawing `jobs` at once in one of `precisions`, on the card first.
///
/// # Errors
/// A job that is not of this model. That something does not fit is no error.
pub fn prospects(
    plans: &Plans,
    site: &Site,
    precisions: &[ResolvedPrecision],
    jobs: &[Job],
) -> Result<Vec<Prospect>> {
    let drawn = Drawn {
        flops: plans.flops(jobs)?,
        steps: jobs.iter().map(Job::steps).max().unwrap_or(0),
        pixels: jobs.iter().map(|job| job.ask().width * job.ask().height).sum(),
        stored: plans.stored(),
    };
    let prospect = |on, precision, reads: Reads, vram, speed: Option<Speed>| {
        let machine = Machine { vram, ram: site.ram };
        let plan = if plans.is_int8() && precision != ResolvedPrecision::Int8 {
            Err(Error::StoredInInt8 { asked: precision })
        } else {
            plans.plan(machine, precision, reads, Residency::Keep, jobs)
        };
        let reader = match reads {
            Reads::Device => speed,
            Reads::Processor(_) => {
                site.processor.as_ref().and_then(|peaks| plans.reader(reads, peaks))
            }
        };
        let speeds = speed.zip(reader).zip(plan.as_ref().ok());
        let times = speeds.map(|((speed, reader), plan)| speed.times(plan, &drawn, &reader));
        Prospect { on, precision, plan, times }
    };
    let mut prospects = Vec::new();
    let fp8 = ResolvedPrecision::Fp8;
    if let Some(CardSite { vram, known }) = site.card {
        let has = |precision| precision != fp8 || known.is_none_or(|card| card.family.has_fp8());
        for &precision in precisions.iter().filter(|&&precision| has(precision)) {
            let speed = known.and_then(|card| Speed::of_card(card, precision));
            let read_by = |reads| prospect(On::Card, precision, reads, Some(vram), speed);
            let aside = || read_by(plans.reads_aside(precision));
            prospects.push(match site.text_encoder_on {
                TextEncoderOn::Device => read_by(Reads::Device),
                TextEncoderOn::Processor => aside(),
                TextEncoderOn::Auto => best(read_by(Reads::Device), aside()),
            });
        }
    }
    if let Some(peaks) = &site.processor {
        for &precision in precisions.iter().filter(|&&precision| precision != fp8) {
            let speed = Speed::of_processor(peaks, precision, plans.is_int8());
            prospects.push(prospect(On::Processor, precision, Reads::Device, None, speed));
        }
    }
    Ok(prospects)
}

/// The same with the device or with the processor as reader, whichever `auto` takes.
fn best(device: Prospect, processor: Prospect) -> Prospect {
    let times = device.times.zip(processor.times);
    if processor_should((&device.plan, &processor.plan), times) { processor } else { device }
}

/// Which choice to take, of those that fit: on a card the most exact whose transformer stays there, as `auto` chooses, or else
/// the one that streams least; on a processor the fastest.
#[must_use]
pub fn recommended(prospects: &[Prospect]) -> Option<usize> {
    let fitting = |on| {
        let all = prospects.iter().enumerate().filter(move |(_, it)| it.on == on);
        all.filter_map(|(at, it)| Some((at, it, it.plan.as_ref().ok()?)))
    };
    let streamed = |plan: &MemoryPlan| plan.placement.transformer.streamed_bytes();
    let resident = fitting(On::Card).find(|(_, _, plan)| streamed(plan) == 0);
    let least = || fitting(On::Card).min_by_key(|(_, _, plan)| streamed(plan));
    let fastest = || fitting(On::Processor).min_by_key(|(_, it, _)| it.times.map(|it| it.next));
    resident.or_else(least).or_else(fastest).map(|(at, ..)| at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Architecture, Place, Synthetic};
    use ResolvedPrecision::{Bf16, Fp8, Int8};

    const GB: u64 = 1_000_000_000;

    fn plans() -> Plans {
        let architecture = Architecture::ZImageTurbo;
        Plans::synthetic(Synthetic { architecture, tokens: 64, weights: crate::WeightForm::Bf16 })
            .unwrap()
    }

    fn chosen(plans: &Plans, vram: u64, name: &str) -> (On, ResolvedPrecision) {
        let card = CardSite { vram, known: KnownCard::find(name).first().copied() };
        let site = Site {
            card: Some(card),
            ram: 64 * GB,
            processor: None,
            text_encoder_on: TextEncoderOn::Auto,
        };
        let jobs = plans.usual_jobs(plans.model().default_size, 8, 0.0, 1).unwrap();
        let all = prospects(plans, &site, &[Bf16, Fp8, Int8], &jobs).unwrap();
        for it in &all {
            assert!(it.card_bytes().unwrap() <= vram, "{it:?}");
            assert_eq!(it.times.is_some(), !name.is_empty(), "{it:?}");
        }
        let best = &all[recommended(&all).unwrap()];
        (best.on, best.precision)
    }

    #[test]
    fn the_most_exact_that_stays_on_the_card_is_chosen() {
        let plans = plans();
        for (gigabytes, name, precision) in [
            (24, "RTX 4090", Bf16),
            (16, "RTX 4080", Bf16),
            (12, "RTX 4070", Fp8),
            (12, "RTX 3060", Int8),
            (6, "", Fp8),
        ] {
            let chosen = chosen(&plans, gigabytes * GB, name);
            assert_eq!(chosen, (On::Card, precision), "{gigabytes} {name}");
        }
    }

    #[test]
    fn where_no_card_can_draw_the_processor_does() {
        let plans = plans();
        let jobs = plans.usual_jobs(plans.model().default_size, 8, 0.0, 1).unwrap();
        let peaks = ProcessorPeaks::measure(std::num::NonZeroUsize::new(1), None).unwrap();
        let card = Some(CardSite { vram: GB, known: None });
        let text_encoder_on = TextEncoderOn::Auto;
        let site = Site { card, ram: 32 * GB, processor: Some(peaks), text_encoder_on };
        let all = prospects(&plans, &site, &[Bf16, Fp8, Int8], &jobs).unwrap();
        let fits: Vec<_> = all.iter().map(|it| (it.on, it.precision, it.plan.is_ok())).collect();
        assert_eq!(
            fits,
            [
                (On::Card, Bf16, false),
                (On::Card, Fp8, false),
                (On::Card, Int8, false),
                (On::Processor, Bf16, true),
                (On::Processor, Int8, true),
            ]
        );
        let best = &all[recommended(&all).unwrap()];
        assert_eq!(best.on, On::Processor);
        assert!(best.card_bytes().is_none() && best.main_bytes().unwrap() < 32 * GB);
        let site = Site { ram: GB, ..site };
        let all = prospects(&plans, &site, &[Bf16, Int8], &jobs).unwrap();
        assert_eq!(recommended(&all), None);
    }

    #[test]
    fn the_processor_reads_where_parts_would_take_turns_if_it_is_fast_enough() {
        let plans = plans();
        let jobs = plans.usual_jobs(zao_backend::Grid::new(512, 512), 8, 0.0, 1).unwrap();
        let drawn = |vram, cores, text_encoder_on| {
            let known = KnownCard::find("H100 80GB HBM3").first().copied();
            let processor = Some(ProcessorPeaks::of(cores, 0.3e12));
            let card = Some(CardSite { vram, known });
            let site = Site { card, ram: 64 * GB, processor, text_encoder_on };
            let all = prospects(&plans, &site, &[Bf16], &jobs).unwrap().remove(0);
            (all.plan.unwrap().placement.text_encoder.place, all.times.unwrap().next)
        };
        use TextEncoderOn::{Auto, Device, Processor};
        let small = 2_200_000_000;
        // Both are streamed, and take turns even so.
        let alone @ (_, seconds) = drawn(small, 16, Device);
        assert!(matches!(alone.0, Place::Streamed(_)), "{alone:?}");
        let (place, aided) = drawn(small, 16, Auto);
        assert!(
            place == Place::Processor && aided.mul_f64(1.5) < seconds,
            "{aided:?} of {alone:?}"
        );
        assert_eq!(drawn(small, 1, Auto), alone, "too slow");
        assert_eq!(drawn(24 * GB, 64, Auto).0, Place::Resident, "nothing to gain");
        assert!(matches!(drawn(8 * GB, 4, Auto).0, Place::Streamed(_)), "the bus is faster");
        let forced = drawn(24 * GB, 16, Processor);
        assert!(forced.0 == Place::Processor && forced.1 > drawn(24 * GB, 16, Auto).1);
    }
}
