//! English prompts, rule by rule.

use zao_prompt::Code;

use crate::{becomes, finds, found};

#[test]
fn empty_intensifiers_go_with_their_blank_and_their_article() {
    becomes("a very red apple", "a red apple");
    becomes("An extremely tall man with a really old hat", "A tall man with an old hat");
    becomes("very, very old oak", "old oak");
    becomes("a so cute puppy, super fluffy, quite big eyes", "a cute puppy, fluffy, big eyes");
}

#[test]
fn intensifiers_that_carry_meaning_stay() {
    for prompt in [
        "a very long exposure of a waterfall",
        "a bird at the very top of a pine",
        "super mario on a skateboard",
        "rather than a car, a horse",
        "not very tall",
        "a highly polished table",
        "a sign with \"very good\" on it",
    ] {
        finds(Code::Intensifier, prompt, &[]);
    }
}

#[test]
fn one_word_of_praise_is_kept_of_a_pile() {
    becomes("masterpiece, best quality, 8k, a cat", "masterpiece, a cat");
    becomes(
        "A cute cyberpunk cat, neon lights, 8k high definition",
        "A cute cyberpunk cat, neon lights, 8k",
    );
    becomes("masterpiece, a cat, ultra detailed, 8k", "masterpiece, a cat");
    // What says something of the style stays.
    becomes("a cat, best quality, film grain, 8k", "a cat, best quality, film grain");
    finds(Code::QualityTags, "masterpiece, a cat on a 4k tv", &[]);
}

#[test]
fn what_was_said_is_not_said_again() {
    becomes("the the cat, blue sky, hills, blue sky", "the cat, blue sky, hills");
    becomes("red, red wine in a glass", "red wine in a glass");
    becomes("a girl with blue eyes, girl with blue eyes", "a girl with blue eyes");
    for prompt in
        ["New York, New York at dusk", "a bora bora lagoon", "Duran Duran on stage", "7, 7"]
    {
        finds(Code::Repetition, prompt, &[]);
    }
}

#[test]
fn contradictions_are_told_with_both_sides() {
    finds(Code::Contradiction, "a street at night, midday sun", &["at night, midday sun"]);
    finds(Code::Contradiction, "close-up, full body, a knight", &["close-up, full body"]);
    finds(Code::Contradiction, "a bald man with long hair", &["bald man with long hair"]);
}

#[test]
fn two_things_may_differ_and_contrasts_are_meant() {
    for prompt in [
        "a black cat and a white dog",
        "a girl with long hair and a boy with short hair",
        "day and night contrast poster",
        "left half in daylight, right half at night",
        "a knight on a sunny day",
        "a black and white cat between colorful flowers",
        "an empty chair in a crowded hall",
    ] {
        finds(Code::Contradiction, prompt, &[]);
    }
}

#[test]
fn text_that_is_to_be_drawn_gets_quotes() {
    becomes("a sign that says OPEN in red neon", "a sign that says \"OPEN\" in red neon");
    becomes(
        "a cake that says Welcome to our home on a table",
        "a cake that says \"Welcome to our home\" on a table",
    );
    becomes("a sign saying will work for food", "a sign saying \"will work for food\"");
    becomes("a mug labeled BEST DAD", "a mug labeled \"BEST DAD\"");
    // Where it ends only a reader knows.
    becomes("a board that says coffee and cake", "a board that says coffee and cake");
    finds(Code::UnquotedText, "a board that says coffee and cake", &["coffee"]);
    for prompt in [
        "a sign that says \"OPEN\"",
        "a woman reading a newspaper",
        "a poster with text overlay",
        "the words of a song fly by",
    ] {
        finds(Code::UnquotedText, prompt, &[]);
    }
}

#[test]
fn punctuation_is_as_wide_as_the_words() {
    becomes("a red apple，on a table", "a red apple, on a table");
    becomes("a red apple,, on a table..", "a red apple, on a table.");
    finds(Code::Punctuation, "wait... what?! (a:1.2) 1,000 f/1.8, a::2", &[]);
}

#[test]
fn nothing_invisible_stays_but_what_emoji_are_made_of() {
    becomes("a\u{200b} red\u{a0}apple\u{feff}", "a red apple");
    becomes("soft\u{ad}hyphen \u{202e}turned", "softhyphen turned");
    finds(Code::Invisible, "👨\u{200d}👩\u{200d}👧 ❤\u{fe0f} at the sea", &[]);
    finds(Code::Invisible, "a\ttab\nand a line", &[]);
}

#[test]
fn abstract_words_come_with_something_concrete() {
    let report = crate::promise::keep("a beautiful lake with good vibes");
    let notes: Vec<&str> = report.findings.iter().filter_map(|it| it.note.as_deref()).collect();
    assert_eq!(notes.len(), 2);
    assert!(notes[0].contains("colours"), "{notes:?}");
    finds(Code::Abstract, "a beauty salon in wonderland, amazing grace", &[]);
}

#[test]
fn a_mended_sentence_reads_as_one() {
    becomes("Very beautiful sunset over the sea", "Beautiful sunset over the sea");
    becomes("A tower. Really tall trees. Very old", "A tower. Tall trees. Old");
    becomes("Really, a really big apple", "A big apple");
    becomes("cute kitten with blue eyes, , , cute kitten", "cute kitten with blue eyes");
    becomes("a wide shot of a a lake, with with a canoe", "a wide shot of a lake, with a canoe");
    becomes("An extremely tall tower", "A tall tower");
    becomes("an iPhone on a very old desk,", "an iPhone on an old desk,");
}

#[test]
fn shouted_phrases_and_numbers_on_things_are_text() {
    assert_eq!(found(Code::UnquotedText, "a lake, SAIL AWAY across the top"), ["SAIL AWAY"]);
    assert_eq!(found(Code::UnquotedText, "a runner, 88 printed on her vest"), ["88"]);
    assert_eq!(found(Code::UnquotedText, "BMW M3 at the bottom of a hill"), [""; 0]);
    assert_eq!(found(Code::UnquotedText, "a fresco from 1508 painted on a wall"), [""; 0]);
}
