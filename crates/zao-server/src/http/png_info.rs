//! `POST /v1/png-info`: what a PNG tells of how it was made, by whatever program.

use axum::Json;
use serde_json::{Value, json};
use zao_api::{JobRequest, Lora, Recipe, Request};
use zao_png::{Origin, Parameters};

use super::read::Body;
use super::{Code, Refusal, Result};

/// `POST /v1/png-info`.
pub(crate) async fn post(Body(bytes): Body) -> Result<Json<Value>> {
    let info = zao_png::read(&bytes)
        .map_err(|error| Refusal::new(Code::InvalidImage, format!("the body: {error}")))?;
    let size = json!({"width": info.width, "height": info.height});
    let (source, recipe, request, parameters) = match &info.origin {
        Origin::Zao(recipe) => {
            let text = Parameters::from_recipe(recipe).to_string();
            (Some("zao"), Some(recipe), Some(of_recipe(recipe)), Some(text))
        }
        Origin::Parameters(parameters) => {
            let request = JobRequest { request: parameters.to_request(), ..JobRequest::default() };
            (Some("a1111"), None, Some(request), Some(parameters.to_string()))
        }
        Origin::Unknown => (None, None, None, None),
    };
    Ok(Json(json!({
        "source": source, "recipe": recipe, "request": request, "parameters": parameters, "size": size,
    })))
}

/// What to ask for to get the picture of `recipe` again. The picture that it began with is not in it.
fn of_recipe(recipe: &Recipe) -> JobRequest {
    let loras = recipe.loras.iter();
    let request = Request {
        prompt: recipe.prompt.clone(),
        negative_prompt: recipe.negative_prompt.clone(),
        width: Some(recipe.width),
        height: Some(recipe.height),
        steps: Some(recipe.steps),
        guidance: Some(recipe.guidance),
        cfg_normalization: Some(recipe.cfg_normalization),
        cfg_truncation: Some(recipe.cfg_truncation),
        seed: Some(recipe.seed),
        rng: Some(recipe.rng),
        strength: recipe.image.as_ref().map(|image| image.strength),
        loras: loras.map(|lora| Lora { name: lora.name.clone(), scale: lora.scale }).collect(),
        ..Request::default()
    };
    JobRequest { request, ..JobRequest::default() }
}
