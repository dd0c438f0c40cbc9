//! `zao prompt check`, and prompts that are mended before they are drawn.

use std::fs;
use std::io::Write;
use std::process::Stdio;

use serde_json::{Value, json};

use crate::folder::Folder;
use crate::said::Said;

/// Runs `zao prompt check` with `input` on standard input.
fn given(folder: &Folder, input: &[u8], args: &[&str]) -> Said {
    let mut command = folder.zao();
    command.args(["prompt", "check"]).args(args);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    Said::after(format!("{command:?}"), child.wait_with_output().unwrap())
}

#[test]
fn findings_stand_below_what_they_mean() {
    let folder = Folder::new();
    let said = folder.run(&["prompt", "check", "a very red apple"]).ok();
    let lines: Vec<&str> = said.text().lines().collect();
    assert!(lines[0].starts_with("warning intensifier: \"very\""), "{lines:?}");
    assert_eq!(lines[1..3], ["  a very red apple", "    ^^^^^"]);
    assert!(said.text().contains("(demo)") && said.text().contains("fixed: a red apple"));
    let said = folder.run(&["prompt", "check", "一个马", "--language", "zh"]).ok();
    assert!(said.text().contains("警告 measure-word") && said.text().contains("改为：一匹"));
}

#[test]
fn json_and_the_mended_prompt_are_printed_alone() {
    let folder = Folder::new();
    let said = folder.run(&["prompt", "check", "🐎 very red", "--json"]).ok();
    let report: Value = serde_json::from_slice(&said.out).unwrap();
    assert_eq!(report["findings"][0]["span"], json!({"start": 2, "end": 7}));
    assert_eq!(report["tokens"]["estimated"], false);
    for args in [&["--fix"][..], &["-", "--fix"]] {
        assert_eq!(
            given(&folder, "门上写着欢迎光临\n".as_bytes(), args).ok().text(),
            "门上写着“欢迎光临”\n"
        );
    }
    given(&folder, b"\xff", &[]).complains(2, &["UTF-8"]);
    given(&folder, "\u{feff}a cat\r\n".as_bytes(), &["--strict"]).ok();
    given(&folder, b" \n", &[]).complains(2, &["the prompt is empty"]);
    folder.run(&["prompt", "check", "a", "red", "cat"]).complains(2, &["\"red\"", "quotes"]);
}

#[test]
fn findings_fail_only_if_that_is_wanted() {
    let folder = Folder::new();
    folder.run(&["prompt", "check", "a red apple", "--strict"]).ok();
    let said = folder.run(&["prompt", "check", "a very red apple", "--strict"]);
    assert_eq!(said.code, Some(1));
    assert!(said.text().contains("intensifier") && said.err.contains("1 finding"), "{said:?}");
}

#[test]
fn tables_of_ones_own_are_read_and_wrong_ones_refused() {
    let folder = Folder::new();
    fs::create_dir(folder.path("rules")).unwrap();
    folder.run(&["prompt", "check", "a", "--rules", "rules"]).complains(2, &["intensifier.toml"]);
    fs::write(folder.path("rules/intensifier.toml"), "[[entry]]\nwords = [\"mega\"]\n").unwrap();
    let said =
        folder.run(&["prompt", "check", "a mega red apple", "--fix", "--rules", "rules"]).ok();
    assert_eq!(said.text(), "a red apple\n");
    fs::write(folder.path("rules/idiom.toml"), "words = 3").unwrap();
    folder.run(&["prompt", "check", "a", "--rules", "rules"]).complains(2, &["idiom.toml"]);
}

#[test]
fn a_prompt_is_mended_only_on_request_and_stored_as_it_was_drawn() {
    let folder = Folder::new();
    let stored = || -> Value {
        let said = folder.run(&["info", "--json", "result.png"]).ok();
        serde_json::from_slice(&said.out).unwrap()
    };
    let draw = ["generate", "a very red apple", "--size", "64x64", "--seed", "1"];
    folder.run(&draw).ok();
    assert_eq!(stored()["prompt"], "a very red apple");
    let said = folder.run(&[&draw[..], &["--fix-prompt"]].concat()).ok();
    assert_eq!(stored()["prompt"], "a red apple");
    assert!(said.err.contains("\"very\" is left out (intensifier)"), "{said:?}");
    assert!(said.err.contains("prompt drawn: a red apple"), "{said:?}");
}
