//! Lists of words in prompts: `__colour__` from a folder, in lists of prompts and on the command line. How they are chosen from is
//! tested where that is done.

use std::fs;

use serde_json::Value;

use crate::folder::Folder;
use crate::said::Said;

const SMALL: [&str; 4] = ["--size", "32x32", "--steps", "1"];

/// A folder with lists of words in it, and a list of prompts that names them.
fn folder() -> Folder {
    let folder = Folder::new();
    fs::create_dir_all(folder.path("wildcards/animals")).unwrap();
    write(&folder, "wildcards/colour.txt", "# warm\nred\n\n3::orange\n");
    write(&folder, "wildcards/animals/dogs.txt", "a poodle\na __colour__ borzoi\n");
    write(&folder, "list.txt", "a __colour__ apple\na cat and __animals/dogs__\na plain car\n");
    folder
}

fn write(folder: &Folder, name: &str, text: &str) {
    fs::write(folder.path(name), text).unwrap();
}

fn list(folder: &Folder, args: &[&str]) -> Said {
    let fixed = ["generate", "--prompts", "list.txt", "--seed", "5", "--json"];
    folder.run(&[&fixed[..], &SMALL, args].concat())
}

/// The prompts that were drawn, and how many were there already.
fn prompts(said: &Said) -> (Vec<String>, Value) {
    let told: Value = serde_json::from_slice(&said.out).unwrap();
    let pictures = told["pictures"].as_array().unwrap();
    let prompts = pictures.iter().map(|picture| picture["prompt"].as_str().unwrap().to_owned());
    (prompts.collect(), told["there"].clone())
}

#[test]
fn a_row_has_the_words_of_lists_beside_it() {
    let folder = folder();
    let (drawn, _) = prompts(&list(&folder, &["--dry-run"]).ok());
    assert!(["a red apple", "a orange apple"].contains(&drawn[0].as_str()), "{drawn:?}");
    assert!(drawn[1].starts_with("a cat and a ") && !drawn[1].contains("__"), "{drawn:?}");
    assert_eq!(drawn[2], "a plain car");
    // The folder that is named counts alone; another is where models are.
    fs::create_dir(folder.path("other")).unwrap();
    write(&folder, "other/colour.txt", "green");
    list(&folder, &["--dry-run", "--wildcards", "other"])
        .complains(2, &["line 2", "animals/dogs.txt in other"]);
    fs::rename(folder.path("wildcards"), folder.aside("zao/wildcards")).unwrap();
    let (again, _) = prompts(&list(&folder, &["--dry-run"]).ok());
    assert_eq!(again, drawn);
    list(&folder, &["--dry-run", "--wildcards", "nowhere"]).complains(2, &["no folder nowhere"]);
}

#[test]
fn what_was_drawn_keeps_its_words_though_its_lists_change() {
    let folder = folder();
    let (drawn, there) = prompts(&list(&folder, &[]).ok());
    assert_eq!(there, 0);
    let pictures = || [1, 2, 3].map(|number| folder.bytes(&format!("result-{number}.png")));
    let before = pictures();
    write(&folder, "wildcards/colour.txt", "violet\n");
    fs::remove_dir_all(folder.path("wildcards/animals")).unwrap();
    let (again, there) = prompts(&list(&folder, &[]).ok());
    assert_eq!((&again, there), (&drawn, 3.into()));
    assert!(pictures() == before, "nothing is drawn anew");
    // A picture that is gone is drawn again with the words that it had.
    fs::remove_file(folder.path("result-2.png")).unwrap();
    let (again, there) = prompts(&list(&folder, &[]).ok());
    assert_eq!((&again, there), (&drawn, 2.into()));
    assert!(pictures() == before);
    // What is asked for anew has the words of today.
    write(&folder, "list.txt", "a __colour__ apple\na __colour__ car\n");
    let (changed, there) = prompts(&list(&folder, &["--resume"]).ok());
    assert_eq!((&changed[..], there), (&[drawn[0].clone(), "a violet car".into()][..], 1.into()));
    let (fresh, _) = prompts(&list(&folder, &["--fresh"]).ok());
    assert_eq!(fresh, ["a violet apple", "a violet car"]);
}

#[test]
fn the_prompt_of_the_command_line_is_a_pattern_where_a_folder_is_named() {
    let folder = folder();
    let prompt = "a __colour__ {cat|dog}";
    let draw = |more: &[&str]| {
        folder.run(&[&["generate", prompt, "--seed", "3"], &SMALL[..], more].concat())
    };
    let said = draw(&["--wildcards", "wildcards", "-n", "3", "--json"]).ok();
    let told: Value = serde_json::from_slice(&said.out).unwrap();
    let recipe = |number: usize| -> Value {
        let said = folder.run(&["info", &format!("result-{number}.png"), "--json"]).ok();
        serde_json::from_slice(&said.out).unwrap()
    };
    for number in 1..=3 {
        let prompt = recipe(number)["prompt"].as_str().unwrap().to_owned();
        assert!(!prompt.contains(['_', '{', '|']), "{prompt}");
        assert!(said.err.contains(&format!("prompt {number}: {prompt}")), "{said:?}");
        let image = &told["images"][number - 1];
        assert_eq!((image["prompt"].as_str(), &image["steps"]), (Some(&*prompt), &told["steps"]));
        // The words are those of the first seed; each picture is the one that its prompt gives alone.
        let seed = (number + 2).to_string();
        folder
            .run(&[&["generate", &prompt, "--seed", &seed, "-o", "alone.png"], &SMALL[..]].concat())
            .ok();
        assert!(folder.bytes("alone.png") == folder.bytes(&format!("result-{number}.png")));
    }
    let said = draw(&[]).ok();
    assert!(said.err.contains("__colour__ is drawn as it is written"), "{said:?}");
    folder.run(&["generate", "a __colours__ cat", "--wildcards", "wildcards"]).complains(
        2,
        &[
            "the prompt, line 1, column 3",
            "no list colours.txt in wildcards",
            "__colour__ is meant",
        ],
    );
}
