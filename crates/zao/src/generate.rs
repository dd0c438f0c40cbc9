//! `zao generate`: a prompt to picture files.

mod fix;
mod input;
mod list;
mod output;
mod report;
mod request;
mod shared;
mod wished;
mod words;

use std::cell::{Cell, RefCell};
use std::time::Instant;

use zao_engine::{CancelToken, Error, Event, Job, Residency};
use zao_request::{Input, Loras, Provenance};

use crate::cli::GenerateArgs;
use crate::failure::{Failure, Result};
use crate::progress::Progress;
use crate::screen::Screen;
use crate::{console, interrupt, places};
use output::Output;
use report::Report;
use request::Wanted;
use wished::Wished;

pub(crate) fn run(args: &GenerateArgs) -> Result<()> {
    let begun = Instant::now();
    let screen = Screen::new(args.quiet);
    let cancel = CancelToken::new();
    let token = cancel.clone();
    interrupt::on_interrupt(&screen, move || token.cancel())?;

    if let Some(list) = &args.list.prompts {
        return list::run(args, list, &screen, &cancel);
    }
    // A prompt excludes a list, so the parser does not ask for one.
    if let Some(option) = args.list.option() {
        return Err(Failure::usage(format!("{option} is for lists; name one with --prompts")));
    }

    // Everything that can be wrong is looked for before anything is said or drawn.
    let mut wanted = Wanted::new(args)?;
    let wished = Wished::new(args, &wanted.request)?;
    let input = input::read(&wanted.request)?;
    // The process draws once, so parts may take turns.
    let precision = wanted.request.precision;
    let (mut engine, notice) = shared::open(args, &wanted.model(), precision, Residency::InTurn)?;
    let merged = args.merge_lora || wanted.merges();
    let loras = Loras::open(&mut engine, &wanted.request.loras, &places::adapters()?, merged);
    let loras = loras.map_err(shared::of_loras)?;
    let settled = wished.settled(input.as_ref(), loras.stack(), &engine)?;
    let (mut jobs, chosen) = (settled.jobs, settled.remarks);
    wanted.request = zao_request::complete(wanted.request, engine.model()).0;
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

    wished.changed.iter().for_each(|line| screen.remark(line));
    shared::remarks(args, &engine).iter().chain(&chosen).for_each(|line| screen.remark(line));
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
            shared::plan_in_words(&plan).iter().for_each(|line| screen.remark(line));
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
