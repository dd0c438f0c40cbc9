//! `GET /v1/queue`: what a new job would wait for.

use std::sync::Arc;
use std::time::SystemTime;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::guard::Client;
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
    /// Jobs that wait or are drawn and came with the key (`X-Zao-Client`) that whoever asks has sent; `null` without one.
    #[schema(required)]
    mine: Option<u64>,
}

pub(crate) async fn outlook(house: &Arc<House>, client: &Client) -> Outlook {
    let mine = match client.owner.clone() {
        // Where the disk is busy it is told the next time.
        Some(owner) => house.ledger(move |ledger, _| ledger.under_way(&owner)).await.ok(),
        None => None,
    };
    let outlook = house.ledger.outlook(SystemTime::now());
    // A tenth of a second is as fine as anybody waits.
    let tenths = |eta: std::time::Duration| (eta.as_secs_f64() * 10.0).round() / 10.0;
    Outlook {
        queued: outlook.queued,
        running: outlook.running,
        eta_seconds: outlook.eta.map(tenths),
        mine,
    }
}

/// What a new job would wait for
#[utoipa::path(
    get, path = "/v1/queue", tag = "jobs", operation_id = "getQueue",
    params(("X-Zao-Client" = Option<String>, Header, pattern = "^[A-Za-z0-9_-]{16,64}$", description = "The client's key, for `mine`."),),
    responses(
        (status = 200, description = "How busy the server is.", body = Outlook),
        (status = 400, description = "invalid_request"),
    ),
)]
pub(crate) async fn get(State(house): State<Arc<House>>, client: Client) -> Json<Outlook> {
    Json(outlook(&house, &client).await)
}
