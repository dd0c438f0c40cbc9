//! `zao generate` when all is well: which pictures, which seeds, what is said.

use zao_api::Generated;

use crate::folder::Folder;
use crate::said::NOTICE;

fn generated(json: &[u8]) -> Generated {
    serde_json::from_slice(json).unwrap()
}

#[test]
fn the_first_command_draws_a_picture() {
    let folder = Folder::new();
    let args = ["generate", "a red apple on a blue background", "--seed", "42"];
    let said = folder.run(&args).ok();
    assert_eq!(folder.names(), ["result.png"]);
    let picture = folder.pixels("result.png");
    assert_eq!((picture.width, picture.height), (256, 256));
    assert!(said.text().starts_with("result.png  256x256  seed 42\n"), "{said:?}");
    assert_eq!(said.err, NOTICE);
    let corner = &picture.pixels[..3];
    assert!(corner[2] > 150 && corner[0] < 100, "the background is not blue: {corner:?}");
}

#[test]
fn a_seed_that_nobody_gave_is_printed_and_draws_the_same_again() {
    let folder = Folder::new();
    let first = folder.draw(&[]).ok().seeds();
    let other = folder.draw(&["--output", "other.png"]).ok().seeds();
    assert_ne!(first, other, "seeds are random");
    let again = folder.draw(&["--seed", &first[0].to_string(), "--output", "again.png"]).ok();
    assert_eq!(again.seeds(), first);
    assert_eq!(folder.pixels("again.png"), folder.pixels("result.png"));
    assert_ne!(folder.pixels("other.png"), folder.pixels("result.png"));
}

#[test]
fn several_pictures_count_their_seeds_up_and_are_those_of_single_runs() {
    let folder = Folder::new();
    let said = folder.draw(&["--count", "3", "--seed", "7", "--steps", "2"]).ok();
    assert_eq!(said.seeds(), [7, 8, 9]);
    assert_eq!(folder.names(), ["result-1.png", "result-2.png", "result-3.png"]);
    for (i, seed) in (1..=3).zip(["7", "8", "9"]) {
        folder.draw(&["--seed", seed, "--steps", "2", "--output", "alone.png"]).ok();
        assert_eq!(folder.pixels(&format!("result-{i}.png")), folder.pixels("alone.png"), "{i}");
        // The recipe says nothing of the batch, so even the files are the same.
        assert_eq!(folder.bytes(&format!("result-{i}.png")), folder.bytes("alone.png"), "{i}");
    }
}

#[test]
fn the_largest_seed_is_a_seed_and_the_next_is_zero() {
    let folder = Folder::new();
    let said = folder.draw(&["--count", "2", "--seed", &u64::MAX.to_string()]).ok();
    assert_eq!(said.seeds(), [u64::MAX, 0]);
}

#[test]
fn the_prompt_may_be_an_option_and_start_with_a_dash() {
    let folder = Folder::new();
    let small = ["--size", "64x64", "--steps", "1", "--seed", "1"];
    for (name, prompt) in [
        ("a.png", &["a cat"][..]),
        ("b.png", &["--prompt", "a cat"]),
        ("c.png", &["--prompt=-a cat"]),
        ("d.png", &["--", "-a cat"]),
    ] {
        folder.run(&[&["generate", "--output", name], &small[..], prompt].concat()).ok();
    }
    assert_eq!(folder.bytes("a.png"), folder.bytes("b.png"));
    assert_eq!(folder.bytes("c.png"), folder.bytes("d.png"));
    assert_ne!(folder.bytes("a.png"), folder.bytes("c.png"));
}

#[test]
fn sizes_are_given_whole_or_by_side() {
    let folder = Folder::new();
    for (size, expected) in [
        (&["--size", "96x64"][..], (96, 64)),
        (&["--width", "96", "--height", "64"], (96, 64)),
        (&["--width", "32"], (32, 32)),
    ] {
        let args = [&["generate", "x", "--steps", "1"], size].concat();
        folder.run(&args).ok();
        let picture = folder.pixels("result.png");
        assert_eq!((picture.width, picture.height), expected, "{size:?}");
    }
}

#[test]
fn json_is_one_object_and_nothing_else() {
    let folder = Folder::new();
    let args = ["--json", "--count", "2", "--seed", "5", "--steps", "3", "--output", "x.png"];
    let said = folder.draw(&args).ok();
    assert_eq!(said.err, NOTICE, "no progress where nobody looks");
    let Generated { images, prompt, model, precision, precision_reason, stages, .. } =
        generated(&said.out);
    let Generated { steps, step_seconds, .. } = generated(&said.out);
    let named: Vec<_> = images.iter().map(|image| (image.file.as_str(), image.seed)).collect();
    assert_eq!(named, [("x-1.png", 5), ("x-2.png", 6)]);
    assert_eq!((images[0].width, images[0].height), (64, 64));
    assert_eq!((prompt.as_str(), model.name.as_str()), ("a red apple", "demo"));
    assert_eq!((precision.as_str(), steps, step_seconds.len()), ("f32", 3, 3));
    assert!(precision_reason.contains("small"), "{precision_reason}");
    let parts = stages.load + stages.text + stages.denoise + stages.decode + stages.encode_png;
    assert!(stages.denoise > 0.0 && parts <= stages.total, "{stages:?}");
}

#[test]
fn quiet_says_nothing() {
    let folder = Folder::new();
    let said = folder.draw(&["--quiet"]).ok();
    assert_eq!((said.text(), said.err.as_str()), ("", ""));
    let said = folder.draw(&["--quiet", "--json"]).ok();
    assert_eq!((generated(&said.out).images.len(), said.err.as_str()), (1, ""));
    assert_eq!(folder.names(), ["result.png"]);
}

#[test]
fn an_endless_prompt_is_cut_and_still_drawn() {
    let folder = Folder::new();
    let prompt = "apple ".repeat(700);
    let args = ["generate", &prompt, "--size", "64x64", "--steps", "1", "--json", "--count", "2"];
    let said = folder.run(&args).ok();
    let warnings = generated(&said.out).warnings;
    let [warning] = &warnings[..] else { panic!("{warnings:?}") };
    assert_eq!(said.err, format!("zao: {warning}\n{NOTICE}"));
    let numbers: Vec<usize> = warning.split(' ').filter_map(|word| word.parse().ok()).collect();
    // No word of the prompt is less than one token, and at most 512 tokens are read.
    assert!(numbers.contains(&512) && numbers[0] >= 700 - 512, "{warning}");
    folder.pixels("result-2.png");
}

#[test]
fn options_without_effect_are_told() {
    let folder = Folder::new();
    let said = folder.draw(&["--negative", "blue"]).ok();
    assert_eq!(said.err, format!("zao: --negative has no effect without --guidance\n{NOTICE}"));
    let said = folder.draw(&["--negative", "blue", "--guidance", "1"]).ok();
    assert_eq!(said.err, NOTICE);
}
