//! What is wanted: the command line over the recipe of `--from`, if there is one.

use std::fs;

use anyhow::Context;
use zao_api::{Recipe, Request};
use zao_engine::Engine;
use zao_png::Origin;

use crate::cli::GenerateArgs;
use crate::failure::{Failure, Result};

/// The request, and the exact recipe it starts from when `--from` names a picture of zao.
pub(super) fn from_args(
    args: &GenerateArgs,
    warn: &dyn Fn(String),
) -> Result<(Request, Option<Recipe>)> {
    let (base, recipe) = match &args.from {
        None => (Request::default(), None),
        Some(path) => {
            let path_text = path.display();
            let bytes = fs::read(path).with_context(|| format!("cannot read {path_text}"))?;
            let info =
                zao_png::read(&bytes).with_context(|| format!("{path_text} is not readable"))?;
            match info.origin {
                Origin::Zao(recipe) => (of_recipe(&recipe), Some(*recipe)),
                Origin::Parameters(parameters) => {
                    warn(format!(
                        "{path_text} was made by another tool: its prompt and settings are used, \
                         the picture will be another"
                    ));
                    (parameters.to_request(), None)
                }
                Origin::Unknown => {
                    return Err(Failure::Failed(anyhow::anyhow!(
                        "{path_text} does not say how it was made, so it cannot be drawn again"
                    )));
                }
            }
        }
    };
    let request = over(base, args);
    if request.prompt.is_empty() && args.prompt.is_none() && args.prompt_option.is_none() {
        return Err(Failure::usage(
            "no prompt; say what to draw, as in: zao generate \"a red apple on a blue background\"",
        ));
    }
    if args.negative.is_some() && request.guidance.unwrap_or(0.0) <= 0.0 {
        warn("--negative has no effect without --guidance".into());
    }
    Ok((request, recipe))
}

/// Tells what will keep the pixels from being the same although the recipe is.
pub(super) fn warn_of_differences(recipe: &Recipe, engine: &Engine, warn: &dyn Fn(String)) {
    let model = engine.model();
    if recipe.model.fingerprint != model.fingerprint {
        warn(format!(
            "the picture was drawn by {} with other weights; this one will differ",
            recipe.model.name
        ));
    }
    let device = engine.device().device;
    if recipe.device != device {
        let there = &recipe.device;
        warn(format!("the picture was drawn on {there}, this is {device}; pixels may differ"));
    }
    let precision = super::recorded(engine);
    if recipe.precision != precision {
        let there = recipe.precision;
        warn(format!("the picture was drawn in {there}, this is {precision}; pixels will differ"));
    }
}

fn of_recipe(recipe: &Recipe) -> Request {
    Request {
        prompt: recipe.prompt.clone(),
        negative_prompt: recipe.negative_prompt.clone(),
        width: Some(recipe.width),
        height: Some(recipe.height),
        steps: Some(recipe.steps),
        guidance: Some(recipe.guidance),
        cfg_normalization: Some(recipe.cfg_normalization),
        cfg_truncation: Some(recipe.cfg_truncation),
        seed: Some(recipe.seed),
        count: None,
        rng: Some(recipe.rng),
        precision: Some(recipe.precision.into()),
        model: Some(recipe.model.name.clone()),
    }
}

fn over(base: Request, args: &GenerateArgs) -> Request {
    let (width, height) = args.size.unzip();
    let prompt = args.prompt.as_ref().or(args.prompt_option.as_ref());
    Request {
        prompt: prompt.cloned().unwrap_or(base.prompt),
        negative_prompt: args.negative.clone().or(base.negative_prompt),
        width: width.or(args.width).or(base.width),
        height: height.or(args.height).or(base.height),
        steps: args.steps.or(base.steps),
        guidance: args.guidance.or(base.guidance),
        cfg_normalization: args.cfg_normalization.or(base.cfg_normalization),
        cfg_truncation: args.cfg_truncation.or(base.cfg_truncation),
        seed: args.seed.or(base.seed),
        count: args.count.or(base.count),
        rng: args.rng.or(base.rng),
        precision: args.precision.or(base.precision),
        model: args.model.clone().or(base.model),
    }
}
