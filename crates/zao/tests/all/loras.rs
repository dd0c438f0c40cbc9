//! Drawing with LoRAs: by name or path, with scales, again from the recipe; and what is said when one does not fit.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::folder::Folder;

fn golden(name: &str) -> PathBuf {
    let folder = "../zao-engine/tests/goldens/adapters";
    Path::new(env!("CARGO_MANIFEST_DIR")).join(folder).join(format!("{name}.safetensors"))
}

/// Puts a LoRA where `zao` looks for them.
fn place(folder: &Folder, name: &str, as_name: &str) -> PathBuf {
    let to = folder.aside(&format!("zao/loras/{as_name}.safetensors"));
    fs::create_dir_all(to.parent().unwrap()).unwrap();
    fs::copy(golden(name), &to).unwrap();
    to
}

fn recipe(folder: &Folder, picture: &str) -> Value {
    serde_json::from_slice(&folder.run(&["info", "--json", picture]).ok().out).unwrap()
}

#[test]
fn loras_change_pictures_and_stand_in_their_recipes() {
    let folder = Folder::new();
    place(&folder, "kohya", "ink");
    let second = golden("second");
    let second = format!("{}:-0.5", second.to_str().unwrap());
    let seed = ["--seed", "3"];
    folder.draw(&[&seed[..], &["--output", "plain.png"]].concat()).ok();
    folder.draw(&[&seed[..], &["--lora", "ink", "--lora", &second]].concat()).ok();
    assert_ne!(folder.pixels("result.png"), folder.pixels("plain.png"));
    let loras = recipe(&folder, "result.png")["loras"].clone();
    assert_eq!(loras[0]["name"], "ink");
    assert_eq!((&loras[1]["name"], &loras[1]["scale"]), (&"second".into(), &(-0.5).into()));
    assert_eq!(loras[0]["sha256"].as_str().unwrap().len(), 64);
    let said = folder.run(&["info", "result.png"]).ok();
    assert!(said.text().contains("ink: 1.0, second: -0.5"), "{said:?}");

    // Both have to be found by name to draw it again.
    let from = ["generate", "--from", "result.png", "--output", "again.png"];
    folder.run(&from).complains(2, &["second", "zao loras"]);
    let second = place(&folder, "second", "second");
    assert_eq!(folder.run(&from).ok().err, "");
    assert_eq!(folder.bytes("again.png"), folder.bytes("result.png"));
    fs::copy(golden("kohya"), second).unwrap();
    let said = folder.run(&from).ok();
    assert!(said.err.contains("another file called second"), "{said:?}");
}

#[test]
fn a_scale_of_zero_is_no_lora() {
    let folder = Folder::new();
    place(&folder, "kohya", "ink");
    folder.draw(&["--seed", "3", "--output", "plain.png"]).ok();
    folder.draw(&["--seed", "3", "--lora", "ink:0"]).ok();
    assert_eq!(folder.pixels("result.png"), folder.pixels("plain.png"));
}

#[test]
fn merged_loras_draw_nearly_the_same_picture_and_the_same_again() {
    let folder = Folder::new();
    place(&folder, "lokr", "ink");
    let lora = ["--seed", "3", "--lora", "ink:0.8"];
    folder.draw(&[&lora[..], &["--output", "followed.png"]].concat()).ok();
    folder.draw(&[&lora[..], &["--merge-lora"]].concat()).ok();
    let (merged, followed) = (folder.pixels("result.png"), folder.pixels("followed.png"));
    let pairs = merged.pixels.iter().zip(&followed.pixels);
    let worst = pairs.map(|(a, b)| a.abs_diff(*b)).max();
    assert!(worst <= Some(2), "{worst:?}");
    assert_eq!(recipe(&folder, "result.png")["loras"][0]["merged"], true);
    folder.run(&["generate", "--from", "result.png", "--output", "again.png"]).ok();
    assert_eq!(folder.bytes("again.png"), folder.bytes("result.png"));
}

#[test]
fn what_is_there_is_listed() {
    let folder = Folder::new();
    let said = folder.run(&["loras"]).ok();
    assert!(said.text().is_empty() && said.err.contains("no LoRA in"), "{said:?}");
    place(&folder, "kohya", "ink");
    place(&folder, "lokr", "brush");
    let said = folder.run(&["loras"]).ok();
    let lines: Vec<_> = said.text().lines().map(str::to_owned).collect();
    assert!(
        lines.len() == 3 && lines[1].starts_with("brush") && lines[2].starts_with("ink"),
        "{said:?}"
    );
    let listed: Value = serde_json::from_slice(&folder.run(&["loras", "--json"]).ok().out).unwrap();
    assert_eq!(listed[1]["name"], "ink");
}

#[test]
fn what_does_not_fit_is_said_before_anything_is_drawn() {
    let folder = Folder::new();
    folder.draw(&["--lora", "none"]).complains(2, &["\"none\"", "zao loras"]);
    folder.draw(&["--lora", "ink:nan"]).complains(2, &["scale"]);
    folder.draw(&["--merge-lora"]).complains(2, &["--lora"]);
    let other = golden("every-layer");
    folder.draw(&["--lora", other.to_str().unwrap()]).complains(1, &["every-layer", "[256, 256]"]);
    let broken = place(&folder, "kohya", "broken");
    fs::write(&broken, &fs::read(golden("kohya")).unwrap()[..5000]).unwrap();
    folder.draw(&["--lora", "broken"]).complains(1, &["broken.safetensors", "ends after"]);
    assert_eq!(folder.names(), [""; 0]);
}
