//! `zao info`: how a picture was made.

use std::fs;

use anyhow::Context;
use zao_png::Origin;

use crate::cli::InfoArgs;
use crate::failure::{Failure, Result};

pub(crate) fn run(args: &InfoArgs) -> Result<()> {
    let path = args.file.display();
    let bytes = fs::read(&args.file).with_context(|| format!("cannot read {path}"))?;
    let info = zao_png::read(&bytes).with_context(|| format!("{path} is not readable"))?;
    if args.json {
        let Origin::Zao(recipe) = &info.origin else {
            return Err(Failure::Failed(anyhow::anyhow!("{path} holds no recipe of zao")));
        };
        println!("{}", serde_json::to_string_pretty(recipe)?);
        return Ok(());
    }
    println!("{path}: {}x{} pixels", info.width, info.height);
    match &info.origin {
        Origin::Zao(recipe) => {
            println!("made by zao {} with {}", recipe.zao_version, recipe.model.name);
            println!("{}", zao_png::Parameters::from_recipe(recipe));
            println!("draw it again: zao generate --from {path}");
        }
        Origin::Parameters(parameters) => {
            println!("made by another tool:");
            println!("{parameters}");
        }
        Origin::Unknown => println!("it does not say how it was made"),
    }
    for text in &info.texts {
        println!("{}: {}", text.keyword, text.text);
    }
    Ok(())
}
