//! Every dependency is used, called and explained: no line of the workspace table lies idle, no
//! crate asks for what its sources never name, and ARCHITECTURE.md says why each is there.

use super::{Fault, Rule};
use crate::Project;
use crate::read::metadata::Member;
use crate::read::source::{Source, find_word};
use crate::read::toml;

/// Every `[workspace.dependencies]` line is used by a crate.
pub const USED: Rule = Rule { name: "no idle workspace dependency", check: used };

/// Every dependency of a crate is named by its sources.
pub const CALLED: Rule = Rule { name: "no dependency without a caller", check: called };

/// Every outside dependency stands in ARCHITECTURE.md's table.
pub const EXPLAINED: Rule = Rule { name: "every dependency is explained", check: explained };

const TABLE: &str = "workspace.dependencies";

fn used(project: &Project) -> Vec<Fault> {
    shared(project)
        .into_iter()
        .filter(|name| !is_used(project, name))
        .map(|name| {
            let what = format!("no crate uses the workspace dependency {name}");
            Fault::new("Cargo.toml", what, format!("remove it from [{TABLE}]"))
        })
        .collect()
}

fn called(project: &Project) -> Vec<Fault> {
    project.members.iter().flat_map(|member| uncalled(project, member)).collect()
}

fn uncalled(project: &Project, member: &Member) -> Vec<Fault> {
    let folder = format!("{}/", member.folder);
    let sources: Vec<String> = project
        .sources()
        .filter(|(path, _)| path.starts_with(&folder))
        .map(|(_, text)| Source::new(text).bare)
        .collect();
    let idle = member.dependencies.iter().filter(|dependency| {
        let word = dependency.name.replace('-', "_");
        sources.iter().all(|source| find_word(source, &word).is_none())
    });
    idle.map(|dependency| {
        Fault::new(
            format!("{folder}Cargo.toml"),
            format!("no source of {} names {}", member.name, dependency.name),
            "remove the dependency",
        )
    })
    .collect()
}

fn explained(project: &Project) -> Vec<Fault> {
    let map = project.text("ARCHITECTURE.md").unwrap_or_default();
    let rows: Vec<&str> = map.lines().filter(|line| line.trim_start().starts_with('|')).collect();
    shared(project)
        .into_iter()
        .filter(|name| is_used(project, name) && !is_inside(project, name))
        .filter(|name| !rows.iter().any(|row| row.contains(&format!("`{name}`"))))
        .map(|name| {
            Fault::new(
                "ARCHITECTURE.md",
                format!("no row of a table explains the dependency `{name}`"),
                "add a row: what it is for, and why it is worth having",
            )
        })
        .collect()
}

fn shared(project: &Project) -> Vec<&str> {
    toml::keys(project.text("Cargo.toml").unwrap_or_default(), TABLE)
}

fn is_inside(project: &Project, name: &str) -> bool {
    project.members.iter().any(|member| member.name == name)
}

fn is_used(project: &Project, name: &str) -> bool {
    let mut dependencies = project.members.iter().flat_map(|member| &member.dependencies);
    dependencies.any(|dependency| dependency.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANIFEST: &str = "[workspace.dependencies]\nzao-a = { path = \"a\" }\nserde = \"1\"\n";

    #[test]
    fn an_idle_line_is_a_fault() {
        let project = Project::of(&[("Cargo.toml", MANIFEST)])
            .with_member("zao-a", &[])
            .with_member("zao-b", &["zao-a"]);
        let faults = used(&project);
        assert_eq!(faults.len(), 1, "{faults:?}");
        assert!(faults[0].what.ends_with("serde"));
    }

    #[test]
    fn a_dependency_nobody_names_is_a_fault() {
        let files = [("crates/zao-b/src/lib.rs", "//! no serde\nuse half_float::f;")];
        let project = Project::of(&files).with_member("zao-b", &["serde", "half-float"]);
        let faults = called(&project);
        assert_eq!(faults.len(), 1, "{faults:?}");
        assert_eq!(faults[0].what, "no source of zao-b names serde");
    }

    #[test]
    fn a_dependency_needs_a_row() {
        let project = |map| {
            Project::of(&[("Cargo.toml", MANIFEST), ("ARCHITECTURE.md", map)])
                .with_member("zao-a", &["serde"])
        };
        assert_eq!(explained(&project("`serde` is fine\n")).len(), 1);
        assert_eq!(explained(&project("| `serde` | reads JSON |\n")), []);
    }
}
