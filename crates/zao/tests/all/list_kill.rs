//! A list that is killed while it is drawn: nothing is half, and nothing that was done is done again.

use std::collections::BTreeMap;
use std::fs;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::folder::{Folder, succeed};

/// Enough that several kills come between the first picture and the last.
const ROWS: usize = 40;

/// Steps of a picture, where all are drawn.
const FEW: &str = "4";

/// Steps of a picture in a list that is not done before somebody interferes.
const MANY: &str = "40";

const PATIENCE: Duration = Duration::from_secs(60);

fn list(folder: &Folder) {
    let rows: Vec<String> =
        (0..ROWS).map(|row| format!("thing {row} on a {{red|blue}} background")).collect();
    fs::write(folder.path("list.txt"), rows.join("\n")).unwrap();
}

fn zao(folder: &Folder, steps: &str) -> Command {
    let mut zao = folder.zao();
    let list = ["generate", "--prompts", "list.txt", "--seed", "9", "--size", "64x64"];
    zao.args(list).args(["--steps", steps]);
    zao.stdout(Stdio::null()).stderr(Stdio::null());
    zao
}

/// The pictures that are there, each whole.
fn whole_pictures(folder: &Folder) -> BTreeMap<String, Vec<u8>> {
    let names = folder.names().into_iter().filter(|name| name.ends_with(".png"));
    let read = |name: String| {
        zao_png::decode_rgb(&folder.bytes(&name)).unwrap_or_else(|error| panic!("{name}: {error}"));
        let bytes = folder.bytes(&name);
        (name, bytes)
    };
    names.map(read).collect()
}

/// Files that the manifest calls done.
fn done(folder: &Folder) -> Vec<String> {
    let text = fs::read_to_string(folder.path("result.manifest.jsonl")).unwrap_or_default();
    let entries = text.lines().skip(1).filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let done = entries.filter(|entry| entry["status"] == "done");
    done.map(|entry| entry["file"].as_str().unwrap().to_owned()).collect()
}

/// Waits until more pictures are there than before, and a little longer.
fn work_for_a_while(folder: &Folder, child: &mut Child, before: usize, longer: Duration) {
    let since = Instant::now();
    while done(folder).len() <= before && child.try_wait().unwrap().is_none() {
        assert!(since.elapsed() < PATIENCE, "no picture came");
        sleep(Duration::from_millis(2));
    }
    sleep(longer);
}

#[test]
fn a_kill_at_any_moment_leaves_whole_files_and_loses_only_what_was_under_way() {
    let undisturbed = Folder::new();
    list(&undisturbed);
    assert!(zao(&undisturbed, FEW).status().unwrap().success());
    let expected = whole_pictures(&undisturbed);
    assert_eq!(expected.len(), ROWS);

    let folder = Folder::new();
    list(&folder);
    let mut kills = 0;
    for round in 0..8 {
        let before = done(&folder);
        let mut child = zao(&folder, FEW).spawn().unwrap();
        work_for_a_while(&folder, &mut child, before.len(), Duration::from_micros(3_700 * round));
        kills += usize::from(child.try_wait().unwrap().is_none());
        child.kill().unwrap();
        child.wait().unwrap();
        let (there, after) = (whole_pictures(&folder), done(&folder));
        assert!(after.iter().all(|name| there.contains_key(name)), "what is called done is there");
        assert!(before.iter().all(|name| after.contains(name)), "nothing is forgotten");
        // Between a picture's file and its line there is at most one.
        assert!(there.len() <= after.len() + 1, "{} {}", there.len(), after.len());
    }
    assert!(kills > 0, "nothing was ever killed");
    assert!(zao(&folder, FEW).status().unwrap().success());
    assert!(
        whole_pictures(&folder) == expected,
        "the pictures are those of a run that nobody killed"
    );
    let hidden = folder
        .names()
        .into_iter()
        .filter(|name| name.starts_with('.') || name.ends_with(".partial"));
    assert_eq!(hidden.count(), 0, "nothing is left over");
}

#[test]
fn ctrl_c_stops_a_list_and_says_how_to_go_on() {
    let folder = Folder::new();
    list(&folder);
    let mut child = zao(&folder, MANY).stderr(Stdio::piped()).spawn().unwrap();
    work_for_a_while(&folder, &mut child, 0, Duration::ZERO);
    succeed(Command::new("kill").args(["-INT", &child.id().to_string()]));
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("cancelled; ") && said.contains("the same command goes on"), "{said}");
    let there = whole_pictures(&folder).len();
    assert!(there > 0 && there < ROWS && there == done(&folder).len(), "{there}");
}
