//! `/v1/prompt`: a prompt looked at before it is submitted. Each answer has a file of its own; nothing is drawn, and nothing is kept.

mod advice;
mod check;
mod template;

use std::sync::Arc;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::house::House;

/// The routes below `/v1/prompt`.
pub(super) fn router() -> OpenApiRouter<Arc<House>> {
    OpenApiRouter::new()
        .routes(routes!(check::check))
        .routes(routes!(template::post))
        .routes(routes!(advice::post))
}
