//! Where pictures go: file names, and writing them whole or not at all.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Context;
use tempfile::{Builder, NamedTempFile};

use crate::failure::{Failure, Result};

/// The files of a run, known to be writable before anything is drawn.
pub(super) struct Output {
    paths: Vec<PathBuf>,
}

impl Output {
    /// The files for `count` pictures under the name `path`.
    pub(super) fn new(path: &Path, count: usize) -> Result<Self> {
        if path.file_name().is_none() || path.is_dir() {
            let path = path.display();
            return Err(Failure::usage(format!(
                "{path} is a folder; give the name of a file in it"
            )));
        }
        let extension = path.extension().unwrap_or_default();
        if !extension.is_empty() && !extension.eq_ignore_ascii_case("png") && !is_special(path) {
            let extension = extension.display();
            return Err(Failure::usage(format!(
                "pictures are written as PNG, not {extension}; give the file the extension png"
            )));
        }
        let output = Self { paths: names(path, count) };
        output.check_folder()?;
        Ok(output)
    }

    /// The paths, one a picture.
    pub(super) fn paths(&self) -> &[PathBuf] {
        &self.paths
    }

    /// Fails now rather than after drawing.
    fn check_folder(&self) -> Result<()> {
        for path in &self.paths {
            if !is_special(path) {
                let refused = || format!("cannot write to {}", folder(path).display());
                new_file(path).with_context(refused)?;
            }
        }
        Ok(())
    }

    /// Writes `content` to a path of this output: whole, or not at all.
    pub(super) fn write(path: &Path, content: &[u8]) -> Result<()> {
        let refused = || format!("cannot write {}", path.display());
        if is_special(path) {
            let mut file = OpenOptions::new().write(true).open(path).with_context(refused)?;
            file.write_all(content).with_context(refused)?;
            return Ok(());
        }
        let mut file = new_file(path).with_context(refused)?;
        file.write_all(content).with_context(refused)?;
        file.as_file().sync_data().with_context(refused)?;
        file.persist(path).map_err(|e| e.error).with_context(refused)?;
        Ok(())
    }
}

/// A new file beside `path`, under a name that nobody takes for a picture.
fn new_file(path: &Path) -> std::io::Result<NamedTempFile> {
    let mut builder = Builder::new();
    builder.prefix(".zao-").suffix(".partial");
    // What the user's umask leaves of the usual permissions, as for any other new file.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    builder.tempfile_in(folder(path))
}

/// Whether `path` is there and is no ordinary file, such as a pipe: it is written to, not replaced.
fn is_special(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|found| !found.is_file())
}

fn folder(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// `name.png`, or `name-1.png`, `name-2.png` ... for several.
fn names(path: &Path, count: usize) -> Vec<PathBuf> {
    let extension = path.extension().unwrap_or("png".as_ref());
    if count == 1 {
        return vec![if is_special(path) { path.into() } else { path.with_extension(extension) }];
    }
    let stem = path.file_stem().unwrap_or_default();
    let name = |i: usize| {
        let mut name = stem.to_os_string();
        name.push(format!("-{i}."));
        name.push(extension);
        path.with_file_name(name)
    };
    (1..=count).map(name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_pictures_are_numbered_before_the_extension() {
        let names = |path: &str, count| names(Path::new(path), count);
        assert_eq!(names("a/cat.png", 1), [Path::new("a/cat.png")]);
        assert_eq!(names("a/cat.png", 2), [Path::new("a/cat-1.png"), Path::new("a/cat-2.png")]);
        assert_eq!(names("cat", 1), [Path::new("cat.png")]);
        assert_eq!(names("my.cat", 1), [Path::new("my.cat")]);
        assert_eq!(names("cat", 2), [Path::new("cat-1.png"), Path::new("cat-2.png")]);
    }

    #[test]
    fn a_failed_write_leaves_no_file() {
        let folder = tempfile::tempdir().unwrap();
        let taken = folder.path().join("taken.png");
        fs::create_dir(&taken).unwrap();
        fs::write(taken.join("inside"), b"x").unwrap();
        assert!(Output::new(&taken, 1).is_err());
        let path = folder.path().join("ok.png");
        Output::write(&path, b"content").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"content");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
    }

    #[test]
    fn a_missing_folder_and_another_format_are_refused_before_drawing() {
        let folder = tempfile::tempdir().unwrap();
        assert!(Output::new(&folder.path().join("no/such/cat.png"), 1).is_err());
        assert!(Output::new(&folder.path().join("cat.jpg"), 1).is_err());
        assert!(Output::new(folder.path(), 1).is_err());
    }
}
