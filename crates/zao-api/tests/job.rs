//! Jobs and their events as JSON, field by field.

use serde_json::{Value, json};
use zao_api::{
    ErrorBody, ErrorCode, Image, Job, JobEvent, JobLinks, JobRequest, JobStatus, JobTiming, Lora,
    Precision, Priority, Progress, Quality, Request, Rng, Stage,
};

fn every_field() -> JobRequest {
    JobRequest {
        request: Request {
            prompt: "a red apple".into(),
            negative_prompt: Some("blurry".into()),
            width: Some(1024),
            height: Some(768),
            quality: Some(Quality::Draft),
            image: Some("img_1".into()),
            mask: Some("data:image/png;base64,AA==".into()),
            strength: Some(0.6),
            steps: Some(8.into()),
            guidance: Some(0.1),
            cfg_normalization: Some(0.0),
            cfg_truncation: Some(1.0),
            seed: Some(u64::MAX),
            count: Some(2),
            rng: Some(Rng::Nv),
            precision: None,
            model: None,
            loras: vec![Lora { name: "ink".into(), scale: 0.8 }],
        },
        priority: Some(Priority::High),
        previews: Some(3),
        deadline_seconds: Some(300.0),
        allow_downscale: Some(true),
        metadata: Some(false),
    }
}

fn image() -> Image {
    Image {
        id: "img_1".into(),
        job: "job_1".into(),
        index: 0,
        url: "/v1/images/img_1".into(),
        thumb_url: "/v1/images/img_1?thumb=256".into(),
        seed: 7,
        width: 1024,
        height: 768,
        prompt: "a red apple".into(),
        bytes: 1_234_567,
        created_at: 1_767_225_603.1,
        kept: true,
        changeable: true,
    }
}

fn job() -> Job {
    Job {
        id: "job_1".into(),
        mine: true,
        changeable: true,
        status: JobStatus::Queued,
        created_at: 1_767_225_600.5,
        started_at: None,
        finished_at: None,
        request: JobRequest {
            request: Request { prompt: "a red apple".into(), ..Request::default() },
            ..JobRequest::default()
        },
        seeds: vec![7, 8],
        width: 1024,
        height: 768,
        steps: 8,
        queue_position: Some(3),
        eta_seconds: Some(9.1),
        progress: None,
        images: Vec::new(),
        images_deleted: 0,
        peak_memory_bytes: None,
        timing: None,
        warnings: Vec::new(),
        error: None,
        links: JobLinks { this: "/v1/jobs/job_1".into(), events: "/v1/jobs/job_1/events".into() },
    }
}

#[test]
fn a_request_for_a_job_has_its_fields_side_by_side() {
    let request = every_field();
    let json = serde_json::to_value(&request).unwrap();
    let expected = json!({
        "prompt": "a red apple", "negative_prompt": "blurry", "width": 1024, "height": 768,
        "quality": "draft", "image": "img_1", "mask": "data:image/png;base64,AA==",
        "strength": 0.6, "steps": 8, "guidance": 0.1_f32, "cfg_normalization": 0.0_f32,
        "cfg_truncation": 1.0_f32, "seed": u64::MAX, "count": 2, "rng": "nv",
        "loras": [{"name": "ink", "scale": 0.8_f32}],
        "priority": "high", "previews": 3, "deadline_seconds": 300.0, "allow_downscale": true, "metadata": false
    });
    assert_eq!(json, expected);
    let text = serde_json::to_string(&request).unwrap();
    assert_eq!(serde_json::from_str::<JobRequest>(&text).unwrap(), request);
}

#[test]
fn the_fields_that_a_server_takes_are_those_of_a_full_request() {
    let json = serde_json::to_value(every_field()).unwrap();
    let mut written: Vec<&str> = json.as_object().unwrap().keys().map(String::as_str).collect();
    let mut taken = JobRequest::FIELDS.to_vec();
    written.sort_unstable();
    taken.sort_unstable();
    assert_eq!(written, taken);
    let own =
        Request { precision: Some(Precision::F32), model: Some("m".into()), ..Request::default() };
    for field in serde_json::to_value(own).unwrap().as_object().unwrap().keys() {
        assert_eq!(taken.contains(&field.as_str()), field == "prompt", "{field}");
    }
}

#[test]
fn what_is_not_said_may_be_null() {
    let sparse = json!({ "prompt": "a cat", "negative_prompt": null, "priority": null, "previews": null, "deadline_seconds": null });
    let request: JobRequest = serde_json::from_value(sparse).unwrap();
    assert_eq!(serde_json::to_string(&request).unwrap(), r#"{"prompt":"a cat"}"#);
    assert!(serde_json::from_str::<JobRequest>(r#"{"priority": "low"}"#).is_err());
    assert!(
        serde_json::from_str::<JobRequest>(r#"{"prompt": "a cat", "priority": "urgent"}"#).is_err()
    );
}

#[test]
fn floats_beside_the_fields_of_a_job_keep_every_bit() {
    // Fields that stand side by side are read by way of f64, which must not cost a bit of an f32.
    for exponent in 0..0xff_u32 {
        let bits = (exponent << 23) | (exponent.wrapping_mul(0x9e37_79b9) & 0x7f_ffff);
        for value in [f32::from_bits(bits), -f32::from_bits(bits)] {
            let mut request = every_field();
            request.request.guidance = Some(value);
            let text = serde_json::to_string(&request).unwrap();
            let read: JobRequest = serde_json::from_str(&text).unwrap();
            assert_eq!(read.request.guidance.unwrap().to_bits(), value.to_bits(), "{value:e}");
        }
    }
}

#[test]
fn a_queued_job_says_null_where_nothing_is_known() {
    let expected = json!({
        "id": "job_1", "mine": true, "changeable": true, "status": "queued", "created_at": 1_767_225_600.5, "started_at": null,
        "finished_at": null, "request": {"prompt": "a red apple"}, "seeds": [7, 8],
        "width": 1024, "height": 768, "steps": 8, "queue_position": 3, "eta_seconds": 9.1,
        "progress": null, "images": [], "images_deleted": 0, "peak_memory_bytes": null, "timing": null, "warnings": [], "error": null,
        "links": {"self": "/v1/jobs/job_1", "events": "/v1/jobs/job_1/events"}
    });
    assert_eq!(serde_json::to_value(job()).unwrap(), expected);
    assert_eq!(serde_json::from_value::<Job>(expected).unwrap(), job());
}

#[test]
fn a_job_that_is_over_says_everything() {
    let over = Job {
        status: JobStatus::Failed,
        started_at: Some(1_767_225_601.5),
        finished_at: Some(1_767_225_604.0),
        queue_position: None,
        eta_seconds: None,
        progress: Some(Progress { stage: Stage::Denoise, step: 3, steps: 8, fraction: 0.4 }),
        images: vec![image()],
        timing: Some(JobTiming { queue_seconds: 1.0, inference_seconds: 2.5, total_seconds: 3.5 }),
        warnings: vec!["guidance is not useful".into()],
        error: Some(ErrorBody { code: ErrorCode::WorkerLost, message: "lost".into() }),
        ..job()
    };
    let json = serde_json::to_value(&over).unwrap();
    assert_eq!(json["status"], "failed");
    assert_eq!(
        json["progress"],
        json!({"stage": "denoise", "step": 3, "steps": 8, "fraction": 0.4})
    );
    assert_eq!(
        json["timing"],
        json!({"queue_seconds": 1.0, "inference_seconds": 2.5, "total_seconds": 3.5})
    );
    assert_eq!(json["error"], json!({"code": "worker_lost", "message": "lost"}));
    assert_eq!(
        json["images"][0],
        json!({
            "id": "img_1", "job": "job_1", "index": 0, "url": "/v1/images/img_1",
            "thumb_url": "/v1/images/img_1?thumb=256", "seed": 7, "width": 1024, "height": 768,
            "prompt": "a red apple", "bytes": 1_234_567, "created_at": 1_767_225_603.1, "kept": true, "changeable": true
        })
    );
    assert_eq!(serde_json::from_value::<Job>(json).unwrap(), over);
}

#[test]
fn names_in_json_are_the_names_in_rust() {
    for choice in Priority::ALL {
        assert_eq!(serde_json::to_value(choice).unwrap(), choice.as_str());
        assert_eq!(choice.as_str().parse(), Ok(choice));
    }
    for status in JobStatus::ALL {
        assert_eq!(serde_json::to_value(status).unwrap(), status.as_str());
        assert_eq!(status.as_str().parse(), Ok(status));
    }
    for stage in Stage::ALL {
        assert_eq!(serde_json::to_value(stage).unwrap(), stage.as_str());
        assert_eq!(stage.as_str().parse(), Ok(stage));
    }
    assert!(Priority::Low < Priority::Normal && Priority::Normal < Priority::High);
}

#[test]
fn an_event_is_a_name_and_its_data() {
    let id = || "job_1".to_owned();
    let state = || serde_json::to_value(job()).unwrap();
    let boxed = || Box::new(job());
    let cases: Vec<(JobEvent, &str, Value)> = vec![
        (
            JobEvent::Snapshot { job: id(), state: boxed() },
            "snapshot",
            json!({"job": "job_1", "state": state()}),
        ),
        (
            JobEvent::Queued { job: id(), position: 2, eta_seconds: None },
            "queued",
            json!({"job": "job_1", "position": 2, "eta_seconds": null}),
        ),
        (
            JobEvent::Started { job: id(), worker: "cuda:0".into() },
            "started",
            json!({"job": "job_1", "worker": "cuda:0"}),
        ),
        (
            JobEvent::Stage { job: id(), stage: Stage::Decode },
            "stage",
            json!({"job": "job_1", "stage": "decode"}),
        ),
        (
            JobEvent::Step { job: id(), step: 3, steps: 8, eta_seconds: Some(1.5), picture: None },
            "step",
            json!({"job": "job_1", "step": 3, "steps": 8, "eta_seconds": 1.5, "picture": null}),
        ),
        (
            JobEvent::Preview {
                job: id(),
                index: 1,
                mime: "image/webp".into(),
                b64: "AA==".into(),
                width: 64,
                height: 48,
            },
            "preview",
            json!({
                "job": "job_1", "index": 1, "mime": "image/webp", "b64": "AA==",
                "width": 64, "height": 48
            }),
        ),
        (
            JobEvent::Image { job: id(), image: image() },
            "image",
            json!({"job": "job_1", "image": serde_json::to_value(image()).unwrap()}),
        ),
        (
            JobEvent::Warning { job: id(), message: "small".into() },
            "warning",
            json!({"job": "job_1", "message": "small"}),
        ),
        (
            JobEvent::Requeued { job: id(), reason: "lost".into() },
            "requeued",
            json!({"job": "job_1", "reason": "lost"}),
        ),
        (
            JobEvent::Completed { job: id(), state: boxed() },
            "completed",
            json!({"job": "job_1", "state": state()}),
        ),
        (
            JobEvent::Failed { job: id(), state: boxed() },
            "failed",
            json!({"job": "job_1", "state": state()}),
        ),
        (
            JobEvent::Cancelled { job: id(), state: boxed() },
            "cancelled",
            json!({"job": "job_1", "state": state()}),
        ),
    ];
    for (event, name, data) in cases {
        let written = serde_json::to_value(&event).unwrap();
        assert_eq!(written, json!({ "event": name, "data": data }));
        assert_eq!(serde_json::from_value::<JobEvent>(written).unwrap(), event);
    }
}
