//! Arrows go down only: which crate of the workspace may stand on which. What they may take from
//! outside is [`super::knowledge`]. Dev-dependencies are free, since tests may look around.

use super::{Fault, Rule};
use crate::Project;
use crate::read::metadata::{Kind, Member};

/// Arrows go down only.
pub const RULE: Rule = Rule { name: "arrows go down only", check };

/// A crate and all it may stand on.
struct Room {
    name: &'static str,
    below: &'static [&'static str],
}

const ROOMS: [Room; 16] = [
    Room { name: "zao-api", below: &[] },
    Room { name: "zao-png", below: &["zao-api"] },
    // The ledger keeps what is asked and drawn; what a picture costs to draw, it only learns.
    Room { name: "zao-queue", below: &["zao-api"] },
    Room { name: "zao-image", below: &[] },
    // Words about words: no model and no files.
    Room { name: "zao-prompt", below: &[] },
    // A client: what it knows of a server is what goes over the wire.
    Room { name: "zao-load", below: &["zao-api", "zao-png"] },
    Room { name: "zao-backend", below: &[] },
    Room { name: "zao-cpu", below: &["zao-backend"] },
    Room { name: "zao-cuda", below: &["zao-backend"] },
    Room { name: "zao-model", below: &["zao-backend"] },
    Room { name: "zao-weights", below: &["zao-backend"] },
    // The engine speaks its own types: wire types would tie it to one way of asking.
    Room {
        name: "zao-engine",
        below: &["zao-backend", "zao-cpu", "zao-cuda", "zao-model", "zao-weights"],
    },
    Room {
        name: "zao-request",
        below: &["zao-api", "zao-engine", "zao-image", "zao-png", "zao-prompt", "zao-weights"],
    },
    Room {
        name: "zao-server",
        below: &[
            "zao-api",
            "zao-engine",
            "zao-image",
            "zao-png",
            "zao-prompt",
            "zao-queue",
            "zao-request",
            "zao-weights",
        ],
    },
    Room {
        name: "zao",
        below: &[
            "zao-api",
            "zao-backend",
            "zao-cpu",
            "zao-cuda",
            "zao-engine",
            "zao-image",
            "zao-load",
            "zao-model",
            "zao-png",
            "zao-prompt",
            "zao-queue",
            "zao-request",
            "zao-server",
            "zao-weights",
        ],
    },
    Room { name: "xtask", below: &[] },
];

/// Rooms that ARCHITECTURE.md may speak of before they are built.
pub(super) const PLANNED: [&str; 1] = ["zao-wgpu"];

fn check(project: &Project) -> Vec<Fault> {
    let names: Vec<&str> = project.members.iter().map(|member| member.name.as_str()).collect();
    project.members.iter().flat_map(|member| faults(member, &names)).collect()
}

fn faults(member: &Member, names: &[&str]) -> Vec<Fault> {
    let Some(room) = ROOMS.iter().find(|room| room.name == member.name) else {
        return vec![Fault::new(
            &member.name,
            "no rule says which crates it may depend on",
            "add it to the table and to ARCHITECTURE.md (the table is in xtask/src/tidy/arrows.rs)",
        )];
    };
    let inside = member.dependencies.iter().filter(|used| names.contains(&used.name.as_str()));
    inside
        .filter(|used| {
            let nobodys = matches!(used.name.as_str(), "zao" | "xtask");
            nobodys || (used.kind == Kind::Shipped && !room.below.contains(&used.name.as_str()))
        })
        .map(|used| {
            Fault::new(
                format!("{}/Cargo.toml", member.folder),
                format!("{} depends on {}", member.name, used.name),
                "let a crate above both bring them together, or move the shared part down",
            )
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arrow_up_is_a_fault() {
        let project = Project::default()
            .with_member("zao-engine", &["zao-model", "anyhow"])
            .with_member("zao-model", &["zao-engine", "serde"]);
        let faults = check(&project);
        assert_eq!(faults.len(), 1, "{faults:?}");
        assert_eq!(faults[0].what, "zao-model depends on zao-engine");
    }

    #[test]
    fn nobody_may_know_the_binary_even_in_tests() {
        let mut project =
            Project::default().with_member("zao", &[]).with_member("zao-api", &["zao"]);
        project.members[1].dependencies[0].kind = Kind::Dev;
        assert_eq!(check(&project).len(), 1);
    }

    #[test]
    fn a_new_crate_needs_its_place() {
        let faults = check(&Project::default().with_member("zao-new", &[]));
        assert!(faults[0].mend.starts_with("add it to the table and to ARCHITECTURE.md"));
    }

    #[test]
    fn what_is_built_is_no_longer_planned() {
        assert!(ROOMS.iter().all(|room| !PLANNED.contains(&room.name)));
    }
}
