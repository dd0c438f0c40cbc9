//! What is handed to users must be free to hand on: each package's licence satisfies the list in
//! deny.toml, and each comes from crates.io. `cargo deny` asks the same for every platform; this
//! needs nothing installed.

use super::spdx::is_satisfied;
use super::{Fault, Rule};
use crate::Project;
use crate::read::toml;

/// Every package has a licence that deny.toml allows.
pub const LICENCES: Rule = Rule { name: "every licence is allowed", check: licences };

/// Every package comes from crates.io.
pub const SOURCES: Rule = Rule { name: "every package is from crates.io", check: sources };

fn licences(project: &Project) -> Vec<Fault> {
    let policy = project.text("deny.toml").unwrap_or_default();
    let allowed = toml::strings(policy, "licenses", "allow");
    project
        .packages
        .iter()
        .filter_map(|package| {
            let what = match package.license.as_deref() {
                Some(licence) if is_satisfied(licence, &allowed) => return None,
                Some(licence) => format!("its licence `{licence}` is not allowed by deny.toml"),
                None => "its manifest names no licence".to_owned(),
            };
            let mend = "do without it, or allow the licence in deny.toml and say why";
            Some(Fault::new(&package.name, what, mend))
        })
        .collect()
}

fn sources(project: &Project) -> Vec<Fault> {
    let policy = project.text("deny.toml").unwrap_or_default();
    let allowed = toml::strings(policy, "sources", "allow-registry");
    let Some(lock) = project.text("Cargo.lock") else {
        let mend = "run `cargo build` and commit the file";
        return vec![Fault::new("Cargo.lock", "the file is missing", mend)];
    };
    let sources = lock.lines().filter_map(|line| line.strip_prefix("source = "));
    let mut strange: Vec<&str> = sources
        .map(|source| source.trim_matches('"'))
        .filter(|source| {
            !source.strip_prefix("registry+").is_some_and(|registry| allowed.contains(&registry))
        })
        .collect();
    strange.sort_unstable();
    strange.dedup();
    strange
        .into_iter()
        .map(|source| {
            let mend = "depend on a release from crates.io";
            Fault::new("Cargo.lock", format!("packages come from {source}"), mend)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: &str =
        "[licenses]\nallow = [\n  \"MIT\",\n]\n[sources]\nallow-registry = [\"https://r/index\"]\n";

    #[test]
    fn only_allowed_licences_pass() {
        let project = Project::of(&[("deny.toml", POLICY)])
            .with_package("a 1.0.0", Some("MIT OR Zlib"))
            .with_package("b 1.0.0", Some("GPL-3.0"))
            .with_package("c 1.0.0", None);
        let places: Vec<String> = licences(&project).into_iter().map(|fault| fault.place).collect();
        assert_eq!(places, ["b 1.0.0", "c 1.0.0"]);
    }

    #[test]
    fn git_and_other_registries_are_faults() {
        let lock = "source = \"registry+https://r/index\"\nsource = \"git+https://g/x?rev=1#1\"\n";
        let project = Project::of(&[("deny.toml", POLICY), ("Cargo.lock", lock)]);
        let faults = sources(&project);
        assert_eq!(faults.len(), 1, "{faults:?}");
        assert!(faults[0].what.contains("git+https://g/x"));
    }

    #[test]
    fn without_a_policy_nothing_is_allowed() {
        let project = Project::default().with_package("a 1.0.0", Some("MIT"));
        assert_eq!(licences(&project).len(), 1);
    }
}
