//! `POST /v1/prompt/advice`: which steps and size a prompt suggests for the model that is drawn with, within what this server
//! draws. Nothing is drawn.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use serde_json::{Value, json};
use zao_api::{Quality, Request};
use zao_engine::Grid;
use zao_prompt::advise;

use super::admission::check_text;
use super::read::Object;
use super::{Refusal, Result};
use crate::house::House;

#[derive(Deserialize)]
struct Asked {
    prompt: String,
}

/// `POST /v1/prompt/advice`.
pub(crate) async fn post(State(house): State<Arc<House>>, object: Object) -> Result<Json<Value>> {
    let Asked { prompt } = object.only(&["prompt"])?;
    let limits = &house.settings.request;
    check_text("prompt", &prompt, limits.prompt_characters)?;
    let model = house.model.info();
    let advice = advise(&prompt);
    let (steps, _) = zao_request::advised_steps(&prompt, model);
    let request = Request { prompt, quality: Some(Quality::Auto), ..Request::default() };
    let fits = |size: Grid| Ok::<_, Refusal>(size.area() as u64 <= limits.pixels);
    let (Grid { width, height }, _) = zao_request::settle(&request, None, model, fits)?;
    Ok(Json(json!({
        "steps": steps.min(limits.steps), "quality": advice.tier, "width": width, "height": height,
        "counts": advice.counts, "reason": {"en": advice.reason, "zh": advice.reason_zh},
    })))
}
