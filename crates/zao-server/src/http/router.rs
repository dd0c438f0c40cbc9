//! Which path is whose.

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::Method;
use axum::middleware::from_fn_with_state;
use axum::routing::{delete, get, post};

use super::{
    Code, Refusal, a1111, capabilities, events, guard, images, jobs, openai, operation, png_info,
    prompt, prompt_advice, prompt_template, queue,
};
use crate::house::House;
use crate::page;

/// Everything the server answers.
pub(crate) fn router(house: Arc<House>) -> Router {
    let native = Router::new()
        .route("/v1/jobs", post(jobs::submit).get(jobs::list))
        .route("/v1/jobs/{id}", get(jobs::get).delete(jobs::cancel))
        .route("/v1/jobs/{id}/events", get(events::of_job))
        .route("/v1/queue", get(queue::get))
        .route("/v1/queue/events", get(events::of_queue))
        .route("/v1/images", get(images::list))
        .route("/v1/images/{id}", get(images::get).merge(delete(images::delete)))
        .route("/v1/images/{id}/recipe", get(images::recipe))
        .route("/v1/capabilities", get(capabilities::get))
        .route("/v1/loras", get(capabilities::loras))
        .route("/v1/png-info", post(png_info::post))
        .route("/v1/prompt/advice", post(prompt_advice::post))
        .route("/v1/prompt/check", post(prompt::check))
        .route("/v1/prompt/template", post(prompt_template::post));
    let openai = Router::new()
        .route("/v1/images/generations", post(openai::generate))
        .route("/v1/models", get(capabilities::models))
        .route("/v1/models/{id}", get(capabilities::model));
    let operation = Router::new()
        .route("/health", get(operation::ready))
        .route("/health/live", get(operation::live))
        .route("/health/ready", get(operation::ready))
        .route("/metrics", get(operation::metrics))
        .route("/docs", get(operation::docs))
        .route("/admin/drain", post(operation::drain))
        .route("/admin/free", post(operation::free));
    let limit = house.settings.request.body_bytes;
    Router::new()
        .merge(native)
        .merge(openai)
        .nest("/sdapi/v1", a1111::router())
        .merge(operation)
        .fallback(page::file)
        .method_not_allowed_fallback(not_allowed)
        .layer(DefaultBodyLimit::max(limit))
        .layer(from_fn_with_state(Arc::clone(&house), guard::door))
        .with_state(house)
}

async fn not_allowed(method: Method) -> Refusal {
    let message = format!("{method} is not for this path; the documents say which method is");
    Refusal::new(Code::MethodNotAllowed, message)
}
