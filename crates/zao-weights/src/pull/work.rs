//! The folder in which a download works until the model is whole.
//!
//! Verified files lie where the model needs them. Below `.download` lie the files under way and,
//! for each file, a note of what it will be. Nothing here talks to a hub.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::checksum::Checksum;
use super::error::PullError;
use super::listing::RemoteFile;
use super::repo_path::RepoPath;

/// Below the folder: what disappears once the model is whole.
const SCRATCH: &str = ".download";

pub(super) struct WorkFolder {
    root: PathBuf,
}

/// What is known of a file under way or finished.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Note {
    pub(super) size: u64,
    pub(super) checksum: Checksum,
    /// The address that the bytes so far came from, and the tag that its server gave them.
    pub(super) etag: Option<(String, String)>,
}

impl Note {
    pub(super) fn new(file: &RemoteFile) -> Self {
        Self { size: file.size, checksum: file.checksum.clone(), etag: None }
    }

    /// Whether the note speaks of this very content.
    pub(super) fn is_of(&self, file: &RemoteFile) -> bool {
        self.size == file.size && self.checksum == file.checksum
    }
}

impl WorkFolder {
    pub(super) fn create(root: PathBuf) -> Result<Self, PullError> {
        fs::create_dir_all(&root).map_err(PullError::file("create", &root))?;
        Ok(Self { root })
    }

    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// Where a verified file belongs.
    pub(super) fn target(&self, path: &RepoPath) -> PathBuf {
        path.below(&self.root)
    }

    /// Where a file under way lies.
    pub(super) fn data(&self, path: &RepoPath) -> PathBuf {
        path.below(&self.root.join(SCRATCH).join("data"))
    }

    fn note_path(&self, path: &RepoPath) -> PathBuf {
        path.below(&self.root.join(SCRATCH).join("notes"))
    }

    /// The note of a file, if there is a readable one.
    pub(super) fn note(&self, path: &RepoPath) -> Option<Note> {
        serde_json::from_slice(&fs::read(self.note_path(path)).ok()?).ok()
    }

    pub(super) fn write_note(&self, path: &RepoPath, note: &Note) -> Result<(), PullError> {
        let place = self.note_path(path);
        let content = serde_json::to_vec(note).expect("a note has only plain fields");
        create_parent(&place)?;
        fs::write(&place, content).map_err(PullError::file("write", place))
    }

    /// Whether the file was verified before, by this or an earlier download.
    pub(super) fn is_done(&self, file: &RemoteFile) -> bool {
        fs::metadata(self.target(&file.path)).is_ok_and(|m| m.is_file() && m.len() == file.size)
            && self.note(&file.path).is_some_and(|note| note.is_of(file))
    }

    /// How many bytes of a file under way are here.
    pub(super) fn under_way(&self, file: &RemoteFile) -> u64 {
        let known = self.note(&file.path).is_some_and(|note| note.is_of(file));
        match fs::metadata(self.data(&file.path)) {
            Ok(m) if known && m.len() <= file.size => m.len(),
            _ => 0,
        }
    }

    /// Gives a verified file its place.
    pub(super) fn keep(&self, path: &RepoPath) -> Result<(), PullError> {
        let target = self.target(path);
        create_parent(&target)?;
        fs::rename(self.data(path), &target).map_err(PullError::file("create", target))
    }

    /// Removes files that the hub no longer lists.
    pub(super) fn sweep(&self, files: &[RemoteFile]) -> Result<(), PullError> {
        let listed: BTreeSet<PathBuf> = files.iter().map(|f| self.target(&f.path)).collect();
        let mut folders = vec![self.root.clone()];
        while let Some(folder) = folders.pop() {
            let read_error = || PullError::file("read", &folder);
            for entry in fs::read_dir(&folder).map_err(read_error())? {
                let entry = entry.map_err(read_error())?;
                let (path, kind) = (entry.path(), entry.file_type().map_err(read_error())?);
                if kind.is_dir() && entry.file_name() != SCRATCH {
                    folders.push(path);
                } else if !kind.is_dir() && !listed.contains(&path) {
                    fs::remove_file(&path).map_err(PullError::file("remove", path))?;
                }
            }
        }
        Ok(())
    }

    /// Gives the whole folder its final name, which must be free.
    pub(super) fn rename(self, place: &Path) -> Result<(), PullError> {
        fs::rename(&self.root, place).map_err(PullError::file("create", place))?;
        // The notes go last, so that a kill before the rename costs no second transfer. The model
        // is whole by now; notes that stay behind do no harm.
        let _ = fs::remove_dir_all(place.join(SCRATCH));
        Ok(())
    }
}

pub(super) fn create_parent(path: &Path) -> Result<(), PullError> {
    match path.parent() {
        Some(parent) => fs::create_dir_all(parent).map_err(PullError::file("create", parent)),
        None => Ok(()),
    }
}
