//! OpenAI's interface, in one answer and as a stream.

use std::time::Duration;

use axum::body::to_bytes;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::super::openai::{Wanted, Wish, stream};
use super::super::read::Object;
use super::locked::lock;
use super::{Server, posted};

const PATH: &str = "/v1/images/generations";

#[tokio::test]
async fn pictures_come_in_one_answer_with_where_the_time_went() {
    let server = Server::new();
    let wish = json!({"prompt": "a cat", "n": 2, "size": "64x48", "seed": "5", "user": "me"});
    let answer = server.post(PATH, wish).await;
    let body = answer.expect(200);
    assert_eq!((&body["size"], &body["output_format"]), (&json!("64x48"), &json!("png")));
    assert_eq!(body["ignored"], json!(["user"]));
    let seeds: Vec<_> =
        body["data"].as_array().unwrap().iter().map(|it| it["seed"].clone()).collect();
    assert_eq!(seeds, [5, 6]);
    let png = STANDARD.decode(body["data"][0]["b64_json"].as_str().unwrap()).unwrap();
    let picture = zao_png::decode_rgb(&png).unwrap();
    assert_eq!((picture.width, picture.height), (64, 48));
    let usage = &body["usage"];
    let tokens = |name: &str| usage[name].as_u64().unwrap();
    assert_eq!(tokens("input_tokens") + tokens("output_tokens"), tokens("total_tokens"));
    for header in ["x-queue-time", "x-inference-time", "x-total-time", "server-timing", "x-seed"] {
        assert!(answer.headers.contains_key(header), "{header}");
    }
    assert_eq!(answer.headers["x-peak-memory-mb"], "3.000");
    assert_eq!(body["peak_memory_mb"], 3.0);
    assert!(body["inference_time_s"].as_f64().is_some_and(|seconds| seconds >= 0.0), "{body}");
    let job = server.get(&format!("/v1/jobs/{}", body["job"].as_str().unwrap())).await.expect(200);
    assert_eq!(job["peak_memory_bytes"], super::HELD);
    assert_eq!(body["created"].as_u64(), job["finished_at"].as_f64().map(|at| at as u64));
    for (format, magic) in [("jpeg", &[0xff, 0xd8][..]), ("webp", b"RIFF")] {
        let wish = json!({"prompt": "a", "size": "32x32", "output_format": format});
        let body = server.post(PATH, wish).await.expect(200);
        let bytes = STANDARD.decode(body["data"][0]["b64_json"].as_str().unwrap()).unwrap();
        assert!(bytes.starts_with(magic), "{format}");
    }
    let wish = json!({"prompt": "a", "size": "32x32", "response_format": "url"});
    let body = server.post(PATH, wish).await.expect(200);
    assert!(body["data"][0]["url"].as_str().unwrap().contains("/v1/images/img_"));
}

#[tokio::test]
async fn a_stream_shows_the_way_and_ends_with_the_picture() {
    let server = Server::new();
    let wish = json!({"prompt": "a cat", "quality": "low", "stream": true, "partial_images": 2,
                      "response_format": "url"});
    // Previews are not kept of what is over, so it is not over before they are read.
    let answer = server.held_back(server.post(PATH, wish)).await;
    assert_eq!(answer.headers["content-type"], "text/event-stream");
    let text = String::from_utf8(answer.bytes.to_vec()).unwrap();
    let data: Vec<Value> = text
        .lines()
        .filter_map(|line| line.strip_prefix("data:"))
        .map(|data| serde_json::from_str(data.trim()).unwrap())
        .collect();
    let kinds: Vec<_> = data.iter().map(|it| it["type"].as_str().unwrap()).collect();
    let partial = "image_generation.partial_image";
    assert_eq!(kinds, [partial, partial, "image_generation.completed"]);
    assert_eq!(data[1]["partial_image_index"], 1);
    for it in &data {
        assert_eq!((&it["size"], &it["quality"]), (&json!("192x192"), &json!("low")), "{it}");
    }
    assert_eq!(data[2]["ignored"], json!(["response_format"]));
    assert!(data[2]["warnings"][0].as_str().unwrap().contains("in Base64"), "{}", data[2]);
    assert!(
        STANDARD.decode(data[2]["b64_json"].as_str().unwrap()).unwrap().starts_with(b"\x89PNG")
    );
    assert!(data[2]["usage"]["total_tokens"].is_u64() && data[2]["created_at"].is_u64());
}

#[tokio::test]
async fn a_stream_of_a_job_that_is_over_has_its_pictures_all_the_same() {
    let server = Server::new();
    let wish = json!({"prompt": "a cat", "width": 32, "height": 32, "count": 2});
    let job = server.post("/v1/jobs", wish).await.expect(202);
    server.over(job["links"]["self"].as_str().unwrap()).await;
    let house = server.painter.house.lock().unwrap().clone().unwrap();
    let id: zao_queue::JobId = job["id"].as_str().unwrap().parse().unwrap();
    let wish = json!({"prompt": "a cat", "size": "32x32", "stream": true});
    let Value::Object(wish) = wish else { panic!("it is one") };
    let wish = Wish::read(Object(wish), house.model.info(), 100).unwrap();
    let wanted = Some(Wanted::new(house.clone(), id.clone()));
    let response = stream(house, id, wish, wanted).await.unwrap();
    let bytes = to_bytes(response.into_body(), usize::MAX).await.unwrap();
    let text = String::from_utf8(bytes.to_vec()).unwrap();
    assert_eq!(text.matches("event: image_generation.completed").count(), 2, "{text}");
}

#[tokio::test]
async fn what_has_no_effect_is_named_and_what_has_is_drawn() {
    let server = Server::new();
    let wish = json!({"prompt": "a", "quality": "high", "output_compression": 50, "partial_images": 1,
                      "metadata": false, "negative_prompt": "fog"});
    let body = server.post(PATH, wish).await.expect(200);
    assert_eq!((&body["size"], &body["quality"]), (&json!("320x320"), &json!("high")));
    assert_eq!(body["ignored"], json!(["output_compression", "partial_images"]));
    let warnings: Vec<&str> =
        body["warnings"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    for about in
        ["negative_prompt has no effect", "output_compression has no", "partial_images has no"]
    {
        let lines = warnings.iter().filter(|line| line.starts_with(about)).count();
        assert_eq!(lines, 1, "{about}: {warnings:?}");
    }
    let job = server.get(&format!("/v1/jobs/{}", body["job"].as_str().unwrap())).await.expect(200);
    assert_eq!((&job["steps"], &job["request"]["metadata"]), (&json!(10), &json!(false)));
}

#[tokio::test]
async fn failures_are_told_as_openai_tells_them() {
    let server = Server::new();
    let wish = json!({"prompt": "too much", "size": "32x32"});
    let error = server.post(PATH, wish.clone()).await.refused(503, "out_of_memory");
    assert!(error["message"].as_str().unwrap().contains("would fit"));
    assert_eq!(error["param"], "size");
    let mut streamed = wish;
    streamed["stream"] = true.into();
    let answer = server.post(PATH, streamed).await;
    let text = String::from_utf8(answer.bytes.to_vec()).unwrap();
    assert!(text.contains("event: error") && text.contains("out_of_memory"), "{text}");
    server.post(PATH, json!({"prompt": "a", "model": "sdxl"})).await.refused(404, "unknown_model");
    let models = server.get("/v1/models").await.expect(200);
    assert_eq!(models["data"][0]["id"], "demo");
    server.get("/v1/models/demo").await.expect(200);
    server.get("/v1/models/other").await.refused(404, "unknown_model");
}

#[tokio::test]
async fn who_hangs_up_has_the_job_cancelled() {
    let server = Server::new();
    server.pause(true);
    let path = tokio::select! {
        _ = server.post(PATH, json!({"prompt": "a", "size": "32x32"})) => panic!("nobody paints"),
        path = the_job(&server) => path,
    };
    assert_eq!(server.over(&path).await["status"], "cancelled");
    assert_eq!(clients_gone(&server).await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_hangs_up_before_the_job_is_kept_has_it_cancelled_too() {
    for path in [PATH, "/sdapi/v1/txt2img"] {
        let server = Server::new();
        server.pause(true);
        let lock = lock(&server);
        let wish = match path {
            PATH => json!({"prompt": "a", "size": "32x32"}),
            _ => json!({"prompt": "a", "width": 32, "height": 32}),
        };
        let hung_up = tokio::time::timeout(Duration::from_millis(500), server.post(path, wish));
        assert!(hung_up.await.is_err(), "nothing can be kept");
        assert_eq!(server.get("/v1/jobs").await.expect(200)["jobs"], json!([]));
        lock.end();
        let job = the_job(&server).await;
        assert_eq!(server.over(&job).await["status"], "cancelled", "{path}");
        assert_eq!(clients_gone(&server).await, 1, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_hangs_up_before_a_job_with_a_key_is_kept_may_come_again() {
    let server = Server::new();
    let lock = lock(&server);
    let wish = json!({"prompt": "a", "size": "32x32"});
    let asked = || posted(PATH, &[("idempotency-key", "k")], &wish);
    let hung_up = tokio::time::timeout(Duration::from_millis(500), server.send(asked()));
    assert!(hung_up.await.is_err(), "nothing can be kept");
    lock.end();
    let job = the_job(&server).await;
    assert_eq!(server.over(&job).await["status"], "completed");
    let again = server.send(asked()).await.expect(200);
    assert!(job.ends_with(again["job"].as_str().unwrap()), "{job}");
    assert_eq!(clients_gone(&server).await, 0);
}

/// The path of the only job, as soon as it is listed.
async fn the_job(server: &Server) -> String {
    for _ in 0..12_000 {
        let listed = server.get("/v1/jobs").await.expect(200);
        if let [job] = listed["jobs"].as_array().unwrap().as_slice() {
            return job["links"]["self"].as_str().unwrap().to_owned();
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("no job is ever kept");
}

async fn clients_gone(server: &Server) -> u64 {
    let metrics = server.get("/metrics").await;
    let metrics = String::from_utf8_lossy(&metrics.bytes).into_owned();
    let count = metrics.lines().find_map(|line| line.strip_prefix("zao_clients_gone_total "));
    count.unwrap().parse().unwrap()
}
