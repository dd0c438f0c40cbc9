//! Pictures that begin with a picture, against those that diffusers drew, and what must hold of any.

use std::path::Path;
use std::sync::Arc;

use zao_engine::{Ask, Event, Mask, Picture, ResolvedPrecision, Stage, Start};

use crate::golden::{self, Golden, compare};
use crate::support::{Model, ask, draw, left_half, psnr, start, watched};

/// Pictures that diffusers made of others.
pub(crate) fn goldens() -> Vec<Golden> {
    let goldens = golden::goldens("edits", |entry, (width, height), read| {
        let picture = zao_image::decode(&read(entry["image"].as_str().unwrap())).unwrap();
        let rgb = picture.resized(width, height).into_bytes();
        let mask = entry["mask"].as_str().map(|file| {
            let grey = zao_image::decode_mask(&read(file)).unwrap().resized(width, height);
            Arc::new(Mask { width, height, grey: grey.into_bytes() })
        });
        let picture = Arc::new(Picture { width, height, rgb });
        Some(Start { picture, mask, strength: entry["strength"].as_f64().unwrap() })
    });
    assert!(goldens.len() >= 10);
    goldens
}

#[test]
fn in_f32_they_are_the_same_to_the_eye() {
    compare(goldens(), ResolvedPrecision::F32, 45.0);
}

#[test]
fn in_bf16_they_are_nearly_the_same() {
    compare(goldens(), ResolvedPrecision::Bf16, 30.0);
}

#[test]
fn what_the_mask_keeps_is_what_the_autoencoder_makes_of_the_picture() {
    let mut engine = Model::Demo.open(|_| ());
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/goldens/pictures");
    let apple = zao_image::decode(&std::fs::read(folder.join("apple.png")).unwrap()).unwrap();
    let (size, rgb) = ((256, 256), apple.into_bytes());
    let picture = Arc::new(Picture { width: 256, height: 256, rgb });
    let begin = left_half(Start { picture, ..start(0, size, 1.0) });
    let asked = |prompt, seed| Ask { start: Some(begin.clone()), seed, ..ask(prompt, size) };
    let pictures = draw(&mut engine, &[asked("a cat", 1), asked("a boat", 2)]);
    // The decoder looks a little way around each cell.
    let right = |picture: &Picture| -> Vec<u8> {
        picture.rgb.chunks(3 * 256).flat_map(|row| row[3 * 192..].to_vec()).collect()
    };
    let kept = psnr(&right(&pictures[0]), &right(&begin.picture));
    let redrawn = psnr(&pictures[0].rgb, &begin.picture.rgb);
    assert!(kept > 30.0 && redrawn < 20.0, "{kept:.1} dB stays, {redrawn:.1} dB is drawn anew");
}

#[test]
fn more_strength_changes_more() {
    let mut engine = Model::Demo.open(|_| ());
    let size = (96, 96);
    let asks = [0.25, 0.5, 1.0].map(|strength| Ask {
        start: Some(start(50, size, strength)),
        steps: 4,
        ..ask("a red apple on a blue background", size)
    });
    let from = start(50, size, 1.0).picture;
    let likeness: Vec<f64> =
        draw(&mut engine, &asks).iter().map(|picture| psnr(&picture.rgb, &from.rgb)).collect();
    assert!(likeness.is_sorted_by(|a, b| a > b), "{likeness:?}");
}

#[test]
fn the_encoder_runs_once_for_a_picture_and_only_where_there_is_one() {
    let stages = |asks: &[Ask]| {
        let mut engine = Model::TinyA.open(|_| ());
        let (drawn, events) = watched(&mut engine, asks, |_, _| ());
        assert_eq!(drawn.unwrap().0.len(), asks.len());
        let stage = |event| if let Event::Stage(stage) = event { Some(stage) } else { None };
        events.into_iter().filter_map(stage).collect::<Vec<_>>()
    };
    let (text, size) = (ask("a cat", (32, 32)), (32, 32));
    let begun = Ask { start: Some(start(1, size, 0.5)), ..text.clone() };
    let drawing =
        [Stage::Load, Stage::Text, Stage::Load, Stage::Denoise, Stage::Load, Stage::Decode];
    assert_eq!(stages(std::slice::from_ref(&text)), drawing);
    let both = [&[Stage::Load, Stage::Encode][..], &drawing].concat();
    assert_eq!(stages(&[begun.clone(), text, begun]), both);
}

#[test]
fn steps_are_counted_without_those_left_out() {
    let mut engine = Model::TinyA.open(|_| ());
    let begun = Ask { steps: 8, start: Some(start(1, (32, 32), 0.6)), ..ask("a cat", (32, 32)) };
    let (drawn, events) = watched(&mut engine, &[begun], |_, _| ());
    assert_eq!(drawn.unwrap().1.steps.len(), 5);
    assert!(events.contains(&Event::Step { done: 5, of: 5 }));
}
