//! `POST /v1/png-info`: what a PNG tells of how it was made, by whatever program.

use axum::Json;
use serde_json::{Value, json};
use zao_api::{JobRequest, Request};
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
            (Some("zao"), Some(recipe), Some(as_job(zao_png::request_of(recipe))), Some(text))
        }
        Origin::Parameters(parameters) => {
            let request = as_job(parameters.to_request());
            (Some("a1111"), None, Some(request), Some(parameters.to_string()))
        }
        Origin::Unknown => (None, None, None, None),
    };
    Ok(Json(json!({
        "source": source, "recipe": recipe, "request": request, "parameters": parameters, "size": size,
    })))
}

fn as_job(request: Request) -> JobRequest {
    JobRequest { request, ..JobRequest::default() }
}
