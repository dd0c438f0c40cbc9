//! Any prompt survives the text form, however much it looks like the form itself.

use zao_api::{Model, Recipe};
use zao_png::{Origin, Parameters, encode, read};

use crate::support::{Dice, recipe};

const FRAGMENTS: [&str; 28] = [
    "a cat",
    " ",
    "\n",
    "\n",
    "\n\n",
    "\t",
    "\r\n",
    ",",
    ":",
    "\"",
    "\\",
    "\\n",
    "{",
    "}",
    "[",
    "]",
    "Steps: 8",
    "Steps: 8, Seed: 3, Size: 1x1",
    "Seed: 1, Size: 2x2, Model: \"",
    "\nSteps: ",
    "(masterpiece:1.2)",
    "<lora:x:0.5>",
    "一只猫",
    "雪山，日出",
    "🐈‍⬛",
    "e\u{301}",
    "\u{2028}",
    "\u{a0}",
];

const MISLEADING: [&str; 3] = ["\nNegative prompt: ", "Negative prompt:", "\n Negative prompt:x"];

fn text(dice: &mut Dice, extra: &[&str]) -> String {
    let pool = [&FRAGMENTS[..], extra].concat();
    (0..dice.below(12)).map(|_| pool[dice.below(pool.len())]).collect()
}

#[test]
fn odd_prompts_come_back_from_the_text_form() {
    let mut dice = Dice(1);
    for _ in 0..20_000 {
        let given = Recipe {
            prompt: text(&mut dice, &MISLEADING),
            negative_prompt: Some(text(&mut dice, &[])),
            model: Model { name: text(&mut dice, &MISLEADING), fingerprint: text(&mut dice, &[]) },
            zao_version: text(&mut dice, &[]),
            seed: dice.next(),
            guidance: (dice.below(200) as f32) / 10.0,
            ..recipe(1, 1)
        };
        let written = Parameters::from_recipe(&given).to_string();
        let read = Parameters::parse(&written).unwrap();
        assert_eq!(read, Parameters::from_recipe(&given), "{written}");

        let request = read.to_request();
        assert_eq!(request.prompt, given.prompt);
        assert_eq!(
            request.negative_prompt.as_deref().unwrap_or(""),
            given.negative_prompt.unwrap()
        );
        assert_eq!(request.seed, Some(given.seed));
        assert_eq!(request.guidance, Some(given.guidance));
        assert_eq!(
            (request.width, request.height, request.steps),
            (Some(1), Some(1), Some(8.into()))
        );
        assert_eq!(request.rng, Some(given.rng));
        assert_eq!(read.get("Model"), Some(given.model.name.as_str()));
    }
}

#[test]
fn odd_prompts_come_back_from_the_picture() {
    let mut dice = Dice(2);
    for _ in 0..500 {
        let given = Recipe {
            prompt: text(&mut dice, &[&MISLEADING[..], &["\0", "\u{1b}", "\u{feff}"]].concat()),
            negative_prompt: Some(text(&mut dice, &MISLEADING)).filter(|text| text.len() % 2 == 0),
            ..recipe(1, 1)
        };
        let info = read(&encode(&[1, 2, 3], 1, 1, &given).unwrap()).unwrap();
        assert_eq!(info.origin, Origin::Zao(Box::new(given)));
    }
}

#[test]
fn a_text_that_is_not_ours_never_panics() {
    let mut dice = Dice(3);
    for _ in 0..20_000 {
        let text = text(&mut dice, &MISLEADING);
        if let Some(parameters) = Parameters::parse(&text) {
            assert!(parameters.prompt.len() <= text.len());
            assert!(parameters.to_request().guidance.is_none_or(|g| g >= 0.0));
        }
    }
}

#[test]
fn a_zero_byte_does_not_cut_the_text_form() {
    let given = Recipe { prompt: "a\0b".into(), ..recipe(1, 1) };
    let written = Parameters::from_recipe(&given).to_string();
    assert!(written.starts_with("a\u{fffd}b\nSteps: 8"), "{written}");
}
