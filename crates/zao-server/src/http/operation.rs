//! For those who run the server: whether it is well, what it counts, and how to have it stop or give memory back.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::hands::Condition;
use crate::house::House;

/// `GET /health/live`: this process answers.
pub(crate) async fn live() -> Json<Value> {
    Json(json!({"status": "live"}))
}

/// `GET /health/ready`, `/health`: a job that came now would be drawn.
pub(crate) async fn ready(State(house): State<Arc<House>>) -> Response {
    let (status, state, reason) = if house.is_closing() {
        (
            StatusCode::SERVICE_UNAVAILABLE,
            "draining",
            Some("the server is about to stop".to_owned()),
        )
    } else {
        match house.health().condition {
            Condition::Ready => (StatusCode::OK, "ready", None),
            Condition::Loading => {
                let reason = "no worker is ready yet; jobs are accepted and wait".to_owned();
                (StatusCode::SERVICE_UNAVAILABLE, "loading", Some(reason))
            }
            Condition::Unwell(why) => (StatusCode::SERVICE_UNAVAILABLE, "unhealthy", Some(why)),
        }
    };
    (status, Json(json!({"status": state, "reason": reason}))).into_response()
}

/// `GET /metrics`, as Prometheus reads it.
pub(crate) async fn metrics(State(house): State<Arc<House>>) -> Response {
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(header::CONTENT_TYPE, kind)], house.metrics.text(&house)).into_response()
}

/// `GET /docs`: what this server answers, as text for people.
pub(crate) async fn docs() -> Response {
    let text = include_str!("../../../../docs/api.md");
    ([(header::CONTENT_TYPE, "text/markdown; charset=utf-8")], text).into_response()
}

/// `POST /admin/drain`: nothing new is begun any more.
pub(crate) async fn drain(State(house): State<Arc<House>>) -> Json<Value> {
    house.close();
    house.hands().inspect(|hands| hands.drain(house.settings.drain));
    Json(json!({"status": "draining"}))
}

/// `POST /admin/free`: memory that is only held for the next picture is given back.
pub(crate) async fn free(State(house): State<Arc<House>>) -> Json<Value> {
    house.hands().inspect(|hands| hands.free());
    Json(json!({"status": "freeing"}))
}
