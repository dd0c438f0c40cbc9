//! `--quality`, `--size auto` and `--steps auto`: what is drawn, and what is said about it.

use crate::folder::Folder;
use crate::said::NOTICE;

const FAST: [&str; 4] = ["--steps", "1", "--seed", "1"];

#[test]
fn qualities_are_shares_of_the_models_own_size() {
    let folder = Folder::new();
    for (quality, side) in [("draft", 192), ("standard", 256), ("high", 320)] {
        let said = folder.run(&[&["generate", "x", "--quality", quality], &FAST[..]].concat()).ok();
        assert_eq!(said.err, NOTICE, "what was asked for needs no words");
        let picture = folder.pixels("result.png");
        assert_eq!((picture.width, picture.height), (side, side), "{quality}");
    }
}

#[test]
fn auto_goes_by_what_the_prompt_asks_for_and_says_so() {
    let folder = Folder::new();
    let long = "a red apple and a green apple and a blue cat ".repeat(20);
    for (prompt, quality, side) in [("a cat", "draft", 192), (&long, "high", 320)] {
        for option in [["--size", "auto"], ["--quality", "auto"]] {
            let said = folder.run(&[&["generate", prompt], &option[..], &FAST].concat()).ok();
            let remark = said.err.lines().next().unwrap();
            for part in [&format!("{side}x{side}"), quality, "words"] {
                assert!(remark.contains(part), "no {part} in {remark}");
            }
            assert_eq!(folder.pixels("result.png").width, side);
        }
    }
}

#[test]
fn quality_goes_before_the_size_of_the_picture_drawn_again() {
    let folder = Folder::new();
    folder.draw(&FAST).ok();
    let again = ["generate", "--from", "result.png", "--output", "high.png"];
    folder.run(&[&again[..], &["--quality", "high"]].concat()).ok();
    assert_eq!(folder.pixels("high.png").width, 320);
    // The recipe knows the size that was drawn, not the word for it.
    folder.run(&["generate", "--from", "high.png", "--output", "again.png"]).ok();
    assert_eq!(folder.bytes("again.png"), folder.bytes("high.png"));
}

#[test]
fn steps_go_by_what_the_prompt_asks_for_and_say_so() {
    let folder = Folder::new();
    let complex = "a poster \"Spring Fair\" above a crowd of people, a band on the left, two children holding balloons in \
                   front of a carousel, a dog next to a bicycle, lanterns, confetti";
    for (prompt, steps) in [("a cat", 7), (complex, 9)] {
        let args = ["generate", prompt, "--steps", "auto", "--size", "32x32", "--seed", "1"];
        let said = folder.run(&args).ok();
        let remark = said.err.lines().next().unwrap();
        assert!(remark.contains(&format!("in {steps} steps of usually 8: ")), "{remark}");
        let info = folder.run(&["info", "result.png", "--json"]).ok();
        let recipe: zao_api::Recipe = serde_json::from_slice(&info.out).unwrap();
        assert_eq!(recipe.steps, steps);
    }
    folder.run(&["generate", "a", "--steps", "few"]).complains(2, &["few", "whole number"]);
}
