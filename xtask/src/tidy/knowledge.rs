//! Who may take what from outside: HTTP, databases, CUDA and the command line each have their crates. Words in
//! sources are [`super::purity`]; this looks only at manifests, tests left free.

use super::{Fault, Rule};
use crate::Project;
use crate::read::metadata::Kind;

/// Only the crates made for it know HTTP, databases, CUDA, WebGPU or the command line.
pub const RULE: Rule = Rule { name: "each outside world has its crates", check };

/// Packages that bring one outside world, and the crates that may use them.
struct World {
    name: &'static str,
    packages: &'static [&'static str],
    known_to: &'static [&'static str],
}

const WORLDS: [World; 6] = [
    World {
        name: "HTTP servers",
        packages: &["actix-web", "axum", "hyper", "rocket", "tiny_http", "tower", "warp"],
        known_to: &["zao-server", "zao-load"],
    },
    World {
        name: "HTTP clients",
        packages: &["curl", "reqwest", "ureq"],
        known_to: &["zao-weights", "zao-load"],
    },
    World { name: "databases", packages: &["rusqlite", "sqlx"], known_to: &["zao-queue"] },
    World { name: "CUDA", packages: &["cudarc", "cust"], known_to: &["zao-cuda"] },
    World { name: "WebGPU", packages: &["wgpu"], known_to: &["zao-wgpu"] },
    World {
        name: "the command line",
        packages: &["clap", "ctrlc", "indicatif"],
        known_to: &["zao", "zao-load"],
    },
];

fn check(project: &Project) -> Vec<Fault> {
    let mut faults = Vec::new();
    for member in &project.members {
        for used in member.dependencies.iter().filter(|used| used.kind == Kind::Shipped) {
            let name = used.name.as_str();
            let world = WORLDS.iter().find(|world| world.packages.contains(&name));
            if let Some(world) = world.filter(|it| !it.known_to.contains(&member.name.as_str())) {
                faults.push(Fault::new(
                    format!("{}/Cargo.toml", member.folder),
                    format!("{} takes {name}, so it knows {}", member.name, world.name),
                    format!("leave that to {}", world.known_to.join(" or ")),
                ));
            }
        }
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_engine_may_not_fetch() {
        let project = Project::default()
            .with_member("zao-weights", &["ureq"])
            .with_member("zao-engine", &["ureq", "clap"]);
        let places: Vec<String> = check(&project).into_iter().map(|fault| fault.what).collect();
        assert_eq!(places.len(), 2);
        assert_eq!(places[0], "zao-engine takes ureq, so it knows HTTP clients");
    }
}
