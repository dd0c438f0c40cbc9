//! How good the rules are, by prompts that were labelled without knowing them: `corpus/labelled.toml` for precision and
//! recall, `corpus/good.toml` for false alarms, and what eleven more judges wrote for both. It does NOT test a rule's messages or its
//! replacements.
//!
//! `cargo test --release -p zao-prompt --test corpus -- --nocapture` prints the table.

#[path = "corpus/judge.rs"]
mod judge;
#[path = "corpus/reading.rs"]
mod reading;

use std::collections::{BTreeMap, BTreeSet};

use judge::{Found, Verdict};
use reading::{Label, Prompt, RULES, focused, good, judges, labelled};

/// A rule that cries wolf more often gets switched off.
const PRECISION: f64 = 0.95;
const RECALL: f64 = 0.9;

fn check(prompt: &str) -> Vec<Found> {
    let report = zao_prompt::check(prompt, &zao_prompt::Options::default());
    let found = report.findings.into_iter();
    found.map(|finding| Found { code: finding.code.to_string(), span: finding.span }).collect()
}

#[test]
fn each_rule_finds_what_it_should_and_little_else() {
    let mut verdict = Verdict::default();
    for prompt in &labelled().prompts {
        verdict.add(prompt, &check(&prompt.text));
    }
    println!("{verdict}");
    let below: Vec<&str> = verdict
        .rules()
        .into_iter()
        .filter(|(_, tally)| tally.precision() < PRECISION || tally.recall() < RECALL)
        .map(|(code, _)| code)
        .collect();
    assert!(
        below.is_empty(),
        "below precision {PRECISION} or recall {RECALL}: {}\nin the open half:\n{}",
        below.join(", "),
        verdict.slips.join("\n")
    );
}

#[test]
fn each_rule_holds_for_judges_who_knew_none() {
    let mut wrong = String::new();
    for (name, corpus) in judges() {
        let mut verdict = Verdict::default();
        corpus.prompts.iter().for_each(|prompt| verdict.add(prompt, &check(&prompt.text)));
        println!("{name}\n{verdict}");
        let below: Vec<&str> = verdict
            .rules()
            .into_iter()
            .filter(|(_, tally)| tally.precision() < PRECISION || tally.recall() < RECALL)
            .map(|(code, _)| code)
            .collect();
        let slips = verdict.slips.join("\n");
        let alarms = corpus.prompts.iter().filter(|it| it.is_good() && !check(&it.text).is_empty());
        let alarms: Vec<&str> = alarms.map(|it| it.id.as_str()).collect();
        if !(below.is_empty() && alarms.is_empty()) {
            let (below, alarms) = (below.join(", "), alarms.join(", "));
            wrong +=
                &format!("{name}: below the bars: {below}; false alarms in {alarms}\n{slips}\n");
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn a_rule_holds_for_judges_who_thought_of_it_alone() {
    let mut wrong = String::new();
    for (name, rule, corpus) in focused() {
        let mut verdict = Verdict::default();
        for prompt in &corpus.prompts {
            let found: Vec<Found> =
                check(&prompt.text).into_iter().filter(|found| found.code == rule).collect();
            verdict.add(prompt, &found);
        }
        let tally =
            verdict.rules().into_iter().find_map(|(code, tally)| (code == rule).then_some(tally));
        let tally = tally.expect("a rule that is known");
        let (precision, recall) = (tally.precision(), tally.recall());
        println!("{name}: precision {precision:.2}, recall {recall:.2}");
        if precision < PRECISION || recall < RECALL {
            let slips = verdict.slips.join("\n");
            wrong += &format!("{name}: precision {precision:.2}, recall {recall:.2}\n{slips}\n");
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn each_judge_wrote_as_many_prompts_as_were_asked_for() {
    for (name, corpus) in judges() {
        let count = |good: bool, language: &str| {
            let those = corpus.prompts.iter().filter(|it| it.is_good() == good);
            those.filter(|it| it.language == language).count()
        };
        let counts = [(false, "zh"), (false, "en"), (true, "zh"), (true, "en")];
        assert_eq!(
            counts.map(|(good, language)| count(good, language)),
            [60, 60, 20, 20],
            "{name}"
        );
        let ids: BTreeSet<&str> = corpus.prompts.iter().map(|it| it.id.as_str()).collect();
        assert_eq!(ids.len(), 160, "{name}: each prompt has a name of its own");
        for prompt in corpus.prompts.iter().filter(|it| it.is_good()) {
            assert!(prompt.expected.is_empty(), "{name}: {}", prompt.id);
        }
    }
}

#[test]
fn good_prompts_are_left_alone() {
    let alarms: Vec<String> = good()
        .prompts
        .iter()
        .flat_map(|prompt| {
            check(&prompt.text).into_iter().map(|found| {
                let text = prompt.text.get(found.span).unwrap_or("a span that cuts a character");
                format!("{}: {} at {text:?}", prompt.id, found.code)
            })
        })
        .collect();
    assert!(alarms.is_empty(), "false alarms:\n{}", alarms.join("\n"));
}

#[test]
fn the_corpus_is_as_large_and_as_even_as_it_says() {
    let (labelled, good) = (labelled().prompts, good().prompts);
    for (prompts, each) in [(&labelled, 60), (&good, 20)] {
        for language in ["zh", "en"] {
            let count = prompts.iter().filter(|prompt| prompt.language == language).count();
            assert_eq!(count, each, "prompts in {language}");
        }
    }
    let ids: BTreeSet<&str> =
        labelled.iter().chain(&good).map(|prompt| prompt.id.as_str()).collect();
    assert_eq!(ids.len(), 160, "each prompt has a name of its own");
    assert!(good.iter().all(|prompt| prompt.expected.is_empty() && prompt.tolerated.is_empty()));
    for (index, prompt) in labelled.iter().enumerate() {
        assert_eq!(prompt.held_out, index % 2 == 1, "{}: every second one is held out", prompt.id);
    }
}

#[test]
fn each_rule_has_labels_in_both_halves() {
    let prompts = labelled().prompts;
    let mut counts = BTreeMap::<&str, [usize; 2]>::new();
    for prompt in &prompts {
        for label in &prompt.expected {
            counts.entry(&label.code).or_default()[usize::from(prompt.held_out)] += 1;
        }
    }
    assert!(counts.keys().all(|code| RULES.contains(code)), "{counts:?}");
    for rule in RULES {
        let [open, shut] = counts.get(rule).copied().unwrap_or_default();
        assert!(open + shut >= 8 && open >= 4 && shut >= 4, "{rule}: {open} open, {shut} held out");
    }
}

#[test]
fn each_label_names_a_place_that_is_there() {
    let judges = judges().into_iter().flat_map(|(_, corpus)| corpus.prompts);
    let focused = focused().into_iter().flat_map(|(_, _, corpus)| corpus.prompts);
    for prompt in labelled().prompts.into_iter().chain(judges).chain(focused) {
        for label in prompt.expected.iter().chain(&prompt.tolerated) {
            let places = label.places(&prompt.text);
            assert_eq!(places.len(), 1 + label.others.len(), "{}: {label:?}", prompt.id);
            assert!(places.iter().all(|place| !place.is_empty()), "{}: {label:?}", prompt.id);
        }
    }
}

fn label(code: &str, text: &str) -> Label {
    Label { code: code.to_owned(), text: text.to_owned(), nth: 1, others: Vec::new() }
}

#[test]
fn misses_false_alarms_and_tolerated_findings_are_told_apart() {
    let prompt = Prompt {
        id: "one".to_owned(),
        language: "en".to_owned(),
        held_out: false,
        text: "a very very old owl, so 8k".to_owned(),
        expected: vec![label("intensifier", "very very"), label("repetition", "very very")],
        tolerated: vec![label("intensifier", "so")],
    };
    let found = |code: &str, span| Found { code: code.to_owned(), span };
    let mut verdict = Verdict::default();
    verdict.add(
        &prompt,
        &[
            found("intensifier", 2..6),
            found("intensifier", 7..11),
            found("intensifier", 21..23),
            found("quality-tags", 24..26),
        ],
    );
    let tallies: BTreeMap<_, _> = verdict.rules().into_iter().collect();
    let counts = |code| {
        let judge::Tally { labels, hits, findings, right } = tallies[code];
        [labels, hits, findings, right]
    };
    assert_eq!(counts("intensifier"), [1, 1, 2, 2]);
    assert_eq!(counts("repetition"), [1, 0, 0, 0]);
    assert_eq!(counts("quality-tags"), [0, 0, 1, 0]);
    assert_eq!(
        verdict.slips,
        ["one: repetition misses \"very very\"", "one: quality-tags is a false alarm at \"8k\""]
    );
}
