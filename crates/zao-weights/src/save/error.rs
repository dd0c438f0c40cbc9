//! Why a model could not be written.

use std::io;
use std::path::PathBuf;

use crate::error::{Error, gigabytes};

/// Why a model could not be written; nothing of it is left.
#[derive(Debug, thiserror::Error)]
pub enum SaveError {
    /// The place is taken.
    #[error("{} is there already; name a folder that does not exist yet", .path.display())]
    Occupied {
        /// The place.
        path: PathBuf,
    },
    /// The place would lie in a folder that does not exist.
    #[error("there is no folder {}; make it first", .path.display())]
    NoFolder {
        /// The folder that is missing.
        path: PathBuf,
    },
    /// The file system has not enough room.
    #[error(
        "not enough space for {}: {} needed, {} free; make room or choose another folder",
        .path.display(), gigabytes(*.needed), gigabytes(*.free)
    )]
    NoSpace {
        /// The place.
        path: PathBuf,
        /// Bytes that the model takes.
        needed: u64,
        /// Bytes that are free.
        free: u64,
    },
    /// The operating system refused to write a file.
    #[error("cannot {action} {}: {source}", .path.display())]
    File {
        /// What was tried: `write`, `create` and so on.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// The model that is copied from cannot be read.
    #[error(transparent)]
    Source(Error),
}

impl SaveError {
    /// Wraps what the operating system said about `path`.
    pub(super) fn file(
        action: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { action, path, source }
    }
}
