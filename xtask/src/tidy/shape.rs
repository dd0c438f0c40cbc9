//! The shape of a source file: it opens by saying what it is for, and it is short. Whether what it
//! says is true is for the reader.

use super::{Fault, Rule};
use crate::Project;

/// Every source says at its head what it is for.
pub const OPENING: Rule = Rule { name: "a source opens with //!", check: opening };

/// No source is longer than a reader's patience.
pub const LENGTH: Rule = Rule { name: "a source has at most 600 lines", check: length };

const LONGEST: usize = 600;

fn opening(project: &Project) -> Vec<Fault> {
    project
        .sources()
        .filter(|(_, text)| !text.starts_with("//! "))
        .map(|(path, _)| {
            let mend = "say in its first lines what the file is for and what it does not do";
            Fault::new(path, "the file does not open with `//!`", mend)
        })
        .collect()
}

fn length(project: &Project) -> Vec<Fault> {
    project
        .sources()
        .map(|(path, text)| (path, text.lines().count()))
        .filter(|(_, lines)| *lines > LONGEST)
        .map(|(path, lines)| {
            let mend = "split it where a second idea begins";
            Fault::new(path, format!("{lines} lines, and {LONGEST} are the most"), mend)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_silent_file_is_a_fault() {
        let project = Project::of(&[("a.rs", "//! A.\n"), ("b.rs", "use c;\n"), ("c.md", "c")]);
        assert_eq!(opening(&project).len(), 1);
        assert_eq!(opening(&project)[0].place, "b.rs");
    }

    #[test]
    fn six_hundred_lines_are_enough() {
        let (enough, more) = ("\n".repeat(600), "\n".repeat(601));
        let faults = length(&Project::of(&[("a.rs", &enough), ("b.rs", &more)]));
        assert_eq!(faults.len(), 1);
        assert_eq!(faults[0].place, "b.rs");
    }
}
