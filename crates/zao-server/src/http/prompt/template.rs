//! `POST /v1/prompt/template`: a prompt taken apart into its slots, or slots made into a prompt. Nothing is drawn.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use zao_prompt::{Slots, Template};

use crate::house::House;
use crate::http::admission::check_text;
use crate::http::read::Object;
use crate::http::{Refusal, Result};

/// A prompt to take apart, or slots to make a prompt of: one of both.
#[derive(Deserialize, ToSchema)]
pub(super) struct AskTemplate {
    prompt: Option<String>,
    slots: Option<Slots>,
}

/// A prompt and its slots.
#[derive(Serialize, ToSchema)]
pub(super) struct PromptTemplate {
    /// Empty where there is none, as all of them.
    subject: String,
    action: String,
    details: Vec<String>,
    background: String,
    style: String,
    prompt: String,
    /// The slots of what stands behind `//`, where there is something.
    #[serde(skip_serializing_if = "Option::is_none")]
    translation: Option<Slots>,
}

/// Take a prompt apart, or build one from its slots
///
/// Every word of the prompt lies in exactly one slot.
#[utoipa::path(
    post, path = "/v1/prompt/template", tag = "prompts", operation_id = "templatePrompt",
    request_body(content = AskTemplate, example = json!({"prompt": "a cat sleeping on a sofa, watercolour"})),
    responses(
        (status = 200, description = "The prompt and its slots.", body = PromptTemplate),
        (status = 400, description = "invalid_request, prompt_too_long"),
        (status = 413, description = "body_too_large"),
        (status = 415, description = "unsupported_media_type"),
    ),
)]
pub(crate) async fn post(
    State(house): State<Arc<House>>,
    object: Object,
) -> Result<Json<PromptTemplate>> {
    let asked: AskTemplate = object.only(&["prompt", "slots"])?;
    let most = house.settings.request.prompt_characters;
    let template = match (asked.prompt, asked.slots) {
        (Some(prompt), None) => {
            check_text("prompt", &prompt, most)?;
            Template::of(&prompt)
        }
        (None, Some(slots)) => {
            let template = Template::from(slots);
            check_text("slots", &template.prompt(), most)?;
            template
        }
        _ => {
            let message = "send a prompt to take apart, or slots to make a prompt of";
            return Err(Refusal::of("prompt", message));
        }
    };
    let (prompt, Template { slots, translation }) = (template.prompt(), template);
    let Slots { subject, action, details, background, style } = slots;
    Ok(Json(PromptTemplate { subject, action, details, background, style, prompt, translation }))
}
