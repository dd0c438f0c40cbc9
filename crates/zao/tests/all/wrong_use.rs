//! Wrong use: exit code 2, one line that says what to do, and nothing left behind.

use crate::folder::Folder;

/// Arguments after `generate`, and what the answer has to name.
const WRONG: &[(&[&str], &[&str])] = &[
    // No prompt.
    (&[], &["say what to draw", "zao generate \""]),
    (&[""], &["say what to draw"]),
    (&[" \n\t"], &["say what to draw"]),
    (&["--prompt", ""], &["say what to draw"]),
    (&["x", "--prompt", "y"], &["PROMPT", "--prompt"]),
    (&["a", "red", "apple"], &["\"red\"", "quotes"]),
    (&["-x"], &["-x", "-- -x"]),
    // Sizes.
    (&["x", "--size", "250x250"], &["250x250", "multiple of 16", "256x256"]),
    (&["x", "--size", "8x500"], &["16x496"]),
    (&["x", "--size", "0x0"], &["0x0", "16", "2048"]),
    (&["x", "--size", "99999x16"], &["99999x16", "2048"]),
    (&["x", "--size", "999999999999x1"], &["--size", "999999999999"]),
    (&["x", "--size", "-64x64"], &["--size", "-64"]),
    (&["x", "--size", "256"], &["--size", "1024x768"]),
    (&["x", "--width", "-16"], &["--width", "-16"]),
    (&["x", "--width", "100"], &["96x96"]),
    (&["x", "--size", "64x64", "--height", "64"], &["--size", "--height"]),
    (&["x", "--size", "large"], &["--size", "1024x768", "auto"]),
    (&["x", "--quality", "ultra"], &["--quality", "draft", "standard", "high", "auto"]),
    (&["x", "--quality", "high", "--size", "64x64"], &["--quality", "--size"]),
    (&["x", "--quality", "high", "--width", "64"], &["--quality", "--width"]),
    // Pictures to begin with.
    (&["x", "--strength", "0.5"], &["--image"]),
    (&["x", "--mask", "mask.png"], &["--image"]),
    (&["x", "--image", "a.png", "--strength", "much"], &["--strength", "much"]),
    // Numbers.
    (&["x", "--steps", "0"], &["--steps", "from 1 to 1000"]),
    (&["x", "--steps", "100000"], &["--steps", "from 1 to 1000"]),
    (&["x", "--steps", "-8"], &["--steps", "from 1 to 1000"]),
    (&["x", "--steps", "8.5"], &["--steps", "whole number"]),
    (&["x", "--guidance", "nan"], &["guidance", "0 (off)"]),
    (&["x", "--guidance", "-1"], &["guidance", "0 (off)"]),
    (&["x", "--guidance", "inf"], &["guidance", "0 (off)"]),
    (&["x", "--guidance", "much"], &["--guidance", "much"]),
    (&["x", "--guidance", "1", "--cfg-normalization", "-1"], &["normalization"]),
    (&["x", "--guidance", "1", "--cfg-truncation", "2"], &["truncation", "0 to 1"]),
    (&["x", "--count", "0"], &["--count", "from 1 to 1000"]),
    (&["x", "--count", "999999999"], &["--count", "from 1 to 1000"]),
    (&["x", "--seed", "-1"], &["--seed", "from 0 to"]),
    (&["x", "--seed", "18446744073709551616"], &["--seed", "from 0 to"]),
    (&["x", "--threads", "0"], &["--threads", "from 1 to"]),
    (&["x", "--threads", "100000"], &["--threads", "from 1 to"]),
    (&["x", "--vram", "8"], &["--vram", "7.5GiB"]),
    (&["x", "--ram", "0G"], &["--ram", "7.5GiB"]),
    (&["x", "--text-encoder-on", "gpu"], &["--text-encoder-on", "auto", "device", "cpu"]),
    // Names.
    (&["x", "--model", "nope"], &["nope", "--model", "zao models", "z-image-turbo"]),
    (&["x", "--model", ""], &["--model"]),
    (&["x", "--model", "./nope"], &["./nope", "zao models"]),
    (&["x", "--model", "z-image-turbo"], &["not installed", "zao pull z-image-turbo"]),
    (&["x", "--model", "Tongyi-MAI/Z-Image"], &["not installed", "zao pull z-image"]),
    (&["x", "--device", "gpu"], &["gpu", "cpu"]),
    (&["x", "--precision", "f64"], &["f64", "bf16"]),
    (&["x", "--rng", "dice"], &["dice", "torch-cpu"]),
    // Files.
    (&["x", "--output", "."], &["folder"]),
    (&["x", "--output", ".."], &["folder"]),
    (&["x", "--output", "new/"], &["new/", "folder"]),
    (&["x", "--output", "/"], &["folder"]),
    (&["x", "--output", ""], &["--output"]),
    (&["x", "--output", "a.jpg"], &["PNG", "a.jpg"]),
    (&["x", "--output", "-", "--count", "2"], &["standard output", "--output"]),
    (&["x", "--output", "-", "--json"], &["standard output", "--output"]),
    // Slips of the finger.
    (&["x", "--sead", "3"], &["--sead", "'--seed'"]),
    (&["x", "--bogus"], &["--bogus", "--help"]),
    (&["x", "--seed", "1", "--seed", "2"], &["--seed"]),
    (&["x", "--seed"], &["--seed"]),
];

#[test]
fn generate_says_in_one_line_what_is_wrong() {
    let folder = Folder::new();
    for (args, parts) in WRONG {
        folder.run(&[&["generate"], *args].concat()).complains(2, parts);
        assert_eq!(folder.names(), [""; 0], "{args:?}");
    }
}

#[test]
fn other_commands_say_in_one_line_what_is_wrong() {
    let folder = Folder::new();
    for (args, parts) in [
        (&["genrate", "x"][..], &["genrate", "'generate'"][..]),
        (&["--bogus"], &["--bogus", "--help"]),
        (&["info"], &["FILE.png", "--help"]),
        (&["info", "a.png", "b.png"], &["b.png"]),
        (&["models", "--jsn"], &["--jsn", "'--json'"]),
        (&["pull"], &["NAME", "--help"]),
        (&["pull", "unknown"], &["unknown", "z-image-turbo"]),
        (&["pull", "../z-image-turbo"], &["z-image-turbo"]),
        (&["pull", "z-image", "--from", "moon"], &["moon", "huggingface", "modelscope"]),
        (&["pull", "z-image", "--parallel", "0"], &["--parallel", "from 1 to"]),
    ] {
        folder.run(args).complains(2, parts);
    }
    assert_eq!(folder.names(), [""; 0]);
}

#[test]
fn a_line_stays_one_line_whatever_it_quotes() {
    let folder = Folder::new();
    folder.run(&["generate", "x", "--model", "a\nb\u{1b}[31mc"]).complains(2, &["zao models"]);
    folder.run(&["generate", "x", "--precision", "a\nb\u{1b}[31mc"]).complains(2, &["bf16"]);
}

#[cfg(unix)]
#[test]
fn a_prompt_that_is_no_text_is_refused() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;

    use crate::said::Said;

    let folder = Folder::new();
    let said = Said::of(folder.zao().arg("generate").arg(OsStr::from_bytes(b"\xff")));
    said.complains(2, &["UTF-8"]);
}
