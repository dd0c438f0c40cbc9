//! Limits that are settings: what is beyond them is refused with the number, and what promises nothing is cut to them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

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
