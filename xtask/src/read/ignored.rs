//! Which paths `.gitignore` keeps out of the project, so that a source archive without git is
//! judged like a checkout. It knows the three forms this project uses: `/name` at the root,
//! `name/` for a folder anywhere, and one `*` in a name. It is not all of gitignore.

/// The patterns of one `.gitignore` file.
#[derive(Default)]
pub(crate) struct Ignored {
    patterns: Vec<Pattern>,
}

struct Pattern {
    at_root: bool,
    only_folders: bool,
    name: String,
}

impl Ignored {
    /// Reads the text of a `.gitignore` at the root of the project.
    pub(crate) fn parse(text: &str) -> Self {
        let lines = text.lines().map(str::trim);
        let patterns = lines
            .filter(|line| !line.is_empty() && !line.starts_with('#'))
            .map(|line| Pattern {
                at_root: line.starts_with('/'),
                only_folders: line.ends_with('/'),
                name: line.trim_matches('/').to_owned(),
            })
            .collect();
        Self { patterns }
    }

    /// Whether the entry at `path` (relative, with `/`) is no part of the project.
    pub(crate) fn covers(&self, path: &str, is_folder: bool) -> bool {
        let name = path.rsplit('/').next().unwrap_or(path);
        self.patterns.iter().any(|pattern| {
            (is_folder || !pattern.only_folders)
                && matches(&pattern.name, if pattern.at_root { path } else { name })
        })
    }
}

fn matches(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == name,
        Some((head, tail)) => {
            name.len() >= head.len() + tail.len() && name.starts_with(head) && name.ends_with(tail)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_three_forms_are_understood() {
        let ignored = Ignored::parse("# built\n/target\n/result*.png\n*.partial\n.venv/\n");
        assert!(ignored.covers("target", true));
        assert!(!ignored.covers("crates/target", true));
        assert!(ignored.covers("result-2.png", false));
        assert!(!ignored.covers("assets/result.png", false));
        assert!(ignored.covers("assets/model.partial", false));
        assert!(ignored.covers("tools/.venv", true));
        assert!(!ignored.covers("tools/.venv", false));
    }
}
