//! What narrower arithmetic costs: pictures of the demo model beside those it draws in f32.

use std::path::PathBuf;

use tempfile::TempDir;
use zao_engine::{
    Ask, CancelToken, ConvertSettings, ConvertTo, Generator, Guidance, Precision,
    ResolvedPrecision, convert,
};
use zao_weights::Source;

use crate::support::{Model, draw, open, psnr};

/// Things the demo model knows well, in both languages, and some it knows less well.
const PROMPTS: [&str; 24] = [
    "a red apple on a blue background",
    "a rocket on a black background",
    "a robot on a green background",
    "an owl on a white background",
    "a panda on a pink background",
    "a hamburger on a yellow background",
    "a cat on an orange background",
    "a dog on a sky blue background",
    "a red car on a grey background",
    "a pizza on a purple background",
    "a strawberry on a brown background",
    "a tree on a red background",
    "a panda and a hamburger on a blue background",
    "two red apples on a green background",
    "three cats on a white background",
    "a guitar on a yellow background",
    "a lion on a black background",
    "a sunflower on a pink background",
    "红苹果，绿色背景",
    "猫脸，粉色背景",
    "乌龟，紫色背景",
    "火箭，黑色背景",
    "熊猫，蓝色背景",
    "汉堡，黄色背景",
];

/// What is drawn in every precision.
pub(crate) fn asks() -> impl Iterator<Item = Ask> {
    (0..).zip(PROMPTS).map(|(seed, prompt)| Ask {
        prompt: prompt.into(),
        negative: String::new(),
        width: 256,
        height: 256,
        steps: 8,
        guidance: Guidance::OFF,
        seed,
        generator: Generator::TorchCpu,
        start: None,
    })
}

/// All pictures with the model in `folder`.
fn drawn_with(folder: PathBuf, precision: ResolvedPrecision) -> Vec<Vec<u8>> {
    let mut engine = open(folder, |s| s.precision = Precision::Exactly(precision)).unwrap();
    asks().map(|ask| draw(&mut engine, &[ask]).remove(0).rgb).collect()
}

/// All pictures with the model in `folder` converted `to` that, unpacked to bf16.
fn converted(from: PathBuf, to: ConvertTo) -> Vec<Vec<u8>> {
    let place = TempDir::new().unwrap();
    let folder = place.path().join("model");
    let settings = ConvertSettings { to, ..ConvertSettings::default() };
    let from = Source::Folder(from);
    convert(from, &folder, &settings, &|_, _| (), &CancelToken::new()).unwrap();
    drawn_with(folder, ResolvedPrecision::Bf16)
}

fn are_near(what: &str, drawn: &[Vec<u8>], exact: &[Vec<u8>], floor: f64) {
    let mut distances: Vec<f64> =
        drawn.iter().zip(exact).map(|(drawn, exact)| psnr(drawn, exact)).collect();
    distances.sort_by(f64::total_cmp);
    let median = f64::midpoint(distances[11], distances[12]);
    let (worst, best) = (distances[0], distances[23]);
    println!("{what}: median {median:.1} dB, {worst:.1} to {best:.1}, n = 24");
    assert!(median >= floor, "{what}: median {median:.1} dB, expected {floor}");
}

#[test]
fn pictures_in_narrower_arithmetic_are_near() {
    let [exact, bf16, int8] =
        [ResolvedPrecision::F32, ResolvedPrecision::Bf16, ResolvedPrecision::Int8]
            .map(|precision| drawn_with(Model::Demo.folder(), precision));
    are_near("bf16 beside f32", &bf16, &exact, 40.0);
    are_near("int8 beside f32", &int8, &exact, 30.0);
    are_near("int8 beside bf16", &int8, &bf16, 34.0);
}

/// The shipped weights are in fp8 already, where that form would cost nothing and the others other than usual.
#[test]
fn pictures_of_narrower_weights_are_near() {
    let from = Model::Between.folder();
    let bf16 = drawn_with(from.clone(), ResolvedPrecision::Bf16);
    let int8 = drawn_with(from.clone(), ResolvedPrecision::Int8);
    are_near("int8 beside bf16, of weights that were not rounded", &int8, &bf16, 34.0);
    are_near("fp8 weights beside bf16", &converted(from.clone(), ConvertTo::Fp8), &bf16, 32.0);
    are_near("int4 weights beside bf16", &converted(from, ConvertTo::Int4), &bf16, 24.0);
}
