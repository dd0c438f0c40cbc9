//! `POST /v1/png-info`: what a PNG tells of how it was made, by whatever program.

use axum::Json;
use serde::Serialize;
use utoipa::ToSchema;
use zao_api::{JobRequest, Recipe, Request};
use zao_png::{Origin, Parameters};

use super::read::Body;
use super::{Code, Refusal, Result};

/// What a PNG tells.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PngInfo {
    /// What wrote what is in it; null where nothing is.
    #[schema(required)]
    source: Option<Source>,
    /// The recipe, of a picture that zao drew.
    #[schema(required)]
    recipe: Option<Recipe>,
    /// What to ask for to have it drawn again.
    #[schema(required)]
    request: Option<JobRequest>,
    /// The same as text, as A1111 writes it.
    #[schema(required)]
    parameters: Option<String>,
    size: Size,
}

/// A program whose notes in PNGs are understood.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Source {
    Zao,
    A1111,
    Fooocus,
}

/// Sides of a picture in pixels.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
pub(crate) struct Size {
    pub(crate) width: u32,
    pub(crate) height: u32,
}

/// Read how a PNG was made
///
/// The body is the PNG itself, by zao or another program.
#[utoipa::path(
    post, path = "/v1/png-info", tag = "images", operation_id = "readPng",
    request_body(content = Vec<u8>, content_type = "image/png", description = "The bytes of a PNG."),
    responses(
        (status = 200, description = "What it tells.", body = PngInfo),
        (status = 400, description = "invalid_request, invalid_image"),
        (status = 413, description = "body_too_large"),
    ),
)]
pub(crate) async fn post(Body(bytes): Body) -> Result<Json<PngInfo>> {
    let info = zao_png::read(&bytes)
        .map_err(|error| Refusal::new(Code::InvalidImage, format!("the body: {error}")))?;
    let size = Size { width: info.width, height: info.height };
    Ok(Json(match info.origin {
        Origin::Zao(recipe) => PngInfo {
            source: Some(Source::Zao),
            parameters: Some(Parameters::from_recipe(&recipe).to_string()),
            request: Some(as_job(zao_png::request_of(&recipe))),
            recipe: Some(*recipe),
            size,
        },
        Origin::Parameters(parameters) => of_another(Source::A1111, &parameters, size),
        Origin::Fooocus(parameters) => of_another(Source::Fooocus, &parameters, size),
        Origin::Unknown => {
            PngInfo { source: None, recipe: None, request: None, parameters: None, size }
        }
    }))
}

fn of_another(source: Source, parameters: &Parameters, size: Size) -> PngInfo {
    PngInfo {
        source: Some(source),
        parameters: Some(parameters.to_string()),
        request: Some(as_job(parameters.to_request())),
        recipe: None,
        size,
    }
}

fn as_job(request: Request) -> JobRequest {
    JobRequest { request, ..JobRequest::default() }
}
