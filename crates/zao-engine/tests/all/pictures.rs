//! Whole pictures of the demo model against those that diffusers drew.

use std::path::Path;

use serde_json::Value;
use zao_engine::{Ask, Generator, Guidance, Precision, ResolvedPrecision};

use crate::support::{Model, draw, psnr};

/// A picture that diffusers drew, and what it was asked.
struct Golden {
    file: String,
    ask: Ask,
    rgb: Vec<u8>,
}

fn goldens() -> Vec<Golden> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/goldens/pictures");
    let index = std::fs::read(folder.join("pictures.json")).unwrap();
    let index: Value = serde_json::from_slice(&index).unwrap();
    let golden = |entry: &Value| {
        let text = |key: &str| entry[key].as_str().unwrap_or_default().to_owned();
        let count = |key: &str| usize::try_from(entry[key].as_u64().unwrap()).unwrap();
        let real = |key: &str| entry[key].as_f64().unwrap() as f32;
        let file = text("file");
        let picture = zao_png::decode_rgb(&std::fs::read(folder.join(&file)).unwrap()).unwrap();
        let ask = Ask {
            prompt: text("prompt"),
            negative: text("negative_prompt"),
            width: count("width"),
            height: count("height"),
            steps: count("steps"),
            guidance: Guidance {
                scale: real("guidance_scale"),
                normalization: real("cfg_normalization"),
                truncation: real("cfg_truncation"),
            },
            seed: entry["seed"].as_u64().unwrap(),
            generator: Generator::TorchCpu,
            start: None,
        };
        assert_eq!([picture.width, picture.height], [ask.width, ask.height].map(|n| n as u32));
        Golden { file, ask, rgb: picture.pixels }
    };
    index["pictures"].as_array().unwrap().iter().map(golden).collect()
}

/// Every golden has to come out with at least `floor` dB.
fn compare(precision: ResolvedPrecision, floor: f64) {
    let goldens = goldens();
    assert!(goldens.len() >= 6);
    let mut engine = Model::Demo.open(|s| s.precision = Precision::Exactly(precision));
    for Golden { file, ask, rgb } in goldens {
        let picture = draw(&mut engine, &[ask]).remove(0);
        let psnr = psnr(&picture.rgb, &rgb);
        println!("{precision:?} {file}: {psnr:.1} dB");
        assert!(psnr >= floor, "{precision:?} {file}: {psnr:.1} dB, expected {floor}");
    }
}

#[test]
fn in_f32_they_are_the_same_to_the_eye() {
    compare(ResolvedPrecision::F32, 45.0);
}

#[test]
fn in_bf16_they_are_nearly_the_same() {
    compare(ResolvedPrecision::Bf16, 30.0);
}
