//! Every relative link in a document leads to a file or folder of the project. Links into the web
//! and to headings are not followed.

use super::{Fault, Rule};
use crate::Project;
use crate::read::source::line_of;

/// Relative links in documents lead somewhere.
pub const RULE: Rule = Rule { name: "every link leads somewhere", check };

fn check(project: &Project) -> Vec<Fault> {
    let documents = project.files.iter().filter(|file| file.path.ends_with(".md"));
    let mut faults = Vec::new();
    for (path, text) in documents.filter_map(|file| Some((&file.path, file.text.as_deref()?))) {
        for (at, target) in links(text) {
            if !exists(project, &resolve(path, target)) {
                faults.push(Fault::new(
                    format!("{path}:{}", line_of(text, at)),
                    format!("the link to {target} leads nowhere"),
                    "correct the link or write what it promises",
                ));
            }
        }
    }
    faults
}

/// Offset and target of each link that stays in the project, without its heading.
fn links(text: &str) -> Vec<(usize, &str)> {
    text.match_indices("](")
        .filter_map(|(at, mark)| {
            let rest = &text[at + mark.len()..];
            let target = &rest[..rest.find([')', ' ', '\n'])?];
            let target = target.split('#').next()?;
            (!target.is_empty() && !target.contains(':')).then_some((at, target))
        })
        .collect()
}

/// The path that `target` means in the document at `path`.
fn resolve(path: &str, target: &str) -> String {
    let mut parts: Vec<&str> = match target.strip_prefix('/') {
        Some(_) => Vec::new(),
        None => path.split('/').collect(),
    };
    parts.pop();
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            name => parts.push(name),
        }
    }
    parts.join("/")
}

fn exists(project: &Project, path: &str) -> bool {
    let folder = format!("{path}/");
    path.is_empty()
        || project.files.iter().any(|file| file.path == path || file.path.starts_with(&folder))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_followed_from_where_they_stand() {
        let text = "[up](../a.md#top) [here](style.md) [web](https://a.b/c) [top](#top) [dir](..)";
        let project = Project::of(&[("a.md", ""), ("docs/b.md", text), ("docs/style.md", "")]);
        assert_eq!(check(&project), []);
    }

    #[test]
    fn a_link_to_nothing_is_a_fault() {
        let faults =
            check(&Project::of(&[("docs/b.md", "\n[gone](gone.md) ![picture](../p.png)")]));
        let places: Vec<&str> = faults.iter().map(|fault| fault.place.as_str()).collect();
        assert_eq!(places, ["docs/b.md:2", "docs/b.md:2"]);
    }
}
