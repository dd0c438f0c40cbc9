//! ARCHITECTURE.md is the map: every crate is on it, and nothing is on it that is neither built nor
//! planned. Whether it describes them well is for the reader.

use super::arrows::PLANNED;
use super::{Fault, Rule};
use crate::Project;
use crate::read::source::find_word;

/// ARCHITECTURE.md and the workspace name the same crates.
pub const RULE: Rule = Rule { name: "the map shows the house", check };

const MAP: &str = "ARCHITECTURE.md";

fn check(project: &Project) -> Vec<Fault> {
    let Some(map) = project.text(MAP) else {
        return vec![Fault::new(MAP, "the file is missing", "write it: the map of the crates")];
    };
    let unmapped = project.members.iter().filter(|member| !is_named(map, &member.name));
    let unmapped = unmapped.map(|member| {
        let mend = "say there what it is for and what it may depend on";
        Fault::new(MAP, format!("the crate {} is not named", member.name), mend)
    });
    let unbuilt = crate_names(map).into_iter().filter(|name| {
        !PLANNED.contains(name) && project.members.iter().all(|member| member.name != *name)
    });
    let unbuilt = unbuilt.map(|name| {
        let mend = "correct the name, or add it to PLANNED in xtask/src/tidy/arrows.rs";
        Fault::new(MAP, format!("there is no crate {name}"), mend)
    });
    unmapped.chain(unbuilt).collect()
}

/// Whether the crate is named as itself: `zao` inside `zao-model` does not count.
fn is_named(map: &str, name: &str) -> bool {
    let others = map.replace(&format!("{name}-"), "");
    find_word(&others, name).is_some()
}

/// Every name of the form `zao-word`, once.
fn crate_names(map: &str) -> Vec<&str> {
    let mut names: Vec<&str> = map
        .split(|c: char| !(c.is_ascii_alphanumeric() || c == '-' || c == '_'))
        .filter(|word| word.strip_prefix("zao-").is_some_and(|rest| !rest.is_empty()))
        .collect();
    names.sort_unstable();
    names.dedup();
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn map_and_house_must_agree() {
        let project =
            Project::of(&[(MAP, "`zao-api` stands alone; zao-gone was; zao-wgpu will be.")])
                .with_member("zao-api", &[])
                .with_member("zao", &[]);
        let what: Vec<String> = check(&project).into_iter().map(|fault| fault.what).collect();
        assert_eq!(what, ["the crate zao is not named", "there is no crate zao-gone"]);
    }

    #[test]
    fn a_missing_map_is_a_fault() {
        assert_eq!(check(&Project::default()).len(), 1);
    }
}
