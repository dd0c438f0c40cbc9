//! `/v1/capabilities`, `/v1/loras` and `/v1/models`: what this server can do, so that a page or a program need not know it by heart.

use std::convert::Infallible;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use serde::Serialize;
use serde_json::{Value, json};
use zao_api::{Quality, Request};
use zao_engine::{Grid, MAX_TOKENS, ModelInfo};
use zao_queue::Demand;
use zao_weights::KnownModel;

use super::{Code, Refusal, Result};
use crate::house::House;

/// `GET /v1/capabilities`.
pub(crate) async fn get(State(house): State<Arc<House>>) -> Json<Value> {
    let (model, limits) = (house.model.info(), &house.settings.request);
    let ledger = &house.settings.ledger;
    let health = house.health();
    let worker = health.workers.first();
    let precision = worker.and_then(|worker| worker.precision.as_ref());
    let known = KnownModel::find(&model.name);
    let guidance = known.map_or(0.0, |known| known.guidance);
    let max = model.max_size;
    let tiers: Vec<Value> = [Quality::Draft, Quality::Standard, Quality::High]
        .into_iter()
        .map(|quality| tier(&house, quality))
        .collect();
    Json(json!({
        "version": env!("CARGO_PKG_VERSION"),
        "model": {"name": model.name, "fingerprint": model.fingerprint},
        "device": worker.and_then(|worker| worker.device.as_deref()),
        "precision": precision.map(|(name, _)| name),
        "precision_reason": precision.map(|(_, why)| why),
        "size_multiple": model.size_multiple,
        "min_side": model.size_multiple,
        "max_width": max.width,
        "max_height": max.height,
        "max_pixels": limits.pixels.min(max.area() as u64),
        "default_size": {"width": model.default_size.width, "height": model.default_size.height},
        "default_steps": usual_steps(model),
        "max_steps": limits.steps,
        "max_count": limits.count,
        "tiers": tiers,
        "guidance": {"default": guidance, "max": 20.0, "useful": guidance > 0.0},
        "rngs": ["torch-cpu", "nv"],
        "previews": {"default": 0, "max": limits.previews},
        "inputs": {"image": true, "mask": true, "max_bytes": limits.body_bytes / 4 * 3},
        "max_prompt_characters": limits.prompt_characters,
        "max_prompt_tokens": MAX_TOKENS,
        "queue": {"max": ledger.queued, "max_per_client": ledger.queued_per_client},
        "retention": {
            "seconds": ledger.retention.age.as_secs(), "bytes": ledger.retention.bytes,
        },
        "loras": !adapters(&house).is_empty(),
        "features": ["jobs", "events", "openai", "a1111"],
    }))
}

fn usual_steps(model: &ModelInfo) -> u32 {
    zao_request::complete(Request::default(), model).steps.unwrap_or(1)
}

fn tier(house: &House, quality: Quality) -> Value {
    let model = house.model.info();
    let request = Request { quality: Some(quality), ..Request::default() };
    // No prompt decides: these qualities name their size.
    let size = zao_request::settle(&request, None, model, |_| Ok::<_, Infallible>(true));
    let Grid { width, height } = size.map_or(model.default_size, |(size, _)| size);
    let demand = Demand {
        width: width as u32,
        height: height as u32,
        steps: usual_steps(model),
        pictures: 1,
    };
    let seconds = house.ledger.measured(&demand).map(|time| time.as_secs_f64());
    json!({
        "name": quality.as_str(), "pixels": width * height, "width": width, "height": height,
        "seconds": seconds, "fits": (width * height) as u64 <= house.settings.request.pixels,
    })
}

/// An adapter that requests may name.
#[derive(Debug, Serialize)]
pub(crate) struct Lora {
    name: String,
    bytes: u64,
}

fn adapters(house: &House) -> Vec<Lora> {
    let list = house.loras.list().unwrap_or_default();
    list.into_iter().map(|found| Lora { name: found.name, bytes: found.bytes }).collect()
}

/// `GET /v1/loras`.
pub(crate) async fn loras(State(house): State<Arc<House>>) -> Json<Value> {
    Json(json!({"loras": adapters(&house)}))
}

fn model_card(house: &House) -> Value {
    json!({
        "id": house.model.info().name, "object": "model", "created": 0, "owned_by": "zao",
        "fingerprint": house.model.info().fingerprint,
    })
}

/// `GET /v1/models`, as OpenAI has it.
pub(crate) async fn models(State(house): State<Arc<House>>) -> Json<Value> {
    Json(json!({"object": "list", "data": [model_card(&house)]}))
}

/// `GET /v1/models/{id}`.
pub(crate) async fn model(
    State(house): State<Arc<House>>,
    Path(id): Path<String>,
) -> Result<Json<Value>> {
    let name = &house.model.info().name;
    if id != *name {
        let message = format!("this server draws with {name:?} alone");
        return Err(Refusal::new(Code::UnknownModel, message));
    }
    Ok(Json(model_card(&house)))
}
