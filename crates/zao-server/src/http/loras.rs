//! `/v1/loras`: the adapters that requests may name, and having workers open them before one does.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;
use zao_weights::{AdapterGlance, FoundAdapter};

use super::openai::still_drawing;
use super::read::Name;
use super::{Code, Refusal, Result};
use crate::hands::{Hands, Health};
use crate::house::House;

/// The adapters of this server.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Adapters {
    loras: Vec<Adapter>,
}

/// An adapter that requests may name.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Adapter {
    name: String,
    /// Size of its file.
    bytes: u64,
    /// `LoRA`, `LoHa`, `LoKr`, `DoRA` or `diff`; null where its file says nothing that is understood.
    #[schema(required)]
    kind: Option<&'static str>,
    /// The largest rank of its layers; null where it has none.
    #[schema(required)]
    rank: Option<u64>,
    /// Whether every worker has it open.
    loaded: bool,
    /// Why a worker could not open it when it was to be loaded.
    #[schema(required)]
    problem: Option<String>,
}

impl Adapter {
    fn of(found: FoundAdapter, health: &Health) -> Self {
        let AdapterGlance { kind, rank } = AdapterGlance::of(&found.path).unwrap_or_default();
        let FoundAdapter { name, bytes, .. } = found;
        let workers = || health.workers.iter().map(|worker| &worker.adapters);
        let loaded = workers().count() > 0 && workers().all(|it| it.open.contains(&name));
        let refused = workers().flat_map(|it| &it.refused).find(|(refused, _)| *refused == name);
        let problem = refused.map(|(_, why)| why.clone());
        Self { name, bytes, kind, rank, loaded, problem }
    }
}

/// Whether there are any.
pub(super) fn any(house: &House) -> bool {
    house.loras.list().is_ok_and(|found| !found.is_empty())
}

/// All of them. A folder that cannot be listed has none.
pub(super) fn list(house: &House) -> Vec<FoundAdapter> {
    house.loras.list().unwrap_or_default()
}

async fn look(house: &Arc<House>) -> Vec<Adapter> {
    let house = Arc::clone(house);
    let looked = tokio::task::spawn_blocking(move || {
        let health = house.health();
        list(&house).into_iter().map(|found| Adapter::of(found, &health)).collect()
    });
    // It panicked, which the log has.
    looked.await.unwrap_or_default()
}

async fn named(house: &Arc<House>, name: &str) -> Result<Adapter> {
    let found = look(house).await.into_iter().find(|adapter| adapter.name == name);
    let message = || format!("there is no LoRA {name:?}; GET /v1/loras lists those there are");
    found.ok_or_else(|| Refusal::new(Code::UnknownLora, message()).at("name"))
}

/// List LoRAs
///
/// What lies in the server's folder now. Jobs name them in `loras`.
#[utoipa::path(
    get, path = "/v1/loras", tag = "server", operation_id = "listLoras",
    responses((status = 200, description = "All of them, by name.", body = Adapters)),
)]
pub(crate) async fn get(State(house): State<Arc<House>>) -> Json<Adapters> {
    Json(Adapters { loras: look(&house).await })
}

/// Have a LoRA opened
///
/// Every worker checks that it fits the model, so that the first job that names it need not wait for that; its factors come to the
/// device with that job. `loaded` and `problem` say later what came of it. A worker that is replaced has none open.
#[utoipa::path(
    post, path = "/v1/loras/{name}/load", tag = "server", operation_id = "loadLora",
    params(("name" = String, Path, description = "Name of the LoRA.", example = "ink")),
    responses(
        (status = 202, description = "The workers do so when they have a moment. The LoRA as it is now.", body = Adapter),
        (status = 404, description = "not_found, unknown_lora"),
        (status = 503, description = "no_worker"),
    ),
)]
pub(crate) async fn load(
    State(house): State<Arc<House>>,
    Name(name): Name,
) -> Result<(StatusCode, Json<Adapter>)> {
    tell(&house, &name, |hands| hands.open_adapter(&name)).await
}

/// Have a LoRA's memory given back
///
/// Nothing of it stays on a device. It can be named as before, and is opened again then.
#[utoipa::path(
    post, path = "/v1/loras/{name}/unload", tag = "server", operation_id = "unloadLora",
    params(("name" = String, Path, description = "Name of the LoRA.", example = "ink")),
    responses(
        (status = 202, description = "The workers do so when they have a moment. The LoRA as it is now.", body = Adapter),
        (status = 404, description = "not_found, unknown_lora"),
        (status = 503, description = "no_worker"),
    ),
)]
pub(crate) async fn unload(
    State(house): State<Arc<House>>,
    Name(name): Name,
) -> Result<(StatusCode, Json<Adapter>)> {
    tell(&house, &name, |hands| hands.close_adapter(&name)).await
}

async fn tell(
    house: &Arc<House>,
    name: &str,
    order: impl FnOnce(&dyn Hands),
) -> Result<(StatusCode, Json<Adapter>)> {
    let adapter = named(house, name).await?;
    still_drawing(house)?;
    if let Some(hands) = house.hands() {
        order(hands.as_ref());
    }
    Ok((StatusCode::ACCEPTED, Json(adapter)))
}
