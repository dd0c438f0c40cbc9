//! Where `unsafe` may stand: in the device crates, which talk to hardware, in the one file that
//! maps memory, and in the one that calls the kernel compiler. That each block has its `// SAFETY:` is clippy's to check.

use super::{Fault, Rule};
use crate::Project;
use crate::read::source::{Source, find_word, line_of};

/// Only device crates and the memory mapping contain `unsafe`.
pub const RULE: Rule = Rule { name: "unsafe has its places", check };

const PLACES: [&str; 5] = [
    "crates/zao-cpu/",
    "crates/zao-cuda/",
    "crates/zao-wgpu/",
    "crates/zao-weights/src/mapped.rs",
    "xtask/src/nvrtc.rs",
];

fn check(project: &Project) -> Vec<Fault> {
    project
        .sources()
        .filter(|(path, _)| !PLACES.iter().any(|place| path.starts_with(place)))
        .filter_map(|(path, text)| {
            let at = find_word(&Source::new(text).bare, "unsafe")?;
            Some(Fault::new(
                format!("{path}:{}", line_of(text, at)),
                "`unsafe` outside the device crates",
                "write it safely, or put it behind a safe function of a device crate",
            ))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_named_places_are_allowed() {
        let block = "// one\nunsafe { f() }";
        let project = Project::of(&[
            ("crates/zao-cpu/src/a.rs", block),
            ("crates/zao-weights/src/mapped.rs", block),
            ("crates/zao-weights/src/store.rs", block),
            ("crates/zao-model/src/a.rs", "#![deny(unsafe_code)] // unsafe\nlet a = \"unsafe\";"),
        ]);
        let faults = check(&project);
        assert_eq!(faults.len(), 1, "{faults:?}");
        assert_eq!(faults[0].place, "crates/zao-weights/src/store.rs:2");
    }
}
