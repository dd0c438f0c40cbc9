//! The whole project as a value: its files, its crates, its packages. Loading is the only part
//! that touches the disk; the rules only look.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::ignored::Ignored;
use super::metadata::{self, Member, Package};

/// Beyond this size, in bytes, a file's text is of no interest to any rule.
const LARGEST_TEXT: u64 = 1_000_000;

/// What the rules judge.
#[derive(Default)]
pub struct Project {
    /// Every file that belongs to the project, sorted by path.
    pub(crate) files: Vec<File>,
    /// The crates of the workspace.
    pub(crate) members: Vec<Member>,
    /// The packages this machine would compile, the members among them.
    pub(crate) packages: Vec<Package>,
}

/// A file of the project.
pub(crate) struct File {
    /// Relative to the project's folder, with `/` between the parts.
    pub(crate) path: String,
    /// Its size in bytes.
    pub(crate) size: u64,
    /// Its content, where that is text of a readable size.
    pub(crate) text: Option<String>,
}

impl Project {
    /// The folder of the workspace this runs in.
    #[must_use]
    pub fn folder() -> PathBuf {
        // Two checkouts may share a target folder, so what was compiled in may be the other one.
        let own = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
        let own = own.unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
        own.parent().map_or_else(|| own.clone(), Path::to_owned)
    }

    /// Reads the project this runs in.
    ///
    /// # Errors
    /// When a file cannot be read or `cargo metadata` fails.
    pub fn load() -> Result<Self> {
        let root = Self::folder();
        let ignored = fs::read_to_string(root.join(".gitignore")).unwrap_or_default();
        let mut files = Vec::new();
        walk(&root, "", &Ignored::parse(&ignored), &mut files)?;
        files.sort_by(|a, b| a.path.cmp(&b.path));
        let members = metadata::members(&root)?;
        let packages = metadata::graph(&root)?;
        Ok(Self { files, members, packages })
    }

    /// The text of the file at `path`; none when it is missing or not text.
    pub(crate) fn text(&self, path: &str) -> Option<&str> {
        self.files.iter().find(|file| file.path == path)?.text.as_deref()
    }

    /// Path and text of each Rust source.
    pub(crate) fn sources(&self) -> impl Iterator<Item = (&str, &str)> {
        self.files
            .iter()
            .filter(|file| file.path.ends_with(".rs"))
            .filter_map(|file| Some((file.path.as_str(), file.text.as_deref()?)))
    }
}

fn walk(root: &Path, folder: &str, ignored: &Ignored, files: &mut Vec<File>) -> Result<()> {
    let place = root.join(folder);
    let entries =
        fs::read_dir(&place).with_context(|| format!("cannot list {}", place.display()))?;
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = if folder.is_empty() { name } else { format!("{folder}/{name}") };
        let kind = entry.file_type()?;
        if path == ".git" || ignored.covers(&path, kind.is_dir()) {
            continue;
        }
        if kind.is_dir() {
            walk(root, &path, ignored, files)?;
        } else if kind.is_file() {
            files.push(file(&entry.path(), path)?);
        }
    }
    Ok(())
}

fn file(place: &Path, path: String) -> Result<File> {
    let size = fs::metadata(place)?.len();
    let text = if size <= LARGEST_TEXT {
        let bytes = fs::read(place).with_context(|| format!("cannot read {}", place.display()))?;
        String::from_utf8(bytes).ok()
    } else {
        None
    };
    Ok(File { path, size, text })
}

#[cfg(test)]
impl Project {
    /// A made-up project of these files, for the tests of the rules.
    pub(crate) fn of(files: &[(&str, &str)]) -> Self {
        let files = files.iter().map(|&(path, text)| File {
            path: path.to_owned(),
            size: text.len() as u64,
            text: Some(text.to_owned()),
        });
        Self { files: files.collect(), ..Self::default() }
    }

    /// The same with a crate of this name and these shipped dependencies.
    pub(crate) fn with_member(mut self, name: &str, dependencies: &[&str]) -> Self {
        let dependencies = dependencies.iter().map(|&name| metadata::Dependency {
            name: name.to_owned(),
            kind: metadata::Kind::Shipped,
        });
        self.members.push(Member {
            name: name.to_owned(),
            folder: format!("crates/{name}"),
            dependencies: dependencies.collect(),
        });
        self
    }

    /// The same with a package of this licence.
    pub(crate) fn with_package(mut self, name: &str, license: Option<&str>) -> Self {
        let license = license.map(str::to_owned);
        self.packages.push(Package { name: name.to_owned(), license });
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_walk_finds_this_file_and_nothing_built() {
        let root = Project::folder();
        let mut files = Vec::new();
        walk(&root, "", &Ignored::parse("/target"), &mut files).unwrap();
        assert!(files.iter().any(|file| file.path == "xtask/src/read/project.rs"));
        assert!(!files.iter().any(|file| file.path.starts_with("target/")));
        assert!(!files.iter().any(|file| file.path.starts_with(".git/")));
    }
}
