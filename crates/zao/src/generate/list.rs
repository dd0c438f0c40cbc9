//! `zao generate --prompts`: a list of prompts to pictures, all through one engine, each written as it is done. What is done is
//! written down beside the pictures, so that a run that was stopped or killed goes on where it was.

mod csv;
mod desk;
mod gallery;
mod input;
mod manifest;
mod plan;
mod progress;
mod read;
mod report;
mod row;

use std::path::Path;
use std::sync::mpsc::sync_channel;
use std::time::Instant;

use zao_api::Request;
use zao_engine::{CancelToken, Engine, Residency};
use zao_request::Provenance;

use super::words::Folders;
use super::{output, request, shared};
use crate::cli::GenerateArgs;
use crate::console;
use crate::failure::{Failure, Result};
use crate::model::Asked;
use crate::screen::Screen;
use desk::ListDesk;
use gallery::Gallery;
use manifest::{Header, Manifest, Previous};
use plan::{Options, Plan};
use progress::ListProgress;
use read::List;
use report::Summary;

/// Pictures that may wait to be written while others are drawn.
const UNWRITTEN: usize = 2;

pub(super) fn run(
    args: &GenerateArgs,
    path: &Path,
    screen: &Screen,
    cancel: &CancelToken,
) -> Result<()> {
    let begun = Instant::now();
    let list = List::read(path)?;
    let base = request::over(Request::default(), args);
    let record = output::manifest(&args.output)?;
    let sha256 = manifest::sha256(list.content.as_bytes());
    let previous = previous(args, &record, &sha256)?;
    let folders = match &args.list.wildcards {
        Some(folder) => Folders::named(folder)?,
        None => Folders::beside(path)?,
    };
    let mut words = folders.lists();
    if previous.is_none() {
        // A slip in a name is told before a model is opened for it.
        for row in &list.rows {
            list.filled(row, &mut words)?;
        }
    }
    let asked = base.model.as_deref().map_or(Asked::Any, Asked::ByUser);
    let (mut engine, notice) = shared::open(args, &asked, base.precision, Residency::Keep)?;
    shared::remarks(args, &engine).iter().for_each(|line| screen.remark(line));

    let drawn_before = previous.as_ref().map(|previous| previous.header.seed);
    let seed =
        args.seed.or(drawn_before).unwrap_or_else(|| zao_request::seeds(&Request::default())[0]);
    let options = Options {
        output: &args.output,
        seed,
        fix_prompts: args.fix_prompt,
        may_shrink: args.allow_downscale,
        merge_loras: args.merge_lora,
        record: &record,
        previous: previous.as_ref(),
    };
    let plan = Plan::new(&mut engine, &list, &mut words, &base, &options)?;
    plan.mended.iter().for_each(|line| screen.remark(line));
    if args.list.dry_run {
        console::result(report::dry_run(&plan, seed, args.json)?)?;
        return Ok(());
    }
    output::check(plan.pictures.iter().map(|picture| picture.target.as_path()))?;
    let header = Header::new(list.name, sha256, seed);
    let manifest = Manifest::begin(&record, &header, &plan)?;
    let (summary, drawn) = draw(&mut engine, &plan, manifest, (args, screen, cancel))?;
    let mut summary = summary.after(begun.elapsed());
    if args.json {
        console::result(serde_json::to_string_pretty(&summary.json(&record))?)?;
    }
    summary.failures().iter().for_each(console::remark);
    drawn?;
    if let Some(why) = summary.write_error.take() {
        return Err(why);
    }
    if cancel.is_cancelled() {
        let words = summary.words();
        return Err(Failure::failed(format!("cancelled; {words}; the same command goes on")));
    }
    if summary.failed() > 0 {
        return Err(Failure::failed(summary.words()));
    }
    screen.remark(&summary.words());
    notice.iter().for_each(|notice| screen.remark(notice));
    Ok(())
}

/// What an earlier run of the same list left, if this one is to go on with it.
fn previous(args: &GenerateArgs, record: &Path, sha256: &str) -> Result<Option<Previous>> {
    if args.list.fresh {
        return Ok(None);
    }
    let previous = Previous::read(record)?;
    match &previous {
        Some(Previous { header, .. })
            if header.sha256 != sha256 && !args.list.resume && !args.list.dry_run =>
        {
            Err(Failure::usage(format!(
                "{} is of another list, or of this one as it was before ({}); --resume draws what is new or \
                 different, --fresh everything, and another --output leaves those pictures alone",
                record.display(),
                header.list
            )))
        }
        _ => Ok(previous),
    }
}

/// Draws what is still to be drawn. What happened to each picture is in the summary, also where drawing ended early.
fn draw(
    engine: &mut Engine,
    plan: &Plan,
    manifest: Manifest,
    (args, screen, cancel): (&GenerateArgs, &Screen, &CancelToken),
) -> Result<(Summary, Result<()>)> {
    let provenance = Provenance::of(engine)?;
    let progress = ListProgress::new(screen, plan);
    let lines = !args.json && !args.quiet;
    let gallery = Gallery { plan, provenance, progress: &progress, screen, lines, cancel };
    let (outcomes, written) = sync_channel(UNWRITTEN);
    let mut desk =
        ListDesk::new(plan, engine.model().clone(), (screen, &progress), cancel, outcomes);
    let (summary, drawn) = std::thread::scope(|scope| {
        let writing = scope.spawn(|| gallery.hang(written, manifest));
        let drawn = engine.work_through(&mut desk);
        // The writer ends when nobody can send it anything any more.
        drop(desk);
        (writing.join(), drawn)
    });
    progress.clear();
    let summary = summary.map_err(|_| Failure::failed("the thread that writes pictures failed"))?;
    Ok((summary, drawn.map_err(Failure::from)))
}
