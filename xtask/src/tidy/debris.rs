//! What work leaves behind: tests switched off, holes in the code, notes to oneself, rulers drawn in
//! comments. Code that is merely bad is not found here.

use super::{Fault, Rule};
use crate::Project;
use crate::read::source::{Source, find_word, line_of};

/// No test is switched off and no code is left for later.
pub const UNFINISHED: Rule = Rule { name: "nothing is left for later", check: unfinished };

/// No comment is a ruler.
pub const BANNERS: Rule = Rule { name: "no banners in comments", check: banners };

const HOLES: [(&str, &str); 4] = [
    ("#[ignore", "mend the test or delete it"),
    ("todo!", "write the code, or return an error that says what is missing"),
    ("unimplemented!", "write the code, or return an error that says what is missing"),
    ("dbg!", "remove it"),
];

const NOTES: [&str; 3] = ["FIXME", "TODO", "XXX"];

fn unfinished(project: &Project) -> Vec<Fault> {
    let mut faults = Vec::new();
    for (path, text) in project.sources() {
        let source = Source::new(text);
        for (hole, mend) in HOLES {
            if let Some(at) = source.bare.find(hole) {
                faults.push(Fault::new(at_line(path, text, at), format!("`{hole}`"), mend));
            }
        }
        // Only a comment is a note: the word in a string may be data.
        for note in NOTES {
            if let Some(at) =
                find_word(text, note).filter(|_| find_word(&source.code, note).is_none())
            {
                let mend = "do it now, or open an issue and say in the comment what holds today";
                faults.push(Fault::new(at_line(path, text, at), format!("a {note} comment"), mend));
            }
        }
    }
    faults
}

fn banners(project: &Project) -> Vec<Fault> {
    let mut faults = Vec::new();
    for file in &project.files {
        let Some((mark, text)) = comment_mark(&file.path).zip(file.text.as_deref()) else {
            continue;
        };
        for (index, line) in text.lines().enumerate().filter(|(_, line)| is_banner(line, mark)) {
            faults.push(Fault::new(
                format!("{}:{}", file.path, index + 1),
                format!("a ruler: {}", line.trim()),
                "remove it; a file that needs chapters wants to be several files",
            ));
        }
    }
    faults
}

fn comment_mark(path: &str) -> Option<&'static str> {
    let name = path.rsplit('/').next().unwrap_or(path);
    match name.rsplit_once('.').map(|(_, extension)| extension) {
        Some("rs" | "cu" | "wgsl" | "ts" | "js") => Some("//"),
        Some("toml" | "py" | "sh" | "yml" | "yaml") => Some("#"),
        None if path.starts_with(".ci/") => Some("#"),
        Some(_) | None => None,
    }
}

/// Whether the line is a comment that begins or ends with a ruler.
fn is_banner(line: &str, mark: &str) -> bool {
    let Some(comment) = line.trim().strip_prefix(mark) else { return false };
    let comment = comment.trim_start_matches(['/', '!', '#']).trim();
    ["====", "----", "****", "####", "~~~~", "────", "━━━━", "════"]
        .iter()
        .any(|ruler| comment.starts_with(ruler) || comment.ends_with(ruler))
}

fn at_line(path: &str, text: &str, at: usize) -> String {
    format!("{path}:{}", line_of(text, at))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holes_are_found_in_code_and_not_in_strings() {
        let project = Project::of(&[
            ("a.rs", "\n#[ignore = \"slow\"]\nfn f() { todo!() }"),
            ("b.rs", "let a = \"todo!\"; // never write dbg!"),
        ]);
        let places: Vec<String> =
            unfinished(&project).into_iter().map(|fault| fault.place).collect();
        assert_eq!(places, ["a.rs:2", "a.rs:3"]);
    }

    #[test]
    fn notes_are_found_in_comments_only() {
        let note = ["// TO", "DO: later\n"].concat();
        let project = Project::of(&[("a.rs", &note), ("b.rs", "let a = \"TODO\";")]);
        let faults = unfinished(&project);
        assert_eq!(faults.len(), 1);
        assert_eq!(faults[0].place, "a.rs:1");
    }

    #[test]
    fn rulers_are_found_and_tables_are_not() {
        assert!(is_banner("  // ==========", "//"));
        assert!(is_banner("// ---- parsing ----", "//"));
        assert!(is_banner("# ----------", "#"));
        assert!(!is_banner("/// |---|----|", "//"));
        assert!(!is_banner("let a = \"// ====\";", "//"));
        assert!(!is_banner("// a -- b", "//"));
    }
}
