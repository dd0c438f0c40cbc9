//! The forms of a report, character for character.

use std::collections::BTreeMap;

use zao_load::report::{
    Asked, ClientLoad, DeviceUse, Devices, Language, SCHEMA_VERSION, Teller, WarmUp, csv, markdown,
    read, table, write,
};
use zao_load::{Load, Protocol, Report, Row, Spread};

/// Times around a second, the way that a spread has them.
fn spread(n: u64, seconds: f64) -> Spread {
    Spread {
        n,
        mean: seconds,
        deviation: 0.1,
        p50: seconds,
        p90: 1.25 * seconds,
        p95: 1.5 * seconds,
        p99: (n >= 100).then_some(seconds + 1.1),
        max: 2.0 * seconds,
    }
}

/// Two cards as a server tells of them.
fn devices() -> Devices {
    let card = |watts: f64| DeviceUse {
        utilization: Some(0.875),
        power_watts: Some(watts),
        energy_joules: Some(60.0 * watts),
        memory_peak_bytes: Some(2.5e10),
        temperature_celsius: Some(61.0),
        sm_clock_hertz: Some(1.98e9),
    };
    Devices {
        told_by: Teller::Server,
        readings: 60,
        total: card(1000.5),
        joules_per_picture: Some(200.125),
        each: [("cuda:0", 500.25), ("cuda:1", 500.25)]
            .map(|(name, watts)| (name.to_owned(), card(watts)))
            .into(),
    }
}

fn some_row(clients: usize, n: u64, seconds: f64) -> Row {
    Row {
        load: Load::Closed { clients },
        from_seconds: 0.0,
        seconds: 60.0,
        requests: n,
        correct: n,
        pictures: n,
        throughput: n as f64 / 60.0,
        pictures_per_second: n as f64 / 60.0,
        goodput: n as f64 / 60.0,
        ttfb: Some(spread(n, 0.01)),
        ttfp: None,
        e2e: Some(spread(n, seconds)),
        queue: Some(spread(n, 0.1)),
        inference: Some(spread(n, 0.5)),
        overhead: Some(spread(n, 0.0005)),
        news: Some(spread(n, 0.002)),
        eta_error: Some(spread(n, 0.15)),
        errors: BTreeMap::new(),
        wrong: BTreeMap::new(),
        details: BTreeMap::new(),
        refusals: 0,
        refused: 0,
        dropped: 0,
        in_flight: clients as f64,
        littles_law_residual: Some(0.001),
        memory: BTreeMap::from([("zao_vram_bytes{kind=\"peak\"}".into(), 23.3e9)]),
        queue_depth: Some(7.0),
        devices: Some(devices()),
        client: ClientLoad { cpu: Some(0.02), lag_seconds: 0.001 },
        remarks: Vec::new(),
    }
}

/// A report with everything in it that forms have to show.
pub(crate) fn example() -> Report {
    let mut crowded = some_row(8, 300, 1.8);
    crowded.from_seconds = 61.0;
    crowded.correct = 290;
    crowded.goodput = 4.5;
    crowded.wrong = BTreeMap::from([("constant".into(), 2)]);
    crowded.errors = BTreeMap::from([("out_of_memory".into(), 8)]);
    crowded.details = BTreeMap::from([
        ("constant".into(), "every pixel has the same colour".into()),
        ("out_of_memory".into(), "status 503: draw | less".into()),
    ]);
    crowded.refusals = 5;
    crowded.refused = 1;
    crowded.littles_law_residual = Some(9.0);
    // As the driver tells of a card that keeps most to itself.
    let metered = crowded.devices.as_mut().unwrap();
    metered.told_by = Teller::Meter;
    metered.total = DeviceUse { utilization: Some(0.5), ..DeviceUse::default() };
    metered.joules_per_picture = None;
    crowded.remarks = vec!["breaks Little's law by +900.0 %".into()];
    Report {
        schema_version: SCHEMA_VERSION,
        tool: "zao-load 0.1.0".into(),
        mode: "sweep".into(),
        target: "http://127.0.0.1:7860".into(),
        protocol: Protocol::Native,
        started_at: 1_767_225_600.5,
        settings: Asked {
            size: Some((1024, 768)),
            steps: Some(8),
            count: 1,
            previews: 3,
            timeout_seconds: 120.0,
            retry: true,
            seed: 7,
            objectives: vec!["e2e<2500ms".into()],
        },
        warm_up: Some(WarmUp { requests: 2, failed: 0, longest_seconds: 3.25 }),
        rows: vec![some_row(1, 60, 0.6), crowded],
        knee: Some(1),
        remarks: vec!["stopped early; the last row is shorter than it was to be".into()],
    }
}

/// Compares with the file, which is written anew when `ZAO_WRITE_GOLDENS` is set.
#[track_caller]
fn assert_golden(name: &str, text: &str) {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/goldens").join(name);
    if std::env::var_os("ZAO_WRITE_GOLDENS").is_some() {
        std::fs::write(&path, text).unwrap();
    }
    assert_eq!(text, std::fs::read_to_string(&path).unwrap(), "{}", path.display());
}

#[test]
fn a_table_is_aligned_in_both_languages() {
    let english = table(&example(), Language::English).join("\n") + "\n";
    assert_golden("table.txt", &english);
    let chinese = table(&example(), Language::Chinese).join("\n") + "\n";
    assert_golden("table.zh.txt", &chinese);
}

#[test]
fn markdown_and_csv_are_what_they_were() {
    assert_golden("report.md", &(markdown(&example(), Language::English) + "\n"));
    let csv = csv(&example());
    assert_golden("report.csv", &csv);
    let columns: Vec<usize> = csv.lines().map(|line| line.split(',').count()).collect();
    assert_eq!(columns, [columns[0]; 3]);
}

#[test]
fn json_comes_back_as_it_went() {
    let text = write(&example()).unwrap();
    assert_golden("report.json", &(text.clone() + "\n"));
    assert_eq!(read(&text).unwrap(), example());
}

#[test]
fn what_is_no_report_says_what_to_do() {
    let other =
        write(&example()).unwrap().replace("\"schema_version\": 1", "\"schema_version\": 2");
    for (text, words) in [
        ("{", "it is no JSON"),
        ("{\"a\": 1}", "it has no schema_version; give what"),
        (other.as_str(), "it is a report of version 2, and this zao reads 1"),
        ("{\"schema_version\": 1}", "it is no report: missing field"),
    ] {
        let error = read(text).unwrap_err();
        assert!(error.starts_with(words), "{error}");
    }
}
