//! Steps beside each other, as `.ci/run` has them: what fails fails the whole, with its output, and leaves nothing running. Which steps
//! there are is NOT looked at.

#![cfg(unix)]

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

/// Runs a script of steps; whether it passed, and what it said; on the other stream a shell may speak of its jobs.
fn run(script: &str) -> (bool, String) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let script = format!(". .ci/steps\n{script}");
    let output = Command::new("bash").args(["-c", &script]).current_dir(root).output();
    let output = output.expect("there is bash");
    (output.status.success(), String::from_utf8(output.stdout).expect("a step says text"))
}

#[test]
fn each_step_is_in_the_table() {
    let (passed, said) = run("
        inner() { sleep 1; step 'a third' echo inside; }
        beside another true
        beside others gently 19 inner
        step 'a first' true
        step 'a second' true
        await another
        await others");
    assert!(passed, "{said}");
    for part in [
        "s  a first",
        "s  a second",
        "s  a third",
        "s  another",
        "s  others",
        "s  in all",
        "inside",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    assert!(said.ends_with("ci: all is well\n"), "{said}");
}

#[test]
fn what_fails_beside_fails_the_whole() {
    let failing = "bad() { echo the reason; false; echo went on; }\n";
    let later = "beside others bad; step one true; await others; step two echo went on";
    let meanwhile = "
        gone() { while kill -0 \"${running[others]}\" 2>/dev/null; do sleep 0.1; done; }
        beside others bad; step one gone; step two echo went on";
    for steps in [later, meanwhile] {
        let (passed, said) = run(&format!("{failing}{steps}"));
        assert!(!passed && said.contains("the reason"), "{said}");
        assert!(said.ends_with("ci: failed in: others\n") && !said.contains("went on"), "{said}");
    }
}

#[test]
fn a_step_that_fails_stops_what_is_beside() {
    let start = Instant::now();
    let (passed, said) = run("
        beside others bash -c 'sleep 600 & sleep 600'
        step one bash -c 'echo the reason; exit 3'
        step two echo went on");
    assert!(!passed && said.contains("the reason") && !said.contains("went on"), "{said}");
    assert!(said.ends_with("ci: failed in: one\n"), "{said}");
    // Whoever still ran would hold the output open.
    assert!(start.elapsed() < Duration::from_secs(300));
}
