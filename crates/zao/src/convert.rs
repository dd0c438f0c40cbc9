//! `zao convert`: a model to a smaller copy of it. What is quantised is the engine's to decide.

use indicatif::ProgressStyle;
use zao_engine::{CancelToken, ConvertSettings, Converted, Error, Kept, KeptBecause};
use zao_weights::SaveError;

use crate::cli::{ConvertArgs, Target};
use crate::failure::{Failure, Result};
use crate::model::Asked;
use crate::screen::Screen;
use crate::{console, interrupt, model, places, units};

/// What the bar looks like.
const BAR: &str = "converting {bar:40} {decimal_bytes} of {decimal_total_bytes}, {eta} left";

pub(crate) fn run(args: &ConvertArgs) -> Result<()> {
    let Target::Int8 = args.to;
    let screen = Screen::new(args.quiet);
    let cancel = CancelToken::new();
    let token = cancel.clone();
    interrupt::on_interrupt(&screen, move || token.cancel())?;

    let asked = args.model.as_deref().map_or(Asked::Any, Asked::ByUser);
    let chosen = model::choose(&asked, &args.files, &places::store()?)?;
    let style = ProgressStyle::with_template(BAR).expect("the template is constant");
    let bar = screen.bar(style, None);
    let progress = |done, of| {
        bar.set_length(of);
        bar.set_position(done);
    };
    let settings = ConvertSettings { threads: args.threads, ..ConvertSettings::default() };
    let converted = {
        // However often somebody asks to stop, nothing is left behind; it stops after a tensor.
        let _whole = interrupt::uninterrupted();
        zao_engine::convert(chosen.source, &args.output, &settings, &progress, &cancel)
    };
    screen.remove(&bar);
    let converted = converted.map_err(|error| match error {
        Error::Cancelled => Failure::failed("cancelled; nothing was written"),
        Error::AlreadyInt8
        | Error::Save(SaveError::Occupied { .. } | SaveError::NoFolder { .. }) => {
            Failure::usage(error)
        }
        other => other.into(),
    })?;
    if args.quiet {
        return Ok(());
    }
    Ok(console::result(lines(&chosen.name, args, &converted).join("\n"))?)
}

fn lines(name: &str, args: &ConvertArgs, converted: &Converted) -> Vec<String> {
    let (path, after) = (args.output.display(), units::bytes(converted.after));
    let before = units::bytes(converted.before);
    let head = format!("{name} in int8 is in {path} ({after} of weights, {before} before)");
    [head].into_iter().chain(converted.kept.iter().map(kept)).collect()
}

fn kept(kept: &Kept) -> String {
    let names = if kept.whole { "all of it".to_owned() } else { kept.names.join(", ") };
    let why = match kept.why {
        KeptBecause::LookedUp => "as it was, since it is looked up, not multiplied",
        KeptBecause::Unrounded => {
            "in bf16, since every token of every step depends on them and they are small"
        }
        KeptBecause::AtLeastBf16 => "in bf16, since between numbers and pixels errors can be seen",
    };
    format!("  {} kept {why}: {names}", kept.part)
}
