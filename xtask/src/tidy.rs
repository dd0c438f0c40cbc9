//! The rules of the house. Each module is one rule: a pure function from the project to its faults.
//! Formatting and lints are not here; rustfmt and clippy know those better.

pub mod architecture;
pub mod arrows;
pub mod big_files;
pub mod debris;
pub mod dependencies;
pub mod knowledge;
pub mod licences;
pub mod links;
pub mod purity;
pub mod readme;
pub mod shape;
mod spdx;
pub mod unsafe_place;

use std::fmt;

use anyhow::{Result, bail};

use crate::Project;

/// A rule with the name under which it is reported.
pub struct Rule {
    /// What holds when the rule is kept, as a short sentence.
    pub name: &'static str,
    /// Finds where the project breaks it.
    pub check: fn(&Project) -> Vec<Fault>,
}

/// One place where a rule is broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The file, line or crate.
    pub place: String,
    /// What is wrong there.
    pub what: String,
    /// How to mend it.
    pub mend: String,
}

impl Fault {
    fn new(place: impl Into<String>, what: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { place: place.into(), what: what.into(), mend: mend.into() }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}\n    to mend it: {}", self.place, self.what, self.mend)
    }
}

/// Every rule, in the order in which they are reported.
pub const RULES: [Rule; 17] = [
    arrows::RULE,
    knowledge::RULE,
    purity::RULE,
    unsafe_place::RULE,
    shape::OPENING,
    shape::LENGTH,
    debris::UNFINISHED,
    debris::BANNERS,
    big_files::RULE,
    architecture::RULE,
    dependencies::USED,
    dependencies::CALLED,
    dependencies::EXPLAINED,
    readme::RULE,
    links::RULE,
    licences::LICENCES,
    licences::SOURCES,
];

/// Holds the project against every rule and prints the faults.
///
/// # Errors
/// When the project cannot be read or a rule is broken.
pub fn run() -> Result<()> {
    let project = Project::load()?;
    let mut broken = 0;
    for rule in &RULES {
        let faults = (rule.check)(&project);
        if !faults.is_empty() {
            broken += 1;
            println!("{}", report(rule, &faults));
        }
    }
    if broken > 0 {
        bail!("{broken} of {} rules of the house are broken", RULES.len());
    }
    Ok(())
}

/// The rule's name and its faults, for people.
#[must_use]
pub fn report(rule: &Rule, faults: &[Fault]) -> String {
    let faults: Vec<String> = faults.iter().map(|fault| format!("\n  {fault}")).collect();
    format!("the rule \"{}\" is broken:{}", rule.name, faults.concat())
}
