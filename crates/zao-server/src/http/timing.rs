//! Headers of answers that waited for a job: where its time went, what memory it took, and its seeds. Who waits is decided elsewhere.

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use utoipa::openapi::schema::Type;
use zao_api::Job;

/// Each header, what it says, and in which type.
pub(super) const HEADERS: [(&str, &str, Type); 6] = [
    ("x-queue-time", "Seconds that the job waited.", Type::Number),
    ("x-inference-time", "Seconds that it was worked on.", Type::Number),
    ("x-total-time", "Seconds from being accepted to being over.", Type::Number),
    ("x-seed", "The seeds, with commas between them.", Type::String),
    (
        "x-peak-memory-mb",
        "The most of the device's memory that was held meanwhile, in MiB, where that is known.",
        Type::Number,
    ),
    ("server-timing", "The same times in milliseconds, as browsers show them.", Type::String),
];

/// The operations whose answers have them.
pub(super) const OPERATIONS: [&str; 2] = ["generateImage", "txt2img"];

/// Bytes as load testers of other servers count memory.
pub(super) fn mebibytes(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

/// Where the time of `job` went, for load testers and those who wonder.
pub(super) fn headers(job: &Job) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let mut add = |name: &'static str, value: String| {
        let value = HeaderValue::from_str(&value).ok();
        headers.extend(value.map(|value| (HeaderName::from_static(name), value)));
    };
    if let Some(timing) = &job.timing {
        let milliseconds = |seconds: f64| seconds * 1000.0;
        add("x-queue-time", format!("{:.6}", timing.queue_seconds));
        add("x-inference-time", format!("{:.6}", timing.inference_seconds));
        add("x-total-time", format!("{:.6}", timing.total_seconds));
        add(
            "server-timing",
            format!(
                "queue;dur={:.3}, inference;dur={:.3}",
                milliseconds(timing.queue_seconds),
                milliseconds(timing.inference_seconds)
            ),
        );
    }
    if let Some(bytes) = job.peak_memory_bytes {
        add("x-peak-memory-mb", format!("{:.3}", mebibytes(bytes)));
    }
    let seeds: Vec<String> = job.seeds.iter().map(u64::to_string).collect();
    add("x-seed", seeds.join(","));
    headers
}
