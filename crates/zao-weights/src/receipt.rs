//! The note that a download leaves in a model's folder: where from, and which files.
//!
//! It is written before the folder gets its final name. A folder without one may still be a model
//! that somebody put there by hand.

use std::fs;
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

/// The receipt's name inside the model folder.
const FILE: &str = "zao-receipt.json";

/// Where a model was fetched from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// The address of the hub.
    pub endpoint: String,
    /// The repository: `owner/name`.
    pub repo: String,
    /// The branch or commit asked for.
    pub revision: String,
    /// Every file, as it was verified.
    pub files: Vec<ReceivedFile>,
}

/// One verified file of a [`Receipt`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReceivedFile {
    /// The path inside the model folder.
    pub path: String,
    /// The size in bytes.
    pub bytes: u64,
    /// The checksum that it was verified against, with its kind; empty if the hub gave none.
    pub checksum: String,
}

impl Receipt {
    /// The receipt in `folder`, if there is a readable one.
    pub(crate) fn read(folder: &Path) -> Option<Self> {
        serde_json::from_slice(&fs::read(folder.join(FILE)).ok()?).ok()
    }

    pub(crate) fn write(&self, folder: &Path) -> io::Result<()> {
        let content = serde_json::to_vec_pretty(self).map_err(io::Error::other)?;
        fs::write(folder.join(FILE), content)
    }

    /// Whether every file is there with its size; the content is not read.
    pub(crate) fn is_kept(&self, folder: &Path) -> bool {
        self.files.iter().all(|file| {
            fs::metadata(folder.join(&file.path))
                .is_ok_and(|m| m.is_file() && m.len() == file.bytes)
        })
    }
}
