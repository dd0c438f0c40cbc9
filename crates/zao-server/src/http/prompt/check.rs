//! `POST /v1/prompt/check`: what is wrong with a prompt, before it is submitted. Nothing is kept of it.

use std::sync::Arc;

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use utoipa::ToSchema;
use zao_prompt::{Language, Options, ReportWire};

use crate::house::House;
use crate::http::read::Object;
use crate::http::{Code, Refusal, Result};

/// A prompt to look at.
#[derive(Deserialize, ToSchema)]
pub(super) struct CheckPrompt {
    prompt: String,
    negative_prompt: Option<String>,
    /// In which language findings are explained; English where nothing is said.
    language: Option<Language>,
}

/// Look at a prompt before it is submitted
///
/// Each finding has its place, a sentence, and often what to write instead. Nothing is drawn, and nothing is kept.
#[utoipa::path(
    post, path = "/v1/prompt/check", tag = "prompts", operation_id = "checkPrompt",
    request_body(content = CheckPrompt, example = json!({"prompt": "a very very red apple"})),
    responses(
        (status = 200, description = "What could be better.", body = ReportWire),
        (status = 400, description = "invalid_request"),
        (status = 413, description = "body_too_large"),
        (status = 415, description = "unsupported_media_type"),
    ),
)]
pub(crate) async fn check(State(house): State<Arc<House>>, body: Object) -> Result<Response> {
    let asked: CheckPrompt = body.only(&["prompt", "negative_prompt", "language"])?;
    // A long prompt is counted several times, and nobody else should wait for that.
    let report = tokio::task::spawn_blocking(move || report(&house, &asked)).await;
    let json = report.map_err(internal)?.map_err(internal)?;
    Ok(([(header::CONTENT_TYPE, "application/json")], json).into_response())
}

fn report(house: &House, asked: &CheckPrompt) -> serde_json::Result<String> {
    // A template that refuses a prompt refuses the empty one too; then tokens are estimated.
    let counts = house.model.encoder_tokens("").is_ok();
    let count = |text: &str| house.model.encoder_tokens(text).unwrap_or(0);
    let options = Options {
        language: asked.language.unwrap_or_default(),
        count: if counts { Some(&count) } else { None },
        negative: asked.negative_prompt.as_deref(),
        helpers: Some(&zao_request::Threads),
        ..Options::default()
    };
    let report = zao_prompt::check(&asked.prompt, &options);
    serde_json::to_string(&report.wire(&asked.prompt))
}

fn internal(error: impl std::fmt::Display) -> Refusal {
    Refusal::new(Code::Internal, error.to_string())
}
