//! Recipes, pixels and hand-made PNG files for the tests. It holds NO assertions.

use png::{BitDepth, ColorType, Encoder};
use zao_api::{Model, Recipe, RecipeFormat, ResolvedPrecision, Rng};

pub(crate) fn recipe(width: u32, height: u32) -> Recipe {
    Recipe {
        format: RecipeFormat,
        zao_version: "0.1.0".into(),
        prompt: "a red apple on a blue background".into(),
        negative_prompt: None,
        model: Model { name: "z-image-turbo".into(), fingerprint: "5f3a9c01d2".into() },
        width,
        height,
        steps: 8,
        guidance: 0.0,
        cfg_normalization: 0.0,
        cfg_truncation: 1.0,
        seed: 42,
        rng: Rng::TorchCpu,
        image: None,
        shift: 3.0,
        loras: Vec::new(),
        precision: ResolvedPrecision::F32,
        device: "cpu".into(),
    }
}

/// RGB pixels that are partly smooth and partly noise, as photographs are.
pub(crate) fn pixels(width: u32, height: u32) -> Vec<u8> {
    let mut dice = Dice(u64::from(width) << 32 | u64::from(height));
    let mut pixels = Vec::new();
    for y in 0..height {
        for x in 0..width {
            let noise = dice.below(5) as u32;
            for base in [x * 200 / width, y * 200 / height, (x + y) * 100 / (width + height)] {
                pixels.push((base + noise) as u8);
            }
        }
    }
    pixels
}

/// A PNG of one grey pixel with raw chunks before and behind the pixel.
pub(crate) fn png_with(before: &[(&[u8; 4], Vec<u8>)], behind: &[(&[u8; 4], Vec<u8>)]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = Encoder::new(&mut bytes, 1, 1);
    encoder.set_color(ColorType::Grayscale);
    encoder.set_depth(BitDepth::Eight);
    let mut writer = encoder.write_header().unwrap();
    for (kind, data) in before {
        writer.write_chunk(png::chunk::ChunkType(**kind), data).unwrap();
    }
    writer.write_image_data(&[7]).unwrap();
    for (kind, data) in behind {
        writer.write_chunk(png::chunk::ChunkType(**kind), data).unwrap();
    }
    writer.finish().unwrap();
    bytes
}

/// A PNG with one text as Pillow writes it: tEXt if it is Latin-1, iTXt if not.
pub(crate) fn png_with_text(keyword: &str, text: &str) -> Vec<u8> {
    let latin1: Option<Vec<u8>> = text.chars().map(|c| u8::try_from(c).ok()).collect();
    match latin1 {
        Some(latin1) => png_with(&[(b"tEXt", [keyword.as_bytes(), b"\0", &latin1].concat())], &[]),
        None => png_with(&[(b"iTXt", itxt(keyword, text))], &[]),
    }
}

/// The data of an uncompressed iTXt chunk.
pub(crate) fn itxt(keyword: &str, text: &str) -> Vec<u8> {
    [keyword.as_bytes(), b"\0\0\0\0\0", text.as_bytes()].concat()
}

/// Random numbers that are the same in every run (SplitMix64).
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }
}
