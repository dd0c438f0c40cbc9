//! The page, as files in the binary or in a folder that somebody works on.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};

use crate::house::House;
use crate::http::Refusal;

/// What the build put in: the built page, or one file that says how to build it.
static PAGE: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/page.rs"));

/// A file of the page.
fn built_in(path: &str) -> Option<&'static [u8]> {
    PAGE.iter().find(|(name, _)| *name == path).map(|(_, bytes)| *bytes)
}

/// Whether the page is only the note that it was not built.
#[must_use]
pub fn is_stub() -> bool {
    built_in("index.html").is_none_or(|page| page.starts_with(b"<!-- zao: not built -->"))
}

/// Any path that nothing else answers.
pub(crate) async fn file(
    State(house): State<Arc<House>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    let path = uri.path().trim_start_matches('/');
    let path = if path.is_empty() { "index.html" } else { path };
    if method != Method::GET && method != Method::HEAD {
        return Refusal::not_found("such path").into_response();
    }
    // Browsers all take gzip, and the build packs what gains by it.
    let packed =
        if takes_gzip(&headers) { find(&house, &format!("{path}.gz")).await } else { None };
    let is_packed = packed.is_some();
    let found = match packed {
        Some(bytes) => Some(bytes),
        None => find(&house, path).await,
    };
    let Some(bytes) = found else { return Refusal::not_found("such path").into_response() };
    let tag = format!("\"{}\"", hex(&Sha256::digest(&bytes)));
    let known = headers.get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok());
    let mut response = if known == Some(tag.as_str()) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        let kind = HeaderValue::from_static(kind_of(path));
        ([(header::CONTENT_TYPE, kind)], Body::from(bytes)).into_response()
    };
    // Names of assets change with what is in them.
    let cache = if path.starts_with("assets/") {
        "public, max-age=31536000, immutable"
    } else {
        "no-cache"
    };
    let headers = response.headers_mut();
    if is_packed {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
    headers.extend(HeaderValue::from_str(&tag).ok().map(|tag| (header::ETAG, tag)));
    let policy = "default-src 'self'; img-src 'self' data: blob:; connect-src 'self'; \
                  frame-ancestors 'none'; base-uri 'none'; form-action 'none'";
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
    response
}

/// A file of the page that this server has.
async fn find(house: &House, path: &str) -> Option<Vec<u8>> {
    match &house.settings.page {
        Some(folder) => from_folder(folder, path).await,
        None => built_in(path).map(<[u8]>::to_vec),
    }
}

/// Whether a client says that it unpacks gzip.
fn takes_gzip(headers: &HeaderMap) -> bool {
    let offers = headers.get_all(header::ACCEPT_ENCODING).iter();
    offers.filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(',')).any(|offer| {
        let (name, weight) = offer.split_once(';').unwrap_or((offer, ""));
        let weight = weight.trim().strip_prefix("q=").map(str::trim);
        let refuses = weight.is_some_and(|weight| weight.parse() == Ok(0.0_f32));
        name.trim().eq_ignore_ascii_case("gzip") && !refuses
    })
}

/// A file of the folder, and of nowhere else.
async fn from_folder(folder: &std::path::Path, path: &str) -> Option<Vec<u8>> {
    let plain = |part: &str| !part.is_empty() && !part.starts_with('.') && !part.contains('\\');
    if !path.split('/').all(plain) {
        return None;
    }
    tokio::fs::read(folder.join(path)).await.ok()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

fn kind_of(path: &str) -> &'static str {
    match path.rsplit_once('.').map(|(_, extension)| extension) {
        Some("html") => "text/html; charset=utf-8",
        Some("js" | "mjs") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("json" | "webmanifest") => "application/json",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("webp") => "image/webp",
        Some("ico") => "image/x-icon",
        Some("woff2") => "font/woff2",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_is_in_the_binary() {
        assert!(
            !is_stub(),
            "web/dist is not there: take it from the repository, or run `cargo xtask web`"
        );
        let page = String::from_utf8_lossy(built_in("index.html").unwrap());
        let script = page.split("src=\"/").nth(1).and_then(|rest| rest.split('"').next()).unwrap();
        assert!(built_in(script).is_some_and(|script| !script.is_empty()), "{script}");
        assert!(built_in(&format!("{script}.gz")).is_some(), "{script}");
    }

    #[test]
    fn who_takes_gzip_says_so() {
        for (offer, takes) in [
            ("gzip, deflate, br, zstd", true),
            ("br;q=1.0, GZIP;q=0.5", true),
            ("gzip;q=0", false),
            ("identity", false),
            ("", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static(offer));
            assert_eq!(takes_gzip(&headers), takes, "{offer}");
        }
        assert!(!takes_gzip(&HeaderMap::new()));
    }
}
