//! For those who run the server: whether it is well, what it counts, and how to have it stop or give memory back.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use crate::hands::Condition;
use crate::house::House;
use crate::metrics::Form;

/// That the process answers.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Live {
    /// `live`.
    status: &'static str,
}

/// This process answers
#[utoipa::path(
    get, path = "/health/live", tag = "operation", operation_id = "isLive", security(()),
    responses((status = 200, description = "It does.", body = Live)),
)]
pub(crate) async fn live() -> Json<Live> {
    Json(Live { status: "live" })
}

/// Whether a job that came now would be drawn.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Readiness {
    status: ServerStatus,
    /// Why not.
    #[schema(required)]
    reason: Option<String>,
}

/// How the server is.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum ServerStatus {
    Ready,
    /// No worker has opened its model yet; jobs are accepted and wait.
    Loading,
    /// Nothing is accepted any more.
    Draining,
    /// No worker draws.
    Unhealthy,
}

/// A job that came now would be drawn
#[utoipa::path(
    get, path = "/health/ready", tag = "operation", operation_id = "isReady", security(()),
    responses(
        (status = 200, description = "It would.", body = Readiness),
        (status = 503, description = "It would not, and why.", body = Readiness),
    ),
)]
pub(crate) async fn ready(State(house): State<Arc<House>>) -> Response {
    let (status, reason) = if house.is_closing() {
        (ServerStatus::Draining, Some("the server is about to stop".to_owned()))
    } else {
        match house.health().condition {
            Condition::Ready => (ServerStatus::Ready, None),
            Condition::Loading => {
                let reason = "no worker is ready yet; jobs are accepted and wait".to_owned();
                (ServerStatus::Loading, Some(reason))
            }
            Condition::Unwell(why) | Condition::GivenUp(why) => {
                (ServerStatus::Unhealthy, Some(why))
            }
        }
    };
    let code = match status {
        ServerStatus::Ready => StatusCode::OK,
        _ => StatusCode::SERVICE_UNAVAILABLE,
    };
    (code, Json(Readiness { status, reason })).into_response()
}

/// The same as `/health/ready`
#[utoipa::path(
    get, path = "/health", tag = "operation", operation_id = "isHealthy", security(()),
    responses(
        (status = 200, description = "A job would be drawn.", body = Readiness),
        (status = 503, description = "It would not, and why.", body = Readiness),
    ),
)]
pub(crate) async fn health(house: State<Arc<House>>) -> Response {
    ready(house).await
}

/// Counters, as Prometheus reads them
#[utoipa::path(
    get, path = "/metrics", tag = "operation", operation_id = "getMetrics",
    responses((
        status = 200, description = "OpenMetrics text for those whose `Accept` names it, else Prometheus's own.",
        content(
            (String = "application/openmetrics-text; version=1.0.0; charset=utf-8"),
            (String = "text/plain; version=0.0.4; charset=utf-8"),
        ),
    )),
)]
pub(crate) async fn metrics(State(house): State<Arc<House>>, headers: HeaderMap) -> Response {
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
    let form = Form::of(accept);
    let headers = [(header::CONTENT_TYPE, form.content_type()), (header::VARY, "accept")];
    (headers, house.metrics.text(&house, form)).into_response()
}

/// What is done about a wish of whoever runs the server.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Doing {
    /// In one word.
    status: &'static str,
}

/// Have the server finish
///
/// What runs is finished, what waits is kept, nothing new is accepted. Then the process ends with exit code 0, as after SIGTERM.
#[utoipa::path(
    post, path = "/admin/drain", tag = "operation", operation_id = "drain",
    responses((status = 200, description = "`draining`.", body = Doing)),
)]
pub(crate) async fn drain(State(house): State<Arc<House>>) -> Json<Doing> {
    house.end();
    Json(Doing { status: "draining" })
}

/// Have memory given back
///
/// Weights that are only kept for the next picture are dropped, as soon as what is under way is done.
#[utoipa::path(
    post, path = "/admin/free", tag = "operation", operation_id = "free",
    responses((status = 200, description = "`freeing`.", body = Doing)),
)]
pub(crate) async fn free(State(house): State<Arc<House>>) -> Json<Doing> {
    house.hands().inspect(|hands| hands.free());
    Json(Doing { status: "freeing" })
}
