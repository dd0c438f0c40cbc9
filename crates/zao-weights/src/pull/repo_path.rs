//! Paths that a hub lists, made safe: relative, downwards, spelled the same on every system.
//!
//! A value of this type can be joined to a folder without leaving it.

use std::fmt;
use std::path::{Path, PathBuf};

use super::error::PullError;

/// A path inside a repository, with `/` between its segments.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct RepoPath(String);

impl RepoPath {
    /// Accepts a path that stays inside its folder on every operating system.
    pub(super) fn parse(path: &str) -> Result<Self, PullError> {
        let is_safe = |segment: &str| {
            !segment.is_empty()
                && segment != "."
                && segment != ".."
                && !segment.contains(['\\', ':'])
                && !segment.contains(char::is_control)
        };
        if path.split('/').all(is_safe) {
            Ok(Self(path.to_owned()))
        } else {
            Err(PullError::HostilePath { path: path.to_owned() })
        }
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    pub(super) fn below(&self, folder: &Path) -> PathBuf {
        folder.join(&self.0)
    }
}

impl fmt::Display for RepoPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_paths_that_stay_inside_are_accepted() {
        for good in ["model_index.json", "vae/config.json", "a/b..c", ".gitattributes"] {
            assert_eq!(RepoPath::parse(good).expect(good).as_str(), good);
        }
        for bad in
            ["", "/etc/passwd", "../x", "a/../../x", "a//b", "a/", "./a", "a\\b", "C:x", "a\0"]
        {
            assert!(matches!(RepoPath::parse(bad), Err(PullError::HostilePath { .. })), "{bad:?}");
        }
    }
}
