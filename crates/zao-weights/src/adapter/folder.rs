//! A folder of adapters, each known by its name there.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::AdapterError;

/// What the names of adapter files end in.
const EXTENSION: &str = "safetensors";

/// Where adapters are kept.
#[derive(Clone, Debug)]
pub struct AdapterFolder {
    root: PathBuf,
}

/// A file in the folder that has an adapter's name; what is in it nobody looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundAdapter {
    /// What users call it: its path in the folder without the extension.
    pub name: String,
    /// The file, or PEFT's folder.
    pub path: PathBuf,
    /// The size of the file.
    pub bytes: u64,
}

impl AdapterFolder {
    /// The folder `root`, which need not exist.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// The folder.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Every adapter right in it, by name.
    ///
    /// # Errors
    /// The folder is there and cannot be listed.
    pub fn list(&self) -> Result<Vec<FoundAdapter>, AdapterError> {
        let read = |source| AdapterError::Read { file: self.root.display().to_string(), source };
        let entries = match fs::read_dir(&self.root) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(read)?,
        };
        let mut found = Vec::new();
        for entry in entries {
            found.extend(adapter(entry.map_err(read)?.path()));
        }
        found.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(found)
    }

    /// The adapter called `name`: a path from here, or one of the folder, with or without the extension.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<FoundAdapter> {
        let with_extension = format!("{name}.{EXTENSION}");
        let inside = |name: &str| self.root.join(name);
        let paths = [
            PathBuf::from(name),
            inside(name),
            inside(&with_extension),
            PathBuf::from(&with_extension),
        ];
        paths.into_iter().find_map(adapter)
    }
}

/// The adapter at `path`, if it looks like one.
fn adapter(path: PathBuf) -> Option<FoundAdapter> {
    let peft = path.join("adapter_model.safetensors");
    let file = if peft.is_file() { &peft } else { &path };
    if file.extension()? != EXTENSION || !file.is_file() {
        return None;
    }
    let bytes = fs::metadata(file).ok()?.len();
    let name = if peft.is_file() { path.file_name()? } else { path.file_stem()? };
    Some(FoundAdapter { name: name.to_str()?.to_owned(), bytes, path })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adapters_go_by_name_or_path() {
        let dir = tempfile::tempdir().expect("temporary folder");
        let write = |path: &str, bytes: usize| {
            let path = dir.path().join(path);
            fs::create_dir_all(path.parent().expect("inside the folder")).expect("create");
            fs::write(path, vec![0; bytes]).expect("write");
        };
        write("loras/ink.v2.safetensors", 3);
        write("loras/peft/adapter_model.safetensors", 5);
        write("loras/readme.txt", 1);
        write("elsewhere.safetensors", 7);
        let folder = AdapterFolder::new(dir.path().join("loras"));
        let names = |found: &FoundAdapter| (found.name.clone(), found.bytes);
        let listed: Vec<_> = folder.list().expect("list").iter().map(names).collect();
        assert_eq!(listed, [("ink.v2".to_owned(), 3), ("peft".to_owned(), 5)]);
        for name in ["ink.v2", "ink.v2.safetensors"] {
            assert_eq!(names(&folder.find(name).expect("found")), ("ink.v2".to_owned(), 3));
        }
        let elsewhere = dir.path().join("elsewhere.safetensors");
        let found = folder.find(elsewhere.to_str().expect("text")).expect("found");
        assert_eq!(names(&found), ("elsewhere".to_owned(), 7));
        assert!(folder.find("readme").is_none() && folder.find("none").is_none());
        assert_eq!(AdapterFolder::new(dir.path().join("none")).list().expect("no files"), []);
    }
}
