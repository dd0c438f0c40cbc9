//! Prompts that are looked at before they are submitted.

use serde_json::json;

use super::Server;

#[tokio::test]
async fn a_prompt_is_checked_in_code_points_and_in_both_languages() {
    let server = Server::new();
    let prompt = "🐎 一个马，a sign that says OPEN";
    let body = server.post("/v1/prompt/check", json!({"prompt": prompt})).await.expect(200);
    let finding = &body["findings"][0];
    assert_eq!(finding["code"], "measure-word");
    assert_eq!(finding["severity"], "warning");
    assert_eq!(finding["span"], json!({"start": 2, "end": 4}));
    assert_eq!(finding["text"], "一个");
    assert_eq!(finding["replacement"], "一匹");
    assert_eq!(finding["note"], json!(null));
    assert_eq!(body["findings"][1]["span"], json!({"start": 23, "end": 27}));
    assert_eq!(body["tokens"]["limit"], 512);
    assert_eq!(body["tokens"]["estimated"], false);
    assert!(body["tokens"]["count"].as_u64().unwrap() > 8);

    let wish = json!({"prompt": "a very red apple, a worm", "negative_prompt": "a worm", "language": "zh"});
    let body = server.post("/v1/prompt/check", wish).await.expect(200);
    assert_eq!(body["fixed"], "a red apple, a worm");
    assert!(body["findings"][0]["message"].as_str().unwrap().contains("画不出"));
    assert_eq!(body["findings"][1]["code"], "contradiction");
}

#[tokio::test]
async fn a_good_prompt_is_returned_as_it_is_and_a_bad_request_refused() {
    let server = Server::new();
    let body = server.post("/v1/prompt/check", json!({"prompt": "a red apple"})).await.expect(200);
    assert_eq!((&body["findings"], &body["fixed"]), (&json!([]), &json!("a red apple")));
    server.post("/v1/prompt/check", json!({})).await.refused(400, "invalid_request");
    let wrong = json!({"prompt": "a", "language": "fr"});
    server.post("/v1/prompt/check", wrong).await.refused(400, "invalid_request");
}
