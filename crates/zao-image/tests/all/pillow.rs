//! Decoding and resizing, sample by sample against Pillow.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use zao_image::{Picture, decode, decode_mask};

pub(crate) fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/goldens").join(name)
}

pub(crate) fn bytes(name: &str) -> Vec<u8> {
    fs::read(golden(name)).unwrap()
}

fn picture(name: &str) -> Picture {
    decode(&bytes(name)).unwrap()
}

fn cases(kind: &str) -> Vec<Value> {
    let index: Value = serde_json::from_slice(&bytes("images.json")).unwrap();
    index[kind].as_array().unwrap().clone()
}

fn worst(a: &Picture, b: &Picture) -> u8 {
    assert_eq!((a.width(), a.height()), (b.width(), b.height()));
    a.bytes().iter().zip(b.bytes()).map(|(a, b)| a.abs_diff(*b)).max().unwrap()
}

#[test]
fn every_kind_of_file_is_what_pillow_makes_of_it() {
    let cases = cases("decoded");
    assert!(cases.len() >= 13);
    for case in cases {
        let file = case["file"].as_str().unwrap();
        let worst = worst(&picture(file), &picture(case["expected"].as_str().unwrap()));
        println!("{file}: {worst} levels");
        assert!(u64::from(worst) <= case["tolerance"].as_u64().unwrap(), "{file}: {worst} levels");
    }
}

#[test]
fn resized_pictures_are_pillows_bit_for_bit() {
    for case in cases("resized") {
        let side = |key: &str| usize::try_from(case[key].as_u64().unwrap()).unwrap();
        let resized =
            picture(case["file"].as_str().unwrap()).resized(side("width"), side("height"));
        let expected = picture(case["expected"].as_str().unwrap());
        assert_eq!(worst(&resized, &expected), 0, "{}", case["expected"]);
    }
}

#[test]
fn masks_are_brightness_on_black() {
    let grey = decode_mask(&bytes("grey.png")).unwrap();
    let colours = picture("grey.png");
    assert!(grey.bytes().iter().zip(colours.bytes().chunks(3)).all(|(grey, rgb)| *grey == rgb[0]));
    let (on_black, on_white) = (decode_mask(&bytes("alpha.png")).unwrap(), picture("alpha.png"));
    // The upper rows are nearly transparent.
    assert!(on_black.bytes()[..40].iter().all(|&grey| grey < 20));
    assert!(on_white.bytes()[..120].iter().all(|&value| value > 235));
}
