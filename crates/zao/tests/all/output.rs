//! Where pictures go: whole files or none, whatever stands in the way.

use std::fs::{self, File};
use std::process::Stdio;

use crate::folder::{Folder, SMALL};
use crate::said::{NOTICE, Said};

#[test]
fn a_name_without_extension_becomes_a_png() {
    let folder = Folder::new();
    for name in ["cat", "cat.", "dog.PNG", "a b"] {
        folder.draw(&["--output", name]).ok();
    }
    assert_eq!(folder.names(), ["a b.png", "cat.png", "dog.PNG"]);
    folder.draw(&["--output", "cat", "--count", "2"]).ok();
    assert_eq!(folder.names().len(), 5);
    folder.pixels("cat-2.png");
}

#[test]
fn an_existing_file_is_replaced() {
    let folder = Folder::new();
    fs::write(folder.path("result.png"), "old").unwrap();
    folder.draw(&[]).ok();
    assert_eq!(folder.names(), ["result.png"]);
    folder.pixels("result.png");
}

#[test]
fn a_missing_folder_is_told_before_drawing() {
    let folder = Folder::new();
    // Drawing this would take many minutes.
    let long = ["generate", "x", "--size", "2048x2048", "--steps", "1000"];
    let missing = ["--output", "no/such/cat.png"];
    folder.run(&[&long[..], &missing].concat()).complains(1, &["cat.png", "no/such", "create it"]);
    fs::write(folder.aside("file"), "").unwrap();
    let below_a_file = folder.aside("file/cat.png");
    let below_a_file = ["--output", below_a_file.to_str().unwrap()];
    folder.run(&[&long[..], &below_a_file].concat()).complains(1, &["cat.png"]);
    let name = format!("{}.png", "a".repeat(300));
    folder.run(&[&long[..], &["--output", &name]].concat()).complains(1, &["too long"]);
    fs::create_dir(folder.path("cat-2.png")).unwrap();
    let second = ["--output", "cat.png", "--count", "2"];
    folder.run(&[&long[..], &second].concat()).complains(2, &["cat-2.png", "folder"]);
    assert_eq!(folder.names(), ["cat-2.png"]);
}

/// Even the superuser cannot create files in this folder.
#[cfg(target_os = "linux")]
#[test]
fn an_unwritable_folder_is_told_before_drawing() {
    let folder = Folder::new();
    let long = ["generate", "x", "--size", "2048x2048", "--steps", "1000"];
    let there = ["--output", "/sys/cat.png"];
    folder.run(&[&long[..], &there].concat()).complains(1, &["/sys/cat.png", "--output"]);
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_leaves_nothing_behind() {
    let folder = Folder::new();
    folder.draw(&["--output", "/dev/full"]).complains(1, &["/dev/full", "No space left"]);

    // A file may grow to one block here; the signal that would kill for more is ignored.
    let limited = |args: &[&str]| {
        let script = "trap '' XFSZ; ulimit -f 1; exec \"$0\" \"$@\"";
        let zao = env!("CARGO_BIN_EXE_zao");
        Said::of(folder.command("/bin/sh").args(["-c", script, zao]).args(SMALL).args(args))
    };
    limited(&[]).complains(1, &["result.png", "too large"]);
    assert_eq!(folder.names(), [""; 0]);
    fs::write(folder.path("old.png"), "old").unwrap();
    limited(&["--output", "old.png"]).complains(1, &["old.png"]);
    assert_eq!((folder.names(), folder.bytes("old.png")), (vec!["old.png".into()], b"old".into()));
}

#[test]
fn two_runs_may_write_the_same_file() {
    let folder = Folder::new();
    let mut runs = ["64x64", "96x96"].map(|size| {
        let mut zao = folder.zao();
        zao.args(["generate", "x", "--steps", "1", "--quiet", "--size", size]).spawn().unwrap()
    });
    for run in &mut runs {
        assert!(run.wait().unwrap().success());
    }
    assert_eq!(folder.names(), ["result.png"]);
    assert!([64, 96].contains(&folder.pixels("result.png").width));
}

#[cfg(unix)]
#[test]
fn a_link_stays_and_its_file_is_replaced() {
    let folder = Folder::new();
    fs::write(folder.aside("picture.png"), "old").unwrap();
    std::os::unix::fs::symlink(folder.aside("picture.png"), folder.path("result.png")).unwrap();
    folder.draw(&[]).ok();
    assert!(fs::symlink_metadata(folder.path("result.png")).unwrap().is_symlink());
    zao_png::decode_rgb(&fs::read(folder.aside("picture.png")).unwrap()).unwrap();
}

#[cfg(unix)]
#[test]
fn a_name_need_not_be_text() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;

    let folder = Folder::new();
    let name = OsStr::from_bytes(b"caf\xe9.png");
    let said = Said::of(folder.zao().args(SMALL).arg("--json").arg("--output").arg(name)).ok();
    let generated: zao_api::Generated = serde_json::from_slice(&said.out).unwrap();
    assert_eq!(generated.images[0].file, "caf\u{fffd}.png");
    zao_png::decode_rgb(&fs::read(folder.path(name)).unwrap()).unwrap();
}

#[test]
fn standard_output_gets_the_picture_and_nothing_else() {
    let folder = Folder::new();
    for name in ["-", "/dev/stdout"] {
        let said = folder.draw(&["--seed", "3", "--output", name]).ok();
        folder.draw(&["--seed", "3"]).ok();
        assert!(said.out == folder.bytes("result.png"), "{name}");
        let lines: Vec<_> = said.err.lines().collect();
        assert!(lines[0].ends_with("64x64  seed 3") && said.err.ends_with(NOTICE), "{said:?}");
    }
    // Led to a file, it is still not to be opened, cut or replaced by its name.
    let mut zao = folder.zao();
    zao.args(SMALL).args(["--seed", "3", "--output", "/dev/stdout"]);
    zao.stdout(Stdio::from(File::create(folder.path("led.png")).unwrap()));
    Said::of(&mut zao).ok();
    assert_eq!(folder.bytes("led.png"), folder.bytes("result.png"));
    assert_eq!(folder.names(), ["led.png", "result.png"]);
}
