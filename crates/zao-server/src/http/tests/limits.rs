//! Limits that are settings: what is beyond them is refused with the number, and what promises nothing is cut to them.

use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tower::ServiceExt;

use super::{Server, noise};

/// A picture of bytes that no compression makes smaller, as a data URL.
fn picture(side: u32) -> String {
    let png = zao_png::encode_plain(&noise((3 * side * side) as usize), side, side).unwrap();
    format!("data:image/png;base64,{}", STANDARD.encode(png))
}

fn said(error: &Value) -> &str {
    error["message"].as_str().unwrap()
}

#[tokio::test]
async fn a_prompt_and_previews_have_the_length_and_number_of_the_settings() {
    let server = Server::with(|settings| {
        (settings.request.prompt_characters, settings.request.previews) = (5, 1);
    });
    let told = server.get("/v1/capabilities").await.expect(200);
    assert_eq!((&told["max_prompt_characters"], &told["previews"]["max"]), (&json!(5), &json!(1)));
    let wish = json!({"prompt": "an owl", "width": 32, "height": 32});
    let error = server.post("/v1/jobs", wish).await.refused(400, "prompt_too_long");
    assert!(said(&error).contains("takes 5"), "{error}");
    let wish = json!({"prompt": "owl", "width": 32, "height": 32, "previews": 2});
    let error = server.post("/v1/jobs", wish).await.refused(400, "invalid_request");
    assert_eq!(error["param"], "previews");
    // OpenAI's clients are promised no number of them.
    let wish = json!({"prompt": "owl", "size": "32x32", "stream": true, "partial_images": 3});
    let answer = server.held_back(server.post("/v1/images/generations", wish)).await;
    let text = String::from_utf8(answer.bytes.to_vec()).unwrap();
    assert_eq!(text.matches("event: image_generation.partial_image").count(), 1, "{text}");
    assert_eq!(text.matches("event: image_generation.completed").count(), 1, "{text}");
}

#[tokio::test]
async fn a_picture_that_never_has_room_is_refused_and_not_told_to_come_again() {
    let server = Server::with(|settings| settings.ledger.input_bytes = 20_000);
    let told = server.get("/v1/capabilities").await.expect(200);
    assert_eq!(told["inputs"]["max_bytes"], 20_000);
    let wish = |side| json!({"prompt": "owl", "width": 32, "height": 32, "image": picture(side)});
    server.pause(true);
    server.post("/v1/jobs", wish(64)).await.expect(202);
    let answer = server.post("/v1/jobs", wish(64)).await;
    answer.refused(429, "queue_full");
    assert!(answer.headers.contains_key("retry-after"), "there is room when the first is over");
    let answer = server.post("/v1/jobs", wish(128)).await;
    let error = answer.refused(413, "body_too_large");
    assert!(said(&error).contains("20000") && error["param"] == "image", "{error}");
    assert!(!answer.headers.contains_key("retry-after"));
    server.pause(false);
}

#[tokio::test]
async fn one_client_has_so_many_pictures_in_flight_and_none_is_refused_for_it() {
    let server = Server::with(|settings| settings.ledger.in_flight_per_client = Some(1));
    let wish = json!({"prompt": "owl", "width": 32, "height": 32, "count": 2});
    let mut paths = Vec::new();
    for _ in 0..4 {
        let job = server.post("/v1/jobs", wish.clone()).await.expect(202);
        paths.push(job["links"]["self"].as_str().unwrap().to_owned());
    }
    for path in paths {
        assert_eq!(server.over(&path).await["status"], "completed");
    }
}

#[tokio::test]
async fn so_many_clients_listen_and_whoever_stops_gives_its_place_to_another() {
    let server = Server::with(|settings| settings.request.listeners = 2);
    server.pause(true);
    let wish = json!({"prompt": "owl", "width": 32, "height": 32});
    let job = server.post("/v1/jobs", wish).await.expect(202);
    let events = job["links"]["events"].as_str().unwrap();
    let listen = |path: &str| {
        let request = Request::get(path).body(Body::empty()).unwrap();
        server.router.clone().oneshot(request)
    };
    let first = listen(events).await.unwrap();
    let _second = listen("/v1/queue/events").await.unwrap();
    for path in [events, "/v1/queue/events"] {
        let answer = server.get(path).await;
        let error = answer.refused(429, "rate_limited");
        assert!(said(&error).contains("2 clients listen"), "{error}");
        assert_eq!(answer.headers["retry-after"], "10");
    }
    server.get(job["links"]["self"].as_str().unwrap()).await.expect(200);
    drop(first);
    assert_eq!(listen(events).await.unwrap().status(), 200);
    server.pause(false);
}

#[tokio::test]
async fn who_waits_for_what_is_not_begun_is_told_when_the_server_stops() {
    let server = Server::new();
    server.pause(true);
    let first = server.post("/v1/jobs", json!({"prompt": "owl", "width": 32, "height": 32})).await;
    let first = first.expect(202);
    let path = first["links"]["self"].as_str().unwrap();
    while server.get(path).await.expect(200)["status"] == "queued" {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let house = server.painter.house.lock().unwrap().clone().unwrap();
    let wish = json!({"prompt": "owl", "size": "32x32"});
    let (answer, ()) = tokio::join!(server.post("/v1/images/generations", wish), async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        house.close();
    });
    answer.refused(503, "draining");
    assert!(answer.headers.contains_key("retry-after"));
    assert_eq!(server.get(path).await.expect(200)["status"], "running", "that is finished");
    server.pause(false);
}
