//! Where the files of a model lie: a folder on disk, or a table inside the binary.
//!
//! Both give [`Bytes`] for a relative path, so that everything above reads them alike. What the
//! files mean is not known here.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use bytes::Bytes;

use crate::error::Error;
use crate::mapped::Mapping;

/// More than any configuration or tokenizer file needs; a larger one is not read into memory.
const SMALL_FILE: u64 = 256 << 20;

/// The files of one model.
#[derive(Clone, Debug)]
pub enum Source {
    /// A folder on disk, whose weights are memory-mapped.
    Folder(PathBuf),
    /// Files compiled into the binary: relative path with `/`, and content.
    Embedded(&'static [(&'static str, &'static [u8])]),
}

impl Source {
    /// How messages name the file `path` of this source.
    #[must_use]
    pub fn describe(&self, path: &str) -> String {
        match self {
            Self::Folder(root) if path.is_empty() => root.display().to_string(),
            Self::Folder(root) => root.join(path).display().to_string(),
            Self::Embedded(_) => format!("embedded:{path}"),
        }
    }

    /// Whether there is a file (not a folder) at `path`.
    #[must_use]
    pub fn contains(&self, path: &str) -> bool {
        match self {
            Self::Folder(root) => root.join(path).is_file(),
            Self::Embedded(files) => find(files, path).is_some(),
        }
    }

    /// The files right in `folder`, by name, as paths of this source; none if there is no such folder.
    ///
    /// # Errors
    /// The folder is there and cannot be listed.
    pub(crate) fn files(&self, folder: &str) -> Result<Vec<String>, Error> {
        let mut paths = Vec::new();
        match self {
            Self::Folder(root) => {
                let read_error = |source| Error::Read { file: self.describe(folder), source };
                let entries = match fs::read_dir(root.join(folder)) {
                    Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(paths),
                    entries => entries.map_err(read_error)?,
                };
                for entry in entries {
                    let name = entry.map_err(read_error)?.file_name();
                    // A name that is no text is none of the names that models have.
                    paths.extend(name.to_str().map(|name| format!("{folder}/{name}")));
                }
                paths.retain(|path| self.contains(path));
            }
            Self::Embedded(files) => {
                let inside =
                    |path: &&str| path.rsplit_once('/').is_some_and(|(it, _)| it == folder);
                let all = files.iter().map(|(path, _)| *path);
                paths.extend(all.filter(inside).map(str::to_owned));
            }
        }
        paths.sort();
        Ok(paths)
    }

    /// The size of the file at `path` in bytes.
    ///
    /// # Errors
    /// The file is missing or cannot be examined.
    pub fn size(&self, path: &str) -> Result<u64, Error> {
        match self {
            Self::Folder(root) => {
                fs::metadata(root.join(path)).map(|m| m.len()).map_err(|e| self.read_error(path, e))
            }
            Self::Embedded(_) => self.read(path).map(|bytes| bytes.len() as u64),
        }
    }

    /// Reads a small file, such as a configuration, into memory.
    ///
    /// # Errors
    /// The file is missing, unreadable, or far too large to be what was asked for.
    pub fn read(&self, path: &str) -> Result<Bytes, Error> {
        let root = match self {
            Self::Embedded(files) => return self.embedded(files, path).map(Bytes::from_static),
            Self::Folder(root) => root,
        };
        let mut content = Vec::new();
        open(&root.join(path))
            .and_then(|file| file.take(SMALL_FILE + 1).read_to_end(&mut content))
            .map_err(|e| self.read_error(path, e))?;
        if content.len() as u64 > SMALL_FILE {
            return Err(Error::TooLarge { file: self.describe(path), limit: SMALL_FILE });
        }
        Ok(content.into())
    }

    /// Gives the content of a large file without reading it: mapped, or straight from the binary.
    ///
    /// # Errors
    /// The file is missing or cannot be mapped.
    pub(crate) fn map(&self, path: &str) -> Result<Mapping, Error> {
        let root = match self {
            Self::Embedded(files) => return self.embedded(files, path).map(Mapping::Embedded),
            Self::Folder(root) => root,
        };
        open(&root.join(path))
            .and_then(|file| Mapping::file(&file))
            .map_err(|e| self.read_error(path, e))
    }

    fn embedded(
        &self,
        files: &[(&'static str, &'static [u8])],
        path: &str,
    ) -> Result<&'static [u8], Error> {
        find(files, path).ok_or_else(|| Error::FileMissing { file: self.describe(path) })
    }

    fn read_error(&self, path: &str, source: io::Error) -> Error {
        let file = self.describe(path);
        match source.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Error::FileMissing { file },
            _ => Error::Read { file, source },
        }
    }
}

fn find(files: &[(&'static str, &'static [u8])], path: &str) -> Option<&'static [u8]> {
    files.iter().find(|(name, _)| *name == path).map(|(_, content)| *content)
}

/// Maps the file at `path`, which belongs to no model's folder.
pub(crate) fn map(path: &Path) -> io::Result<Mapping> {
    Mapping::file(&open(path)?)
}

/// Opens a regular file; a named pipe would block for ever and a device has no length.
fn open(path: &Path) -> io::Result<File> {
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::other("not a regular file"));
    }
    File::open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILES: &[(&str, &[u8])] = &[("a/b.json", b"{}"), ("empty", b"")];

    #[test]
    fn both_sources_give_the_same_bytes() {
        let dir = tempfile::tempdir().expect("temporary folder");
        for (path, content) in FILES {
            let full = dir.path().join(path);
            fs::create_dir_all(full.parent().expect("inside the folder")).expect("create");
            fs::write(full, content).expect("write");
        }
        for source in [Source::Folder(dir.path().to_owned()), Source::Embedded(FILES)] {
            for (path, content) in FILES {
                assert!(source.contains(path));
                assert_eq!(source.size(path).expect("size"), content.len() as u64);
                assert_eq!(&source.read(path).expect("read")[..], *content);
                assert_eq!(&source.map(path).expect("map").bytes()[..], *content);
            }
            assert!(!source.contains("a"), "a folder is not a file");
            assert_eq!(source.files("a").expect("files"), ["a/b.json"]);
            assert_eq!(source.files("none").expect("no files"), [""; 0]);
            assert!(matches!(source.read("none"), Err(Error::FileMissing { .. })));
            assert!(matches!(source.map("none"), Err(Error::FileMissing { .. })));
        }
    }

    #[test]
    fn a_folder_in_the_place_of_a_file_is_an_error() {
        let dir = tempfile::tempdir().expect("temporary folder");
        fs::create_dir(dir.path().join("config.json")).expect("create");
        let source = Source::Folder(dir.path().to_owned());
        assert!(matches!(source.read("config.json"), Err(Error::Read { .. })));
    }
}
