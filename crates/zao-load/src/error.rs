//! Why a whole measurement cannot be made. What becomes of a single request is NOT an error but a result:
//! [`Ending`](crate::record::Ending).

use std::path::PathBuf;

/// A measurement could not be made or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The address of the server is not one.
    #[error(
        "{url:?} is not the address of a server: {reason}; write it as in http://127.0.0.1:7860"
    )]
    Url {
        /// The address as given.
        url: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// Nothing answers at the address.
    #[error("{url} does not answer: {reason}; start the server, or say with --url where it is")]
    Unreachable {
        /// The address.
        url: String,
        /// What happened instead.
        reason: String,
    },
    /// The server answers, but will not or cannot draw.
    #[error(
        "{url} is not ready after {seconds:.0} s: {reason}; look at its log, or wait longer with --wait"
    )]
    NotReady {
        /// The address.
        url: String,
        /// How long it was asked.
        seconds: f64,
        /// What it said last.
        reason: String,
    },
    /// A setting cannot be followed.
    #[error("{0}")]
    Settings(String),
    /// A file cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// A file does not hold what it should.
    #[error("{}: {reason}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong, and what to do.
        reason: String,
    },
    /// A text of conditions is not understood.
    #[error("{text:?} at character {at}: {expected}")]
    Condition {
        /// The condition as given.
        text: String,
        /// Where reading stopped, counted from 1.
        at: usize,
        /// What would have been understood there.
        expected: String,
    },
    /// The pictures that others are to equal could not be drawn.
    #[error(
        "the single run of request {index} failed ({code}): {detail}; nothing can be compared with it"
    )]
    Single {
        /// Which of the distinct requests, from 0.
        index: usize,
        /// The kind of failure.
        code: String,
        /// What was said of it.
        detail: String,
    },
    /// The machine would not start the threads of the client.
    #[error("cannot start the client: {0}")]
    Runtime(std::io::Error),
    /// The measurement was broken off before anything was measured.
    #[error("stopped before anything was measured")]
    Stopped,
}

/// The result of what may fail as a whole.
pub type Result<T, E = Error> = std::result::Result<T, E>;
