//! Pictures: whole, in parts, small, unchanged, and gone.

use axum::body::Body;
use axum::http::Request;
use serde_json::json;

use super::{Server, posted};

async fn drawn(server: &Server) -> String {
    let wish = json!({"prompt": "a cat", "width": 320, "height": 160, "seed": 300});
    let job = server.post("/v1/jobs", wish).await.expect(202);
    let done = server.over(job["links"]["self"].as_str().unwrap()).await;
    done["images"][0]["url"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_picture_is_had_whole_in_parts_and_small() {
    let server = Server::new();
    let url = drawn(&server).await;
    let whole = server.get(&url).await;
    assert_eq!(whole.headers["content-type"], "image/png");
    let picture = zao_png::decode_rgb(&whole.bytes).unwrap();
    assert_eq!((picture.width, picture.height), (320, 160));
    let ask = |name: &'static str, value: String| {
        server.send(Request::get(&url).header(name, value).body(Body::empty()).unwrap())
    };
    let part = ask("range", "bytes=1-3".into()).await;
    assert_eq!((part.status.as_u16(), &part.bytes[..]), (206, &b"PNG"[..]));
    assert_eq!(ask("range", "bytes=9999999-".into()).await.status, 416);
    let tag = whole.headers["etag"].to_str().unwrap().to_owned();
    let known = ask("if-none-match", tag).await;
    assert_eq!((known.status.as_u16(), known.bytes.len()), (304, 0));

    let small = server.get(&format!("{url}?thumb=64")).await;
    let picture = zao_png::decode_rgb(&small.bytes).unwrap();
    assert_eq!((picture.width, picture.height), (64, 32));
    assert_ne!(small.headers["etag"], whole.headers["etag"]);
    server.get(&format!("{url}?thumb=9999")).await.refused(400, "invalid_request");
}

#[tokio::test]
async fn pictures_are_listed_and_deleted() {
    let server = Server::new();
    let first = drawn(&server).await;
    let second = drawn(&server).await;
    let listed = server.get("/v1/images?limit=1").await.expect(200);
    assert_eq!(listed["images"][0]["url"], second.as_str(), "the newest first");
    let next = listed["next"].as_str().unwrap();
    let older = server.get(&format!("/v1/images?after={next}")).await.expect(200);
    assert_eq!((&older["images"][0]["url"], &older["next"]), (&json!(first), &json!(null)));
    assert_eq!(server.delete(&first).await.status, 204);
    server.get(&first).await.refused(404, "not_found");
    server.delete(&first).await.refused(404, "not_found");
    for path in ["/v1/images/..%2f..%2fetc%2fpasswd", "/v1/images/img_x", "/v1/images/%00"] {
        server.get(path).await.refused(404, "not_found");
    }
}

#[tokio::test]
async fn a_picture_of_this_server_begins_another() {
    let server = Server::new();
    let url = drawn(&server).await;
    let id = url.rsplit_once('/').unwrap().1;
    let wish = json!({"prompt": "a dog", "image": id, "strength": 0.5});
    let job = server.post("/v1/jobs", wish).await.expect(202);
    assert_eq!((&job["width"], &job["height"]), (&json!(320), &json!(160)), "its own size");
    assert_eq!(server.over(job["links"]["self"].as_str().unwrap()).await["status"], "completed");
}

#[tokio::test]
async fn a_picture_is_kept_by_whoever_had_it_drawn_and_no_more_than_there_is_room_for() {
    let server = Server::with(|settings| settings.ledger.retention.bytes = 8000);
    let key = [("x-zao-client", "ann-0123456789abcdef")];
    let wish = json!({"prompt": "noise", "width": 32, "height": 32, "count": 2});
    let job = server.send(posted("/v1/jobs", &key, &wish)).await.expect(202);
    let done = server.over(job["links"]["self"].as_str().unwrap()).await;
    let [first, second] = [0, 1].map(|at| done["images"][at]["url"].as_str().unwrap().to_owned());
    let patch = |path: &str, headers: &[(&str, &str)], body: &str| {
        let mut request = Request::patch(path).header("content-type", "application/json");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        server.send(request.body(Body::from(body.to_owned())).unwrap())
    };
    patch(&first, &[], r#"{"kept": true}"#).await.refused(403, "forbidden");
    let kept = patch(&first, &key, r#"{"kept": true}"#).await.expect(200);
    assert_eq!((&kept["url"], &kept["kept"]), (&json!(first), &json!(true)));
    let room = &server.get("/v1/capabilities").await.expect(200)["retention"]["kept_bytes"];
    assert!(kept["bytes"].as_u64() > Some(2000) && *room == 4000, "{kept} {room}");
    let error = patch(&second, &key, r#"{"kept": true}"#).await.refused(400, "invalid_request");
    assert_eq!(error["param"], "kept");
    assert!(error["message"].as_str().unwrap().contains("of the 4000 bytes"), "{error}");
    let listed = server.get("/v1/images").await.expect(200);
    let marks: Vec<_> = listed["images"].as_array().unwrap().iter().map(|it| &it["kept"]).collect();
    assert_eq!(marks, [&json!(false), &json!(true)]);
    let path = job["links"]["self"].as_str().unwrap();
    assert_eq!(server.get(path).await.expect(200)["images"][0]["kept"], true);
    // Let go, it makes room for the other.
    assert_eq!(patch(&first, &key, r#"{"kept": false}"#).await.expect(200)["kept"], false);
    assert_eq!(patch(&second, &key, r#"{"kept": true}"#).await.expect(200)["kept"], true);
    for wrong in ["{}", r#"{"kept": 1}"#, r#"{"kept": true, "name": "owl"}"#, "[]", ""] {
        patch(&first, &key, wrong).await.refused(400, "invalid_request");
    }
    patch("/v1/images/img_x", &key, r#"{"kept": true}"#).await.refused(404, "not_found");
}
