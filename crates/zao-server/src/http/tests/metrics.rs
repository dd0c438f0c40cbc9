//! `/metrics` as a scraper reads it: names, types and help, no series twice, and what histograms promise.

use std::collections::{BTreeMap, BTreeSet};

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
    let answer = server.get("/metrics").await;
    let scraped = scraped(std::str::from_utf8(&answer.bytes).unwrap());
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
    let answer = server.get("/metrics").await;
    let scraped = scraped(std::str::from_utf8(&answer.bytes).unwrap());
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
    let scrape = async || {
        let answer = server.get("/metrics").await;
        scraped(std::str::from_utf8(&answer.bytes).unwrap())
    };
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
