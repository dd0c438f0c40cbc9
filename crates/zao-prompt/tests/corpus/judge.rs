//! Precision and recall of each rule, counted over prompts with labels. It does NOT know the rules, nor where the
//! bars are.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::ops::Range;

use crate::reading::{Prompt, RULES};

/// What a rule reported: its name, and the bytes of the prompt that it meant.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    pub(crate) code: String,
    pub(crate) span: Range<usize>,
}

/// What became of one rule.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Faults that were labelled, and how many of them were found.
    pub(crate) labels: usize,
    pub(crate) hits: usize,
    /// Findings that count, and how many of them meet a label.
    pub(crate) findings: usize,
    pub(crate) right: usize,
}

impl Tally {
    /// The share of findings that are right; 1 where there are none.
    pub(crate) fn precision(self) -> f64 {
        share(self.right, self.findings)
    }

    /// The share of labelled faults that were found; 1 where there are none.
    pub(crate) fn recall(self) -> f64 {
        share(self.hits, self.labels)
    }
}

fn share(part: usize, whole: usize) -> f64 {
    if whole == 0 { 1.0 } else { part as f64 / whole as f64 }
}

/// The tallies of all rules, and what went wrong where one may look.
#[derive(Debug, Default)]
pub(crate) struct Verdict {
    tallies: BTreeMap<String, Tally>,
    held_out: BTreeMap<String, Tally>,
    /// A line for each miss and each false alarm in the open half. The other half stays shut.
    pub(crate) slips: Vec<String>,
}

impl Verdict {
    /// Counts what was `found` in `prompt`.
    pub(crate) fn add(&mut self, prompt: &Prompt, found: &[Found]) {
        for (code, tally) in tallies(prompt, found) {
            for into in [Some(&mut self.tallies), prompt.held_out.then_some(&mut self.held_out)]
                .into_iter()
                .flatten()
            {
                let sum = into.entry(code.clone()).or_default();
                sum.labels += tally.labels;
                sum.hits += tally.hits;
                sum.findings += tally.findings;
                sum.right += tally.right;
            }
        }
        if !prompt.held_out {
            self.slips.extend(slips(prompt, found));
        }
    }

    /// Each rule with what became of it over both halves, rules that the corpus does not know last.
    pub(crate) fn rules(&self) -> Vec<(&str, Tally)> {
        let known =
            RULES.iter().map(|&code| (code, self.tallies.get(code).copied().unwrap_or_default()));
        let others = self.tallies.iter().map(|(code, &tally)| (code.as_str(), tally));
        known.chain(others.filter(|(code, _)| !RULES.contains(code))).collect()
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:<14} {:^23} {:^23}", "", "all", "held out")?;
        writeln!(
            f,
            "{:<14} {:>11} {:>11} {:>11} {:>11}",
            "rule", "precision", "recall", "precision", "recall"
        )?;
        for (code, tally) in self.rules() {
            let shut = self.held_out.get(code).copied().unwrap_or_default();
            write!(f, "{code:<14}")?;
            for (part, whole) in [
                (tally.right, tally.findings),
                (tally.hits, tally.labels),
                (shut.right, shut.findings),
                (shut.hits, shut.labels),
            ] {
                let mut cell = String::new();
                write!(cell, "{part}/{whole}")?;
                if whole > 0 {
                    write!(cell, " {:.2}", share(part, whole))?;
                }
                write!(f, " {cell:>11}")?;
            }
            writeln!(f)?;
        }
        Ok(())
    }
}

fn tallies(prompt: &Prompt, found: &[Found]) -> BTreeMap<String, Tally> {
    let mut tallies = BTreeMap::<String, Tally>::new();
    for label in &prompt.expected {
        let tally = tallies.entry(label.code.clone()).or_default();
        tally.labels += 1;
        let places = label.places(&prompt.text);
        tally.hits += usize::from(
            found.iter().any(|found| found.code == label.code && meets(&found.span, &places)),
        );
    }
    for found in found {
        match standing(prompt, found) {
            Standing::Right => {
                let tally = tallies.entry(found.code.clone()).or_default();
                tally.findings += 1;
                tally.right += 1;
            }
            Standing::False => tallies.entry(found.code.clone()).or_default().findings += 1,
            Standing::Tolerated => {}
        }
    }
    tallies
}

fn slips(prompt: &Prompt, found: &[Found]) -> Vec<String> {
    let missed = prompt.expected.iter().filter(|label| {
        let places = label.places(&prompt.text);
        !found.iter().any(|found| found.code == label.code && meets(&found.span, &places))
    });
    let alarms = found.iter().filter(|found| matches!(standing(prompt, found), Standing::False));
    missed
        .map(|label| format!("{}: {} misses {:?}", prompt.id, label.code, label.text))
        .chain(alarms.map(|found| {
            let text =
                prompt.text.get(found.span.clone()).unwrap_or("a span that cuts a character");
            format!("{}: {} is a false alarm at {text:?}", prompt.id, found.code)
        }))
        .collect()
}

enum Standing {
    Right,
    Tolerated,
    False,
}

fn standing(prompt: &Prompt, found: &Found) -> Standing {
    let among = |labels: &[crate::reading::Label]| {
        labels.iter().any(|label| {
            label.code == found.code && meets(&found.span, &label.places(&prompt.text))
        })
    };
    if among(&prompt.expected) {
        Standing::Right
    } else if among(&prompt.tolerated) {
        Standing::Tolerated
    } else {
        Standing::False
    }
}

fn meets(span: &Range<usize>, places: &[Range<usize>]) -> bool {
    places.iter().any(|place| span.start < place.end && place.start < span.end)
}
