//! `zao load` as far as it needs no server: how measurements go is tested in zao-load.

use crate::folder::Folder;

/// A measurement that a test of zao-load wrote.
const REPORT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../zao-load/tests/goldens/report.json");

#[test]
fn wrong_use_says_what_is_right() {
    let folder = Folder::new();
    for (args, words) in [
        (&["rate"][..], &["--rate"][..]),
        (&["rate", "--rate", "0"], &["--rate", "above 0"]),
        (&["sweep", "--clients", "0"], &["--clients", "from 1"]),
        (&["sweep", "--duration", "5"], &["--duration", "as in 90s"]),
        (&["sweep", "--speaks", "grpc"], &["--speaks", "native, openai or a1111"]),
        (&["sweep", "--url", "ftp://x"], &["ftp://x", "http://127.0.0.1:7860"]),
        (&["sweep", "--assert", "p96<1s"], &["character 1", "p95"]),
        (&["sweep", "--slo", "p95<1s"], &["character 1", "ttfp"]),
        (&["sweep", "--extra", "[]"], &["--extra", "JSON object"]),
        (&["sweep", "--prompts", "none.txt"], &["none.txt"]),
        (&["sweep", "--cards", "cuda:0"], &["--cards", "0,1"]),
        (&["sweep", "--cards", "all", "--url", "http://10.9.8.7:1"], &["--cards", "another one"]),
        (&["sweep", "--cards", "77"], &["--cards", "no card 77"]),
        (&["replay", "none.jsonl"], &["none.jsonl"]),
        (&["compare", "none.json", REPORT], &["none.json"]),
    ] {
        let said = folder.run(&[&["load"], args].concat());
        assert!(matches!(said.code, Some(1 | 2)) && said.text().is_empty(), "{args:?}: {said:?}");
        assert_eq!(said.err.lines().count(), 1, "{args:?}: {said:?}");
        for word in words {
            assert!(said.err.contains(word), "no {word} in {said:?}");
        }
    }
}

#[test]
fn a_server_that_is_not_there_is_named() {
    let said = Folder::new().run(&["load", "sweep", "--url", "http://127.0.0.1:9"]);
    assert_eq!(said.code, Some(1));
    assert!(said.err.contains("http://127.0.0.1:9 does not answer"), "{said:?}");
}

#[test]
fn a_measurement_is_no_worse_than_itself() {
    let said = Folder::new().run(&["load", "compare", REPORT, REPORT, "--worse", "1%"]).ok();
    assert!(said.text().contains("8 clients     E2E p95, s"), "{said:?}");
}

#[test]
fn a_measurement_that_is_worse_fails() {
    let folder = Folder::new();
    let better = std::fs::read_to_string(REPORT).unwrap();
    let worse = better.replace("\"throughput\": 5.0", "\"throughput\": 4.0");
    assert_ne!(better, worse);
    std::fs::write(folder.path("worse.json"), worse).unwrap();
    let said = folder.run(&["load", "compare", REPORT, "worse.json", "--worse", "10%"]);
    assert_eq!(said.code, Some(1));
    assert!(said.err.contains("1 numbers are worse by more than 10 %"), "{said:?}");
}
