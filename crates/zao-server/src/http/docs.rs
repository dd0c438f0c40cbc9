//! The documents of the interface: for programs, for browsers, and as text for people.

mod html;
mod kinds;
mod page;

use std::sync::LazyLock;

use axum::http::{HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};

use super::document::{DOCUMENT, JSON};

/// The interface as OpenAPI
///
/// This document.
#[utoipa::path(
    get, path = "/openapi.json", tag = "operation", operation_id = "getOpenApi", security(()),
    responses((status = 200, description = "OpenAPI 3.1.", body = Object)),
)]
pub(crate) async fn openapi() -> Response {
    document("application/json", JSON.as_str())
}

/// The interface to read
#[utoipa::path(
    get, path = "/docs", tag = "operation", operation_id = "getDocs", security(()),
    responses((status = 200, description = "A page made of this document.", content_type = "text/html", body = String)),
)]
pub(crate) async fn page() -> Response {
    static PAGE: LazyLock<String> = LazyLock::new(|| page::page(&DOCUMENT));
    let mut response = document("text/html; charset=utf-8", PAGE.as_str());
    let policy = "default-src 'none'; style-src 'self'; img-src 'self'; frame-ancestors 'none'; \
                  base-uri 'none'; form-action 'none'";
    let policy = HeaderValue::from_static(policy);
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    response
}

/// How that page looks
#[utoipa::path(
    get, path = "/docs/style.css", tag = "operation", operation_id = "getDocsStyle", security(()),
    responses((status = 200, description = "Its style.", content_type = "text/css", body = String)),
)]
pub(crate) async fn style() -> Response {
    document("text/css; charset=utf-8", include_str!("docs/style.css"))
}

/// The interface as text
#[utoipa::path(
    get, path = "/docs/api.md", tag = "operation", operation_id = "getDocsText", security(()),
    responses((status = 200, description = "The same for people, with examples.", content_type = "text/markdown", body = String)),
)]
pub(crate) async fn text() -> Response {
    document("text/markdown; charset=utf-8", include_str!("../../../../docs/api.md"))
}

fn document(kind: &'static str, text: &'static str) -> Response {
    let headers: [(HeaderName, &str); 2] =
        [(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, "no-cache")];
    (headers, text).into_response()
}
