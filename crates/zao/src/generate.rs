//! `zao generate`: a prompt to picture files.

mod jobs;
mod output;
mod report;
mod request;

use std::cell::RefCell;
use std::time::Instant;

use zao_api::{Precision as Asked, ResolvedPrecision as Recorded};
use zao_engine::{CancelToken, Engine, Event, Precision, ResolvedPrecision, Settings};

use crate::cli::GenerateArgs;
use crate::failure::{Failure, Result};
use crate::progress::Progress;
use crate::{interrupt, model, places};
use output::Output;
use report::Report;

pub(crate) fn run(args: &GenerateArgs) -> Result<()> {
    let start = Instant::now();
    let progress = Progress::new(args.quiet);
    let warnings = RefCell::new(Vec::new());
    let warn = |line: String| {
        progress.warn(&line);
        warnings.borrow_mut().push(line);
    };

    let (request, recipe) = request::from_args(args, &warn)?;
    let chosen = model::choose(request.model.as_deref(), &places::store()?)?;
    if let Some(notice) = &chosen.notice {
        progress.warn(notice);
    }
    let settings = Settings {
        device: args.device.parse().map_err(Failure::usage)?,
        precision: precision(request.precision.unwrap_or_default()),
        threads: args.threads,
    };
    let mut engine = zao_engine::open(&chosen.name, chosen.source, &settings)?;
    if let Some(recipe) = &recipe {
        request::warn_of_differences(recipe, &engine, &warn);
    }
    let jobs = jobs::of(&request, engine.model()).map_err(Failure::usage)?;
    let output = Output::new(&args.output, jobs.len())?;

    let cancel = CancelToken::new();
    let token = cancel.clone();
    interrupt::on_interrupt(move || token.cancel())?;
    let events = |event| match event {
        Event::Warning(line) => warn(line),
        other => progress.show(other),
    };
    let opened = start.elapsed();
    let drawn = engine.draw(&jobs, &events, &cancel);
    progress.clear();
    let (pictures, mut timings) = drawn?;
    timings.load += opened;

    let report = Report { engine: &engine, jobs: &jobs, timings: &timings, start };
    let files = report.write(&pictures, &output)?;
    if args.json {
        println!("{}", serde_json::to_string_pretty(&report.json(files, warnings.into_inner()))?);
    } else if !args.quiet {
        report.print(&files);
    }
    Ok(())
}

fn precision(asked: Asked) -> Precision {
    match asked {
        Asked::Auto => Precision::Auto,
        Asked::F32 => Precision::Exactly(ResolvedPrecision::F32),
        Asked::Bf16 => Precision::Exactly(ResolvedPrecision::Bf16),
    }
}

/// The precision that `engine` draws in, as recipes record it.
fn recorded(engine: &Engine) -> Recorded {
    match engine.precision() {
        ResolvedPrecision::F32 => Recorded::F32,
        ResolvedPrecision::Bf16 => Recorded::Bf16,
    }
}
