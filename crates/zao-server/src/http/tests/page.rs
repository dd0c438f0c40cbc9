//! The page's files: packed for whom takes that, cached as long as they hold, and allowed to load nothing from elsewhere.

use std::fs;

use axum::body::Body;
use axum::http::Request;

use super::{Answer, Server};

async fn file(server: &Server, path: &str, encoding: &str, known: &str) -> Answer {
    let request = Request::get(path)
        .header("accept-encoding", encoding)
        .header("if-none-match", known)
        .body(Body::empty());
    server.send(request.unwrap()).await
}

#[tokio::test]
async fn files_are_packed_cached_and_kept_to_this_server() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("assets")).unwrap();
    for (name, text) in
        [("index.html", "page"), ("assets/a.js", "code"), ("assets/a.js.gz", "packed")]
    {
        fs::write(folder.path().join(name), text).unwrap();
    }
    let server = Server::with(|settings| settings.page = Some(folder.path().to_owned()));
    let plain = file(&server, "/assets/a.js", "br", "").await;
    let packed = file(&server, "/assets/a.js", "gzip, br", "").await;
    assert_eq!((&plain.bytes[..], &packed.bytes[..]), (&b"code"[..], &b"packed"[..]));
    assert!(!plain.headers.contains_key("content-encoding"));
    assert_eq!(packed.headers["content-encoding"], "gzip");
    assert_ne!(plain.headers["etag"], packed.headers["etag"]);
    for answer in [&plain, &packed] {
        assert_eq!(answer.headers["content-type"], "text/javascript; charset=utf-8");
        assert_eq!(answer.headers["vary"], "accept-encoding");
        assert!(answer.headers["cache-control"].to_str().unwrap().contains("immutable"));
    }
    let page = file(&server, "/", "gzip", "").await;
    assert_eq!(
        (&page.bytes[..], &page.headers["cache-control"]),
        (&b"page"[..], &"no-cache".parse().unwrap())
    );
    let policy = page.headers["content-security-policy"].to_str().unwrap();
    assert!(policy.contains("default-src 'self'") && !policy.contains("http"), "{policy}");
    let tag = page.headers["etag"].to_str().unwrap().to_owned();
    let again = file(&server, "/", "gzip", &tag).await;
    assert_eq!((again.status.as_u16(), again.bytes.len()), (304, 0));
    assert_eq!(file(&server, "/assets/../../secret", "gzip", "").await.status, 404);
}
