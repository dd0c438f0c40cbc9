//! `zao config show`: each setting as `zao serve` would have it, and where that comes from.

use clap::{ArgMatches, Command, CommandFactory};
use serde_json::{Value, json};

use super::layers::{Given, Layers, Origin};
use super::table::{self, PLACES, Setting};
use super::{problem, typed, words};
use crate::cli::{Cli, ShowArgs, WhichArgs};
use crate::columns::{Side, table as columns};
use crate::failure::{Failure, Result};
use crate::language::{Language, Text};
use crate::{console, places};

/// Cells of a default in words; the help has all of it.
const LONGEST_WORDS: usize = 40;

pub(super) fn run(args: &ShowArgs) -> Result<()> {
    let layers = Layers::load(args.which.config.as_deref())?;
    let problems = layers.wrong_variables();
    if !problems.is_empty() {
        return Err(problem::failure(&problems));
    }
    let (serve, given) = as_typed(&args.which)?;
    let settings = table::settings();
    let said: Vec<(&Setting, Vec<Given>)> = settings
        .iter()
        .map(|setting| (setting, layers.of(setting, typed(&serve, &given, setting.flag()))))
        .collect();
    if args.json {
        let settings: Vec<Value> =
            said.iter().map(|(setting, said)| object(&layers, setting, said)).collect();
        let places: Vec<Value> = PLACES
            .iter()
            .map(|(variable, about)| {
                json!({"variable": variable, "value": places::setting(variable), "about": about})
            })
            .collect();
        let file = layers.file.as_ref().map(|file| file.display().to_string());
        let whole = json!({"file": file, "settings": settings, "places": places});
        return Ok(console::result(serde_json::to_string_pretty(&whole)?)?);
    }
    let language = args.which.lang.unwrap_or_else(places::language);
    let report = report(&layers, &said, args.origin, language);
    Ok(console::result(report.join("\n"))?)
}

/// The flags behind `--`, as `zao serve` reads them.
pub(super) fn as_typed(which: &WhichArgs) -> Result<(Command, ArgMatches)> {
    let line = ["zao".into(), "serve".into()].into_iter().chain(which.flags.iter().cloned());
    let command = Cli::command();
    let matches = command.clone().try_get_matches_from(line).map_err(|error| {
        let text = error.to_string();
        let first =
            text.lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned();
        Failure::usage(format!("behind `--` there are flags of `zao serve`: {first}"))
    })?;
    let serve = command.find_subcommand("serve").cloned();
    let given = matches.subcommand().map(|(_, given)| given.clone());
    serve.zip(given).ok_or_else(|| Failure::failed("`zao serve` is no command of this zao"))
}

/// Headings, and below each its settings in columns that all headings share.
fn report(
    layers: &Layers,
    said: &[(&Setting, Vec<Given>)],
    with_origin: bool,
    language: Language,
) -> Vec<String> {
    let mut rows: Vec<Vec<String>> = Vec::new();
    let mut headings: Vec<(usize, Text)> = Vec::new();
    let mut last = None;
    for (setting, given) in said {
        if last != Some(setting.heading()) {
            headings.push((rows.len(), words::heading(setting.heading())));
            last = Some(setting.heading());
        }
        let mut row = vec![format!("  {}", setting.key()), shown(setting, given.first(), language)];
        if with_origin {
            row.push(origins(layers, setting, given, language));
        }
        rows.push(row);
    }
    headings.push((rows.len(), words::places()));
    for (variable, _) in PLACES {
        let (value, from) = place(layers, variable, language);
        let mut row =
            vec![format!("  {}", variable.trim_start_matches("ZAO_").to_ascii_lowercase()), value];
        if with_origin {
            row.push(from);
        }
        rows.push(row);
    }
    let mut lines = Vec::new();
    for (at, line) in columns(&rows, |_| Side::Left).into_iter().enumerate() {
        if let Some((_, heading)) = headings.iter().find(|(first, _)| *first == at) {
            if at > 0 {
                lines.push(String::new());
            }
            lines.push(heading.say(language).to_owned());
        }
        lines.push(line);
    }
    lines
}

/// Where something is that a variable can move, and what moved it.
fn place(layers: &Layers, variable: &str, language: Language) -> (String, String) {
    let is_home = variable == "ZAO_HOME";
    let default = || if is_home { places::home() } else { places::config() };
    let moved = places::setting(variable);
    let path = match &layers.file {
        Some(file) if !is_home => file.display().to_string(),
        _ => moved
            .clone()
            .or_else(|| Some(default().ok()?.display().to_string()))
            .unwrap_or_default(),
    };
    let from = match moved {
        Some(moved) if moved == path => variable.to_owned(),
        None if default().is_ok_and(|default| default.display().to_string() == path) => {
            words::default().say(language).to_owned()
        }
        _ => "--config".to_owned(),
    };
    (path, from)
}

/// A value as people see it.
fn shown(setting: &Setting, given: Option<&Given>, language: Language) -> String {
    let values = given.map(|given| given.values.as_slice()).unwrap_or_default();
    match (values.is_empty(), setting.is_secret()) {
        (true, true) => words::not_set().say(language).to_owned(),
        (false, true) => words::secret_is_set().say(language).to_owned(),
        (false, false) => values.join(", "),
        (true, false) => match setting.unset() {
            Some(what) => format!("({})", shortened(&what)),
            None => "-".to_owned(),
        },
    }
}

fn shortened(what: &str) -> String {
    match what.split_once(',') {
        Some((first, _)) if what.chars().count() > LONGEST_WORDS => format!("{first}, ..."),
        _ => what.to_owned(),
    }
}

/// Where the value that counts comes from, and which others it counts before.
fn origins(layers: &Layers, setting: &Setting, said: &[Given], language: Language) -> String {
    let Some((first, others)) = said.split_first() else { return String::new() };
    let origin = place_of(layers, setting, &first.origin, language);
    let other = |given: &Given| {
        let value = shown(setting, Some(given), language);
        let origin = place_of(layers, setting, &given.origin, language);
        words::value_of(&value, &origin).say(language).to_owned()
    };
    let is_something = |given: &&Given| {
        given.origin != Origin::Default || !given.values.is_empty() || setting.unset().is_some()
    };
    let others: Vec<String> = others.iter().filter(is_something).map(other).collect();
    if others.is_empty() {
        return origin;
    }
    format!("{origin}{}", words::instead_of(&others.join(", ")).say(language))
}

fn place_of(layers: &Layers, setting: &Setting, origin: &Origin, language: Language) -> String {
    match origin {
        Origin::Flag => format!("--{}", setting.flag()),
        Origin::Variable => setting.variable(),
        Origin::File(line) => {
            let file = layers.file.as_ref().map(|file| file.display().to_string());
            format!("{}:{line}", file.unwrap_or_default())
        }
        Origin::Default => words::default().say(language).to_owned(),
    }
}

fn object(layers: &Layers, setting: &Setting, said: &[Given]) -> Value {
    let value = |given: &Given| match (setting.is_secret(), setting.is_list()) {
        (true, _) => Value::Null,
        (false, true) => json!(given.values),
        (false, false) => json!(given.values.first()),
    };
    let one = |given: &Given| {
        let kind = match given.origin {
            Origin::Flag => "flag",
            Origin::Variable => "environment",
            Origin::File(_) => "file",
            Origin::Default => "default",
        };
        let place = place_of(layers, setting, &given.origin, Language::En);
        json!({"value": value(given), "set": !given.values.is_empty(), "origin": kind, "place": place})
    };
    let counts = said.first().map(&one).unwrap_or_default();
    json!({
        "key": setting.key(), "flag": format!("--{}", setting.flag()), "variable": setting.variable(),
        "heading": setting.heading(), "value": counts["value"], "set": counts["set"],
        "origin": counts["origin"], "place": counts["place"],
        "overridden": said.iter().skip(1).map(one).collect::<Vec<_>>(),
    })
}
