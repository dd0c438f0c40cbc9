//! The document and the server say the same: the routes, what they answer, and what is kept in the repository.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use axum::body::Body;
use axum::http::Request;
use serde_json::{Value, json};

use super::super::document::JSON;
use super::super::error::Code;
use super::Server;
use super::schema::{Document, METHODS};

fn kept(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs").join(name)
}

/// Set to have the file written anew; `cargo xtask openapi` does.
const WRITE: &str = "ZAO_WRITE_OPENAPI";

#[test]
fn the_document_in_the_repository_is_that_of_the_server() {
    let path = kept("openapi.json");
    if std::env::var_os(WRITE).is_some() {
        std::fs::write(&path, JSON.as_str()).unwrap();
    }
    let text = std::fs::read_to_string(&path).unwrap_or_default();
    let is_same = serde_json::from_str::<Value>(&text).ok() == serde_json::from_str(&JSON).ok();
    assert!(is_same, "docs/openapi.json is not what the routes say: run `cargo xtask openapi`");
}

#[tokio::test]
async fn the_router_answers_what_is_documented_and_nothing_else() {
    let server = Server::new();
    let document = Document::new();
    for path in document.paths() {
        let here = path.replace("{id}", "x").replace("{name}", "x");
        for method in METHODS {
            // The answer to this one has no end.
            if path == "/v1/queue/events" && method == "GET" {
                continue;
            }
            let request = Request::builder().method(method).uri(&here).body(Body::empty()).unwrap();
            let answer = server.send(request).await;
            let is_there = answer.status != 405;
            assert_eq!(is_there, document.has(path, method), "{method} {path}: {}", answer.status);
        }
    }
    server.get("/v1/nothing").await.refused(404, "not_found");
}

#[tokio::test]
async fn the_text_names_every_route_and_no_other() {
    let server = Server::new();
    let text = String::from_utf8(server.get("/docs/api.md").await.bytes.to_vec()).unwrap();
    assert!(text == std::fs::read_to_string(kept("api.md")).unwrap(), "it is docs/api.md");
    let mut told: BTreeSet<String> = BTreeSet::new();
    // Between backticks: `GET /v1/jobs/{id}?status=...`, or a path alone, which is asked for with GET.
    for code in text.split('`').skip(1).step_by(2).filter(|code| !code.contains('\n')) {
        let (method, path) = code.split_once(' ').unwrap_or(("GET", code));
        if METHODS.contains(&method) && path.starts_with('/') && !path.contains(' ') {
            let path = path.split('?').next().unwrap_or_default();
            told.insert(format!("{method} {path}"));
        }
    }
    let document = Document::new();
    let routes = document.paths().flat_map(|path| {
        let methods = METHODS.into_iter().filter(|method| document.has(path, method));
        methods.map(move |method| format!("{method} {path}")).collect::<Vec<_>>()
    });
    let routes: BTreeSet<String> = routes.collect();
    let silent: Vec<_> = routes.difference(&told).collect();
    assert!(silent.is_empty(), "docs/api.md does not tell of {silent:?}");
    let invented: Vec<_> = told.difference(&routes).collect();
    assert!(invented.is_empty(), "docs/api.md tells of {invented:?}, which are not there");
}

#[test]
fn every_failure_of_a_route_is_a_code_of_that_status() {
    let document = Document::new();
    for path in document.paths() {
        for method in METHODS.into_iter().filter(|method| document.has(path, method)) {
            for (status, response) in document.responses(path, method) {
                if response["content"]["application/json"]["schema"]["$ref"]
                    != "#/components/schemas/Error"
                {
                    continue;
                }
                for name in response["description"].as_str().unwrap().split(", ") {
                    let code =
                        Code::ALL.into_iter().find(|code| format!("`{}`", code.as_str()) == name);
                    let code = code.unwrap_or_else(|| panic!("{method} {path}: what is {name}?"));
                    assert_eq!(code.status().as_str(), status, "{method} {path}: {name}");
                }
            }
        }
    }
}

#[tokio::test]
async fn the_page_of_documents_shows_every_route_and_loads_nothing_from_elsewhere() {
    let server = Server::with(|settings| settings.token = Some("secret".into()));
    let answer = server.get("/docs").await;
    let page = String::from_utf8(answer.bytes.to_vec()).unwrap();
    let policy = answer.headers["content-security-policy"].to_str().unwrap();
    assert!(policy.starts_with("default-src 'none'; style-src 'self'"), "{policy}");
    for path in Document::new().paths() {
        assert!(page.contains(&format!("<code>{path}</code>")), "{path} is not on the page");
    }
    for foreign in ["//cdn", "https://", "<script", "style=\"", "javascript:"] {
        assert!(!page.contains(foreign), "{foreign} is on the page");
    }
    assert!(page.contains("id=\"errors\"") && page.contains("id=\"type-JobRequest\""));
    assert_eq!(
        server.get("/docs/style.css").await.headers["content-type"],
        "text/css; charset=utf-8"
    );
    let document = server.get("/openapi.json").await.expect(200);
    assert_eq!(document["openapi"], "3.1.0");
    assert_eq!(document["info"]["version"], env!("CARGO_PKG_VERSION"));
}

#[test]
fn a_schema_that_is_broken_is_noticed() {
    let document = Document::new();
    let job =
        |value: &Value| document.fits(value, &json!({"$ref": "#/components/schemas/JobRequest"}));
    assert_eq!(job(&json!({"prompt": "a", "steps": 8, "priority": null})), Ok(()));
    for wrong in [
        json!({}),
        json!([]),
        json!({"prompt": 3}),
        json!({"prompt": "a", "steps": "8"}),
        json!({"prompt": "a", "steps": 0}),
        json!({"prompt": "a", "stepz": 8}),
        json!({"prompt": "a", "priority": "urgent"}),
        json!({"prompt": "a", "strength": 1.5}),
        json!({"prompt": "a", "loras": [{"scale": 1.0}]}),
    ] {
        assert!(job(&wrong).is_err(), "{wrong}");
    }
}
