//! `zao generate`: a prompt to picture files.

mod input;
mod output;
mod report;
mod request;

use std::cell::{Cell, RefCell};
use std::time::Instant;

use zao_api::Request;
use zao_engine::{
    CancelToken, Engine, Error, Event, Grid, Job, MemoryPlan, Place, Placed, Placement, Residency,
    Settings,
};
use zao_request::{Input, Loras, Provenance, recorded_precision, wanted_precision};

use crate::cli::GenerateArgs;
use crate::failure::{Failure, Result};
use crate::progress::Progress;
use crate::screen::Screen;
use crate::{console, interrupt, model, places, units};
use output::Output;
use report::Report;
use request::Wanted;

pub(crate) fn run(args: &GenerateArgs) -> Result<()> {
    let begun = Instant::now();
    let screen = Screen::new(args.quiet);
    let cancel = CancelToken::new();
    let token = cancel.clone();
    interrupt::on_interrupt(&screen, move || token.cancel())?;

    // Everything that can be wrong is looked for before anything is said or drawn.
    let mut wanted = Wanted::new(args)?;
    let input = input::read(&wanted.request)?;
    let (mut engine, notice) = open(args, &wanted)?;
    wanted.request = zao_request::complete(wanted.request, engine.model());
    let (size, size_remark) = settle(&wanted.request, input.as_ref().map(Input::size), &engine)?;
    engine.model().check_size(size).map_err(Failure::usage)?;
    let start = input.as_ref().map(|input| input.start(size));
    let merged = args.merge_lora || wanted.merges();
    let loras = Loras::open(&mut engine, &wanted.request.loras, &places::adapters()?, merged);
    let loras = loras.map_err(|error| match error {
        zao_request::Error::UnknownLora { .. } => Failure::usage(error),
        other => other.into(),
    })?;
    let seeds = zao_request::seeds(&wanted.request);
    let (request, start) = (&wanted.request, start.as_ref());
    let jobs = zao_request::jobs(request, &seeds, size, start, loras.stack(), engine.model());
    let mut jobs = jobs.map_err(Failure::usage)?;
    if args.allow_downscale {
        jobs = jobs.into_iter().map(Job::or_smaller).collect();
    }
    let output = Output::new(&args.output, jobs.len())?;
    if args.json && output.is_stdout() {
        return Err(Failure::usage(
            "--json and the picture cannot both go to standard output; give --output a file",
        ));
    }
    let opened = begun.elapsed();

    if let Some(why) = engine.passed_over() {
        screen.remark(&format!("drawing on the processor: {why}"));
    }
    if args.memory.vram.is_some() && engine.device().device == "cpu" {
        screen.remark(
            "--vram says nothing of the processor, which draws; --ram bounds what it takes",
        );
    }
    if engine.precision_reason().is_choice() {
        let (precision, why) = (recorded_precision(&engine), engine.precision_reason());
        screen.remark(&format!("drawing in {precision}: {why}"));
    }
    if let Some(remark) = size_remark {
        screen.remark(&remark);
    }
    let provenance = Provenance::of(&mut engine)?;
    let warnings =
        wanted.warnings(args, (&engine, provenance.device()), input.as_ref(), loras.used());
    let warnings = RefCell::new(warnings);
    warnings.borrow().iter().for_each(|line| screen.remark(line));
    let steps = jobs.iter().map(Job::steps).max().unwrap_or(0);
    let progress = Progress::new(&screen, steps, jobs.len());
    let planned = Cell::new(None);
    let events = |event| match event {
        Event::Planned(plan) => {
            if plan.total() >= WORTH_TELLING {
                screen.remark(&plan_in_words(&plan));
                placed_in_words(&plan).into_iter().for_each(|line| screen.remark(&line));
            }
            planned.set(Some(plan.total()));
        }
        // Pictures of one run share their prompts, and what there is to say of them.
        Event::Warning(line) if warnings.borrow().contains(&line) => {}
        Event::Warning(line) => {
            screen.remark(&line);
            warnings.borrow_mut().push(line);
        }
        other => progress.show(&other),
    };
    let image = input.as_ref().map(Input::record);
    let provenance = provenance.with_image(image).with_loras(loras.used().to_vec());
    let mut report = Report::new(&engine, provenance, jobs.len(), begun);
    // Each picture is written as soon as it is there: what comes later cannot lose it.
    let mut written = Ok(());
    let drawn = engine.draw_each(&jobs, &events, &cancel, &mut |picture| {
        if written.is_ok() {
            written = report.write(&jobs, &picture, &output);
        }
        if written.is_err() {
            cancel.cancel();
        }
    });
    progress.clear();
    written?;
    let mut timings = drawn.map_err(|error| match error {
        Error::Cancelled => Failure::failed(format!("cancelled; {}", report.written())),
        other => other.into(),
    })?;
    timings.load += opened;

    if args.json {
        let generated = report.json(&jobs, &timings, planned.get(), warnings.into_inner());
        console::result(serde_json::to_string_pretty(&generated)?)?;
    } else if output.is_stdout() {
        report.lines(&timings).iter().for_each(|line| screen.remark(line));
    } else if !args.quiet {
        console::result(report.lines(&timings).join("\n"))?;
    }
    if let Some(notice) = notice {
        screen.remark(&notice);
    }
    Ok(())
}

/// The size to draw, and what to tell the user about it if zao chose.
fn settle(
    request: &Request,
    picture: Option<Grid>,
    engine: &Engine,
) -> zao_engine::Result<(Grid, Option<String>)> {
    let tokens = |prompt: &str| engine.prompt_tokens(prompt);
    zao_request::settle(request, picture, engine.model(), tokens)
}

/// Bytes from which on a plan is told: every machine has less.
const WORTH_TELLING: u64 = 1_000_000_000;

/// What a run will take of the device's memory.
fn plan_in_words(plan: &MemoryPlan) -> String {
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

/// The engine for what is wanted, and what to tell the user about the choice of its model.
fn open(args: &GenerateArgs, wanted: &Wanted) -> Result<(Engine, Option<String>)> {
    let chosen = model::choose(&wanted.model(), &args.files, &places::store()?)?;
    let settings = Settings {
        device: args.device,
        precision: wanted_precision(wanted.request.precision.unwrap_or_default()),
        threads: args.threads,
        instructions: places::instructions()?,
        vram: args.memory.vram,
        ram: args.memory.ram,
        text_encoder_on: args.memory.text_encoder_on.into(),
        // The process draws once.
        residency: Residency::InTurn,
        libraries: places::libraries()?,
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
