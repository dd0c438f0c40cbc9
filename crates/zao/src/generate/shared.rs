//! What drawing one prompt and drawing a list have in common: opening the engine, and what is said of the choices that it made.

use zao_api::Precision;
use zao_engine::{Engine, Error, MemoryPlan, Place, Placed, Placement, Residency, Settings};
use zao_request::{recorded_precision, wanted_precision};

use crate::cli::GenerateArgs;
use crate::failure::{Failure, Result};
use crate::model::Asked;
use crate::{model, places, units};

/// The engine for what is wanted, and what to tell the user about the choice of its model.
pub(super) fn open(
    args: &GenerateArgs,
    asked: &Asked<'_>,
    precision: Option<Precision>,
    residency: Residency,
) -> Result<(Engine, Option<String>)> {
    let chosen = model::choose(asked, &args.files, &places::store()?)?;
    let settings = Settings {
        device: args.device,
        precision: wanted_precision(precision.unwrap_or_default()),
        threads: args.threads,
        instructions: args.tuning.cpu,
        vram: args.memory.vram,
        ram: args.memory.ram,
        text_encoder_on: args.memory.text_encoder_on.into(),
        residency,
        libraries: args.tuning.cuda_libraries.at(places::library_places()),
        cache: places::cache(),
        ..Settings::default()
    };
    let engine = zao_engine::open(&chosen.name, chosen.source, &settings);
    let engine = engine.map_err(|error| match error {
        Error::StoredInInt8 { .. }
        | Error::NotInPrecision { .. }
        | Error::NoPart { .. }
        | Error::Strangers { .. }
        | Error::NoTokenizer
        | Error::OtherTokenizer { .. }
        | Error::NoDevice { .. } => Failure::usage(error),
        other => other.into(),
    })?;
    Ok((engine, chosen.notice))
}

/// What the user should know of the engine before it draws, a line each.
pub(super) fn remarks(args: &GenerateArgs, engine: &Engine) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(why) = engine.passed_over() {
        lines.push(format!("drawing on the processor: {why}"));
    }
    if args.memory.vram.is_some() && engine.device().device == "cpu" {
        lines.push(
            "--vram says nothing of the processor, which draws; --ram bounds what it takes".into(),
        );
    }
    if engine.precision_reason().is_choice() {
        let (precision, why) = (recorded_precision(engine), engine.precision_reason());
        lines.push(format!("drawing in {precision}: {why}"));
    }
    lines
}

/// An adapter that nobody has is a mistake of whoever names it.
pub(super) fn of_loras(error: zao_request::Error) -> Failure {
    match error {
        zao_request::Error::UnknownLora { .. } => Failure::usage(error),
        other => other.into(),
    }
}

/// Bytes from which on a plan is told: every machine has less.
const WORTH_TELLING: u64 = 1_000_000_000;

/// What a run will take of memory, a line for the whole and one for each part that does not lie on the device; nothing
/// where it is little.
pub(super) fn plan_in_words(plan: &MemoryPlan) -> Vec<String> {
    if plan.total() < WORTH_TELLING {
        return Vec::new();
    }
    std::iter::once(total_in_words(plan)).chain(placed_in_words(plan)).collect()
}

/// What a run will take of the device's memory.
fn total_in_words(plan: &MemoryPlan) -> String {
    let &MemoryPlan { weights, runs, beside, limit, .. } = plan;
    let shares = [("weights", weights), ("pictures", runs), ("kernels", beside)];
    let shares = shares.into_iter().filter(|&(_, bytes)| bytes > 0);
    let shares: Vec<_> =
        shares.map(|(of, bytes)| format!("{of} {}", units::bytes(bytes))).collect();
    let total = units::bytes(plan.total());
    let of = match limit {
        u64::MAX => String::new(),
        limit => format!(" of the {} that can be used", units::bytes(limit)),
    };
    format!("memory: at most {total}{of} ({})", shares.join(", "))
}

/// Which parts do not lie on the device as a whole, a line for each.
fn placed_in_words(plan: &MemoryPlan) -> Vec<String> {
    let Placement { text_encoder, transformer, .. } = &plan.placement;
    let parts = [("text encoder", text_encoder), ("transformer", transformer)];
    let line = |(name, placed): (&str, &Placed)| {
        let streamed = match placed.place {
            Place::Resident => return None,
            Place::Processor => {
                let taken = units::bytes(plan.aside);
                return Some(format!(
                    "the {name} is computed on the processor, in {taken} of main memory"
                ));
            }
            Place::Streamed(streamed) => streamed,
        };
        let (passing, whole) = (units::bytes(streamed.passing()), units::bytes(placed.bytes));
        let locked = units::bytes(streamed.locked);
        let from = match streamed.locked {
            0 => "its files".to_owned(),
            all if all >= streamed.passing() => "main memory".to_owned(),
            _ => format!("main memory ({locked}) and its files"),
        };
        Some(format!("the {name} streams {passing} of its {whole} from {from}"))
    };
    parts.into_iter().filter_map(line).collect()
}
