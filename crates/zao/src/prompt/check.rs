//! `zao prompt check`: what is wrong with a prompt, shown where it stands. What is wrong, zao-prompt decides.

mod show;

use std::fs;
use std::path::Path;

use anyhow::Context;
use zao_engine::ModelFacts;
use zao_prompt::{Options, Report, Rules};

use super::input;
use crate::cli::{FileArgs, PromptCheckArgs};
use crate::failure::{Failure, Result};
use crate::language::Language;
use crate::model::{self, Asked};
use crate::{console, places};

pub(crate) fn run(args: &PromptCheckArgs) -> Result<()> {
    let prompt = match args.prompt.as_deref() {
        Some(typed) => input::read(typed, &args.unquoted)?,
        None => input::piped()?,
    };
    if prompt.trim().is_empty() {
        return Err(Failure::usage("the prompt is empty; say what to draw"));
    }
    let rules = args.rules.as_deref().map(rules).transpose()?;
    let language = args.language.unwrap_or_else(places::language);
    let counting = counting(args)?;
    let count = |text: &str| {
        let (_, facts) = counting.as_ref()?;
        facts.encoder_tokens(text).ok()
    };
    // A template that refuses a prompt refuses the empty one too, which is told when it is drawn; here it only makes the count an estimate.
    let counts = count("").is_some();
    let exact = |text: &str| count(text).unwrap_or(0);
    let options = Options {
        language: match language {
            Language::Zh => zao_prompt::Language::Zh,
            Language::En => zao_prompt::Language::En,
        },
        count: if counts { Some(&exact) } else { None },
        rules: rules.as_ref(),
        negative: args.negative.as_deref(),
        helpers: Some(&zao_request::Threads),
    };
    let report = zao_prompt::check(&prompt, &options);
    let counter = counting.as_ref().map(|(name, _)| name.as_str());
    console::result(if args.fix {
        report.fixed.clone()
    } else if args.json {
        serde_json::to_string_pretty(&report.wire(&prompt))?
    } else {
        show::lines(&prompt, &report, counter, language).join("\n")
    })?;
    strictly(args, &report)
}

/// A failure if there is something to find and that is one.
fn strictly(args: &PromptCheckArgs, report: &Report) -> Result<()> {
    match report.findings.len() + report.left_out {
        0 => Ok(()),
        _ if !args.strict => Ok(()),
        1 => Err(Failure::failed("there is 1 finding, and --strict wants none")),
        count => {
            Err(Failure::failed(format!("there are {count} findings, and --strict wants none")))
        }
    }
}

/// The built-in tables with those of a folder.
fn rules(folder: &Path) -> Result<Rules> {
    let entries = fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()));
    let mut files = Vec::new();
    for entry in entries? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "toml") {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let text = fs::read_to_string(&path);
            files.push((name, text.with_context(|| format!("cannot read {}", path.display()))?));
        }
    }
    if files.is_empty() {
        let folder = folder.display();
        return Err(Failure::usage(format!("{folder} has no tables, such as intensifier.toml")));
    }
    files.sort();
    let files = files.iter().map(|(name, text)| (name.as_str(), text.as_str()));
    Rules::extended(files).map_err(Failure::usage)
}

/// The model whose tokenizer counts; without one tokens are estimated, unless it was asked for.
fn counting(args: &PromptCheckArgs) -> Result<Option<(String, ModelFacts)>> {
    if args.fix {
        return Ok(None);
    }
    let asked = args.model.as_deref().map_or(Asked::Any, Asked::ByUser);
    let open = || -> Result<(String, ModelFacts)> {
        let chosen = model::choose(&asked, &FileArgs::default(), &places::store()?)?;
        let facts = ModelFacts::of(&chosen.name, chosen.source)?;
        Ok((chosen.name, facts))
    };
    match open() {
        Ok(counting) => Ok(Some(counting)),
        Err(_) if args.model.is_none() => Ok(None),
        Err(failure) => Err(failure),
    }
}
