//! Pictures that diffusers drew with the demo model: how each was asked, and whether zao draws the same.

use std::path::PathBuf;

use serde_json::Value;
use zao_engine::{Ask, Engine, Generator, Guidance, Precision, ResolvedPrecision, Start};

use crate::support::{Model, draw, psnr};

/// A picture that diffusers drew, and what it was asked.
pub(crate) struct Golden {
    pub(crate) file: String,
    pub(crate) ask: Ask,
    pub(crate) rgb: Vec<u8>,
}

/// The goldens of the folder `name`, whose index is the list `name` in `name.json`. `start` says from its entry and the size what
/// a picture begins with.
pub(crate) fn goldens(
    name: &str,
    start: impl Fn(&Value, (usize, usize), &dyn Fn(&str) -> Vec<u8>) -> Option<Start>,
) -> Vec<Golden> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/goldens").join(name);
    let read = |file: &str| std::fs::read(folder.join(file)).unwrap();
    let index: Value = serde_json::from_slice(&read(&format!("{name}.json"))).unwrap();
    let golden = |entry: &Value| {
        let text = |key: &str| entry[key].as_str().unwrap_or_default().to_owned();
        let count = |key: &str| usize::try_from(entry[key].as_u64().unwrap()).unwrap();
        let real = |key: &str| entry[key].as_f64().unwrap() as f32;
        let (width, height) = (count("width"), count("height"));
        let ask = Ask {
            prompt: text("prompt"),
            negative: text("negative_prompt"),
            width,
            height,
            steps: count("steps"),
            guidance: Guidance {
                scale: real("guidance_scale"),
                normalization: real("cfg_normalization"),
                truncation: real("cfg_truncation"),
            },
            seed: entry["seed"].as_u64().unwrap(),
            generator: Generator::TorchCpu,
            start: start(entry, (width, height), &read),
        };
        let file = text("file");
        let picture = zao_png::decode_rgb(&read(&file)).unwrap();
        assert_eq!([picture.width, picture.height], [width, height].map(|side| side as u32));
        Golden { file, ask, rgb: picture.pixels }
    };
    index[name].as_array().unwrap().iter().map(golden).collect()
}

/// Every golden has to come out with at least `floor` dB.
pub(crate) fn compare(goldens: Vec<Golden>, precision: ResolvedPrecision, floor: f64) {
    let mut engine = Model::Demo.open(|s| s.precision = Precision::Exactly(precision));
    compare_with(&mut engine, goldens, precision, floor);
}

/// The same with the demo model on any device, in that precision.
pub(crate) fn compare_with(
    engine: &mut Engine,
    goldens: Vec<Golden>,
    precision: ResolvedPrecision,
    floor: f64,
) {
    for Golden { file, ask, rgb } in goldens {
        let picture = draw(engine, &[ask]).remove(0);
        let psnr = psnr(&picture.rgb, &rgb);
        println!("{precision:?} {file}: {psnr:.1} dB");
        assert!(psnr >= floor, "{precision:?} {file}: {psnr:.1} dB, expected {floor}");
    }
}
