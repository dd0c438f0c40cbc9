//! Bodies that make no sense, by the hundred: each gets an answer that says so, and the server lives on.

use axum::body::Body;
use axum::http::Request;
use serde_json::{Value, json};

use super::Server;

/// Values that are wrong nearly everywhere.
fn oddities() -> Vec<Value> {
    vec![
        json!(null),
        json!(true),
        json!(-1),
        json!(0),
        json!(1.5),
        json!(1e308),
        json!(u64::MAX),
        json!(""),
        json!("\u{0}"),
        json!("💥".repeat(3000)),
        json!([]),
        json!([[[[[[]]]]]]),
        json!({}),
        json!({"prompt": {"prompt": 1}}),
    ]
}

/// Bodies that are no JSON, or not the JSON that is wanted.
fn raw() -> Vec<Vec<u8>> {
    let mut bodies: Vec<Vec<u8>> = [
        "",
        " ",
        "{",
        "}",
        "[]",
        "null",
        "1",
        "\"prompt\"",
        "{\"prompt\"}",
        "{\"prompt\": }",
        "{\"prompt\": \"a\"",
        "{\"prompt\": \"a\"} {\"prompt\": \"b\"}",
        "{'prompt': 'a'}",
        "{\"prompt\": \"\\ud800\"}",
        "{\"prompt\": NaN}",
        "{\"prompt\": \"a\", \"prompt\": 3}",
        "prompt=a",
        "<xml/>",
    ]
    .into_iter()
    .map(|text| text.as_bytes().to_vec())
    .collect();
    bodies.push(vec![0xff, 0xfe, 0x00]);
    bodies.push(b"{\"prompt\": \"\xff\xfe\"}".to_vec());
    bodies.push("[".repeat(100_000).into_bytes());
    bodies.push(format!("{{\"prompt\": {}1{}}}", "[".repeat(5000), "]".repeat(5000)).into_bytes());
    bodies
}

#[tokio::test]
async fn nonsense_is_refused_and_does_no_harm() {
    let server = Server::with(|settings| settings.request.rate = None);
    let fields = [
        "prompt",
        "negative_prompt",
        "width",
        "height",
        "quality",
        "image",
        "mask",
        "strength",
        "steps",
        "guidance",
        "seed",
        "count",
        "n",
        "size",
        "rng",
        "loras",
        "lora",
        "priority",
        "previews",
        "stream",
        "batch_size",
        "cfg_scale",
    ];
    let mut sent = 0;
    for path in ["/v1/jobs", "/v1/images/generations", "/sdapi/v1/txt2img"] {
        for body in raw() {
            let request = Request::post(path).header("content-type", "application/json");
            let answer = server.send(request.body(Body::from(body)).unwrap()).await;
            assert!((400..500).contains(&answer.status.as_u16()), "{path}: {}", answer.status);
            assert!(answer.json()["error"]["code"].is_string());
            sent += 1;
        }
        for field in fields {
            for value in oddities() {
                let mut wish = json!({"prompt": "a", "width": 32, "height": 32, "steps": 1});
                wish[field] = value;
                let answer = server.post(path, wish.clone()).await;
                // Some of it makes sense after all; nothing may be a fault of the server.
                assert!(answer.status.as_u16() < 500, "{path} {field}: {}", answer.status);
                sent += 1;
            }
        }
    }
    assert!(sent > 900, "{sent}");
    server.get("/health/ready").await.expect(200);
    let job = server
        .post("/v1/jobs", json!({"prompt": "a", "width": 32, "height": 32}))
        .await
        .expect(202);
    assert_eq!(server.over(job["links"]["self"].as_str().unwrap()).await["status"], "completed");
}
