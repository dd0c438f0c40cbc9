//! What the threads of one download share: the connection, the count of bytes, the brake.
//!
//! It transfers nothing by itself.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::client::Client;
use super::error::PullError;
use super::event::{PullEvent, Watch};
use super::options::PullOptions;
use super::repo_path::RepoPath;

/// How often a waiting thread looks at the brake.
const LOOK: Duration = Duration::from_millis(50);

/// The longest wait that a server can impose and the longest between own tries.
const LONGEST_WAIT: Duration = Duration::from_secs(120);

/// However much progress each try makes, one file is not tried more often than this.
const MOST_TRIES: u32 = 1000;

pub(super) struct Session<'a> {
    pub(super) client: Client,
    repo: &'a str,
    pub(super) options: &'a PullOptions,
    pub(super) watch: Watch<'a>,
    /// Set when one thread has failed, so that the others stop too.
    failed: AtomicBool,
    done: AtomicU64,
}

impl<'a> Session<'a> {
    pub(super) fn new(
        repo: &'a str,
        options: &'a PullOptions,
        watch: Watch<'a>,
    ) -> Result<Self, PullError> {
        Ok(Self {
            client: Client::new(options)?,
            repo,
            options,
            watch,
            failed: AtomicBool::new(false),
            done: AtomicU64::new(0),
        })
    }

    /// The address of a file.
    pub(super) fn url(&self, path: &RepoPath) -> String {
        self.options.hub.file_url(self.repo, path)
    }

    /// Fails once the download should stop, because of the caller or of another thread.
    pub(super) fn check_running(&self) -> Result<(), PullError> {
        if self.watch.is_cancelled() || self.failed.load(Ordering::Relaxed) {
            return Err(PullError::Cancelled);
        }
        Ok(())
    }

    /// Makes every other thread stop.
    pub(super) fn fail(&self) {
        self.failed.store(true, Ordering::Relaxed);
    }

    /// Counts bytes that are here now.
    pub(super) fn advance(&self, bytes: u64) {
        let done = self.done.fetch_add(bytes, Ordering::Relaxed) + bytes;
        self.watch.tell(PullEvent::Progress { done });
    }

    /// Takes back bytes that were counted and thrown away.
    pub(super) fn retreat(&self, bytes: u64) {
        let done = self.done.fetch_sub(bytes, Ordering::Relaxed) - bytes;
        self.watch.tell(PullEvent::Progress { done });
    }

    fn sleep(&self, wait: Duration) -> Result<(), PullError> {
        let end = Instant::now() + wait;
        loop {
            self.check_running()?;
            match end.checked_duration_since(Instant::now()) {
                None | Some(Duration::ZERO) => return Ok(()),
                Some(left) => thread::sleep(left.min(LOOK)),
            }
        }
    }
}

/// Counts the failures of one file or list and waits between tries.
pub(super) struct Patience<'a> {
    session: &'a Session<'a>,
    what: &'a str,
    /// Failures since there was progress.
    row: u32,
    tries: u32,
}

impl<'a> Patience<'a> {
    pub(super) fn new(session: &'a Session<'a>, what: &'a str) -> Self {
        Self { session, what, row: 0, tries: 0 }
    }

    /// Counts a try that brought what was asked for, but not the whole file.
    pub(super) fn answered(&mut self) -> Result<(), PullError> {
        self.tries += 1;
        if self.tries < MOST_TRIES {
            return Ok(());
        }
        let (what, tries) = (self.what.to_owned(), self.tries);
        let reason = "the server sends it in too many pieces".into();
        Err(PullError::GaveUp { what, tries, reason })
    }

    /// Forgives the failures so far.
    pub(super) fn progressed(&mut self) {
        self.row = 0;
    }

    /// Waits before the next try, or gives up if there were too many.
    pub(super) fn wait(
        &mut self,
        reason: String,
        after: Option<Duration>,
    ) -> Result<(), PullError> {
        let options = self.session.options;
        self.row += 1;
        self.tries += 1;
        if self.row > options.retries || self.tries >= MOST_TRIES {
            let (what, tries) = (self.what.to_owned(), self.row);
            return Err(PullError::GaveUp { what, tries, reason });
        }
        let backoff = options.backoff.saturating_mul(1 << (self.row - 1).min(16));
        let wait = after.unwrap_or(backoff).min(LONGEST_WAIT);
        self.session.watch.tell(PullEvent::Retry { what: self.what, reason: &reason, wait });
        self.session.sleep(wait)
    }
}
