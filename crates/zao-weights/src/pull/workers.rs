//! Several files at once: threads that take the next file until none is left or one has failed.
//!
//! What is done with a file is told elsewhere.

use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use super::error::PullError;
use super::plan::Piece;
use super::session::Session;
use super::transfer;
use super::work::WorkFolder;

/// Fetches all `pieces`, `parallel` at a time; gives the first failure that was not a stop.
pub(super) fn run(
    session: &Session<'_>,
    work: &WorkFolder,
    pieces: &[Piece],
    parallel: NonZeroUsize,
) -> Result<(), PullError> {
    let next = AtomicUsize::new(0);
    let fetch_some = || {
        while let Some(piece) = pieces.get(next.fetch_add(1, Ordering::Relaxed)) {
            transfer::fetch(session, work, piece).inspect_err(|_| session.fail())?;
        }
        Ok(())
    };
    let results: Vec<Result<(), PullError>> = thread::scope(|scope| {
        let threads: Vec<_> =
            (0..parallel.get().min(pieces.len())).map(|_| scope.spawn(fetch_some)).collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect()
    });
    // The threads that another one stopped report a cancellation that nobody asked for.
    let (stopped, failed): (Vec<_>, Vec<_>) = results
        .into_iter()
        .filter_map(Result::err)
        .partition(|error| matches!(error, PullError::Cancelled));
    match failed.into_iter().chain(stopped).next() {
        Some(error) => Err(error),
        None => Ok(()),
    }
}
