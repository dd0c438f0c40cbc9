//! `GET /v1/queue`: what a new job would wait for.

use std::sync::Arc;
use std::time::SystemTime;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use crate::house::House;

/// How busy the server is.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct Outlook {
    /// Jobs that wait.
    queued: u64,
    /// Jobs that are drawn.
    running: u64,
    /// Seconds until a job that came now would begin; `null` before the first picture was drawn.
    #[schema(required)]
    eta_seconds: Option<f64>,
}

pub(crate) fn outlook(house: &House) -> Outlook {
    let outlook = house.ledger.outlook(SystemTime::now());
    // A tenth of a second is as fine as anybody waits.
    let tenths = |eta: std::time::Duration| (eta.as_secs_f64() * 10.0).round() / 10.0;
    Outlook {
        queued: outlook.queued,
        running: outlook.running,
        eta_seconds: outlook.eta.map(tenths),
    }
}

/// What a new job would wait for
#[utoipa::path(
    get, path = "/v1/queue", tag = "jobs", operation_id = "getQueue",
    responses((status = 200, description = "How busy the server is.", body = Outlook)),
)]
pub(crate) async fn get(State(house): State<Arc<House>>) -> Json<Outlook> {
    Json(outlook(&house))
}
