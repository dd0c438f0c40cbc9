//! What a crate's sources may not name: a pure crate no files, the model no device, the engine no
//! terminal. Tests are free, and so are comments, which may explain what the code must not do.

use super::{Fault, Rule};
use crate::Project;
use crate::read::source::{Source, find_word, line_of};

/// Pure crates do no I/O, the model names no device, the engine no way of asking.
pub const RULE: Rule = Rule { name: "pure crates stay pure", check };

/// What a crate may not name.
struct Promise {
    krate: &'static str,
    /// Modules of `std`.
    modules: &'static [&'static str],
    /// Whole names.
    words: &'static [&'static str],
    /// Parts of names in any case.
    parts: &'static [&'static str],
}

const NO_IO: [&str; 5] = ["env", "fs", "net", "process", "thread"];
const PRINTS: [&str; 4] = ["println!", "eprintln!", "print!", "eprint!"];

const PROMISES: [Promise; 11] = [
    Promise { krate: "zao-api", modules: &NO_IO, words: &PRINTS, parts: &[] },
    Promise { krate: "zao-png", modules: &NO_IO, words: &PRINTS, parts: &[] },
    Promise { krate: "zao-prompt", modules: &NO_IO, words: &PRINTS, parts: &[] },
    Promise { krate: "zao-image", modules: &NO_IO, words: &PRINTS, parts: &[] },
    Promise {
        krate: "zao-model",
        modules: &NO_IO,
        words: &["rayon", "zao_cpu"],
        parts: &["cuda", "wgpu"],
    },
    Promise { krate: "zao-backend", modules: &NO_IO, words: &["rayon"], parts: &[] },
    Promise {
        krate: "zao-engine",
        modules: &["env", "net", "process"],
        words: &["axum", "clap", "hyper", "ureq", "println!", "eprintln!", "print!", "eprint!"],
        parts: &[],
    },
    // The ledger is told the time and called by threads of others, so that a test can do both by hand.
    Promise {
        krate: "zao-queue",
        modules: &["env", "net", "process", "thread"],
        words: &["axum", "tokio", "SystemTime::now", "Instant::now", "println!", "eprintln!"],
        parts: &[],
    },
    Promise { krate: "zao-load", modules: &["env", "process"], words: &PRINTS, parts: &[] },
    Promise { krate: "zao-weights", modules: &["env"], words: &PRINTS, parts: &[] },
    Promise { krate: "zao-cpu", modules: &["env", "fs", "net"], words: &PRINTS, parts: &[] },
];

fn check(project: &Project) -> Vec<Fault> {
    let mut faults = Vec::new();
    for promise in &PROMISES {
        let folder = format!("crates/{}/src/", promise.krate);
        for (path, text) in project.sources().filter(|(path, _)| path.starts_with(&folder)) {
            if path.ends_with("/tests.rs") || path.contains("/tests/") {
                continue;
            }
            let code = Source::new(text).without_tests().code;
            faults.extend(promise.broken_by(&code).into_iter().map(|(at, what)| {
                Fault::new(
                    format!("{path}:{}", line_of(text, at)),
                    format!("{} may not name {what}", promise.krate),
                    "take it as a value or a trait from the crate above, which may know it",
                )
            }));
        }
    }
    faults
}

impl Promise {
    /// Where `code` breaks the promise, and the forbidden name.
    fn broken_by(&self, code: &str) -> Vec<(usize, String)> {
        let modules = self
            .modules
            .iter()
            .filter_map(|name| Some((find_module(code, name)?, format!("std::{name}"))));
        let words = self
            .words
            .iter()
            .filter_map(|word| Some((find_word(code, word)?, format!("`{word}`"))));
        let lower = code.to_ascii_lowercase();
        let parts =
            self.parts.iter().filter_map(|part| Some((lower.find(part)?, format!("`{part}`"))));
        modules.chain(words).chain(parts).collect()
    }
}

/// Where `code` names `std::name`, alone or in a group such as `std::{fmt, name}`.
fn find_module(code: &str, name: &str) -> Option<usize> {
    if let Some(at) = find_word(code, &format!("std::{name}")) {
        return Some(at);
    }
    code.match_indices("std::{").map(|(at, _)| at).find(|&at| {
        let end = code[at..].find(';').map_or(code.len(), |length| at + length);
        find_word(&code[at..end], name).is_some()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(path: &str, text: &str) -> Vec<Fault> {
        check(&Project::of(&[(path, text)]))
    }

    #[test]
    fn files_and_devices_in_the_model_are_found() {
        let text = "//! CUDA is not known here.\nuse std::{fmt, fs};\nfn f(b: CudaStream) {}\n";
        let faults = faults("crates/zao-model/src/a.rs", text);
        let seen: Vec<(&str, &str)> =
            faults.iter().map(|fault| (fault.place.as_str(), fault.what.as_str())).collect();
        let expected = [
            ("crates/zao-model/src/a.rs:2", "zao-model may not name std::fs"),
            ("crates/zao-model/src/a.rs:3", "zao-model may not name `cuda`"),
        ];
        assert_eq!(seen, expected);
    }

    #[test]
    fn tests_and_comments_are_free() {
        let text = "// std::fs\n#[cfg(test)]\nmod tests { use std::fs; }\n";
        assert_eq!(faults("crates/zao-png/src/a.rs", text), []);
        assert_eq!(faults("crates/zao-png/src/tests.rs", "use std::fs;"), []);
        assert_eq!(faults("crates/zao-png/src/a.rs", "use std::fs;").len(), 1);
    }

    #[test]
    fn a_name_that_only_looks_alike_is_fine() {
        assert_eq!(faults("crates/zao-png/src/a.rs", "use std::{fmt, netting};\nlet fs = 1;"), []);
    }
}
