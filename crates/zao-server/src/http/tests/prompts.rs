//! What is said of prompts before anything is drawn.

use serde_json::json;

use super::Server;

#[tokio::test]
async fn a_prompt_is_taken_apart_and_slots_make_one() {
    let server = Server::new();
    let body = json!({"prompt": "a fox leaping in the snow, white tail, ukiyo-e"});
    let told = server.post("/v1/prompt/template", body).await.expect(200);
    let expected = json!({
        "subject": "a fox", "action": "leaping", "details": ["white tail"], "background": "in the snow",
        "style": "ukiyo-e", "prompt": "a fox leaping | white tail | in the snow | ukiyo-e",
    });
    assert_eq!(told, expected);
    let slots = json!({"subject": "a fox", "details": ["white tail"]});
    let told = server.post("/v1/prompt/template", json!({"slots": slots})).await.expect(200);
    assert_eq!(told["prompt"], "a fox | white tail");
    for wrong in [
        json!({}),
        json!({"prompt": "a", "slots": {}}),
        json!({"slots": {"subjects": "a"}}),
        json!({"prompt": "a", "more": 1}),
    ] {
        server.post("/v1/prompt/template", wrong).await.refused(400, "invalid_request");
    }
    let long = json!({"prompt": "x".repeat(1_000_000)});
    server.post("/v1/prompt/template", long).await.refused(400, "prompt_too_long");
}

#[tokio::test]
async fn advice_is_for_the_model_that_is_drawn_with() {
    let server = Server::new();
    let advice = |prompt: &str| server.post("/v1/prompt/advice", json!({"prompt": prompt}));
    let simple = advice("a cat").await.expect(200);
    let capabilities = server.get("/v1/capabilities").await.expect(200);
    let own = capabilities["default_size"]["width"].as_u64().unwrap();
    assert_eq!((&simple["steps"], &simple["quality"]), (&7.into(), &"draft".into()), "{simple}");
    assert_eq!(simple["width"].as_u64().unwrap(), (own * 3 / 4 + 8) / 16 * 16);
    assert_eq!(simple["counts"]["things"], 1);
    assert!(simple["reason"]["zh"].as_str().unwrap().contains("简单"), "{simple}");
    let written = advice("a sign \"Open\"").await.expect(200);
    assert_eq!((&written["quality"], &written["width"]), (&"standard".into(), &own.into()));
}
