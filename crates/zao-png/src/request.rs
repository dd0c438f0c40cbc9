//! From a recipe back to the request that it answers. Whether that can be met here is NOT known.

use zao_api::{Lora, Recipe, Request, UsedLora};

/// What to ask for to get the picture of `recipe` again, in whatever precision and with whatever model there is. The picture
/// that it began with is not in it: files are known by their checksums, not by where they were.
#[must_use]
pub fn request_of(recipe: &Recipe) -> Request {
    let lora = |used: &UsedLora| Lora { name: used.name.clone(), scale: used.scale };
    Request {
        prompt: recipe.prompt.clone(),
        negative_prompt: recipe.negative_prompt.clone(),
        width: Some(recipe.width),
        height: Some(recipe.height),
        strength: recipe.image.as_ref().map(|image| image.strength),
        steps: Some(recipe.steps.into()),
        guidance: Some(recipe.guidance),
        cfg_normalization: Some(recipe.cfg_normalization),
        cfg_truncation: Some(recipe.cfg_truncation),
        seed: Some(recipe.seed),
        rng: Some(recipe.rng),
        loras: recipe.loras.iter().map(lora).collect(),
        ..Request::default()
    }
}
