//! Fetching a model from a hub into the store.
//!
//! A download can be killed at any moment and goes on where it stopped: it works in a folder of
//! its own, verifies every file before it counts, and gives the folder its name last. It prints
//! nothing; a [`Watch`] hears what happens.

mod checksum;
mod client;
mod error;
mod event;
mod hub;
mod listing;
mod options;
mod partial;
mod plan;
mod repo_path;
mod session;
mod transfer;
mod work;
mod workers;

use std::collections::BTreeMap;
use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

pub use error::PullError;
pub use event::{PullEvent, Watch};
pub use hub::Hub;
pub use options::{PullOptions, Token};

use client::{Failure, ListPage};
use listing::{Page, RemoteFile};
use plan::Plan;
use session::{Patience, Session};
use work::WorkFolder;

use crate::folder::ModelFolder;
use crate::known::KnownModel;
use crate::receipt::{Receipt, ReceivedFile};
use crate::source::Source;
use crate::store::{Installed, Store};

/// A list of files longer than this many pages is not the list of a model.
const MOST_PAGES: usize = 20;

/// Fetches `model` into `store`, or returns at once if it is installed.
///
/// # Errors
/// [`PullError`]; whatever was transferred is kept, and the next call goes on from there.
pub fn pull(
    store: &Store,
    model: &KnownModel,
    options: &PullOptions,
    watch: Watch<'_>,
) -> Result<Installed, PullError> {
    let installed = match store.find(model.name) {
        Some(installed) => installed,
        None => Pull { store, model, session: Session::new(model.repo, options, watch)? }.run()?,
    };
    watch.tell(PullEvent::Done);
    Ok(installed)
}

struct Pull<'a> {
    store: &'a Store,
    model: &'a KnownModel,
    session: Session<'a>,
}

impl Pull<'_> {
    fn run(&self) -> Result<Installed, PullError> {
        let root = self.store.root();
        fs::create_dir_all(root).map_err(PullError::file("create", root))?;
        let _lock = self.lock()?;
        // Another process may have held the lock until the model was installed.
        if let Some(installed) = self.store.find(self.model.name) {
            return Ok(installed);
        }
        let place = self.store.folder(self.model.name);
        let is_damaged = place.exists();
        if is_damaged && Receipt::read(&place).is_none() {
            return Err(PullError::Occupied { path: place });
        }
        let files = self.needed_files()?;
        let work = WorkFolder::create(self.store.unfinished_folder(self.model.name))?;
        work.sweep(&files)?;
        let mut places: Vec<PathBuf> = self.store.cached_snapshot(self.model).into_iter().collect();
        places.extend(is_damaged.then(|| place.clone()));

        let plan = Plan::make(&self.session, &work, &files, &places)?;
        self.announce(&files, &plan);
        self.check_space(plan.needed)?;
        workers::run(&self.session, &work, &plan.pieces, self.session.options.parallel)?;
        self.install(work, &files, &place)
    }

    /// Keeps other processes from fetching the same model; the lock ends with the returned file.
    fn lock(&self) -> Result<File, PullError> {
        let path = self.store.lock_file(self.model.name);
        let file = File::create(&path).map_err(PullError::file("create", &path))?;
        match file.try_lock() {
            Ok(()) => Ok(file),
            Err(TryLockError::WouldBlock) => {
                Err(PullError::Busy { name: self.model.name.to_owned() })
            }
            Err(TryLockError::Error(source)) => {
                Err(PullError::File { action: "lock", path, source })
            }
        }
    }

    /// Asks the hub for its files and keeps those that the model needs.
    fn needed_files(&self) -> Result<Vec<RemoteFile>, PullError> {
        self.session.watch.tell(PullEvent::Listing);
        let hub = &self.session.options.hub;
        let first = hub.listing_url(self.model.repo);
        let mut files = BTreeMap::new();
        let mut next = Some(first.clone());
        for _ in 0..MOST_PAGES {
            let Some(url) = next.take() else { break };
            let page = self.list(&url)?;
            Page { hub, url: &url, content: &page.content }.read_into(&mut files)?;
            next = page.next;
        }
        let files: Vec<_> = files.into_values().filter(|f| plan::is_needed(&f.path)).collect();
        if next.is_some() || files.is_empty() {
            let reason = if files.is_empty() { "no model is in it" } else { "it does not end" };
            return Err(PullError::Listing { url: first, reason: reason.to_owned() });
        }
        Ok(files)
    }

    fn list(&self, url: &str) -> Result<ListPage, PullError> {
        let mut patience = Patience::new(&self.session, url);
        loop {
            self.session.check_running()?;
            match self.session.client.list(url) {
                Ok(page) => return Ok(page),
                Err(Failure::Fatal(error) | Failure::Wrong(error)) => return Err(error),
                Err(Failure::Again { reason, after }) => patience.wait(reason, after)?,
            }
        }
    }

    fn announce(&self, files: &[RemoteFile], plan: &Plan) {
        let bytes = files.iter().map(|f| f.size).fold(0, u64::saturating_add);
        let already = plan.already;
        self.session.watch.tell(PullEvent::Plan { files: files.len(), bytes, already });
        self.session.advance(already);
    }

    fn check_space(&self, needed: u64) -> Result<(), PullError> {
        let path = self.store.root();
        let free =
            (self.session.options.free_space)(path).map_err(PullError::file("examine", path))?;
        if needed > free {
            return Err(PullError::NoSpace { path: path.to_owned(), needed, free });
        }
        Ok(())
    }

    /// Makes sure that the work folder is a whole model, and gives it the model's name.
    fn install(
        &self,
        work: WorkFolder,
        files: &[RemoteFile],
        place: &Path,
    ) -> Result<Installed, PullError> {
        ModelFolder::open(Source::Folder(work.root().to_owned()))
            .and_then(|folder| folder.required_bytes())
            .map_err(PullError::Incomplete)?;
        self.receipt(files).write(work.root()).map_err(PullError::file("write", work.root()))?;
        if place.exists() {
            fs::remove_dir_all(place).map_err(PullError::file("remove", place))?;
        }
        work.rename(place)?;
        self.store
            .find(self.model.name)
            .ok_or_else(|| PullError::Occupied { path: place.to_owned() })
    }

    fn receipt(&self, files: &[RemoteFile]) -> Receipt {
        let hub = &self.session.options.hub;
        let received = |file: &RemoteFile| ReceivedFile {
            path: file.path.to_string(),
            bytes: file.size,
            checksum: file.checksum.to_string(),
        };
        Receipt {
            endpoint: hub.endpoint().to_owned(),
            repo: self.model.repo.to_owned(),
            revision: hub.revision().to_owned(),
            files: files.iter().map(received).collect(),
        }
    }
}
