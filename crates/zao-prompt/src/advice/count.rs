//! Counting what a prompt speaks of, by its slots and by words of the tables. What follows from the counts is NOT decided here.

use super::Counts;
use super::words::TABLE;
use crate::cut::{cut, is_chinese, is_ideograph};
use crate::lexicon::{CHINESE, ENGLISH, Kind};
use crate::template::{Slots, Template};

/// No phrase of the tables has more words or characters.
const LONGEST: usize = 6;

pub(super) fn count(prompt: &str) -> Counts {
    // The English behind a Chinese prompt says the same again.
    let Template { slots, translation } = Template::of(prompt);
    let prompt =
        if translation.is_some() { prompt.split("//").next().unwrap_or(prompt) } else { prompt };
    let mut counts =
        if is_chinese(prompt) { chinese(prompt, &slots) } else { english(prompt, &slots) };
    let quotes = cut(prompt)
        .quotes
        .into_iter()
        .filter(|quote| prompt[quote.clone()].contains(char::is_alphanumeric));
    counts.texts = quotes.count().max(counts.texts);
    counts.details = slots.details.len();
    counts
}

/// What is drawn, without how.
fn drawn(slots: &Slots) -> impl Iterator<Item = &str> {
    let Slots { subject, action, details, background, style: _ } = slots;
    let texts = [subject, action, background].into_iter().chain(details);
    texts.map(String::as_str).filter(|text| !text.is_empty())
}

fn english(prompt: &str, slots: &Slots) -> Counts {
    let mut counts = Counts { words: prompt.split_whitespace().count(), ..Counts::default() };
    for text in drawn(slots) {
        let mut things = 0;
        let mut phrase = String::new();
        let words: Vec<String> = ENGLISH
            .words(text)
            .into_iter()
            .map(|word| {
                let written = text[word.core].to_lowercase();
                // "There is a boat" is one thing.
                things +=
                    usize::from(word.reach.is(Kind::Determiner) && !written.starts_with("there"));
                written
            })
            .collect();
        let mut free = 0;
        for at in 0..words.len() {
            counts.faces += faces(&words[at]) * number_before(&words[..at]);
            counts.texts = counts.texts.max(usize::from(TABLE.words.writing.contains(&words[at])));
            phrase.clear();
            let mut related = 0;
            for (length, word) in words[at..].iter().take(LONGEST).enumerate() {
                phrase.push_str(if length > 0 { " " } else { "" });
                phrase.push_str(word);
                if at >= free && TABLE.words.relations.contains(&phrase) {
                    related = length + 1;
                }
            }
            counts.relations += usize::from(related > 0);
            free = free.max(at + related);
        }
        counts.things += things;
    }
    counts.things = counts.things.max(usize::from(!slots.subject.is_empty()));
    counts
}

fn chinese(prompt: &str, slots: &Slots) -> Counts {
    let (ideographs, others): (Vec<char>, Vec<char>) =
        prompt.chars().partition(|&c| is_ideograph(c));
    let others: String =
        others.into_iter().map(|c| if c.is_alphanumeric() { c } else { ' ' }).collect();
    let words = ideographs.len() / 2 + others.split_whitespace().count();
    let mut counts = Counts { words, ..Counts::default() };
    let longest = TABLE.words.relations.iter().map(String::len).max().unwrap_or(0);
    for text in drawn(slots) {
        let marks = CHINESE.marks(text);
        let char_of = |at: usize| text[marks[at].0..].chars().next();
        let mut things = 0;
        let mut free = 0;
        for at in 0..marks.len() {
            let numbered =
                at > 0 && char_of(at - 1).is_some_and(|c| "一二两三四五六七八九十几数".contains(c));
            things += usize::from(numbered && marks[at].1.is(Kind::Measure));
            things += usize::from(char_of(at).is_some_and(|c| "和与、".contains(c)));
            let byte = marks[at].0;
            if byte < free {
                continue;
            }
            let phrases = marks[at + 1..]
                .iter()
                .map(|&(end, _)| end)
                .chain([text.len()])
                .take_while(|end| end - byte <= longest);
            let mut taken = 0;
            for end in phrases {
                let phrase = &text[byte..end];
                let (face, words) = (faces(phrase), &TABLE.words);
                let relation = words.relations.contains(phrase);
                if words.writing.contains(phrase) {
                    counts.texts = counts.texts.max(1);
                }
                counts.faces += face * han_number_before(&text[..byte]);
                counts.relations += usize::from(relation);
                if face > 0 || relation {
                    taken = end;
                    break;
                }
            }
            free = free.max(taken);
        }
        counts.things += things.max(usize::from(text == slots.subject));
    }
    counts
}

fn faces(word: &str) -> usize {
    if TABLE.words.groups.contains(word) {
        TABLE.words.group
    } else {
        usize::from(TABLE.words.faces.contains(word))
    }
}

/// How many there are of what follows: two little girls. More than ten have no faces that could be seen.
fn number_before(words: &[String]) -> usize {
    let numbers = ["two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"];
    let number = |word: &String| {
        let named = numbers.iter().position(|number| number == word).map(|at| at + 2);
        named.or_else(|| word.parse().ok().filter(|number| (2..=10).contains(number)))
    };
    words.iter().rev().take(2).find_map(number).unwrap_or(1)
}

/// The same in Chinese, with what counts in between: 两个小女孩.
fn han_number_before(text: &str) -> usize {
    let numbers = "两三四五六七八九十";
    let place = |c: char| numbers.chars().position(|number| number == c).map(|at| at + 2);
    text.chars().rev().take(3).find_map(place).unwrap_or(1)
}
