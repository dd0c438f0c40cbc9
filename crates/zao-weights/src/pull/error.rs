//! Everything that can go wrong while a model is fetched.
//!
//! Failures that another try may mend are not here: they become one of these when patience ends.

use std::io;
use std::path::PathBuf;

use crate::error::{Error, gigabytes};

/// Why a model could not be fetched. What was transferred is kept for the next try.
#[derive(Debug, thiserror::Error)]
pub enum PullError {
    /// The caller asked to stop.
    #[error("cancelled; run the same command again to go on where it stopped")]
    Cancelled,
    /// Another process is fetching the same model.
    #[error("{name} is already being downloaded by another process; wait for it or stop it")]
    Busy {
        /// The model's name.
        name: String,
    },
    /// The model's place is taken by something that no download left there.
    #[error("{} is in the way: it is no whole model and was not downloaded; move it away", .path.display())]
    Occupied {
        /// The folder that is in the way.
        path: PathBuf,
    },
    /// The file system has not enough room.
    #[error(
        "not enough space in {}: {} more needed, {} free; make room or choose another folder",
        .path.display(), gigabytes(*.needed), gigabytes(*.free)
    )]
    NoSpace {
        /// The store's folder.
        path: PathBuf,
        /// Bytes still to be written.
        needed: u64,
        /// Bytes that are free.
        free: u64,
    },
    /// The operating system refused to read or write a file.
    #[error("cannot {action} {}: {source}", .path.display())]
    File {
        /// What was tried: `write`, `create` and so on.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// The address or the proxy cannot be used at all.
    #[error("cannot use {url}: {reason}; check the address of the hub and of the proxy")]
    Address {
        /// The address.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The hub wants a token, or another one.
    #[error(
        "{url} answered with status {status}: access denied; give a token that may read this model"
    )]
    Denied {
        /// The address.
        url: String,
        /// The HTTP status.
        status: u16,
    },
    /// The hub has no such model or file.
    #[error("{url} does not exist; check the address of the hub, or try another hub")]
    NotFound {
        /// The address.
        url: String,
    },
    /// The hub answered with a status that no further try will change.
    #[error("{url} answered with status {status}; try later, or try another hub")]
    Status {
        /// The address.
        url: String,
        /// The HTTP status.
        status: u16,
    },
    /// The same request failed too often in a row.
    #[error(
        "gave up on {what} after {tries} tries: {reason}; run the same command again to go on \
         where it stopped, or try another hub"
    )]
    GaveUp {
        /// The path of the file, or the address of the list.
        what: String,
        /// How often it was tried without getting further.
        tries: u32,
        /// How the last try failed.
        reason: String,
    },
    /// The hub's list of files makes no sense.
    #[error("{url} gave a list of files that cannot be used: {reason}; try another hub")]
    Listing {
        /// The address.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The hub's list names a file outside the model folder.
    #[error("the hub lists the path {path:?}, which is not allowed; try another hub")]
    HostilePath {
        /// The path as listed.
        path: String,
    },
    /// A file has another length than listed, again after a fresh start.
    #[error(
        "{path} has the wrong length: expected {expected} bytes, the server has {found}; try \
         another hub"
    )]
    WrongLength {
        /// Its path in the model folder.
        path: String,
        /// The listed size in bytes.
        expected: u64,
        /// What the server offers, such as `more` or a number.
        found: String,
    },
    /// A server answered with another part of a file than was asked for, again after a fresh start.
    #[error(
        "{path}: asked for the bytes from {from} on, the server sent {found:?}; try another hub"
    )]
    WrongRange {
        /// Its path in the model folder.
        path: String,
        /// The first byte asked for.
        from: u64,
        /// The server's `Content-Range`.
        found: String,
    },
    /// A file's content is not what was listed, again after a fresh start.
    #[error(
        "{path} arrived damaged twice: expected checksum {expected}, got {found}; try another hub"
    )]
    Corrupt {
        /// Its path in the model folder.
        path: String,
        /// The listed checksum.
        expected: String,
        /// The checksum of what came.
        found: String,
    },
    /// All listed files came, but they make no whole model.
    #[error("the hub does not hold a whole model: {0}")]
    Incomplete(Error),
}

impl PullError {
    /// Wraps what the operating system said about `path`.
    pub(super) fn file(
        action: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { action, path, source }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn space_is_told_in_gigabytes() {
        let (needed, free) = (20_540_000_000, 1);
        let text = PullError::NoSpace { path: "/models".into(), needed, free }.to_string();
        assert!(text.contains("/models: 20.54 GB more needed, 0.01 GB free"), "{text}");
    }
}
