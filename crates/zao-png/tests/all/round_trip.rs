//! What zao writes, it reads back bit for bit.

use zao_api::{InputImage, Model, Recipe, ResolvedPrecision, Rng};
use zao_png::{Error, Origin, Parameters, decode_rgb, encode, read};

use crate::support::{pixels, recipe};

#[test]
fn pixels_and_recipe_come_back_bit_for_bit() {
    for (width, height) in [(1, 1), (3, 2), (64, 48), (257, 31)] {
        let recipe = Recipe {
            prompt: "一只猫 🐈\n\"quoted\" \0 end".into(),
            negative_prompt: Some(String::new()),
            guidance: 0.1,
            cfg_normalization: 1e-45,
            cfg_truncation: f32::MAX,
            shift: -0.0,
            seed: u64::MAX,
            rng: Rng::Nv,
            image: Some(InputImage {
                sha256: "5d5fc85b65a9".into(),
                mask_sha256: Some("b9b870caaf4d".into()),
                strength: 1.0 / 3.0,
            }),
            precision: ResolvedPrecision::Bf16,
            ..recipe(width, height)
        };
        let pixels = pixels(width, height);
        let bytes = encode(&pixels, width, height, &recipe).unwrap();

        let image = decode_rgb(&bytes).unwrap();
        assert_eq!((image.width, image.height), (width, height));
        assert!(image.pixels == pixels, "pixels of {width}x{height} changed");

        let info = read(&bytes).unwrap();
        assert_eq!((info.width, info.height), (width, height));
        assert!(info.texts.is_empty(), "{:?}", info.texts);
        let Origin::Zao(read) = info.origin else { panic!("{:?}", info.origin) };
        assert_eq!(*read, recipe);
        assert_eq!(read.cfg_normalization.to_bits(), 1);
        assert_eq!(read.shift.to_bits(), (-0.0_f32).to_bits());
    }
}

#[test]
fn strength_is_told_in_the_words_of_other_tools() {
    let image = InputImage { sha256: "5d".into(), mask_sha256: None, strength: 0.6 };
    let with_image = Recipe { image: Some(image), ..recipe(1, 1) };
    let strength = |recipe: &Recipe| {
        let parameters = Parameters::from_recipe(recipe);
        parameters.get("Denoising strength").map(str::to_owned)
    };
    assert_eq!(strength(&with_image).as_deref(), Some("0.6"));
    assert_eq!(strength(&recipe(1, 1)), None);
}

#[test]
fn the_same_picture_gives_the_same_bytes() {
    let encode = || encode(&pixels(64, 64), 64, 64, &recipe(64, 64)).unwrap();
    assert_eq!(encode(), encode());
}

#[test]
fn the_texts_stand_in_the_open_before_the_pixels() {
    let recipe = Recipe {
        negative_prompt: Some("blurry".into()),
        guidance: 4.5,
        model: Model { name: "demo: apples".into(), fingerprint: "00ff".into() },
        ..recipe(16, 32)
    };
    let bytes = encode(&pixels(16, 32), 16, 32, &recipe).unwrap();
    let find = |text: &str| bytes.windows(text.len()).position(|w| w == text.as_bytes());
    let parameters = concat!(
        "iTXtparameters\0\0\0\0\0a red apple on a blue background\nNegative prompt: blurry\n",
        "Steps: 8, Sampler: Euler, Schedule type: Simple, CFG scale: 5.5, Seed: 42, Size: 16x32, ",
        "Model hash: 00ff, Model: \"demo: apples\", RNG: CPU, Version: zao 0.1.0"
    );
    let zao = format!("iTXtzao\0\0\0\0\0{}", serde_json::to_string(&recipe).unwrap());
    let idat = find("IDAT").unwrap();
    assert!(find(parameters).unwrap() < idat);
    assert!(find(&zao).unwrap() < idat);
}

#[test]
fn what_cannot_be_read_back_is_not_written() {
    let ten = pixels(10, 10);
    let written = |width, height, recipe: &Recipe| encode(&ten, width, height, recipe);
    let not_a_number = Recipe { guidance: f32::NAN, ..recipe(10, 10) };
    let long = Recipe { prompt: "a".repeat(5 << 20), ..recipe(10, 10) };
    assert!(matches!(written(10, 11, &recipe(10, 11)), Err(Error::PixelBytes { .. })));
    assert!(matches!(written(5, 20, &recipe(10, 10)), Err(Error::RecipeSize { .. })));
    assert!(matches!(written(0, 0, &recipe(0, 0)), Err(Error::Dimensions { .. })));
    assert!(matches!(written(10, 10, &not_a_number), Err(Error::UnwritableRecipe(_))));
    assert!(matches!(written(10, 10, &long), Err(Error::RecipeTooLong { .. })));
}

#[test]
fn the_longest_recipe_that_is_written_is_read() {
    let recipe = Recipe { prompt: "a".repeat((4 << 20) - 512), ..recipe(1, 1) };
    let bytes = encode(&[1, 2, 3], 1, 1, &recipe).unwrap();
    assert!(read(&bytes).unwrap().origin == Origin::Zao(Box::new(recipe)));
}
