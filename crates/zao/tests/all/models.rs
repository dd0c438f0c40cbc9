//! What is installed, and which model draws when nobody says.

use std::fs;

use serde_json::Value;
use zao_api::Generated;

use crate::folder::Folder;
use crate::model_file;

fn list(folder: &Folder) -> Vec<Value> {
    serde_json::from_slice(&folder.run(&["models", "--json"]).ok().out).unwrap()
}

/// The name of the model that draws when nobody says, and what is said about that.
fn drawn_by(folder: &Folder, args: &[&str]) -> (String, String) {
    let said = folder.draw(&[&["--json"], args].concat()).ok();
    (serde_json::from_slice::<Generated>(&said.out).unwrap().model.name, said.err)
}

#[test]
fn the_built_in_model_is_always_there() {
    let folder = Folder::new();
    let said = folder.run(&["models"]).ok();
    let lines: Vec<_> = said.text().lines().collect();
    assert_eq!(lines.len(), 2, "{said:?}");
    assert!(lines[0].starts_with("NAME") && lines[1].starts_with("demo"), "{said:?}");
    assert_eq!(said.err, "zao: `zao pull z-image-turbo` installs the real model\n");
    let [demo] = &list(&folder)[..] else { panic!("not one model") };
    assert_eq!((&demo["name"], &demo["origin"]), (&"demo".into(), &"built-in".into()));
    assert_eq!(demo["weights"], "fp8 e4m3");
    assert!(demo["path"].is_null() && demo["bytes"].as_u64() > Some(18_000_000), "{demo}");
}

#[test]
fn a_model_in_the_store_is_listed_and_preferred() {
    let folder = Folder::new();
    model_file::place(&folder.installed("mine"));
    let listed = list(&folder);
    assert_eq!(listed.iter().map(|m| &m["name"]).collect::<Vec<_>>(), ["mine", "demo"]);
    assert_eq!(listed[0]["path"], folder.installed("mine").to_str().unwrap());
    assert_eq!(drawn_by(&folder, &[]).0, "mine");
    assert_eq!(drawn_by(&folder, &["--model", "demo"]).0, "demo");

    model_file::place(&folder.installed("z-image-turbo"));
    assert_eq!(drawn_by(&folder, &[]), ("z-image-turbo".into(), String::new()));
    assert_eq!(drawn_by(&folder, &["--model", "mine"]).0, "mine");
    let said = folder.run(&["models"]).ok();
    assert_eq!((said.text().lines().count(), said.err.as_str()), (4, ""), "{said:?}");
}

#[test]
fn a_model_that_is_not_whole_is_not_listed() {
    let folder = Folder::new();
    model_file::place(&folder.installed("z-image-turbo.partial"));
    model_file::place(&folder.installed("z-image-turbo"));
    fs::remove_file(folder.installed("z-image-turbo/transformer/config.json")).unwrap();
    assert_eq!(list(&folder).len(), 1);
    assert_eq!(drawn_by(&folder, &[]).0, "demo");
    for name in ["z-image-turbo", "z-image-turbo.partial"] {
        folder.draw(&["--model", name]).complains(2, &[name, "not whole", "zao pull"]);
    }
}

#[test]
fn the_hugging_face_cache_counts() {
    let folder = Folder::new();
    let cache = folder.aside("home/.cache/huggingface/hub/models--Tongyi-MAI--Z-Image-Turbo");
    model_file::place(&cache.join("snapshots/abc"));
    fs::create_dir_all(cache.join("refs")).unwrap();
    fs::write(cache.join("refs/main"), "abc").unwrap();
    assert_eq!(list(&folder)[0]["origin"], "hugging-face-cache");
    assert_eq!(drawn_by(&folder, &[]), ("z-image-turbo".into(), String::new()));
}
