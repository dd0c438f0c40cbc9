//! What a download tells its caller, and how the caller stops it.
//!
//! Events carry numbers and names; drawing them is the caller's business.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Something that happened during a download. Events come from several threads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PullEvent<'a> {
    /// The hub is being asked for the list of files.
    Listing,
    /// What there is to do; sent once, before the first transfer.
    Plan {
        /// Number of files of the model.
        files: usize,
        /// Their size in bytes.
        bytes: u64,
        /// The bytes of these that are here already.
        already: u64,
    },
    /// A file begins or goes on.
    File {
        /// Its path in the model folder.
        path: &'a str,
        /// Its size in bytes.
        bytes: u64,
    },
    /// How many bytes of the whole model are here; it falls when a file has to start again.
    Progress {
        /// Bytes here, those from before included.
        done: u64,
    },
    /// A request failed and is tried again.
    Retry {
        /// The path of the file, or the address of the list.
        what: &'a str,
        /// Why it failed.
        reason: &'a str,
        /// How long the download waits before it tries again.
        wait: Duration,
    },
    /// The bytes of a file that are here already are being read for its checksum.
    Verifying {
        /// Its path in the model folder.
        path: &'a str,
    },
    /// The model is installed.
    Done,
}

/// The caller's ear and brake.
#[derive(Clone, Copy)]
pub struct Watch<'a> {
    /// Is called for every event, from several threads at once; it should return soon.
    pub on_event: &'a (dyn Fn(PullEvent<'_>) + Sync),
    /// Stops the download soon after it becomes true; what was transferred is kept.
    pub cancel: &'a AtomicBool,
}

impl Watch<'_> {
    pub(super) fn tell(&self, event: PullEvent<'_>) {
        (self.on_event)(event);
    }

    pub(super) fn is_cancelled(&self) -> bool {
        self.cancel.load(Ordering::Relaxed)
    }
}
