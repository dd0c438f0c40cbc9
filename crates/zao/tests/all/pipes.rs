//! Readers that go away and writers that fail: no panic, and success only if nothing is lost.

use std::io::pipe;
use std::process::{Command, Stdio};

use crate::folder::{Folder, SMALL};
use crate::said::Said;

/// A pipe whose reader has gone.
fn deaf() -> Stdio {
    let (_, writer) = pipe().unwrap();
    writer.into()
}

/// The exit code with nobody at standard output, or at either output.
fn codes(command: impl Fn() -> Command) -> [Option<i32>; 2] {
    let said = Said::after(String::new(), {
        let child = command().stdout(deaf()).stderr(Stdio::piped()).spawn().unwrap();
        child.wait_with_output().unwrap()
    });
    let both = command().stdout(deaf()).stderr(deaf()).status().unwrap();
    [said.code, both.code()]
}

#[test]
fn a_reader_that_has_gone_is_no_failure() {
    let folder = Folder::new();
    folder.draw(&[]).ok();
    for args in [
        &["models"][..],
        &["models", "--json"],
        &["info", "result.png"],
        &["info", "--json", "result.png"],
        &["--help"],
        &SMALL,
        &[&SMALL[..], &["--json"]].concat(),
    ] {
        let zao = || {
            let mut zao = folder.zao();
            zao.args(args);
            zao
        };
        assert_eq!(codes(zao), [Some(0); 2], "{args:?}");
    }
}

#[test]
fn a_complaint_that_nobody_hears_is_still_a_failure() {
    let folder = Folder::new();
    let zao = || {
        let mut zao = folder.zao();
        zao.args(["generate", "x", "--size", "1x1"]);
        zao
    };
    assert_eq!(codes(zao), [Some(2); 2]);
}

#[test]
fn a_picture_that_nobody_reads_is_a_failure() {
    let folder = Folder::new();
    let zao = || {
        let mut zao = folder.zao();
        zao.args(SMALL).args(["--output", "-"]);
        zao
    };
    assert_eq!(codes(zao), [Some(1); 2]);
}

#[cfg(target_os = "linux")]
#[test]
fn a_result_that_cannot_be_written_is_a_failure() {
    let folder = Folder::new();
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let said = Said::of(folder.zao().arg("models").stdout(full));
    said.complains(1, &["standard output", "No space left"]);
}
