//! Health, counts, tokens, origins and limits.

use axum::body::Body;
use axum::http::Request;
use serde_json::json;
use zao_api::Stage;

use super::{Server, posted, refused_at_last};
use crate::crew::Office;
use crate::hands::Condition;
use crate::keeper::Keeper;
use crate::protocol::{Count, Probed, Relief, Took};

#[tokio::test]
async fn health_is_honest() {
    let server = Server::new();
    assert_eq!(server.get("/health/ready").await.expect(200)["status"], "ready");
    *server.painter.condition.lock().unwrap() = Condition::Loading;
    assert_eq!(server.get("/health").await.expect(503)["status"], "loading");
    *server.painter.condition.lock().unwrap() = Condition::Unwell("the card fell off".into());
    let told = server.get("/health/ready").await.expect(503);
    assert_eq!(
        (&told["status"], &told["reason"]),
        (&json!("unhealthy"), &json!("the card fell off"))
    );
    server.get("/health/live").await.expect(200);
    let job = server.post("/v1/jobs", json!({"prompt": "a", "width": 32, "height": 32})).await;
    job.expect(202);
}

#[tokio::test]
async fn what_happened_is_counted() {
    let server = Server::new();
    let job = server
        .post("/v1/jobs", json!({"prompt": "a", "width": 32, "height": 32}))
        .await
        .expect(202);
    server.over(job["links"]["self"].as_str().unwrap()).await;
    server.get("/nowhere").await.refused(404, "not_found");
    let answer = server.get("/metrics").await;
    let text = String::from_utf8(answer.bytes.to_vec()).unwrap();
    for line in [
        "zao_jobs{state=\"completed\"} 1",
        "zao_ready 1",
        "zao_requests_total{route=\"/v1/jobs\",code=\"202\"} 1",
        "zao_requests_total{route=\"<unmatched>\",code=\"404\"} 1",
    ] {
        assert!(text.contains(line), "{line} is not in\n{text}");
    }
}

#[tokio::test]
async fn what_workers_tell_reaches_the_metrics() {
    let server = Server::new();
    let house = server.painter.house.lock().unwrap().clone().unwrap();
    let keeper = Keeper::new(house);
    keeper.counted(&Count::Prompts { remembered: 2, read: 3 });
    keeper.counted(&Count::Relief { rung: Relief::Size });
    keeper.counted(&Count::Step { pictures: 3, pixels: 3 * 64 * 64, seconds: 0.25 });
    keeper.counted(&Count::Probed { outcome: Probed::Ok });
    keeper.counted(&Count::Denoised { seconds: 1.5 });
    keeper.counted(&Count::Encoded { pixels: 64 * 64, seconds: 0.5 });
    for (stage, seconds) in [(Stage::Text, 0.125), (Stage::Decode, 2.0), (Stage::Encode, 1.0)] {
        keeper.took(&Took { stage, amount: 1, seconds });
    }
    // One that waits is cancelled; where one that is drawn stopped, its worker says.
    server.pause(true);
    let wish = json!({"prompt": "a", "width": 32, "height": 32});
    server.post("/v1/jobs", wish.clone()).await.expect(202);
    let waiting = server.post("/v1/jobs", wish).await.expect(202);
    server.delete(waiting["links"]["self"].as_str().unwrap()).await.expect(200);
    server.pause(false);
    let answer = server.get("/metrics").await;
    let text = String::from_utf8(answer.bytes.to_vec()).unwrap();
    for line in [
        "zao_prompt_cache_total{result=\"hit\"} 2",
        "zao_prompt_cache_total{result=\"miss\"} 3",
        "zao_oom_total{rung=\"size\"} 1",
        "zao_batch_size_sum 3.0",
        "zao_step_seconds_sum 0.25",
        "zao_stage_seconds_sum{stage=\"text\"} 0.125",
        "zao_stage_seconds_sum{stage=\"denoise\"} 1.5",
        "zao_stage_seconds_sum{stage=\"vae\"} 3.0",
        "zao_stage_seconds_sum{stage=\"encode\"} 0.5",
        "zao_jobs_cancelled_total{phase=\"queued\"} 1",
        "zao_vram_bytes{kind=\"reserved\",worker=\"painter\"} 5.0",
        "zao_vram_bytes{kind=\"peak\",worker=\"painter\"} 7.0",
        "zao_vram_bytes{kind=\"free\",worker=\"painter\"} 9.0",
        "zao_probes_total{result=\"ok\"} 1",
        "zao_probes_total{result=\"hung\"} 0",
        "zao_lora_loaded{worker=\"painter\"} 1",
    ] {
        assert!(text.contains(line), "{line} is not in\n{text}");
    }
}

#[tokio::test]
async fn the_documents_name_every_code() {
    let server = Server::new();
    let text = String::from_utf8(server.get("/docs/api.md").await.bytes.to_vec()).unwrap();
    for code in super::super::error::Code::ALL {
        let (name, status) = (code.as_str(), code.status().as_u16().to_string());
        let errors = text.split("## Errors").nth(1).unwrap();
        let row = errors.lines().find(|line| line.contains(&format!("`{name}`")));
        let row = row.unwrap_or_else(|| panic!("{name} is not in docs/api.md"));
        assert!(row.contains(&status), "{name} is {status}: {row}");
    }
}

#[tokio::test]
async fn a_token_is_wanted_everywhere_but_at_the_door() {
    let server = Server::with(|settings| settings.token = Some("secret".into()));
    server.get("/v1/jobs").await.refused(401, "unauthorized");
    server.get("/metrics").await.refused(401, "unauthorized");
    server.get("/health/live").await.expect(200);
    assert_eq!(server.get("/").await.status, 200, "the page asks for it");
    let request = Request::get("/v1/jobs").header("authorization", "Bearer secret");
    server.send(request.body(Body::empty()).unwrap()).await.expect(200);
}

#[tokio::test]
async fn who_would_wait_for_nobody_is_told_so() {
    let server = Server::new();
    server.pause(true);
    let give_up = || {
        *server.painter.condition.lock().unwrap() = Condition::GivenUp("the card is gone".into());
    };
    // Somebody waits already when the last worker is given up.
    let wish = json!({"prompt": "a", "size": "32x32"});
    let (answer, ()) = tokio::join!(server.post("/v1/images/generations", wish.clone()), async {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        give_up();
    });
    let error = answer.refused(503, "no_worker");
    assert!(error["message"].as_str().unwrap().contains("the card is gone"));
    assert!(!answer.headers.contains_key("retry-after"), "trying again is of no use");
    let jobs = server.get("/v1/jobs").await.expect(200);
    let path = jobs["jobs"][0]["links"]["self"].as_str().unwrap();
    assert_eq!(server.over(path).await["status"], "cancelled");

    server.post("/sdapi/v1/txt2img", json!({"prompt": "a"})).await.refused(503, "no_worker");
    let mut streamed = wish;
    streamed["stream"] = true.into();
    server.post("/v1/images/generations", streamed).await.refused(503, "no_worker");
    assert_eq!(server.get("/health/ready").await.expect(503)["status"], "unhealthy");
    // A job outlives this process, and somebody may draw it then.
    let job = server.post("/v1/jobs", json!({"prompt": "a"})).await.expect(202);
    assert!(job["warnings"][0].as_str().unwrap().contains("the card is gone"), "{job}");
}

#[tokio::test]
async fn what_makes_no_sense_in_a_path_is_refused_in_the_usual_form() {
    let server = Server::new();
    for (path, param) in [
        ("/v1/jobs?limit=many", "limit"),
        ("/v1/jobs?stat=queued", "stat"),
        ("/v1/images?limit=-1", "limit"),
        ("/v1/images/img_x?thumb=large", "thumb"),
    ] {
        let error = server.get(path).await.refused(400, "invalid_request");
        assert_eq!(error["param"], param, "{path}: {error}");
    }
    server.get("/v1/jobs/%ff").await.refused(404, "not_found");
    server.get("/v1/models/%ff").await.refused(404, "not_found");
}

#[tokio::test]
async fn pages_of_others_and_bodies_that_are_too_large_stay_out() {
    let server = Server::with(|settings| settings.request.body_bytes = 10_000);
    let foreign = [("host", "localhost:7860"), ("origin", "https://evil.example")];
    let wish = json!({"prompt": "a"});
    server.send(posted("/v1/jobs", &foreign, &wish)).await.refused(403, "forbidden_origin");
    let large = json!({"prompt": "a", "image": "A".repeat(20_000)});
    let error = server.post("/v1/jobs", large).await.refused(413, "body_too_large");
    assert!(error["message"].as_str().unwrap().contains("the JSON is longer"), "{error}");
    let file = Request::post("/v1/png-info").header("content-type", "image/png");
    let file = file.body(Body::from(vec![0; 20_000])).unwrap();
    let error = server.send(file).await.refused(413, "body_too_large");
    assert!(error["message"].as_str().unwrap().contains("send a smaller one"), "{error}");
    let form = Request::post("/v1/jobs").header("content-type", "text/plain");
    let form = form.body(Body::from("{\"prompt\": \"a\"}")).unwrap();
    server.send(form).await.refused(415, "unsupported_media_type");
    server
        .send(Request::put("/v1/jobs").body(Body::empty()).unwrap())
        .await
        .refused(405, "method_not_allowed");
}

#[tokio::test]
async fn who_asks_too_often_is_told_when_to_come_back() {
    let server = Server::with(|settings| settings.request.rate = Some(2));
    let ask = async |_: u32| {
        let wish = json!({"prompt": "a", "width": 32, "height": 32});
        let answer = server.post("/v1/jobs", wish).await;
        assert!(matches!(answer.status.as_u16(), 202 | 429), "{}", answer.status);
        answer
    };
    let answer = refused_at_last(2, ask).await;
    assert!(answer.headers.contains_key("retry-after"));
    server.get("/v1/jobs").await.expect(200);
}

#[tokio::test]
async fn capabilities_say_what_there_is() {
    let server = Server::new();
    let told = server.get("/v1/capabilities").await.expect(200);
    assert_eq!(told["model"]["name"], "demo");
    assert_eq!(told["default_size"], json!({"width": 256, "height": 256}));
    let tiers: Vec<_> =
        told["tiers"].as_array().unwrap().iter().map(|tier| tier["width"].clone()).collect();
    assert_eq!(tiers, [192, 256, 320]);
    assert!(told["tiers"][0]["memory_bytes"].is_null(), "this painter plans nothing");
    assert_eq!(server.get("/v1/loras").await.expect(200), json!({"loras": []}));
    let queue = server.get("/v1/queue").await.expect(200);
    assert_eq!((&queue["queued"], &queue["running"]), (&json!(0), &json!(0)));
}
