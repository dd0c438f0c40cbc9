//! Where pictures go: file names, and writing them whole or not at all.

use std::collections::HashSet;
use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, IsTerminal, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use tempfile::{Builder, NamedTempFile};

use crate::failure::{Failure, Result};
use crate::interrupt;

/// The names of standard output; opening the file behind it would cut it or replace it.
const STDOUT: [&str; 4] = ["-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"];

/// The places for the pictures of a run, checked before anything is drawn.
pub(super) struct Output {
    targets: Vec<Target>,
}

/// The place for one picture.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// A file that is written beside its place, and then takes it.
    File(PathBuf),
    /// Something that is no file, such as a named pipe: it is written to as it is.
    Device(PathBuf),
    Stdout,
}

impl Output {
    /// The places for `count` pictures under the name `path`.
    pub(super) fn new(path: &Path, count: usize) -> Result<Self> {
        if STDOUT.iter().any(|name| path == Path::new(name)) {
            return Self::stdout(count);
        }
        if count == 1 && is_device(path) {
            return Ok(Self { targets: vec![Target::Device(path.into())] });
        }
        check_name(path)?;
        let targets: Vec<_> = names(path, count).into_iter().map(Target::File).collect();
        targets.iter().try_for_each(Target::check)?;
        Ok(Self { targets })
    }

    fn stdout(count: usize) -> Result<Self> {
        if count > 1 {
            return Err(Failure::usage(
                "only one picture can go to standard output; give --output a file",
            ));
        }
        if io::stdout().is_terminal() {
            return Err(Failure::usage(
                "a terminal cannot show the picture; give --output a file, or lead standard \
                 output to one",
            ));
        }
        Ok(Self { targets: vec![Target::Stdout] })
    }

    /// The places, one a picture.
    pub(super) fn targets(&self) -> &[Target] {
        &self.targets
    }

    /// Whether standard output is taken by the picture.
    pub(super) fn is_stdout(&self) -> bool {
        self.targets.contains(&Target::Stdout)
    }
}

impl Target {
    /// Fails now rather than after drawing.
    fn check(&self) -> Result<()> {
        let Self::File(path) = self else { return Ok(()) };
        let (shown, folder) = (path.display(), folder(path));
        match fs::metadata(path) {
            Ok(found) if found.is_dir() => {
                return Err(Failure::usage(format!("{shown} is a folder; choose another name")));
            }
            Err(error) if error.kind() != ErrorKind::NotFound => {
                return Err(error).with_context(|| format!("cannot write {shown}"))?;
            }
            _ => {}
        }
        if !folder.exists() {
            let folder = folder.display();
            return Err(Failure::failed(format!(
                "cannot write {shown}: there is no folder {folder}; create it first"
            )));
        }
        // The error names the temporary file, which means nothing to the user.
        new_file(path).map_err(|error| {
            Failure::failed(format!(
                "cannot write {shown}: {} in the folder {}; choose another place with --output",
                error.kind(),
                folder.display()
            ))
        })?;
        Ok(())
    }

    /// Writes `content`: into a file whole or not at all.
    pub(super) fn write(&self, content: &[u8]) -> Result<()> {
        self.try_write(content).with_context(|| format!("cannot write {self}"))?;
        Ok(())
    }

    fn try_write(&self, content: &[u8]) -> io::Result<()> {
        match self {
            Self::Stdout => {
                let mut out = io::stdout().lock();
                out.write_all(content)?;
                out.flush()
            }
            Self::Device(path) => OpenOptions::new().write(true).open(path)?.write_all(content),
            Self::File(path) => {
                let _whole = interrupt::uninterrupted();
                // A link stays, and the file that it leads to is replaced.
                let path = fs::canonicalize(path).unwrap_or_else(|_| path.clone());
                let mut file = new_file(&path)?;
                file.as_file_mut().write_all(content)?;
                file.as_file().sync_data()?;
                file.persist(path)?;
                Ok(())
            }
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) | Self::Device(path) => path.display().fmt(f),
            Self::Stdout => f.write_str("standard output"),
        }
    }
}

/// Whether this can be the name of a picture.
fn check_name(path: &Path) -> Result<()> {
    let shown = path.display();
    if path.file_name().is_none() || path.is_dir() || ends_in_separator(path) {
        return Err(Failure::usage(format!("{shown} is a folder; give the name of a file in it")));
    }
    let extension = extension(path);
    if !extension.is_none_or(|extension| extension.eq_ignore_ascii_case("png")) {
        return Err(Failure::usage(format!(
            "pictures are written as PNG; give {shown} the extension png"
        )));
    }
    Ok(())
}

/// Where it is written down which pictures of a list are done: beside those that are called `path`.
pub(super) fn manifest(path: &Path) -> Result<PathBuf> {
    if STDOUT.iter().any(|name| path == Path::new(name)) || is_device(path) {
        return Err(Failure::usage(
            "the pictures of a list go to files; give --output the name of one, and they are numbered",
        ));
    }
    check_name(path)?;
    let mut name = path.file_stem().unwrap_or_default().to_os_string();
    name.push(".manifest.jsonl");
    Ok(path.with_file_name(name))
}

/// The file of a picture of a list: the one called `name` in the folder of `path`, or else `path`, with a number before the
/// extension if there is one.
///
/// # Errors
/// What is no name of a picture.
pub(super) fn of_list(path: &Path, name: Option<&str>, number: Option<usize>) -> Result<PathBuf> {
    let path = name.map_or_else(|| path.to_owned(), |name| folder(path).join(name));
    let path = path.strip_prefix(".").map(Path::to_owned).unwrap_or(path);
    check_name(&path)?;
    Ok(match number {
        None => path.with_extension(extension(&path).unwrap_or("png".as_ref())),
        Some(number) => numbered(&path, number),
    })
}

/// Whether all of these can be written, before any is drawn.
pub(super) fn check<'p>(paths: impl Iterator<Item = &'p Path>) -> Result<()> {
    let mut folders = HashSet::new();
    let mut names = HashSet::new();
    for path in paths {
        if !names.insert(path) {
            let shown = path.display();
            return Err(Failure::usage(format!(
                "two pictures of the list would be {shown}; give their rows different outputs"
            )));
        }
        if folders.insert(folder(path)) || path.is_dir() {
            Target::File(path.into()).check()?;
        }
    }
    Ok(())
}

/// Writes a picture of a list whole or not at all, by way of a file that the next run finds if this one is killed.
pub(super) fn write_whole(path: &Path, content: &[u8]) -> Result<()> {
    let write = || {
        let _whole = interrupt::uninterrupted();
        let partial = partial(path);
        let mut file = File::create(&partial)?;
        let written = file.write_all(content).and_then(|()| file.sync_data());
        drop(file);
        let placed = written.and_then(|()| fs::rename(&partial, path));
        if placed.is_err() {
            // What cannot be removed now is removed by the next run.
            let _ = fs::remove_file(&partial);
        }
        placed
    };
    write().with_context(|| format!("cannot write {}", path.display()))?;
    Ok(())
}

/// Removes what a killed run left of this picture.
pub(super) fn remove_partial(path: &Path) {
    // There is none, as a rule.
    let _ = fs::remove_file(partial(path));
}

fn partial(path: &Path) -> PathBuf {
    let mut name = std::ffi::OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(".partial");
    path.with_file_name(name)
}

/// A new file beside `path`, under a name that nobody takes for a picture; it goes when dropped.
fn new_file(path: &Path) -> io::Result<NamedTempFile> {
    let mut builder = Builder::new();
    builder.prefix(".zao-").suffix(".partial");
    // What the user's umask leaves of the usual permissions, as for any other new file.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    builder.tempfile_in(folder(path))
}

/// Whether `path` is there and is neither a file nor a folder.
fn is_device(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|found| !found.is_file() && !found.is_dir())
}

fn ends_in_separator(path: &Path) -> bool {
    path.as_os_str().as_encoded_bytes().last().is_some_and(|&b| std::path::is_separator(b.into()))
}

fn folder(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn extension(path: &Path) -> Option<&std::ffi::OsStr> {
    path.extension().filter(|extension| !extension.is_empty())
}

/// `name.png`, or `name-1.png`, `name-2.png` ... for several.
fn names(path: &Path, count: usize) -> Vec<PathBuf> {
    let extension = extension(path).unwrap_or("png".as_ref());
    if count == 1 {
        return vec![path.with_extension(extension)];
    }
    (1..=count).map(|number| numbered(path, number)).collect()
}

/// `name-7.png`.
fn numbered(path: &Path, number: usize) -> PathBuf {
    let mut name = path.file_stem().unwrap_or_default().to_os_string();
    name.push(format!("-{number}."));
    name.push(extension(path).unwrap_or("png".as_ref()));
    path.with_file_name(name)
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
        assert_eq!(names("cat.", 1), [Path::new("cat.png")]);
        assert_eq!(names("cat", 2), [Path::new("cat-1.png"), Path::new("cat-2.png")]);
    }

    #[test]
    fn a_failed_write_leaves_no_file() {
        let folder = tempfile::tempdir().unwrap();
        let taken = folder.path().join("taken.png");
        fs::create_dir(&taken).unwrap();
        assert!(Target::File(taken).write(b"content").is_err());
        let path = folder.path().join("ok.png");
        Target::File(path.clone()).write(b"content").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"content");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
    }

    #[test]
    fn what_cannot_be_written_is_refused_before_drawing() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["no/such/cat.png", "cat.jpg", "", "new/"] {
            assert!(Output::new(&folder.path().join(name), 1).is_err(), "{name}");
        }
        fs::create_dir(folder.path().join("cat-2.png")).unwrap();
        assert!(Output::new(&folder.path().join("cat.png"), 2).is_err());
        assert!(Output::new(&folder.path().join("cat.png"), 1).is_ok());
        assert!(Output::new(Path::new("-"), 2).is_err());
    }
}
