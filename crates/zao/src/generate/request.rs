//! What is wanted: the command line over the recipe of `--from`, if there is one.

use std::fs;
use std::path::Path;

use anyhow::Context;
use zao_api::{Quality, Recipe, Request, UsedLora};
use zao_engine::Engine;
use zao_png::Origin;
use zao_request::{Input, recorded_precision};

use crate::cli::{AskedSize, GenerateArgs};
use crate::failure::{Failure, Result};
use crate::model::Asked;

use super::input;

/// What is wanted, and where that comes from.
pub(super) struct Wanted {
    pub(super) request: Request,
    origin: Origin,
}

impl Wanted {
    /// Reads the command line, and the picture of `--from` if there is one.
    pub(super) fn new(args: &GenerateArgs) -> Result<Self> {
        if let (Some(first), Some(second)) = (&args.prompt, args.unquoted.first()) {
            return Err(Failure::unquoted(first, second));
        }
        let origin = args.from.as_deref().map_or(Ok(Origin::Unknown), origin)?;
        let base = match &origin {
            Origin::Zao(recipe) => of_recipe(recipe),
            Origin::Parameters(parameters) | Origin::Fooocus(parameters) => parameters.to_request(),
            Origin::Unknown => Request::default(),
        };
        let request = over(base, args);
        if let Origin::Zao(recipe) = &origin {
            input::check_given(recipe, &request)?;
        }
        if request.prompt.trim().is_empty() {
            return Err(Failure::usage(
                "no prompt; say what to draw, as in: zao generate \"a red apple on a blue \
                 background\"",
            ));
        }
        Ok(Self { request, origin })
    }

    /// Which model is to draw it.
    pub(super) fn model(&self) -> Asked<'_> {
        match (&self.request.model, &self.origin) {
            (Some(name), _) => Asked::ByUser(name),
            (None, Origin::Zao(recipe)) => Asked::ByRecipe(&recipe.model.name),
            (None, _) => Asked::Any,
        }
    }

    /// Whether the picture of `--from` had its adapters merged.
    pub(super) fn merges(&self) -> bool {
        match &self.origin {
            Origin::Zao(recipe) => recipe.loras.iter().any(|lora| lora.merged),
            Origin::Parameters(_) | Origin::Fooocus(_) | Origin::Unknown => false,
        }
    }

    /// What the user should know about the wish although it can be met.
    pub(super) fn warnings(
        &self,
        args: &GenerateArgs,
        (engine, device): (&Engine, &str),
        input: Option<&Input>,
        loras: &[UsedLora],
    ) -> Vec<String> {
        let mut warnings = match &self.origin {
            Origin::Zao(recipe) => {
                let engine = differences(recipe, engine, device, loras);
                [engine, input::differences(recipe, input)].concat()
            }
            Origin::Parameters(_) | Origin::Fooocus(_) => vec![
                "the picture was made by another tool: its prompt and settings are used, but the \
                 new one will differ"
                    .into(),
            ],
            Origin::Unknown => Vec::new(),
        };
        let guided = self.request.guidance.is_some_and(|scale| scale > 0.0);
        let asks_for_guidance = [
            ("--negative", args.negative.is_some()),
            ("--cfg-normalization", args.cfg_normalization.is_some()),
            ("--cfg-truncation", args.cfg_truncation.is_some()),
        ];
        let in_vain = asks_for_guidance.into_iter().filter(|&(_, given)| given && !guided);
        warnings
            .extend(in_vain.map(|(name, _)| format!("{name} has no effect without --guidance")));
        warnings
    }
}

/// How the picture at `path` was made.
fn origin(path: &Path) -> Result<Origin> {
    let name = path.display();
    let bytes = fs::read(path).with_context(|| format!("cannot read {name}"))?;
    let info = zao_png::read(&bytes).with_context(|| name.to_string())?;
    if matches!(info.origin, Origin::Unknown) {
        return Err(Failure::failed(format!(
            "{name} does not say how it was made, so it cannot be drawn again"
        )));
    }
    Ok(info.origin)
}

/// What will keep the pixels from being the same although the recipe is.
fn differences(recipe: &Recipe, engine: &Engine, device: &str, loras: &[UsedLora]) -> Vec<String> {
    let mut differences = Vec::new();
    let model = engine.model();
    if recipe.model.fingerprint != model.fingerprint {
        differences.push(format!(
            "the picture was drawn by {} with other weights; this one will differ",
            recipe.model.name
        ));
    }
    for there in &recipe.loras {
        let same_name = |lora: &&UsedLora| lora.name == there.name;
        if loras.iter().filter(same_name).any(|here| here.sha256 != there.sha256) {
            let name = &there.name;
            differences.push(format!(
                "the picture followed another file called {name}; this one will differ"
            ));
        }
    }
    if recipe.device != device {
        let there = &recipe.device;
        differences
            .push(format!("the picture was drawn on {there}, this is {device}; pixels may differ"));
    }
    let precision = recorded_precision(engine);
    if recipe.precision != precision {
        let there = recipe.precision;
        differences.push(format!(
            "the picture was drawn in {there}, this is {precision}; pixels will differ"
        ));
    }
    differences
}

/// A request for the same picture.
pub(super) fn of_recipe(recipe: &Recipe) -> Request {
    // The name of the model means one of the store there, not a path here; see `Wanted::model`.
    Request { precision: Some(recipe.precision.into()), ..zao_png::request_of(recipe) }
}

/// The base with what the command line says in its place.
pub(super) fn over(base: Request, args: &GenerateArgs) -> Request {
    let quality = args.quality.or(match args.size {
        Some(AskedSize::Auto) => Some(Quality::Auto),
        _ => None,
    });
    let (width, height) = match args.size {
        Some(AskedSize::Exactly(width, height)) => (Some(width), Some(height)),
        _ => (args.width, args.height),
    };
    // A quality asked for now goes before the size of the other picture.
    let base_size = |side: Option<u32>| side.filter(|_| quality.is_none());
    let prompt = args.prompt.as_ref().or(args.prompt_option.as_ref());
    Request {
        prompt: prompt.cloned().unwrap_or(base.prompt),
        negative_prompt: args.negative.clone().or(base.negative_prompt),
        width: width.or(base_size(base.width)),
        height: height.or(base_size(base.height)),
        quality,
        image: args.image.clone(),
        mask: args.mask.clone(),
        strength: args.strength.or(base.strength),
        steps: args.steps.or(base.steps),
        guidance: args.guidance.or(base.guidance),
        cfg_normalization: args.cfg_normalization.or(base.cfg_normalization),
        cfg_truncation: args.cfg_truncation.or(base.cfg_truncation),
        seed: args.seed.or(base.seed),
        count: args.count.or(base.count),
        rng: args.rng.or(base.rng),
        precision: args.precision.or(base.precision),
        model: args.model.clone().or(base.model),
        loras: if args.loras.is_empty() { base.loras } else { args.loras.clone() },
    }
}
