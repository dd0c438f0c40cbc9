//! Jobs: accepted, repeated, listed, cancelled, refused.

use serde_json::json;

use super::{Server, posted};

#[tokio::test]
async fn a_job_is_accepted_drawn_and_looked_at() {
    let server = Server::new();
    let wish = json!({"prompt": "a red apple", "width": 64, "height": 48, "count": 2, "seed": 7, "steps": 3});
    let answer = server.post("/v1/jobs", wish).await;
    let job = answer.expect(202);
    let path = job["links"]["self"].as_str().unwrap().to_owned();
    assert_eq!(answer.headers["location"], path.as_str());
    assert_eq!(job["seeds"], json!([7, 8]));
    let done = server.over(&path).await;
    assert_eq!(done["status"], "completed");
    let sizes: Vec<_> = done["images"]
        .as_array()
        .unwrap()
        .iter()
        .map(|image| {
            (
                image["seed"].as_u64().unwrap(),
                image["width"].as_u64().unwrap(),
                image["height"].as_u64().unwrap(),
            )
        })
        .collect();
    assert_eq!(sizes, [(7, 64, 48), (8, 64, 48)]);
    assert!(done["timing"]["total_seconds"].as_f64().unwrap() > 0.0);
    let listed = server.get("/v1/jobs?status=completed").await.expect(200);
    assert_eq!(listed["jobs"][0]["id"], done["id"]);
    server.get("/v1/jobs?status=done").await.refused(400, "invalid_request");
    server.delete(&path).await.refused(409, "already_over");
}

#[tokio::test]
async fn what_is_left_open_is_chosen_once() {
    let server = Server::new();
    let job = server.post("/v1/jobs", json!({"prompt": "an owl"})).await.expect(202);
    assert_eq!(
        (&job["width"], &job["height"], &job["steps"]),
        (&json!(256), &json!(256), &json!(8))
    );
    let seed = job["seeds"][0].as_u64().unwrap();
    assert!(seed < 1 << 53, "every JSON reader keeps it: {seed}");
    let auto =
        server.post("/v1/jobs", json!({"prompt": "an owl", "quality": "auto"})).await.expect(202);
    assert_eq!(auto["width"], 192, "a short prompt is a draft");
    assert!(auto["warnings"][0].as_str().unwrap().contains("draft"), "{auto}");
}

#[tokio::test]
async fn what_has_no_effect_is_said() {
    let server = Server::new();
    let wish = json!({"prompt": "an owl", "negative_prompt": "blur", "width": 64, "height": 64, "quality": "draft"});
    let job = server.post("/v1/jobs", wish).await.expect(202);
    let lines: Vec<_> =
        job["warnings"].as_array().unwrap().iter().filter_map(|l| l.as_str()).collect();
    assert_eq!(lines.len(), 2, "{job}");
    assert!(lines[0].starts_with("negative_prompt") && lines[1].starts_with("quality"), "{job}");
}

#[tokio::test]
async fn steps_may_be_left_to_the_prompt() {
    let server = Server::new();
    let wish = json!({"prompt": "an owl", "width": 32, "height": 32, "steps": "auto"});
    let job = server.post("/v1/jobs", wish).await.expect(202);
    assert_eq!((&job["steps"], &job["request"]["steps"]), (&json!(7), &json!("auto")));
    assert!(job["warnings"][0].as_str().unwrap().contains("7 steps of usually 8"), "{job}");
    let path = format!("/v1/jobs/{}", job["id"].as_str().unwrap());
    assert_eq!(server.get(&path).await.expect(200)["steps"], 7);
    for wrong in [json!("many"), json!("8"), json!(-1), json!(1.5)] {
        let wish = json!({"prompt": "an owl", "steps": wrong});
        server.post("/v1/jobs", wish).await.refused(400, "invalid_request");
    }
}

#[tokio::test]
async fn the_same_key_is_the_same_job() {
    let server = Server::new();
    let send = |key, prompt| {
        let body = json!({"prompt": prompt, "width": 32, "height": 32});
        server.send(posted("/v1/jobs", &[("idempotency-key", key)], &body))
    };
    let first = send("one", "a cat").await.expect(202);
    let again = send("one", "a cat").await.expect(200);
    assert_eq!((&first["id"], &first["seeds"]), (&again["id"], &again["seeds"]));
    send("one", "a dog").await.refused(409, "idempotency_conflict");
    let other = send("two", "a cat").await.expect(202);
    assert_ne!(first["id"], other["id"]);
    send("", "a cat").await.refused(400, "invalid_request");
}

#[tokio::test]
async fn what_waits_and_what_runs_can_be_cancelled() {
    let server = Server::new();
    server.pause(true);
    let submit = || server.post("/v1/jobs", json!({"prompt": "a cat", "width": 32, "height": 32}));
    let running = submit().await.expect(202)["links"]["self"].as_str().unwrap().to_owned();
    for _ in 0..500 {
        if server.get(&running).await.json()["status"] == "running" {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    let waiting = submit().await.expect(202)["links"]["self"].as_str().unwrap().to_owned();
    let cancelled = server.delete(&waiting).await.expect(200);
    assert_eq!(cancelled["status"], "cancelled");
    server.delete(&running).await.expect(200);
    assert_eq!(server.over(&running).await["status"], "cancelled");
}

#[tokio::test]
async fn a_full_queue_says_when_to_come_back() {
    let server = Server::with(|settings| {
        settings.ledger.queued = 2;
    });
    server.pause(true);
    let mut answers = Vec::new();
    for _ in 0..5 {
        answers.push(server.post("/v1/jobs", json!({"prompt": "a cat"})).await);
    }
    let last = answers.last().unwrap();
    last.refused(429, "queue_full");
    let wait: u64 = last.headers["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1..=600).contains(&wait), "{wait}");
}

#[tokio::test]
async fn what_cannot_be_drawn_is_refused_before_it_is_kept() {
    let server = Server::new();
    for (wish, code, param) in [
        (json!({"prompt": ""}), "invalid_request", "prompt"),
        (json!({"prompt": "a", "width": 250}), "invalid_size", "width"),
        (json!({"prompt": "a", "width": 4096, "height": 4096}), "invalid_size", "width"),
        (json!({"prompt": "a", "steps": 0}), "invalid_request", "steps"),
        (json!({"prompt": "a", "steps": 1001}), "invalid_request", "steps"),
        (json!({"prompt": "a", "count": 0}), "invalid_request", "count"),
        (json!({"prompt": "a", "count": 1000}), "invalid_request", "count"),
        (json!({"prompt": "a", "guidance": -1.0}), "invalid_request", "guidance"),
        (json!({"prompt": "a", "previews": 99}), "invalid_request", "previews"),
        (json!({"prompt": "a", "deadline_seconds": -1}), "invalid_request", "deadline_seconds"),
        (json!({"prompt": "x".repeat(9000)}), "prompt_too_long", "prompt"),
        (json!({"prompt": "a", "image": "/etc/passwd"}), "invalid_image", "image"),
        (json!({"prompt": "a", "image": "data:image/png;base64,AAAA"}), "invalid_image", "image"),
        (json!({"prompt": "a", "mask": "data:image/png;base64,AAAA"}), "invalid_request", "mask"),
        (json!({"prompt": "a", "precision": "bf16"}), "invalid_request", "precision"),
        (json!({"prompt": "a", "stepz": 3}), "invalid_request", "stepz"),
        (json!({"prompt": "a", "strength": 2.0}), "invalid_request", "strength"),
    ] {
        let answer = server.post("/v1/jobs", wish.clone()).await;
        let error = answer.refused(400, code);
        assert_eq!(error["param"], param, "{wish}: {error}");
    }
    let unknown = json!({"prompt": "a", "loras": [{"name": "../../etc/passwd"}]});
    server.post("/v1/jobs", unknown).await.refused(404, "unknown_lora");
    assert_eq!(server.get("/v1/jobs").await.expect(200)["jobs"], json!([]));
    for path in ["/v1/jobs/nothing", "/v1/jobs/job_0123456789abcdefghjkmnpqrs"] {
        server.get(path).await.refused(404, "not_found");
    }
}

#[tokio::test]
async fn a_server_that_stops_takes_nothing_on() {
    let server = Server::new();
    server.post("/admin/drain", json!({})).await.expect(200);
    let answer = server.post("/v1/jobs", json!({"prompt": "a"})).await;
    answer.refused(503, "draining");
    assert!(answer.headers.contains_key("retry-after"));
    let health = server.get("/health/ready").await.expect(503);
    assert_eq!(health["status"], "draining");
    server.get("/health/live").await.expect(200);
}

#[tokio::test]
async fn steps_that_nobody_asked_for_are_within_what_the_server_takes() {
    let server = Server::with(|settings| settings.request.steps = 3);
    let job = server.post("/v1/jobs", json!({"prompt": "a", "width": 32, "height": 32})).await;
    assert_eq!(job.expect(202)["steps"], 3);
    for quality in ["auto", "low", "high"] {
        let wish = json!({"prompt": "a", "size": "32x32", "quality": quality});
        let body = server.post("/v1/images/generations", wish).await.expect(200);
        let job = server.get(&format!("/v1/jobs/{}", body["job"].as_str().unwrap())).await;
        assert_eq!(job.expect(200)["steps"], 3, "{quality}");
    }
    let wish = json!({"prompt": "a", "steps": 4});
    server.post("/v1/jobs", wish).await.refused(400, "invalid_request");
}

#[tokio::test]
async fn a_side_alone_keeps_the_proportions() {
    let server = Server::new();
    for (wish, size) in [
        (json!({"prompt": "a", "width": 64}), (64, 64)),
        (json!({"prompt": "a", "height": 128, "quality": "high"}), (128, 128)),
    ] {
        let job = server.post("/v1/jobs", wish).await.expect(202);
        assert_eq!((job["width"].as_u64(), job["height"].as_u64()), (Some(size.0), Some(size.1)));
    }
}

#[tokio::test]
async fn seeds_may_be_digits_and_do_not_run_over_the_end() {
    let server = Server::new();
    server.pause(true);
    let wish = |seed: serde_json::Value, count: u32| json!({"prompt": "a", "width": 32, "height": 32, "seed": seed, "count": count});
    let most = u64::MAX.to_string();
    let job = server.post("/v1/jobs", wish(json!(most), 1)).await.expect(202);
    assert_eq!((&job["seeds"], &job["request"]["seed"]), (&json!([u64::MAX]), &json!(u64::MAX)));
    let job = server.post("/v1/jobs", wish(json!(u64::MAX - 1), 2)).await.expect(202);
    assert_eq!(job["seeds"], json!([u64::MAX - 1, u64::MAX]));
    let error = server.post("/v1/jobs", wish(json!(most), 2)).await.refused(400, "invalid_request");
    assert_eq!(error["param"], "seed");
    assert!(error["message"].as_str().unwrap().contains("18446744073709551614"), "{error}");
    let openai = json!({"prompt": "a", "size": "32x32", "n": 3, "seed": u64::MAX - 1});
    server.post("/v1/images/generations", openai).await.refused(400, "invalid_request");
    for wrong in [json!("-1"), json!("1e3"), json!(1.5), json!("18446744073709551616")] {
        let error = server.post("/v1/jobs", wish(wrong, 1)).await.refused(400, "invalid_request");
        assert_eq!(error["param"], "seed");
    }
}
