//! `zao generate --prompts`: lists of prompts. How their forms are read is tested beside the readers.

use std::fs;
use std::fs::File;

use serde_json::Value;

use crate::folder::Folder;
use crate::said::{NOTICE, Said};

/// Lists are drawn small.
const SMALL: [&str; 4] = ["--size", "32x32", "--steps", "2"];

fn draw(folder: &Folder, list: &str, args: &[&str]) -> Said {
    folder.run(&[&["generate", "--prompts", list], &SMALL[..], args].concat())
}

/// The lines of the manifest.
fn manifest(folder: &Folder) -> Vec<Value> {
    let text = String::from_utf8(folder.bytes("result.manifest.jsonl")).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn pictures(folder: &Folder) -> Vec<String> {
    folder.names().into_iter().filter(|name| name.ends_with(".png")).collect()
}

#[test]
fn every_picture_of_a_list_is_the_one_that_its_row_gives_alone() {
    let folder = Folder::new();
    let rows = r#"{"prompt": "a red apple", "seed": 7}
{"prompt": "a {blue|green} cat", "seed": 3, "size": "48x32", "count": 2}
{"prompt": "an owl", "negative_prompt": "a cat", "guidance": 1.5, "steps": 3, "output": "owl.png"}
{"prompt": "红苹果，绿色背景", "steps": "auto", "rng": "nv"}
{"prompt": "a car", "size": "auto", "steps": 1}
"#;
    fs::write(folder.path("list.jsonl"), rows).unwrap();
    let said = draw(&folder, "list.jsonl", &["--seed", "100", "--json"]).ok();
    let told: Value = serde_json::from_slice(&said.out).unwrap();
    assert_eq!((&told["drawn"], &told["failed"]), (&6.into(), &0.into()), "{told}");
    let files =
        ["owl.png", "result-1.png", "result-2.png", "result-3.png", "result-5.png", "result-6.png"];
    assert_eq!(pictures(&folder), files);
    for picture in told["pictures"].as_array().unwrap() {
        let file = picture["file"].as_str().unwrap();
        let size = format!("{}x{}", picture["width"], picture["height"]);
        let (prompt, seed) = (picture["prompt"].as_str().unwrap(), picture["seed"].to_string());
        let alone = ["generate", prompt, "--seed", &seed, "--output", "alone.png", "--size", &size];
        let more: &[&str] = match picture["row"].as_u64().unwrap() {
            3 => &["--negative", "a cat", "--guidance", "1.5", "--steps", "3"],
            4 => &["--steps", "7", "--rng", "nv"],
            5 => &["--steps", "1"],
            _ => &["--steps", "2"],
        };
        folder.run(&[&alone[..], more].concat()).ok();
        assert!(folder.bytes(file) == folder.bytes("alone.png"), "{picture}");
    }
    let seeds: Vec<_> = told["pictures"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["seed"].as_u64().unwrap())
        .collect();
    assert_eq!(seeds, [7, 3, 4, 102, 103, 104]);
}

#[test]
fn a_list_is_gone_on_with_and_only_what_changed_is_drawn_again() {
    let folder = Folder::new();
    fs::write(folder.path("list.txt"), "# two\na red apple\na cat\n").unwrap();
    let said = draw(&folder, "list.txt", &[]).ok();
    assert_eq!(said.text().lines().count(), 2, "{said:?}");
    assert!(
        said.err.contains("2 of 2 pictures drawn in ") && said.err.ends_with(NOTICE),
        "{said:?}"
    );
    let before = (folder.bytes("result-1.png"), manifest(&folder));
    assert_eq!(before.1.len(), 3);
    fs::write(folder.path("result-2.png"), "other").unwrap();
    let again = draw(&folder, "list.txt", &[]).ok();
    assert!(
        again.err.contains("0 of 2 pictures drawn") && again.err.contains("2 already there"),
        "{again:?}"
    );
    assert_eq!(folder.bytes("result-2.png"), b"other", "it was not drawn again");
    assert_eq!((folder.bytes("result-1.png"), manifest(&folder)), before, "nor with another seed");

    fs::remove_file(folder.path("result-2.png")).unwrap();
    assert!(draw(&folder, "list.txt", &[]).ok().err.contains("1 of 2 pictures drawn"));

    fs::write(folder.path("list.txt"), "a red apple\na dog\nan owl\n").unwrap();
    draw(&folder, "list.txt", &[]).complains(2, &["result.manifest.jsonl", "--resume", "--fresh"]);
    let said = draw(&folder, "list.txt", &["--resume"]).ok();
    assert!(
        said.err.contains("2 of 3 pictures drawn") && said.err.contains("1 already there"),
        "{said:?}"
    );
    assert_eq!(folder.bytes("result-1.png"), before.0);
    assert_eq!(manifest(&folder)[1]["line"], 1, "where the row is now");
    let said = draw(&folder, "list.txt", &["--fresh", "--seed", "1"]).ok();
    assert!(said.err.contains("3 of 3 pictures drawn"), "{said:?}");
    let other = draw(&folder, "list.txt", &["--guidance", "0.5"]).ok();
    assert!(
        other.err.contains("3 of 3 pictures drawn"),
        "other settings, other pictures: {other:?}"
    );
}

#[test]
fn a_row_that_cannot_be_drawn_stops_no_other() {
    let folder = Folder::new();
    let rows =
        "prompt,size,lora,model\na cat,100x100,,\na dog,,nobody,\nan owl,,,\na car,,,z-image\n";
    fs::write(folder.path("list.csv"), rows).unwrap();
    let said = draw(&folder, "list.csv", &["--seed", "1"]);
    assert_eq!((said.code, said.text().lines().count()), (Some(1), 1), "{said:?}");
    for part in [
        "row 1 (line 2): the size 100x100 is not a multiple of 16; the nearest is 96x96",
        "row 2 (line 3): no LoRA \"nobody\"",
        "row 4 (line 5): it asks for the model \"z-image\"",
        "zao: 1 of 4 pictures drawn in ",
        ", 3 failed\n",
    ] {
        assert!(said.err.contains(part), "no {part} in {said:?}");
    }
    assert_eq!(pictures(&folder), ["result-3.png"]);
    let failed = manifest(&folder).iter().filter(|line| line["status"] == "failed").count();
    assert_eq!(failed, 3);
}

#[test]
fn a_dry_run_says_what_would_be_drawn_and_draws_nothing() {
    let folder = Folder::new();
    fs::write(folder.path("list.txt"), "a {red|blue|green} {cat|dog}\n").unwrap();
    let dry = |args: &[&str]| {
        let list = ["--prompts", "list.txt", "--dry-run", "--json", "--count", "8"];
        let said = folder.run(&[&["generate"], &list[..], args].concat()).ok();
        let plan: Value = serde_json::from_slice(&said.out).unwrap();
        let pictures = plan["pictures"].as_array().unwrap();
        let prompts = pictures.iter().map(|picture| picture["prompt"].as_str().unwrap().to_owned());
        prompts.collect::<Vec<_>>()
    };
    let first = dry(&["--seed", "5"]);
    assert_eq!(first, dry(&["--seed", "5"]), "the same seed, the same words");
    assert_ne!(first, dry(&["--seed", "6"]));
    assert!(first.iter().any(|prompt| *prompt != first[0]), "every picture has words of its own");
    let said = folder.run(&["generate", "--prompts", "list.txt", "--dry-run", "--seed", "5"]).ok();
    let lines: Vec<_> = said.text().lines().collect();
    assert!(lines[0].starts_with("ROW") && lines[1].ends_with(&*first[0]), "{said:?}");
    assert_eq!(lines[2], "1 to draw, all of equal cost; seed 5");
    assert_eq!(folder.names(), ["list.txt"]);
}

#[test]
fn a_list_may_come_from_standard_input() {
    let folder = Folder::new();
    fs::write(folder.aside("list.txt"), "a cat\na dog\n").unwrap();
    let mut zao = folder.zao();
    zao.args(["generate", "--prompts", "-", "--output", "pets.png"]).args(SMALL);
    Said::of(zao.stdin(File::open(folder.aside("list.txt")).unwrap())).ok();
    assert_eq!(folder.names(), ["pets-1.png", "pets-2.png", "pets.manifest.jsonl"]);
}

#[test]
fn what_is_wrong_with_a_list_is_told_with_its_place_before_anything_is_drawn() {
    let folder = Folder::new();
    for (name, content, parts) in [
        ("a.txt", "a cat\na {red|blue dog\n", &["a.txt, line 2, column 3", "never closed"][..]),
        ("a.csv", "prompt,colour\na,b\n", &["line 1, column 8", "colour"]),
        ("a.jsonl", "{\"prompt\": 1}\n", &["line 1", "prompt"]),
        ("b.txt", "# nothing\n", &["no prompts"]),
        ("b.csv", "prompt,output\na,x.png\nb,x.png\n", &["x.png", "different outputs"]),
        ("c.csv", "prompt,output\na,x.jpg\n", &["line 2", "x.jpg", "png"]),
        ("d.csv", "prompt,output\na,no/x.png\n", &["no/x.png", "create it"]),
    ] {
        fs::write(folder.path(name), content).unwrap();
        let said = draw(&folder, name, &[]);
        assert!([Some(1), Some(2)].contains(&said.code), "{said:?}");
        for part in parts {
            assert!(said.complaint(said.code.unwrap()).contains(part), "no {part} in {said:?}");
        }
    }
    fs::write(folder.path("c.txt"), "a").unwrap();
    draw(&folder, "c.txt", &["--output", "-"]).complains(2, &["--output"]);
    folder.run(&["generate", "a cat", "--prompts", "c.txt"]).complains(2, &["--prompts"]);
    folder.run(&["generate", "a cat", "--dry-run"]).complains(2, &["--prompts"]);
    draw(&folder, "none.txt", &[]).complains(1, &["none.txt"]);
    assert!(pictures(&folder).is_empty());
}
