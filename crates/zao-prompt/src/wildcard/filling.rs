//! What `__name__` stands for: the same choice as braces with the lines of the list between them.

use std::collections::BTreeSet;

use super::*;

const LISTS: [(&str, &str); 14] = [
    ("colour", "red\n# no colour\n\n  blue  \r\n3::green\n"),
    ("animals/dogs", "\u{feff}poodle\nborzoi in __coat__\n"),
    ("coat", "a {silk|wool} coat"),
    ("颜色", "红\n蓝\n"),
    ("sharp", "\\# one\n"),
    ("empty", "# nothing\n"),
    ("never", "0::a\n0::b\n"),
    ("open", "good\n  a {b|c\n"),
    ("self", "__self__"),
    ("hen", "an __egg__"),
    ("egg", "x\nof a __hen__"),
    ("lost", "a\nb __nowhere__"),
    ("deep", "{a|__coat__} and __colour__"),
    ("weight", "1.2345::a"),
];

fn read(name: &str) -> Result<Vec<WildcardFile>, String> {
    let text = LISTS.iter().find(|(known, _)| *known == name).map(|(_, text)| (*text).to_owned());
    let doubled =
        || Some(format!("__d{0}__ __d{0}__", name.strip_prefix('d')?.parse::<u32>().ok()? + 1));
    let text = text.or_else(doubled).ok_or_else(|| format!("there is no list {name}"))?;
    Ok(vec![WildcardFile { name: format!("{name}.txt"), text }])
}

fn filled(pattern: &str) -> Result<Pattern, FillError> {
    Pattern::parse(pattern).unwrap().filled(&mut Wildcards::new(read))
}

fn all(pattern: &str) -> BTreeSet<String> {
    let pattern = filled(pattern).unwrap();
    (0..300).map(|seed| pattern.expand(seed, 0)).collect()
}

fn set(texts: &[&str]) -> BTreeSet<String> {
    texts.iter().map(|&text| text.to_owned()).collect()
}

#[test]
fn a_list_is_chosen_from_as_braces_are() {
    for (named, written) in [
        ("a __colour__ cat", "a {red|blue|3::green} cat"),
        ("__animals/dogs__", "{poodle|borzoi in {1$$a {silk|wool} coat}}"),
        ("{2$$__colour__}", "{2$$red|blue|3::green}"),
        ("{1-2$$ and $$__colour__}!", "{1-2$$ and $$red|blue|3::green}!"),
        ("{__coat__|2::bare}", "{{1$$a {silk|wool} coat}|2::bare}"),
        ("__颜色__苹果", "{红|蓝}苹果"),
    ] {
        // A list of one line is a group of one option, which braces say with a count.
        let (named, written) = (filled(named).unwrap(), Pattern::parse(written).unwrap());
        for seed in 0..50 {
            assert_eq!(named.expand(seed, 1), written.expand(seed, 1));
        }
    }
    assert_eq!(all("__sharp__"), set(&["# one"]));
    assert_eq!(all("{2$$__颜色__}"), set(&["红, 蓝", "蓝, 红"]));
    assert_eq!(all("__deep__").len(), 9);
}

/// As for braces: whoever draws a list again has to get the same prompts.
#[test]
fn the_words_of_lists_are_the_same_in_every_version() {
    let pattern = filled("a __colour__ __animals/dogs__, {2$$__colour__}").unwrap();
    let words = [(0, 0), (0, 1), (42, 0), (u64::MAX, 7)].map(|(seed, at)| pattern.expand(seed, at));
    assert_eq!(words, GOLDEN);
}

const GOLDEN: [&str; 4] = [
    "a blue poodle, green, red",
    "a green borzoi in a silk coat, red, green",
    "a blue borzoi in a wool coat, blue, green",
    "a green poodle, blue, green",
];

#[test]
fn what_is_no_name_stays() {
    for text in [
        "__",
        "____",
        "_a_",
        "a__b",
        "__ a __",
        "snake_case__",
        "__a b__",
        "__(x)__",
        "__@a__",
        "___",
    ] {
        let pattern = Pattern::parse(text).unwrap();
        assert_eq!(pattern.expand(1, 0), text);
        assert!(!pattern.has_choices(), "{text}");
    }
    assert_eq!(all("\\__colour__ x"), set(&["__colour__ x"]));
    assert_eq!(all("\\\\__sharp__"), set(&["\\# one"]));
    assert_eq!(all("__sharp___"), set(&["# one_"]));
    assert_eq!(Pattern::literal("\\{a|b} __c__").expand(1, 0), "\\{a|b} __c__");
}

#[test]
fn what_is_not_filled_is_named_and_stays_as_written() {
    let pattern = Pattern::parse("{a|__b/c__} {2$$ & $$__d*__}").unwrap();
    assert_eq!(pattern.lists(), ["b/c", "d*"]);
    assert!(pattern.has_choices());
    let words: BTreeSet<String> = (0..20).map(|seed| pattern.expand(seed, 0)).collect();
    assert_eq!(words, set(&["a {2$$ & $$__d*__}", "__b/c__ {2$$ & $$__d*__}"]));
    assert!(filled("__colour__").unwrap().lists().is_empty());
}

#[test]
fn what_is_wrong_is_told_where_it_stands() {
    for (pattern, told) in [
        ("a\nb __nowhere__", "line 2, column 3: there is no list nowhere"),
        ("红 {a|__nowhere__}", "line 1, column 6: there is no list nowhere"),
        ("__lost__", "lost.txt, line 2, column 3: there is no list nowhere"),
        ("__open__", "open.txt, line 2, column 5: this brace is never closed"),
        ("__weight__", "weight.txt, line 1, column 1: the weight \"1.2345\""),
        ("__empty__", "line 1, column 1: the list empty has no options"),
        ("__never__", "line 1, column 1: none of these can be chosen"),
        ("a {4$$__colour__}", "line 1, column 7: 4 are to be chosen of 3"),
        (
            "__self__",
            "self.txt, line 1, column 1: these lists name each other in a circle: self -> self",
        ),
        (
            "an __egg__",
            "hen.txt, line 1, column 4: these lists name each other in a circle: egg -> hen -> egg",
        ),
        ("__d0__", "lists name each other more than 50 deep"),
    ] {
        let error = filled(pattern).unwrap_err().to_string();
        assert!(error.contains(told), "{pattern}: {error}");
    }
}

#[test]
fn lists_that_double_each_other_are_refused_before_they_fill_the_memory() {
    let doubles = |name: &str| {
        let next =
            name.strip_prefix('d').and_then(|number| number.parse::<u32>().ok()).unwrap() + 1;
        let text = if next > 40 { "x".to_owned() } else { format!("__d{next}__ __d{next}__") };
        Ok(vec![WildcardFile { name: name.into(), text }])
    };
    let pattern = Pattern::parse("__d0__").unwrap();
    let error = pattern.filled(&mut Wildcards::new(doubles)).unwrap_err();
    assert_eq!(error.problem, FillProblem::TooLong(1 << 20));
    let few = Pattern::parse("__d35__").unwrap().filled(&mut Wildcards::new(doubles)).unwrap();
    assert_eq!(few.expand(1, 0).matches('x').count(), 32);
}

#[test]
fn a_list_is_read_once_however_often_it_is_named() {
    let mut count = 0;
    let mut lists = Wildcards::new(|name| {
        count += 1;
        read(name)
    });
    for _ in 0..3 {
        Pattern::parse("__colour__ __colour__ __deep__").unwrap().filled(&mut lists).unwrap();
    }
    drop(lists);
    assert_eq!(count, 3, "colour, deep and coat");
}

#[test]
fn long_texts_and_long_lists_are_quick() {
    let text = "__ a __colour__ ".repeat(3000);
    let long: String = (0..20_000).map(|line| format!("{line} and __coat__\n")).collect();
    let read_long = |name: &str| match name {
        "long" => Ok(vec![WildcardFile { name: "long.txt".into(), text: long.clone() }]),
        other => read(other),
    };
    let is_quick = || {
        let since = std::time::Instant::now();
        let mut lists = Wildcards::new(read_long);
        Pattern::parse(&text).unwrap().filled(&mut lists).unwrap();
        let pattern = Pattern::parse("__long__").unwrap().filled(&mut lists).unwrap();
        let words: BTreeSet<String> = (0..1000).map(|index| pattern.expand(1, index)).collect();
        assert!(words.len() > 900, "{}", words.len());
        since.elapsed().as_secs() < 5
    };
    assert!((0..3).any(|_| is_quick()), "three times in a row");
}
