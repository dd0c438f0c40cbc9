//! `/metrics` as a scraper reads it: names, types and help, no series twice, and what histograms promise.

use std::collections::{BTreeMap, BTreeSet};

use axum::body::Body;
use axum::http::Request;
use serde_json::json;

use super::Server;
use crate::protocol::Gauges;

/// A line with a number.
struct Sample {
    name: String,
    labels: BTreeMap<String, String>,
    value: f64,
}

/// What was scraped.
#[derive(Default)]
struct Scraped {
    types: BTreeMap<String, String>,
    helps: BTreeSet<String>,
    samples: Vec<Sample>,
}

/// What a scraper asks for.
async fn scrape(server: &Server) -> Scraped {
    let accept = "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.2";
    let request = Request::get("/metrics").header("accept", accept).body(Body::empty()).unwrap();
    let answer = server.send(request).await;
    let kind = answer.headers["content-type"].to_str().unwrap();
    assert!(kind.starts_with("application/openmetrics-text"), "{kind}");
    scraped(std::str::from_utf8(&answer.bytes).unwrap())
}

fn scraped(text: &str) -> Scraped {
    let mut scraped = Scraped::default();
    assert!(text.ends_with("# EOF\n"), "OpenMetrics ends so");
    for line in text.lines().filter(|line| *line != "# EOF") {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').unwrap();
            let twice = scraped.types.insert(name.into(), kind.into());
            assert!(twice.is_none(), "{name} has two types");
        } else if let Some(rest) = line.strip_prefix("# HELP ") {
            let (name, help) = rest.split_once(' ').unwrap();
            assert!(help.len() > 5 && scraped.helps.insert(name.into()), "{line}");
        } else if !line.starts_with("# UNIT ") {
            scraped.samples.push(sample(line));
        }
    }
    scraped
}

fn sample(line: &str) -> Sample {
    let (series, value) = line.rsplit_once(' ').unwrap_or_else(|| panic!("{line:?}"));
    let (name, labels) = series.split_once('{').unwrap_or((series, "}"));
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    assert!(name.starts_with("zao_") && name.chars().all(plain), "{name}");
    let mut rest = labels.strip_suffix('}').unwrap_or_else(|| panic!("{line:?}"));
    let mut labels = BTreeMap::new();
    while let Some((label, after)) = rest.split_once("=\"") {
        let label = label.trim_start_matches(',');
        assert!(!label.is_empty() && label.chars().all(plain), "{line}");
        let ends = |at: &usize| !after[..*at].ends_with('\\');
        let end = after.match_indices('"').map(|(at, _)| at).find(ends).unwrap();
        assert!(labels.insert(label.into(), after[..end].into()).is_none(), "{line}");
        rest = &after[end + 1..];
    }
    assert_eq!(rest, "", "{line}");
    Sample { name: name.into(), labels, value: value.parse().unwrap() }
}

impl Scraped {
    /// The type of what a sample belongs to, and the end of the sample's name.
    fn family(&self, name: &str) -> (&str, &str) {
        let of = |suffix: &'static str| Some((self.types.get(name.strip_suffix(suffix)?)?, suffix));
        let found = ["_total", "_bucket", "_sum", "_count", ""].into_iter().find_map(of);
        let (kind, suffix) = found.unwrap_or_else(|| panic!("{name} has no type"));
        (kind, suffix)
    }
}

#[tokio::test]
async fn what_is_scraped_is_valid_and_has_what_was_promised() {
    let server = Server::new();
    let wish = json!({"prompt": "a \"b\"", "width": 32, "height": 32});
    let job = server.post("/v1/jobs", wish).await.expect(202);
    server.over(job["links"]["self"].as_str().unwrap()).await;
    server.get("/nowhere?a=%22b%22").await;
    server.get("/metrics").await;
    let scraped = scrape(&server).await;
    let mut seen = BTreeSet::new();
    for sample in &scraped.samples {
        let (kind, suffix) = scraped.family(&sample.name);
        let fits = match kind {
            "counter" => suffix == "_total" && sample.value >= 0.0,
            "histogram" => ["_bucket", "_sum", "_count"].contains(&suffix),
            _ => suffix.is_empty(),
        };
        assert!(fits, "{} is no {kind}", sample.name);
        assert!(seen.insert((&sample.name, &sample.labels)), "{} is there twice", sample.name);
    }
    assert_eq!(scraped.helps, scraped.types.keys().cloned().collect());
    for (name, kind) in [
        ("zao_requests", "counter"),
        ("zao_images", "counter"),
        ("zao_restarts", "counter"),
        ("zao_jobs", "gauge"),
        ("zao_queue_depth", "gauge"),
        ("zao_ready", "gauge"),
        ("zao_build_info", "gauge"),
        ("zao_memory_bytes", "gauge"),
        ("zao_queue_seconds", "histogram"),
        ("zao_inference_seconds", "histogram"),
        ("zao_step_seconds", "histogram"),
        ("zao_batch_size", "histogram"),
    ] {
        assert_eq!(scraped.types.get(name).map(String::as_str), Some(kind), "{name}");
    }
    let build = scraped.samples.iter().find(|sample| sample.name == "zao_build_info").unwrap();
    assert_eq!((build.labels["version"].as_str(), build.value), (env!("CARGO_PKG_VERSION"), 1.0));
}

#[tokio::test]
async fn a_histogram_counts_up_from_a_twentieth_of_a_second_to_two_minutes() {
    let server = Server::new();
    let job = server.post("/v1/jobs", json!({"prompt": "a", "width": 32, "height": 32})).await;
    server.over(job.expect(202)["links"]["self"].as_str().unwrap()).await;
    let scraped = scrape(&server).await;
    for name in ["zao_queue_seconds", "zao_inference_seconds"] {
        let of = |suffix: &str| {
            let name = format!("{name}{suffix}");
            scraped.samples.iter().filter(move |sample| sample.name == name)
        };
        let buckets: Vec<(&str, f64)> =
            of("_bucket").map(|sample| (sample.labels["le"].as_str(), sample.value)).collect();
        let (last, bounds) = buckets.split_last().unwrap();
        assert_eq!(last.0, "+Inf");
        let bounds: Vec<f64> = bounds.iter().map(|(bound, _)| bound.parse().unwrap()).collect();
        assert_eq!((bounds[0], bounds[bounds.len() - 1]), (0.05, 120.0));
        assert!(
            bounds.windows(2).all(|pair| (pair[1] / pair[0] - 2.03).abs() < 0.01),
            "{bounds:?}"
        );
        assert!(buckets.windows(2).all(|pair| pair[0].1 <= pair[1].1), "{buckets:?}");
        assert_eq!(of("_count").next().unwrap().value, last.1);
    }
}

#[tokio::test]
async fn cards_are_told_of_while_they_tell_and_never_with_zeros() {
    let server = Server::new();
    let names = |scraped: &Scraped| -> BTreeMap<String, f64> {
        let of_cards = |it: &&Sample| it.name.starts_with("zao_device_");
        scraped
            .samples
            .iter()
            .filter(of_cards)
            .map(|it| {
                assert_eq!(it.labels["device"], "cuda:1");
                assert_eq!(it.labels["worker"], "painter");
                (it.name.clone(), it.value)
            })
            .collect()
    };
    let scrape = async || scrape(&server).await;
    assert_eq!(names(&scrape().await), BTreeMap::new(), "a processor has no such gauges");

    server.painter.card_tells(Some(Gauges {
        utilization: Some(0.25),
        power_watts: Some(312.5),
        energy_joules: Some(1e6),
        sm_clock_hertz: Some(1.98e9),
        temperature_celsius: None,
        memory_used_bytes: Some(5_000_000_000),
    }));
    let told = [
        ("zao_device_utilization_ratio", 0.25),
        ("zao_device_power_watts", 312.5),
        ("zao_device_energy_joules_total", 1e6),
        ("zao_device_sm_clock_hertz", 1.98e9),
        ("zao_device_memory_used_bytes", 5e9),
    ];
    let expected: BTreeMap<String, f64> =
        told.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    for _ in 0..2 {
        assert_eq!(names(&scrape().await), expected, "the counter does not grow by being read");
    }

    server.painter.card_tells(None);
    assert_eq!(names(&scrape().await), BTreeMap::new(), "its worker is gone");
}

/// Name, type, and a label with all the values that it may have from the beginning on; what the service promises whoever runs it.
type Promise = (&'static str, &'static str, &'static str, &'static [&'static str]);

const PROMISED: [Promise; 18] = [
    ("zao_requests", "counter", "route", &["/health"]),
    ("zao_queue_depth", "gauge", "", &[]),
    ("zao_queue_seconds", "histogram", "", &[]),
    ("zao_inference_seconds", "histogram", "", &[]),
    ("zao_stage_seconds", "histogram", "stage", &["text", "denoise", "vae", "encode"]),
    ("zao_step_seconds", "histogram", "", &[]),
    ("zao_images", "counter", "size", &["256", "512", "768", "1024", "1280", "2048", "larger"]),
    ("zao_batch_size", "histogram", "", &[]),
    (
        "zao_jobs_cancelled",
        "counter",
        "phase",
        &["queued", "load", "encode", "text", "denoise", "decode"],
    ),
    (
        "zao_jobs_refused",
        "counter",
        "code",
        &["queue_full", "client_queue_full", "rate_limited", "draining"],
    ),
    ("zao_clients_gone", "counter", "", &[]),
    ("zao_prompt_cache", "counter", "result", &["hit", "miss"]),
    ("zao_oom", "counter", "rung", &["caches", "batch", "bands", "text_encoder", "size"]),
    ("zao_restarts", "counter", "", &[]),
    ("zao_vram_bytes", "gauge", "kind", &["reserved", "peak", "free"]),
    ("zao_lora_loaded", "gauge", "worker", &["painter"]),
    ("zao_ready", "gauge", "", &[]),
    ("zao_build_info", "gauge", "version", &[env!("CARGO_PKG_VERSION")]),
];

#[tokio::test]
async fn every_series_is_there_before_its_first_event() {
    let server = Server::new();
    server.get("/health").await;
    let scraped = scrape(&server).await;
    for (name, kind, label, values) in PROMISED {
        assert_eq!(scraped.types.get(name).map(String::as_str), Some(kind), "{name}");
        let ending = match kind {
            "counter" => "_total",
            "histogram" => "_count",
            _ => "",
        };
        let sample = format!("{name}{ending}");
        let samples: Vec<&Sample> = scraped.samples.iter().filter(|it| it.name == sample).collect();
        if label.is_empty() {
            assert_eq!(samples.len(), 1, "{sample}");
        } else {
            let found: BTreeSet<&str> =
                samples.iter().map(|it| it.labels[label].as_str()).collect();
            assert_eq!(found, values.iter().copied().collect(), "{sample}");
        }
        if kind == "counter" && name != "zao_requests" {
            assert!(samples.iter().all(|it| it.value == 0.0), "{sample}");
        }
    }
}

#[tokio::test]
async fn only_a_card_has_memory_of_its_own() {
    let server = Server::new();
    let vram = async || {
        let scraped = scrape(&server).await;
        let of = |kind: &str| {
            let is = |it: &&Sample| it.name == "zao_vram_bytes" && it.labels["kind"] == kind;
            scraped.samples.iter().find(is).map(|it| it.value)
        };
        ["reserved", "peak", "free"].map(of)
    };
    assert_eq!(vram().await, [Some(5.0), Some(7.0), Some(9.0)]);
    *server.painter.device.lock().unwrap() = "cpu";
    assert_eq!(vram().await, [None; 3], "main memory is told as such");
}

#[tokio::test]
async fn a_full_queue_is_counted_and_the_form_is_that_which_is_asked_for() {
    let server = Server::with(|settings| settings.ledger.queued = 1);
    server.pause(true);
    for _ in 0..4 {
        server.post("/v1/jobs", json!({"prompt": "a", "width": 32, "height": 32})).await;
    }
    let answer = server.get("/metrics").await;
    assert_eq!(answer.headers["content-type"], "text/plain; version=0.0.4; charset=utf-8");
    let text = String::from_utf8(answer.bytes.to_vec()).unwrap();
    assert!(text.contains("# TYPE zao_jobs_refused_total counter\n"), "{text}");
    let line =
        text.lines().find(|line| line.starts_with("zao_jobs_refused_total{code=\"queue_full\"}"));
    let count: u64 = line.unwrap().rsplit_once(' ').unwrap().1.parse().unwrap();
    assert!((2..=3).contains(&count), "one is drawn, one waits: {count}");
    assert!(!text.contains("# EOF") && !text.contains("# UNIT"));
    server.pause(false);
}
