//! `POST /v1/prompt/template`: a prompt taken apart into its slots, or slots made into a prompt. Nothing is drawn.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use zao_prompt::{Slots, Template};

use super::admission::check_text;
use super::read::Object;
use super::{Refusal, Result};
use crate::house::House;

/// Either of both.
#[derive(Deserialize)]
struct Asked {
    prompt: Option<String>,
    slots: Option<Slots>,
}

/// `POST /v1/prompt/template`.
pub(crate) async fn post(
    State(house): State<Arc<House>>,
    object: Object,
) -> Result<Json<Template>> {
    let asked: Asked = object.only(&["prompt", "slots"])?;
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
    Ok(Json(template))
}
