//! `zao info`: how a picture was made.

use std::fs;

use anyhow::Context;
use zao_png::{Info, Origin, Parameters};

use crate::cli::InfoArgs;
use crate::console;
use crate::failure::{Failure, Result};

/// Node graphs of other tools fill screens; this much of a text tells what it is.
const LONGEST_TEXT: usize = 500;

pub(crate) fn run(args: &InfoArgs) -> Result<()> {
    let path = args.file.display();
    let bytes = fs::read(&args.file).with_context(|| format!("cannot read {path}"))?;
    let info = zao_png::read(&bytes).with_context(|| path.to_string())?;
    if args.json {
        let Origin::Zao(recipe) = &info.origin else {
            return Err(Failure::failed(format!("{path} holds no recipe of zao")));
        };
        return Ok(console::result(serde_json::to_string_pretty(recipe)?)?);
    }
    let lines = lines(&path.to_string(), &info).join("\n");
    Ok(console::result(printable(&lines))?)
}

fn lines(path: &str, info: &Info) -> Vec<String> {
    let mut lines = vec![format!("{path}: {}x{} pixels", info.width, info.height)];
    match &info.origin {
        Origin::Zao(recipe) => {
            lines.push(format!("made by zao {} with {}", recipe.zao_version, recipe.model.name));
            lines.push(Parameters::from_recipe(recipe).to_string());
            let model = &recipe.model.name;
            let files = recipe.image.as_ref().map_or(String::new(), |image| {
                lines.push(format!("made of the picture with SHA-256 {}", image.sha256));
                let Some(mask) = &image.mask_sha256 else { return " --image FILE".into() };
                lines.push(format!("and the mask with SHA-256 {mask}"));
                " --image FILE --mask FILE".into()
            });
            lines.push(format!("draw it again with {model}: zao generate --from {path}{files}"));
        }
        Origin::Parameters(parameters) => {
            lines.push("made by another tool:".into());
            lines.push(parameters.to_string());
        }
        Origin::Fooocus(parameters) => {
            lines.push("made by Fooocus:".into());
            lines.push(parameters.to_string());
        }
        Origin::Unknown => lines.push("it does not say how it was made".into()),
    }
    lines.extend(info.texts.iter().map(|text| match text.text.char_indices().nth(LONGEST_TEXT) {
        None => format!("{}: {}", text.keyword, text.text),
        Some((end, _)) => {
            let (shown, more) = text.text.split_at(end);
            format!("{}: {shown}... and {} characters more", text.keyword, more.chars().count())
        }
    }));
    lines
}

/// Texts of strangers, without the control characters that could steer a terminal.
fn printable(text: &str) -> String {
    let safe = |c: char| if c.is_control() && !matches!(c, '\n' | '\t') { '\u{fffd}' } else { c };
    text.chars().map(safe).collect()
}
