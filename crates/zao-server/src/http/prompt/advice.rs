//! `POST /v1/prompt/advice`: which steps and size a prompt suggests for the model that is drawn with, within what this server
//! draws. Nothing is drawn.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use zao_api::{Quality, Request};
use zao_engine::Grid;
use zao_prompt::{Counts, Tier, advise};

use crate::house::House;
use crate::http::admission::check_text;
use crate::http::read::Object;
use crate::http::{Refusal, Result};

/// A prompt to weigh.
#[derive(Deserialize, ToSchema)]
pub(super) struct AskAdvice {
    prompt: String,
}

/// What a prompt suggests.
#[derive(Serialize, ToSchema)]
pub(super) struct PromptAdvice {
    /// In proportion to the model's own.
    steps: u32,
    quality: Tier,
    /// The size that `quality` has of this model, at most what this server draws.
    width: usize,
    height: usize,
    counts: Counts,
    reason: Reason,
}

/// Why, in a sentence.
#[derive(Serialize, ToSchema)]
struct Reason {
    en: String,
    zh: String,
}

/// Weigh a prompt: steps and size that suit it
#[utoipa::path(
    post, path = "/v1/prompt/advice", tag = "prompts", operation_id = "advisePrompt",
    request_body(content = AskAdvice, example = json!({"prompt": "a red apple"})),
    responses(
        (status = 200, description = "What it suggests.", body = PromptAdvice),
        (status = 400, description = "invalid_request, prompt_too_long"),
        (status = 413, description = "body_too_large"),
        (status = 415, description = "unsupported_media_type"),
    ),
)]
pub(crate) async fn post(
    State(house): State<Arc<House>>,
    object: Object,
) -> Result<Json<PromptAdvice>> {
    let AskAdvice { prompt } = object.only(&["prompt"])?;
    let limits = &house.settings.request;
    check_text("prompt", &prompt, limits.prompt_characters)?;
    let model = house.model.info();
    let advice = advise(&prompt);
    let (steps, _) = zao_request::advised_steps(&prompt, model);
    let request = Request { prompt, quality: Some(Quality::Auto), ..Request::default() };
    let fits = |size: Grid| Ok::<_, Refusal>(size.area() as u64 <= limits.pixels);
    let (Grid { width, height }, _) = zao_request::settle(&request, None, model, fits)?;
    Ok(Json(PromptAdvice {
        steps: steps.min(limits.steps),
        quality: advice.tier,
        width,
        height,
        counts: advice.counts,
        reason: Reason { en: advice.reason, zh: advice.reason_zh },
    }))
}
