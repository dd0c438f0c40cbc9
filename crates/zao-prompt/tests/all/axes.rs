//! Prompts that contradict themselves by an axis, each beside others that only look so: `tests/axes`. It does NOT judge how the axes
//! fare with prompts of strangers, which the corpus does.

use std::path::Path;

use serde::Deserialize;
use zao_prompt::{Code, Options, check};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    axis: Vec<Axis>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Axis {
    name: String,
    /// Prompts with two values of it.
    both: Vec<String>,
    /// Prompts that are sound.
    fine: Vec<String>,
}

fn files() -> Vec<File> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/axes");
    let names = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let files: Vec<File> = names
        .map(|path| toml::from_str(&std::fs::read_to_string(path).unwrap()).unwrap())
        .collect();
    assert!(files.len() > 5);
    files
}

fn contradicts(prompt: &str) -> bool {
    let report = check(prompt, &Options::default());
    report.findings.iter().any(|finding| finding.code == Code::Contradiction)
}

#[test]
fn values_of_an_axis_exclude_each_other_where_they_are_meant() {
    let mut slips = Vec::new();
    for axis in files().into_iter().flat_map(|file| file.axis) {
        let missed = axis.both.iter().filter(|prompt| !contradicts(prompt));
        slips.extend(missed.map(|prompt| format!("{}: nothing in {prompt}", axis.name)));
        let alarms = axis.fine.iter().filter(|prompt| contradicts(prompt));
        slips.extend(alarms.map(|prompt| format!("{}: something in {prompt}", axis.name)));
    }
    assert!(slips.is_empty(), "{}", slips.join("\n"));
}
