//! `zao info`: what a file tells about itself.

use std::fs;

use zao_api::{Recipe, Rng};

use crate::folder::Folder;
use crate::from::foreign_png;

#[test]
fn a_picture_tells_its_recipe() {
    let folder = Folder::new();
    folder.draw(&["--seed", "42", "--rng", "nv", "--guidance", "1.5", "--negative", "grey"]).ok();
    let said = folder.run(&["info", "result.png"]).ok();
    for part in ["64x64", "demo", "a red apple", "Negative prompt: grey", "Seed: 42", "--from"] {
        assert!(said.text().contains(part), "no {part:?} in {said:?}");
    }
    let said = folder.run(&["info", "--json", "result.png"]).ok();
    let recipe: Recipe = serde_json::from_slice(&said.out).unwrap();
    assert_eq!((recipe.prompt.as_str(), recipe.seed), ("a red apple", 42));
    assert_eq!((recipe.rng, recipe.guidance), (Rng::Nv, 1.5));
    assert_eq!(recipe.negative_prompt.as_deref(), Some("grey"));
    assert_eq!((recipe.width, recipe.height, recipe.steps), (64, 64, 8));
}

#[test]
fn pictures_of_others_tell_what_they_know() {
    let folder = Folder::new();
    let parameters = "a dog\nSteps: 20, Sampler: Euler a, CFG scale: 7, Seed: 5, Size: 64x64";
    foreign_png(&folder.path("a.png"), &[("parameters", parameters)]);
    let said = folder.run(&["info", "a.png"]).ok();
    assert!(said.text().contains("another tool") && said.text().contains("Seed: 5"), "{said:?}");
    folder.run(&["info", "--json", "a.png"]).complains(1, &["a.png", "no recipe"]);

    foreign_png(&folder.path("b.png"), &[]);
    assert!(folder.run(&["info", "b.png"]).ok().text().contains("does not say"));
}

#[test]
fn long_and_hostile_texts_are_tamed() {
    let folder = Folder::new();
    let long = "n".repeat(100_000);
    foreign_png(&folder.path("a.png"), &[("workflow", &long), ("Author", "\u{1b}]0;gotcha\u{7}")]);
    let said = folder.run(&["info", "a.png"]).ok();
    assert!(said.text().len() < 1000 && said.text().contains("99500 characters more"), "{said:?}");
    assert!(!said.text().contains(['\u{1b}', '\u{7}']), "{said:?}");
    assert!(said.text().contains("gotcha"), "{said:?}");
}

#[test]
fn what_is_no_whole_png_is_told() {
    let folder = Folder::new();
    folder.draw(&["--output", "whole.png"]).ok();
    let whole = folder.bytes("whole.png");
    fs::write(folder.path("half.png"), &whole[..whole.len() / 2]).unwrap();
    fs::write(folder.path("text.png"), "text").unwrap();
    for name in ["half.png", "text.png", "missing.png", "."] {
        folder.run(&["info", name]).complains(1, &[name]);
    }
}
