//! `zao plan`: what drawing would take of a machine, here or elsewhere, in memory and time, without doing it. The
//! engine plans; this asks and tells.

mod report;
mod words;

use zao_api::Precision;
use zao_engine::{
    Architecture, CardSite, Grid, Job, KNOWN_CARDS, KnownCard, Plans, ProcessorPeaks, Prospect,
    ResolvedPrecision, Served, Site, Synthetic, WeightForm, prospects,
};
use zao_weights::KnownModel;

use crate::cli::PlanArgs;
use crate::failure::{Failure, Result};
use crate::model::{self, Asked};
use crate::{console, demo, places};

/// What there is of memory elsewhere when nobody says.
const RAM_ELSEWHERE: u64 = 32_000_000_000;

/// The name of a card, if it is known, and bytes of it that may be used.
type Usable = (Option<String>, u64);

/// A plan, and what it is for.
struct Planned {
    model: String,
    size: Grid,
    steps: usize,
    batch: usize,
    card: Option<Usable>,
    ram: u64,
    /// What of a card may be used, if somebody said so.
    asked_vram: Option<u64>,
    prospects: Vec<Prospect>,
    /// The same for a copy of the published model in int4.
    in_int4: Vec<Prospect>,
}

pub(crate) fn run(args: &PlanArgs) -> Result<()> {
    if args.card.as_deref() == Some("list") {
        return Ok(console::result(known_cards().join("\n"))?);
    }
    let language = args.lang.unwrap_or_else(places::language);
    let planned = plan(args)?;
    Ok(console::result(if args.json {
        serde_json::to_string_pretty(&report::json(&planned))?
    } else {
        report::lines(&planned, language).join("\n")
    })?)
}

fn plan(args: &PlanArgs) -> Result<Planned> {
    let (model, plans, source) = model(args)?;
    let known = KnownModel::find(&model);
    let info = plans.model();
    let size = args
        .size
        .map_or(info.default_size, |(width, height)| Grid::new(height as usize, width as usize));
    info.check_size(size).map_err(Failure::usage)?;
    let steps = args.steps.or(known.map(|known| known.steps)).unwrap_or(8) as usize;
    let guidance = known.map_or(0.0, |known| known.guidance);
    let jobs = plans.usual_jobs(size, steps, guidance, args.batch.get());
    let jobs: Vec<Job> = jobs.map_err(Failure::usage)?;
    let (card, site) = site(args)?;
    let in_int4 = match (source, precisions(args).as_slice()) {
        (Source::Published, [_, narrow @ ..]) if !narrow.is_empty() => {
            let plans = published(WeightForm::INT4)?;
            prospects(&plans, &site, narrow, &jobs)?
        }
        _ => Vec::new(),
    };
    let prospects = prospects(&plans, &site, &precisions(args), &jobs)?;
    let (batch, ram, asked_vram) = (args.batch.get(), site.ram, args.memory.vram);
    Ok(Planned { model, size, steps, batch, card, ram, asked_vram, prospects, in_int4 })
}

/// Where the sizes of a model come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Source {
    /// Its architecture as it is published, which may be converted.
    Published,
    /// Files, as they are.
    Files,
}

/// Plans for the published architecture with its large weights in this form.
fn published(weights: WeightForm) -> Result<Plans> {
    let architecture = Architecture::ZImageTurbo;
    Ok(Plans::synthetic(Synthetic { architecture, tokens: 64, weights })?)
}

/// The model that is named, else the real one, whether it is installed or not.
fn model(args: &PlanArgs) -> Result<(String, Plans, Source)> {
    let store = places::store()?;
    let known = args.model.as_deref().and_then(KnownModel::find);
    let as_published =
        |name: &str| Ok((name.to_owned(), published(WeightForm::Bf16)?, Source::Published));
    if let Some(known) = known.filter(|it| store.find(it.name).is_none())
        && args.files.is_empty()
    {
        return as_published(known.name);
    }
    let asked = args.model.as_deref().map_or(Asked::Any, Asked::ByUser);
    let chosen = model::choose(&asked, &args.files, &store)?;
    if args.model.is_none() && chosen.name == demo::NAME && args.files.is_empty() {
        return as_published(KnownModel::ALL[0].name);
    }
    let plans = Plans::open(&chosen.name, chosen.source)?;
    Ok((chosen.name, plans, Source::Files))
}

/// The precisions to choose among.
fn precisions(args: &PlanArgs) -> Vec<ResolvedPrecision> {
    use ResolvedPrecision::{Bf16, Fp8, Int8};
    match zao_request::wanted_precision(args.precision.unwrap_or(Precision::Auto)) {
        zao_engine::Precision::Auto => vec![Bf16, Fp8, Int8],
        zao_engine::Precision::Exactly(precision) => vec![precision],
    }
}

/// The machine that is planned for, and its card.
fn site(args: &PlanArgs) -> Result<(Option<Usable>, Site)> {
    let instructions = places::instructions()?;
    let host = zao_engine::look(instructions, &places::library_places())?;
    let here = host.cards.iter().find(|card| card.served != Served::No);
    let (name, known, memory) = match (&args.card, here) {
        (Some(name), _) => {
            let known = known_card(name)?;
            (Some(known.name.to_owned()), Some(known), Some(known.memory()))
        }
        (None, Some(card)) => {
            let known = KnownCard::find(&card.name);
            let known = if let [known] = known[..] { Some(known) } else { None };
            let free = card.free.as_ref().map_or(card.memory, |free| *free);
            (Some(card.name.clone()), known, Some(free))
        }
        (None, None) => (None, None, None),
    };
    let vram = args.memory.vram.or(memory);
    let own = if args.card.is_none() { host.memory.free } else { None };
    let ram = args.memory.ram.or(own).unwrap_or(RAM_ELSEWHERE);
    let processor = Some(ProcessorPeaks::measure(None, instructions)?);
    let card = vram.map(|vram| CardSite { vram, known });
    let text_encoder_on = args.memory.text_encoder_on.into();
    Ok((vram.map(|vram| (name, vram)), Site { card, ram, processor, text_encoder_on }))
}

/// The card that is meant.
fn known_card(name: &str) -> Result<&'static KnownCard> {
    let found = KnownCard::find(name);
    let names = || found.iter().map(|card| card.name).collect::<Vec<_>>().join(", ");
    match found[..] {
        [] => Err(Failure::usage(format!(
            "no card {name:?} is known; `zao plan --card list` names those that are, and --vram plans for any"
        ))),
        [card] if !card.family.is_new_enough() => Err(Failure::usage(format!(
            "{} is too old for zao, which needs compute capability 8.0 (Ampere, RTX 30) or later; it would \
             draw on the processor",
            card.name
        ))),
        [card] => Ok(card),
        _ => Err(Failure::usage(format!("{name:?} may be one of these: {}", names()))),
    }
}

/// A line for each known card.
fn known_cards() -> Vec<String> {
    let cells = KNOWN_CARDS.iter().map(|card| card.name.len()).max().unwrap_or(0);
    let line = |card: &KnownCard| {
        let KnownCard { name, gibibytes, bf16_teraflops, bus: (generation, lanes), .. } = card;
        let old = if card.family.is_new_enough() { "" } else { "  (too old for zao)" };
        format!(
            "{name:cells$}  {gibibytes:>3} GiB  {bf16_teraflops:>6.1} TFLOP/s  PCIe {generation}.0 x{lanes}{old}"
        )
    };
    KNOWN_CARDS.iter().map(line).collect()
}
