//! `--image`, `--mask` and `--strength`: pictures made of pictures, and files that are none.

use std::fs;
use std::path::Path;

use zao_api::{Generated, Recipe};

use crate::folder::Folder;

/// A grey picture of this size as a PNG, white left of `border` and black right of it.
fn mask(path: &Path, (width, height): (u32, u32), border: u32) {
    let mut encoder = png::Encoder::new(fs::File::create(path).unwrap(), width, height);
    encoder.set_color(png::ColorType::Grayscale);
    let values = (0..width * height).map(|at| if at % width < border { 255 } else { 0 });
    let values: Vec<u8> = values.collect();
    encoder.write_header().unwrap().write_image_data(&values).unwrap();
}

/// A folder with `apple.png` of 64x64 in it.
fn with_apple() -> Folder {
    let folder = Folder::new();
    let prompt = "a red apple on a blue background";
    folder
        .run(&["generate", prompt, "--size", "64x64", "--seed", "1", "--output", "apple.png"])
        .ok();
    folder
}

fn recipe(folder: &Folder, name: &str) -> Recipe {
    serde_json::from_slice(&folder.run(&["info", "--json", name]).ok().out).unwrap()
}

const PROMPT: &str = "a cat on a yellow background";

const EDIT: [&str; 6] = ["generate", PROMPT, "--seed", "2", "--image", "apple.png"];

#[test]
fn a_picture_is_made_of_a_picture_in_its_size_and_with_a_part_of_the_steps() {
    let folder = with_apple();
    let said = folder.run(&[&EDIT[..], &["--json"]].concat()).ok();
    let generated: Generated = serde_json::from_slice(&said.out).unwrap();
    assert_eq!((generated.images[0].width, generated.images[0].height), (64, 64));
    assert_eq!((generated.steps, generated.step_seconds.len()), (5, 5));
    assert!(generated.stages.encode > 0.0);
    let image = recipe(&folder, "result.png").image.unwrap();
    assert_eq!((image.strength, image.mask_sha256), (0.6, None));
    assert_eq!(recipe(&folder, "result.png").steps, 8);

    let first = folder.pixels("result.png");
    folder.run(&[&EDIT[..], &["--strength", "0.25"]].concat()).ok();
    let weak = folder.pixels("result.png");
    assert_ne!(first, weak);
    let distance = |other: &[u8]| -> u64 {
        let apple = folder.pixels("apple.png").pixels;
        apple.iter().zip(other).map(|(a, b)| u64::from(a.abs_diff(*b))).sum()
    };
    assert!(4 * distance(&weak.pixels) < distance(&first.pixels), "less strength, less change");
}

#[test]
fn other_sizes_are_resized_to() {
    let folder = with_apple();
    for (args, expected) in [
        (&["--size", "96x32"][..], (96, 32)),
        (&["--width", "128"], (128, 128)),
        (&["--quality", "draft"], (192, 192)),
    ] {
        folder.run(&[&EDIT[..], &["--strength", "0.2"], args].concat()).ok();
        let picture = folder.pixels("result.png");
        assert_eq!((picture.width, picture.height), expected, "{args:?}");
    }
    folder.run(&[&EDIT[..], &["--size", "100x100"]].concat()).complains(2, &["96x96"]);
    folder.run(&[&EDIT[..], &["--size", "4000000000x16"]].concat()).complains(2, &["2048"]);
}

#[test]
fn a_mask_keeps_what_is_black() {
    let folder = with_apple();
    // Of another size than the picture.
    mask(&folder.path("mask.png"), (32, 16), 8);
    let said = folder.run(&[&EDIT[..], &["--mask", "mask.png"]].concat()).ok();
    assert!(said.text().starts_with("result.png  64x64  seed 2\n"), "{said:?}");
    let image = recipe(&folder, "result.png").image.unwrap();
    assert_eq!((image.strength, image.mask_sha256.is_some()), (1.0, true));
    let (apple, result) = (folder.pixels("apple.png"), folder.pixels("result.png"));
    let error = |columns: std::ops::Range<usize>| -> f64 {
        let rows = apple.pixels.chunks(3 * 64).zip(result.pixels.chunks(3 * 64));
        let part = 3 * columns.start..3 * columns.end;
        let pairs = rows.flat_map(|(a, b)| a[part.clone()].iter().zip(&b[part.clone()]));
        pairs.map(|(a, b)| f64::from(a.abs_diff(*b))).sum::<f64>() / (3 * 64 * columns.len()) as f64
    };
    let (redrawn, kept) = (error(0..16), error(40..64));
    assert!(kept < 10.0 && redrawn > 50.0, "{kept} levels where it stays, {redrawn} elsewhere");

    mask(&folder.path("dark.png"), (64, 64), 0);
    folder.run(&[&EDIT[..], &["--mask", "dark.png"]].concat()).complains(2, &["mask", "white"]);
}

#[test]
fn the_same_again_needs_the_files_and_tells_them_apart() {
    let folder = with_apple();
    mask(&folder.path("mask.png"), (64, 64), 32);
    let masked = ["--mask", "mask.png", "--strength", "0.7", "--output", "first.png"];
    folder.run(&[&EDIT[..], &masked].concat()).ok();
    let from = ["generate", "--from", "first.png", "--output", "again.png"];
    let image = ["--image", "apple.png"];
    let checksum = &recipe(&folder, "first.png").image.unwrap().sha256[..12].to_owned();
    folder.run(&from).complains(2, &["--image", checksum, "--mask"]);
    folder.run(&[&from[..], &image].concat()).complains(2, &["--mask"]);
    let both = [&from[..], &image, &["--mask", "mask.png"]].concat();
    assert_eq!(folder.run(&both).ok().err, "");
    assert_eq!(folder.bytes("again.png"), folder.bytes("first.png"));

    let other = [&from[..], &["--image", "first.png", "--mask", "mask.png"]].concat();
    let said = folder.run(&other).ok();
    assert!(said.err.contains("another picture") && !said.err.contains("another mask"), "{said:?}");

    let said = folder.run(&["info", "first.png"]).ok();
    for part in ["Denoising strength: 0.7", checksum.as_str(), "--image FILE --mask FILE"] {
        assert!(said.text().contains(part), "no {part} in {said:?}");
    }
}

#[test]
fn several_pictures_of_one_are_those_of_single_runs() {
    let folder = with_apple();
    folder.run(&[&EDIT[..], &["--count", "2"]].concat()).ok();
    for (name, seed) in [("result-1.png", "2"), ("result-2.png", "3")] {
        let alone = ["generate", PROMPT, "--seed", seed, "--image", "apple.png"];
        folder.run(&[&alone[..], &["--output", "alone.png"]].concat()).ok();
        assert_eq!(folder.bytes("alone.png"), folder.bytes(name));
    }
}

#[test]
fn files_that_are_no_pictures_are_told_and_nothing_is_drawn() {
    let folder = with_apple();
    let whole = folder.bytes("apple.png");
    fs::write(folder.path("half.png"), &whole[..whole.len() / 2]).unwrap();
    fs::write(folder.path("text.txt"), "text").unwrap();
    for (name, part) in
        [("half.png", "cut off"), ("text.txt", "PNG, JPEG or WebP"), ("none.png", "No such file")]
    {
        folder.run(&["generate", "x", "--image", name]).complains(1, &[name, part]);
        let masked = ["generate", "x", "--image", "apple.png", "--mask", name];
        folder.run(&masked).complains(1, &[name, part]);
    }
    for strength in ["0", "-0.5", "1.5", "nan"] {
        let args = [&EDIT[..], &["--strength", strength]].concat();
        folder.run(&args).complains(2, &["strength", "above 0"]);
    }
    assert_eq!(folder.names(), ["apple.png", "half.png", "text.txt"]);
}
