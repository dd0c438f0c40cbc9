//! Which path is whose. Each route is said once, for the router and for the document.

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::Method;
use axum::middleware::from_fn_with_state;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{
    Code, Refusal, a1111, capabilities, docs, events, guard, images, jobs, loras, openai,
    operation, png_info, prompt, queue,
};
use crate::house::House;
use crate::page;

/// Every route that the document has.
fn routes() -> OpenApiRouter<Arc<House>> {
    let native = OpenApiRouter::new()
        .routes(routes!(jobs::submit, jobs::list))
        .routes(routes!(jobs::get, jobs::cancel))
        .routes(routes!(events::of_job))
        .routes(routes!(queue::get))
        .routes(routes!(events::of_queue))
        .routes(routes!(images::list))
        .routes(routes!(images::get, images::delete, images::keep))
        .routes(routes!(images::recipe))
        .routes(routes!(png_info::post))
        .routes(routes!(capabilities::get))
        .routes(routes!(loras::get))
        .routes(routes!(loras::load))
        .routes(routes!(loras::unload))
        .merge(prompt::router());
    let openai = OpenApiRouter::new()
        .routes(routes!(openai::generate))
        .routes(routes!(capabilities::models))
        .routes(routes!(capabilities::model));
    let operation = OpenApiRouter::new()
        .routes(routes!(operation::health))
        .routes(routes!(operation::live))
        .routes(routes!(operation::ready))
        .routes(routes!(operation::metrics))
        .routes(routes!(operation::drain))
        .routes(routes!(operation::free))
        .routes(routes!(docs::openapi))
        .routes(routes!(docs::page))
        .routes(routes!(docs::style))
        .routes(routes!(docs::text));
    native.merge(openai).nest("/sdapi/v1", a1111::router()).merge(operation)
}

/// What the routes say of themselves.
pub(super) fn described() -> OpenApi {
    routes().into_openapi()
}

/// Everything the server answers.
pub(crate) fn router(house: Arc<House>) -> Router {
    let (routes, _) = routes().split_for_parts();
    let limit = house.settings.request.body_bytes;
    routes
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
