//! What narrower arithmetic costs: pictures of the demo model beside those it draws in f32.

use zao_engine::{Ask, Generator, Guidance, Precision, ResolvedPrecision};

use crate::support::{Model, draw, psnr};

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

/// All pictures in one precision.
fn pictures(precision: ResolvedPrecision) -> Vec<Vec<u8>> {
    let mut engine = Model::Demo.open(|s| s.precision = Precision::Exactly(precision));
    asks().map(|ask| draw(&mut engine, &[ask]).remove(0).rgb).collect()
}

#[test]
fn pictures_in_bf16_and_int8_are_near_those_in_f32() {
    let exact = pictures(ResolvedPrecision::F32);
    for (precision, floor) in [(ResolvedPrecision::Bf16, 40.0), (ResolvedPrecision::Int8, 30.0)] {
        let drawn = pictures(precision);
        let mut distances: Vec<f64> =
            drawn.iter().zip(&exact).map(|(drawn, exact)| psnr(drawn, exact)).collect();
        distances.sort_by(f64::total_cmp);
        let median = f64::midpoint(distances[11], distances[12]);
        let (worst, best) = (distances[0], distances[23]);
        println!(
            "{precision:?} beside f32: median {median:.1} dB, {worst:.1} to {best:.1}, n = 24"
        );
        assert!(median >= floor, "{precision:?}: median {median:.1} dB, expected {floor}");
    }
}
