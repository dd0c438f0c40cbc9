//! A1111's interface as its plug-ins read it. What it shares with others is tested in [`super::others`].

use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::{Answer, PATIENCE, Server};

const TXT2IMG: &str = "/sdapi/v1/txt2img";

fn info(answer: &Answer) -> Value {
    serde_json::from_str(answer.expect(200)["info"].as_str().unwrap()).unwrap()
}

/// How far the caller's job is, as soon as `holds`.
async fn progress(server: &Server, holds: impl Fn(&Value) -> bool) -> Value {
    let begun = Instant::now();
    while begun.elapsed() < PATIENCE {
        let progress = server.get("/sdapi/v1/progress").await.expect(200);
        if holds(&progress) {
            return progress;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("it never comes so far");
}

#[tokio::test]
async fn info_tells_of_each_picture() {
    let server = Server::new();
    let wish = json!({"prompt": "a cat", "negative_prompt": "fog", "width": 64, "height": 32, "seed": 5, "steps": 3,
                      "cfg_scale": 4.5, "batch_size": 2, "sampler_name": "DPM++ 2M", "enable_hr": true});
    let answer = server.post(TXT2IMG, wish).await;
    let info = info(&answer);
    for (name, value) in [
        ("prompt", json!("a cat")),
        ("all_prompts", json!(["a cat", "a cat"])),
        ("negative_prompt", json!("fog")),
        ("all_negative_prompts", json!(["fog", "fog"])),
        ("seed", json!(5)),
        ("all_seeds", json!([5, 6])),
        ("width", json!(64)),
        ("height", json!(32)),
        ("steps", json!(3)),
        ("cfg_scale", json!(4.5)),
        ("sampler_name", json!("Euler")),
        ("batch_size", json!(2)),
        ("sd_model_name", json!("demo")),
        ("index_of_first_image", json!(0)),
        ("ignored", json!(["enable_hr", "sampler_name"])),
    ] {
        assert_eq!(info[name], value, "{name}");
    }
    let texts = info["infotexts"].as_array().unwrap();
    assert_eq!(texts.len(), 2);
    let text = zao_png::Parameters::parse(texts[1].as_str().unwrap()).unwrap();
    let request = text.to_request();
    assert_eq!((request.seed, request.guidance), (Some(6), Some(3.5)));
    assert_eq!((request.width, request.negative_prompt.as_deref()), (Some(64), Some("fog")));
    let warnings = info["warnings"].to_string();
    assert!(warnings.contains("sampler_name has no effect"), "{warnings}");
    assert_eq!(info["job_timestamp"].as_str().unwrap().len(), 14);
    let wish = json!({"prompt": "a cat", "width": 32, "height": 32, "send_images": false});
    let body = server.post(TXT2IMG, wish).await.expect(200);
    assert_eq!(body["images"], json!([]));
}

#[tokio::test]
async fn progress_shows_the_last_preview_and_says_what_goes_on() {
    let server = Server::new();
    let idle = server.get("/sdapi/v1/progress").await.expect(200);
    assert_eq!((&idle["state"]["job"], &idle["state"]["job_timestamp"]), (&json!(""), &json!("0")));
    assert_eq!((&idle["current_image"], &idle["textinfo"]), (&Value::Null, &Value::Null));
    server.painter.holds_back.store(true, std::sync::atomic::Ordering::Relaxed);
    let wish = json!({"prompt": "a", "width": 32, "height": 32, "steps": 4});
    let (answer, ()) = tokio::join!(server.post(TXT2IMG, wish), async {
        let told = progress(&server, |told| told["current_image"].is_string()).await;
        let shown = STANDARD.decode(told["current_image"].as_str().unwrap()).unwrap();
        assert_eq!(shown, b"PNG");
        let state = &told["state"];
        assert_eq!((&state["sampling_step"], &state["sampling_steps"]), (&json!(4), &json!(4)));
        assert_eq!((&state["job_no"], &state["job_count"]), (&json!(0), &json!(1)));
        assert_eq!(state["job_timestamp"].as_str().unwrap().len(), 14);
        for flag in ["interrupted", "skipped", "stopping_generation"] {
            assert_eq!(state[flag], false, "{flag}");
        }
        assert_eq!(told["textinfo"], "denoise, step 4 of 4");
        for skipping in ["true", "True", "1"] {
            let path = format!("/sdapi/v1/progress?skip_current_image={skipping}");
            let bare = server.get(&path).await.expect(200);
            assert_eq!((&bare["current_image"], &bare["state"]), (&Value::Null, state));
        }
        let path = "/sdapi/v1/progress?skip_current_image=maybe";
        server.get(path).await.refused(400, "invalid_request");
        server.painter.holds_back.store(false, std::sync::atomic::Ordering::Relaxed);
    });
    answer.expect(200);
}

#[tokio::test]
async fn skipping_goes_on_with_the_next_batch_and_interrupting_ends_all() {
    let server = Server::new();
    server.pause(true);
    let wish =
        json!({"prompt": "a", "width": 32, "height": 32, "seed": 5, "batch_size": 2, "n_iter": 3});
    let (answer, ()) = tokio::join!(server.post(TXT2IMG, wish.clone()), async {
        let first = progress(&server, |told| told["state"]["job_count"] == 3).await;
        assert_eq!(first["state"]["job_no"], 0);
        server.post("/sdapi/v1/skip", json!({})).await.expect(200);
        let second = progress(&server, |told| told["state"]["job_no"] == 1).await;
        assert_ne!(second["state"]["job"], first["state"]["job"]);
        server.pause(false);
    });
    let told = info(&answer);
    assert_eq!(told["all_seeds"], json!([7, 8, 9, 10]), "all but the first batch");
    assert_eq!(answer.json()["images"].as_array().unwrap().len(), 4);

    server.pause(true);
    let (answer, ()) = tokio::join!(server.post(TXT2IMG, wish), async {
        progress(&server, |told| told["state"]["job_count"] == 3).await;
        server.post("/sdapi/v1/interrupt", json!({})).await.expect(200);
    });
    server.pause(false);
    answer.refused(409, "cancelled");
    let jobs = server.get("/v1/jobs").await.expect(200);
    let of = |status: &str| {
        jobs["jobs"].as_array().unwrap().iter().filter(|job| job["status"] == status).count()
    };
    assert_eq!((of("completed"), of("cancelled"), of("queued")), (2, 4, 0));
}

#[tokio::test]
async fn batches_are_taken_on_together_or_not_at_all() {
    let server = Server::with(|settings| settings.ledger.queued_per_client = 2);
    server.pause(true);
    server.post("/v1/jobs", json!({"prompt": "a", "width": 32, "height": 32})).await.expect(202);
    let wish = json!({"prompt": "a", "width": 32, "height": 32, "n_iter": 4});
    server.post(TXT2IMG, wish).await.refused(429, "client_queue_full");
    let begun = Instant::now();
    loop {
        let jobs = server.get("/v1/jobs").await.expect(200);
        let left = jobs["jobs"].as_array().unwrap().iter();
        let left = left.filter(|job| job["status"] != "cancelled").count();
        assert!(left > 0 && begun.elapsed() < PATIENCE, "{jobs}");
        if left == 1 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let metrics = server.get("/metrics").await;
    let metrics = String::from_utf8_lossy(&metrics.bytes).into_owned();
    assert!(
        metrics.contains("\nzao_jobs_refused_total{code=\"client_queue_full\"} 1\n"),
        "{metrics}"
    );
    assert!(metrics.contains("\nzao_clients_gone_total 0\n"));
}

#[tokio::test]
async fn errors_are_where_clients_of_fastapi_look() {
    let server = Server::new();
    for (path, body, status) in [
        (TXT2IMG, json!({"prompt": "a", "seed": -7}), 400),
        (TXT2IMG, json!({"prompt": "a", "n_iter": 0}), 400),
        ("/sdapi/v1/png-info", json!({"image": "AAAA"}), 400),
    ] {
        let body = server.post(path, body).await.expect(status);
        assert_eq!(body["detail"], body["error"]["message"], "{path}");
        assert!(body["detail"].as_str().is_some_and(|detail| detail.len() > 10), "{body}");
    }
    let native = server.post("/v1/jobs", json!({"prompt": ""})).await.expect(400);
    assert_eq!(native["detail"], Value::Null);
    let locked = Server::with(|settings| settings.token = Some("secret".into()));
    let body = locked.get("/sdapi/v1/progress").await.expect(401);
    assert_eq!(body["detail"], body["error"]["message"], "also where the door refuses");
}

#[tokio::test]
async fn memory_is_that_of_the_machine_and_its_cards() {
    let server = Server::new();
    let memory = server.get("/sdapi/v1/memory").await.expect(200);
    let ram = |name: &str| memory["ram"][name].as_u64().unwrap();
    assert_eq!(ram("free") + ram("used"), ram("total"));
    assert!(ram("used") > 1 << 20 && ram("free") > 1 << 20, "{memory}");
    assert_eq!(memory["cuda"]["system"], json!({"free": 9, "used": 5, "total": 14}));
    for name in ["active", "allocated", "reserved"] {
        assert_eq!(memory["cuda"][name], json!({"current": 5, "peak": 7}), "{name}");
    }
    assert_eq!(memory["cuda"]["events"]["oom"], 0);
    *server.painter.device.lock().unwrap() = "cpu";
    let memory = server.get("/sdapi/v1/memory").await.expect(200);
    assert_eq!(memory["cuda"], json!({"error": "unavailable"}));
    let models = server.get("/sdapi/v1/sd-models").await.expect(200);
    assert_eq!(models[0]["sha256"], Value::Null);
}
