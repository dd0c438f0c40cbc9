//! `zao convert`: a model to a smaller copy of it, and how near that stays. What is quantised is the engine's to decide.

mod report;

use std::path::Path;

use anyhow::Context;
use indicatif::ProgressStyle;
use zao_engine::{
    Beside, CancelToken, ConvertSettings, ConvertTo, Converted, Error, ModelSource, compare,
};
use zao_weights::SaveError;

use self::report::Report;
use crate::cli::{ConvertArgs, Target};
use crate::failure::{Failure, Result};
use crate::model::Asked;
use crate::screen::Screen;
use crate::{console, interrupt, model, places};

/// What the bar looks like.
const BAR: &str = "converting {bar:40} {decimal_bytes} of {decimal_total_bytes}, {eta} left";

/// What it looks like while pictures are compared.
const COMPARING: &str = "drawing {bar:40} picture {pos} of {len}, {eta} left";

/// Pictures that are compared when nobody says how many, where drawing takes no time to speak of.
const USUAL: usize = zao_engine::COMPARED;

pub(crate) fn run(args: &ConvertArgs) -> Result<()> {
    let to = match args.to {
        Target::Int8 => ConvertTo::Int8,
        Target::Fp8 => ConvertTo::Fp8,
        Target::Int4 => ConvertTo::Int4,
    };
    if let Some(path) = &args.report {
        can_be_written(path)?;
    }
    let screen = Screen::new(args.quiet);
    let cancel = CancelToken::new();
    let token = cancel.clone();
    interrupt::on_interrupt(&screen, move || token.cancel())?;

    let asked = args.model.as_deref().map_or(Asked::Any, Asked::ByUser);
    let chosen = model::choose(&asked, &args.files, &places::store()?)?;
    let converted = converted(args, to, chosen.source.clone(), &screen, &cancel)?;
    let count = args.pictures.unwrap_or(if converted.is_small { USUAL } else { 0 });
    let beside = match count {
        0 => None,
        count => Some(beside(args, to, chosen.source, count, &screen, &cancel)?),
    };
    let report = Report { name: &chosen.name, to, place: &args.output, converted, beside };
    if let Some(path) = &args.report {
        let json = serde_json::to_string_pretty(&report.json())?;
        std::fs::write(path, json + "\n")
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    if args.quiet {
        return Ok(());
    }
    Ok(console::result(report.lines().join("\n"))?)
}

fn converted(
    args: &ConvertArgs,
    to: ConvertTo,
    source: ModelSource,
    screen: &Screen,
    cancel: &CancelToken,
) -> Result<Converted> {
    let style = ProgressStyle::with_template(BAR).expect("the template is constant");
    let bar = screen.bar(style, None);
    let progress = |done, of| {
        bar.set_length(of);
        bar.set_position(done);
    };
    let settings = ConvertSettings { to, threads: args.threads, ..ConvertSettings::default() };
    let converted = {
        // However often somebody asks to stop, nothing is left behind; it stops after a tensor.
        let _whole = interrupt::uninterrupted();
        zao_engine::convert(source, &args.output, &settings, &progress, cancel)
    };
    screen.remove(&bar);
    converted.map_err(|error| match error {
        Error::Cancelled => Failure::failed("cancelled; nothing was written"),
        Error::AlreadyInt8
        | Error::Save(SaveError::Occupied { .. } | SaveError::NoFolder { .. }) => {
            Failure::usage(error)
        }
        other => other.into(),
    })
}

fn beside(
    args: &ConvertArgs,
    to: ConvertTo,
    source: ModelSource,
    count: usize,
    screen: &Screen,
    cancel: &CancelToken,
) -> Result<Beside> {
    let style = ProgressStyle::with_template(COMPARING).expect("the template is constant");
    let bar = screen.bar(style, None);
    let progress = |done: usize, of: usize| {
        bar.set_length(of as u64);
        bar.set_position(done as u64);
    };
    let beside = compare(source, &args.output, to, count, args.threads, &progress, cancel);
    screen.remove(&bar);
    let place = args.output.display();
    beside.map_err(|error| match error {
        Error::Cancelled => {
            Failure::failed(format!("cancelled; {place} is whole, its pictures were not compared"))
        }
        other => {
            let whole = format!("{place} is whole, but its pictures cannot be compared");
            Failure::Failed(anyhow::Error::from(other).context(whole))
        }
    })
}

/// Refuses a report that could not be written when all is done.
fn can_be_written(path: &Path) -> Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    match folder {
        _ if path.is_dir() => Err(Failure::usage(format!(
            "{} is a folder; name a file for the report",
            path.display()
        ))),
        Some(folder) if !folder.is_dir() => Err(Failure::usage(format!(
            "there is no folder {} for the report; make it first",
            folder.display()
        ))),
        _ => Ok(()),
    }
}
