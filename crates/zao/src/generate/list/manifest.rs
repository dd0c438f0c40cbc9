//! The manifest beside the pictures of a list: a line of JSON for the list, and one for each picture that is over. It is written so
//! that a kill at any moment costs at most what was under way. What is drawn is NOT decided here.

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Write};
use std::path::Path;

use anyhow::Context;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::plan::{Plan, State};
use crate::failure::{Failure, Result};

/// The first line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Header {
    /// The version of this form.
    zao_manifest: u32,
    /// What the list was called.
    pub(super) list: String,
    /// Of its content.
    pub(super) sha256: String,
    /// Of its first row.
    pub(super) seed: u64,
}

const VERSION: u32 = 1;

/// A picture that is over.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Entry {
    pub(super) row: usize,
    pub(super) line: usize,
    pub(super) picture: usize,
    /// Of everything that decides its pixels.
    pub(super) hash: String,
    pub(super) seed: u64,
    pub(super) prompt: String,
    /// How its prompt came to be, where lists of words were chosen from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) wording: Option<Wording>,
    pub(super) width: usize,
    pub(super) height: usize,
    /// Beside the manifest, or where its path says.
    pub(super) file: String,
    pub(super) status: Status,
    /// From its first stage to its file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) seconds: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) error: Option<String>,
}

// Equal seconds are equal: they come from a clock, and are never NaN.
impl Eq for Entry {}

/// The words that were chosen for a picture, so that a list of words may change while a list of prompts is gone on with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Wording {
    /// The prompt as it is written in the list.
    pub(super) pattern: String,
    /// The prompt with words chosen, before it was mended.
    pub(super) chosen: String,
}

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Status {
    Done,
    Failed,
}

/// What an earlier run wrote down.
#[derive(Debug)]
pub(super) struct Previous {
    pub(super) header: Header,
    /// The last entry of each file.
    pub(super) entries: HashMap<String, Entry>,
}

/// The manifest of this run, which no other run can have at the same time.
#[derive(Debug)]
pub(super) struct Manifest {
    file: File,
    /// What stood in its place, locked until this run is over.
    _old: File,
}

impl Header {
    pub(super) fn new(list: String, sha256: String, seed: u64) -> Self {
        Self { zao_manifest: VERSION, list, sha256, seed }
    }
}

impl Entry {
    /// How the manifest at `record` calls the file `target`.
    pub(super) fn name_of(record: &Path, target: &Path) -> String {
        let folder = record.parent().unwrap_or(Path::new(""));
        target.strip_prefix(folder).unwrap_or(target).to_string_lossy().into_owned()
    }
}

impl Previous {
    /// Reads the manifest at `path`, if there is one. A line that a kill cut short is none.
    ///
    /// # Errors
    /// A file that cannot be read, or is something else.
    pub(super) fn read(path: &Path) -> Result<Option<Self>> {
        let shown = path.display();
        let text = match fs::read(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            text => text.with_context(|| format!("cannot read {shown}"))?,
        };
        // An empty one is what a kill leaves before its first line.
        if text.is_empty() {
            return Ok(None);
        }
        let mut lines = text.split(|&byte| byte == b'\n');
        let header = lines.next().and_then(|line| serde_json::from_slice::<Header>(line).ok());
        let Some(header) = header.filter(|header| header.zao_manifest == VERSION) else {
            return Err(Failure::usage(format!(
                "{shown} is no manifest that this zao reads; move it away, or give another --output"
            )));
        };
        let entries = lines.filter_map(|line| serde_json::from_slice::<Entry>(line).ok());
        let entries = entries.map(|entry| (entry.file.clone(), entry)).collect();
        Ok(Some(Self { header, entries }))
    }

    /// The words that were chosen for the picture in the file called `name`, if it was drawn from this pattern and seed.
    pub(super) fn words(
        &self,
        name: &str,
        pattern: &str,
        picture: usize,
        seed: u64,
    ) -> Option<&str> {
        let entry = self.entries.get(name)?;
        let same = (entry.status, entry.picture, entry.seed) == (Status::Done, picture, seed);
        let wording =
            entry.wording.as_ref().filter(|wording| same && wording.pattern == pattern)?;
        Some(&wording.chosen)
    }
}

impl Manifest {
    /// Begins the manifest at `path` with the pictures of `plan` that are there, in place of one that may be there.
    ///
    /// # Errors
    /// A folder that cannot be written to, or another run with the same manifest.
    pub(super) fn begin(path: &Path, header: &Header, plan: &Plan) -> Result<Self> {
        let shown = path.display();
        let write = || -> std::io::Result<Option<Self>> {
            let old = OpenOptions::new().create(true).append(true).open(path)?;
            if !locked(&old)? {
                return Ok(None);
            }
            let beside = path.with_extension("jsonl.partial");
            let mut file = File::create(&beside)?;
            if !locked(&file)? {
                return Ok(None);
            }
            let mut text = json(header)?;
            for picture in &plan.pictures {
                if let State::There(entry) = &picture.state {
                    text.extend(json(&**entry)?);
                }
            }
            file.write_all(&text)?;
            file.sync_data()?;
            fs::rename(&beside, path)?;
            Ok(Some(Self { file, _old: old }))
        };
        let manifest = write().with_context(|| format!("cannot write {shown}"))?;
        let taken = || {
            Failure::failed(format!(
                "another zao draws the list of {shown}; wait for it, or give another --output"
            ))
        };
        manifest.ok_or_else(taken)
    }

    /// Writes down that a picture is over.
    ///
    /// # Errors
    /// A full disk, and the like.
    pub(super) fn add(&mut self, entry: &Entry) -> Result<()> {
        // One write a line: what a kill cuts is the last line only.
        let written = json(entry).and_then(|line| self.file.write_all(&line));
        written.context("cannot write the manifest of the list")?;
        Ok(())
    }
}

/// The checksum of `bytes`, in hexadecimal.
pub(super) fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn json(value: &impl Serialize) -> std::io::Result<Vec<u8>> {
    let mut line = serde_json::to_vec(value)?;
    line.push(b'\n');
    Ok(line)
}

/// Whether the lock was free.
fn locked(file: &File) -> std::io::Result<bool> {
    match file.try_lock() {
        Ok(()) => Ok(true),
        Err(TryLockError::WouldBlock) => Ok(false),
        // A file system without locks has to do without.
        Err(TryLockError::Error(error)) if error.kind() == ErrorKind::Unsupported => Ok(true),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(file: &str, status: Status) -> Entry {
        Entry {
            row: 1,
            line: 1,
            picture: 1,
            hash: "abc".into(),
            seed: u64::MAX,
            prompt: "红\n苹果".into(),
            wording: Some(Wording { pattern: "__水果__".into(), chosen: "红\n苹果".into() }),
            width: 64,
            height: 64,
            file: file.into(),
            status,
            seconds: Some(0.5),
            error: None,
        }
    }

    fn begin(path: &Path) -> Result<Manifest> {
        let (pictures, loras, mended) = Default::default();
        let plan = Plan { pictures, loras, record: path.into(), mended };
        Manifest::begin(path, &Header::new("a.txt".into(), "def".into(), 7), &plan)
    }

    #[test]
    fn what_was_written_is_read_and_a_cut_line_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.manifest.jsonl");
        assert!(Previous::read(&path).unwrap().is_none());
        let mut manifest = begin(&path).unwrap();
        manifest.add(&entry("1.png", Status::Failed)).unwrap();
        manifest.add(&entry("1.png", Status::Done)).unwrap();
        manifest.add(&entry("2.png", Status::Done)).unwrap();
        drop(manifest);
        let whole = fs::read(&path).unwrap();
        let previous = Previous::read(&path).unwrap().unwrap();
        assert_eq!(previous.header, Header::new("a.txt".into(), "def".into(), 7));
        assert_eq!(previous.entries["1.png"], entry("1.png", Status::Done));
        let words = |pattern, picture, seed| previous.words("1.png", pattern, picture, seed);
        assert_eq!(words("__水果__", 1, u64::MAX), Some("红\n苹果"));
        assert_eq!(words("__花__", 1, u64::MAX).or(words("__水果__", 2, u64::MAX)), None);
        assert_eq!(words("__水果__", 1, 0), None, "another seed chooses anew");
        let first = whole.iter().position(|&byte| byte == b'\n').unwrap();
        for end in first + 1..whole.len() - 1 {
            fs::write(&path, &whole[..end]).unwrap();
            let entries = Previous::read(&path).unwrap().unwrap().entries;
            assert!(!entries.contains_key("2.png") || end + 1 == whole.len(), "{end}");
        }
        fs::write(&path, "{}\n").unwrap();
        assert!(Previous::read(&path).is_err());
    }

    #[test]
    fn only_one_run_has_a_manifest() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.manifest.jsonl");
        let first = begin(&path).unwrap();
        let refusal = begin(&path).unwrap_err().to_string();
        assert!(refusal.contains("another zao"), "{refusal}");
        drop(first);
        begin(&path).unwrap();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left beside it");
    }
}
