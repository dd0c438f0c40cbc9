//! Every clone pays for a big file for ever, so each is named in ARCHITECTURE.md, where somebody
//! has said why it is worth it. How big is too big is theirs to judge.

use super::{Fault, Rule};
use crate::Project;

/// Files over 1 MB are named in ARCHITECTURE.md.
pub const RULE: Rule = Rule { name: "big files are accounted for", check };

const BIG: u64 = 1_000_000;

fn check(project: &Project) -> Vec<Fault> {
    let document = project.text("ARCHITECTURE.md").unwrap_or_default();
    project
        .files
        .iter()
        .filter(|file| file.size > BIG && !document.contains(&format!("`{}`", file.path)))
        .map(|file| {
            Fault::new(
                &file.path,
                format!("{:.1} MB that ARCHITECTURE.md does not name", file.size as f64 / 1e6),
                "name its path there and say why it is worth its size, or leave it out",
            )
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_big_file_must_be_named() {
        let mut project = Project::of(&[("ARCHITECTURE.md", "`a/big`"), ("a/big", ""), ("b", "")]);
        project.files[1].size = BIG + 1;
        project.files[2].size = BIG;
        assert_eq!(check(&project), []);
        project.files[2].size = BIG + 1;
        let faults = check(&project);
        assert_eq!(faults.len(), 1);
        assert_eq!(faults[0].place, "b");
    }
}
