//! `Idempotency-Key` with OpenAI's interface: what comes again gets the first one's job and answer, whatever became of its connection.

use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use serde_json::{Value, json};

use super::{Answer, Server, posted};

const PATH: &str = "/v1/images/generations";

fn keyed(key: &str, body: &Value) -> Request<Body> {
    posted(PATH, &[("idempotency-key", key)], body)
}

async fn jobs(server: &Server) -> Vec<Value> {
    let listed = server.get("/v1/jobs").await.expect(200);
    listed["jobs"].as_array().unwrap().clone()
}

fn pictures(answer: &Answer) -> Vec<Value> {
    let text = String::from_utf8_lossy(&answer.bytes).into_owned();
    let data = text.lines().filter_map(|line| line.strip_prefix("data:"));
    let data = data.map(|data| serde_json::from_str::<Value>(data).unwrap());
    data.filter(|it| it["type"] == "image_generation.completed").collect()
}

#[tokio::test]
async fn the_same_again_is_the_same_job_and_the_same_answer() {
    let server = Server::new();
    let wish = json!({"prompt": "a cat", "n": 2, "size": "32x32"});
    let first = server.send(keyed("k", &wish)).await;
    first.expect(200);
    tokio::time::sleep(Duration::from_millis(1100)).await;
    let again = server.send(keyed("k", &wish)).await;
    assert_eq!(first.json(), again.json(), "to the second at which it was drawn");
    assert_eq!(first.headers["x-total-time"], again.headers["x-total-time"]);
    let order = json!({"size": "32x32", "user": null, "prompt": "a cat", "n": 2});
    assert_eq!(server.send(keyed("k", &order)).await.json(), first.json());
    assert_eq!(jobs(&server).await.len(), 1);
    for other in [
        json!({"prompt": "a dog", "n": 2, "size": "32x32"}),
        json!({"prompt": "a cat", "n": 2, "size": "32x32", "output_format": "jpeg"}),
        json!({"prompt": "a cat", "n": 2, "size": "32x32", "stream": true}),
    ] {
        server.send(keyed("k", &other)).await.refused(409, "idempotency_conflict");
    }
    let native = json!({"prompt": "a cat", "count": 2, "width": 32, "height": 32});
    let native = posted("/v1/jobs", &[("idempotency-key", "k")], &native);
    server.send(native).await.refused(409, "idempotency_conflict");
    server.send(keyed("", &wish)).await.refused(400, "invalid_request");
    server.send(keyed("other", &wish)).await.expect(200);
    assert_eq!(jobs(&server).await.len(), 2);
}

#[tokio::test]
async fn who_comes_while_it_is_drawn_waits_for_the_same_job() {
    let server = Server::new();
    server.pause(true);
    let wish = json!({"prompt": "a cat", "size": "32x32"});
    let (first, second, ()) =
        tokio::join!(server.send(keyed("k", &wish)), server.send(keyed("k", &wish)), async {
            while jobs(&server).await.is_empty() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            // Time for the other one to come.
            tokio::time::sleep(Duration::from_millis(100)).await;
            server.pause(false);
        });
    assert_eq!(first.expect(200), second.expect(200));
    assert_eq!(jobs(&server).await.len(), 1);
}

#[tokio::test]
async fn a_stream_comes_again_with_its_pictures() {
    let server = Server::new();
    let wish =
        json!({"prompt": "a cat", "n": 2, "size": "32x32", "stream": true, "partial_images": 1});
    let (first, second) =
        tokio::join!(server.send(keyed("k", &wish)), server.send(keyed("k", &wish)));
    let late = server.send(keyed("k", &wish)).await;
    for answer in [&first, &second, &late] {
        assert_eq!(answer.headers["content-type"], "text/event-stream");
        assert_eq!(pictures(answer), pictures(&first));
    }
    assert_eq!(pictures(&first).len(), 2);
    assert_eq!(jobs(&server).await.len(), 1);
}

#[tokio::test]
async fn who_hangs_up_with_a_key_may_come_again_for_the_picture() {
    let server = Server::new();
    server.pause(true);
    let wish = json!({"prompt": "a cat", "size": "32x32"});
    for stream in [false, true] {
        let (key, mut wish) = (format!("k{stream}"), wish.clone());
        wish["stream"] = stream.into();
        let asking = async {
            let request = keyed(&key, &wish);
            let response =
                tower::ServiceExt::oneshot(server.router.clone(), request).await.unwrap();
            axum::body::to_bytes(response.into_body(), usize::MAX).await
        };
        let hung_up = tokio::time::timeout(Duration::from_millis(200), asking).await;
        assert!(hung_up.is_err(), "nobody paints");
    }
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(jobs(&server).await.iter().all(|job| job["status"] != "cancelled"));
    server.pause(false);
    let mut plain = wish.clone();
    plain["stream"] = false.into();
    let answer = server.send(keyed("kfalse", &plain)).await.expect(200);
    assert_eq!(answer["data"].as_array().unwrap().len(), 1);
    let metrics = server.get("/metrics").await;
    assert!(String::from_utf8_lossy(&metrics.bytes).contains("\nzao_clients_gone_total 0\n"));
}

#[tokio::test]
async fn a_failure_comes_again_and_pictures_that_were_deleted_are_told() {
    let server = Server::new();
    let wish = json!({"prompt": "too much", "size": "32x32"});
    for _ in 0..2 {
        server.send(keyed("failing", &wish)).await.refused(503, "out_of_memory");
    }
    let wish = json!({"prompt": "a cat", "n": 2, "size": "32x32"});
    let answer = server.send(keyed("k", &wish)).await.expect(200);
    let path = format!("/v1/jobs/{}", answer["job"].as_str().unwrap());
    let job = server.get(&path).await.expect(200);
    assert_eq!(job["images_deleted"], 0);
    let image = job["images"][0]["url"].as_str().unwrap().to_owned();
    assert_eq!(server.delete(&image).await.status, 204);
    let job = server.get(&path).await.expect(200);
    let left = job["images"].as_array().unwrap().len();
    assert_eq!((&job["status"], &job["images_deleted"], left), (&json!("completed"), &json!(1), 1));
    let listed = jobs(&server).await;
    assert_eq!(listed[0]["images_deleted"], 1);
    server.send(keyed("k", &wish)).await.refused(410, "expired");
    let mut streamed = wish;
    streamed["stream"] = true.into();
    let answer = server.send(keyed("s", &streamed)).await;
    assert_eq!(pictures(&answer).len(), 2);
}
