//! A full disk: an error that says so, and a ledger that works on when there is room again.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, UNIX_EPOCH};

use zao_api::{ErrorBody, ErrorCode, JobStatus};
use zao_queue::{
    Acceptance, Error, ImageId, JobFilter, Ledger, Limits, Offer, PictureFolder, Pictures, Result,
    Retention, Submission,
};

use crate::support::{Desk, files, png, wish, wishes};

/// A folder on a disk that is full whenever a test says so.
struct FullDisk {
    folder: PictureFolder,
    full: Arc<AtomicBool>,
}

impl Pictures for FullDisk {
    fn store(&self, image: &ImageId, png: &[u8]) -> Result<()> {
        if self.full.load(Ordering::SeqCst) {
            return Err(Error::StorageFull { doing: "store a picture" });
        }
        self.folder.store(image, png)
    }

    fn remove(&self, image: &ImageId) -> Result<()> {
        self.folder.remove(image)
    }

    fn tidy(&self, known: &HashSet<ImageId>) -> Result<HashSet<ImageId>> {
        self.folder.tidy(known)
    }

    fn path(&self, image: &ImageId) -> PathBuf {
        self.folder.path(image)
    }

    fn free_bytes(&self) -> Option<u64> {
        let full = self.full.load(Ordering::SeqCst);
        Some(if full { 1000 } else { 1 << 40 })
    }
}

fn small_database() -> Limits {
    Limits {
        database_bytes: Some(400_000),
        queued: 1000,
        queued_per_client: 1000,
        retention: Retention { age: Duration::from_secs(60), ..Retention::default() },
        ..Limits::default()
    }
}

fn large() -> Submission {
    Submission { plan: "x".repeat(20_000), ..wish("ann") }
}

fn fill(desk: &Desk) -> Vec<zao_queue::JobId> {
    let mut accepted = Vec::new();
    loop {
        match desk.try_accept(large()) {
            Ok(Acceptance::Accepted(id)) => accepted.push(id),
            Ok(other) => panic!("{other:?}"),
            Err(Error::StorageFull { .. }) => return accepted,
            Err(error) => panic!("{error}"),
        }
        assert!(accepted.len() < 100, "the database grows beyond its limit");
    }
}

#[test]
fn a_full_database_takes_nothing_on_and_loses_nothing() {
    let mut desk = Desk::new(small_database());
    let accepted = fill(&desk);
    assert!(accepted.len() > 5);
    // Memory and disk agree on what was taken on, now and after a restart.
    for _ in 0..2 {
        let listed = desk.ledger.jobs(&JobFilter::default(), 1000, desk.now).unwrap().items;
        assert_eq!(listed.len(), accepted.len());
        for (place, id) in accepted.iter().enumerate() {
            assert_eq!(desk.ledger.position(id, desk.now), Some(place as u64 + 1));
        }
        desk = desk.reopen();
    }
    // All of them can be drawn: changes of state need no more room.
    while let Some(claimed) = desk.take() {
        desk.draw(&claimed);
    }
    for id in &accepted {
        assert_eq!(desk.job(id).status, JobStatus::Completed);
    }
    // When they are removed, there is room again.
    assert!(matches!(desk.try_accept(large()), Err(Error::StorageFull { .. })));
    desk.wait(61.0);
    while desk.ledger.sweep(desk.now).unwrap().more {}
    let again = fill(&desk);
    assert!(4 * again.len() >= 3 * accepted.len(), "{} after {}", again.len(), accepted.len());
}

#[test]
fn what_says_that_the_disk_is_full_says_what_to_do() {
    let desk = Desk::new(small_database());
    fill(&desk);
    let error = desk.try_accept(large()).unwrap_err();
    assert!(error.is_passing());
    let said = "no room is left to write down the job; free some of the disk, or let fewer pictures be kept";
    assert_eq!(error.to_string(), said);
}

#[test]
fn a_picture_that_finds_no_room_can_be_brought_again() {
    let folder = tempfile::tempdir().unwrap();
    let full = Arc::new(AtomicBool::new(false));
    let pictures = FullDisk {
        folder: PictureFolder::open(&folder.path().join("pictures")).unwrap(),
        full: full.clone(),
    };
    let now = UNIX_EPOCH + Duration::from_secs(1_767_225_600);
    let limits = Limits::default();
    let ledger = Ledger::open_with(folder.path(), limits, Box::new(pictures), now).unwrap();
    let Acceptance::Accepted(id) = ledger.accept(wishes("ann", 2), now).unwrap() else {
        panic!("refused")
    };
    let Acceptance::Accepted(other) = ledger.accept(wish("ann"), now).unwrap() else {
        panic!("refused")
    };
    let offer = Offer { worker: "test", fits: &|_| true, idle: true };
    let claim = ledger.next(&offer, now).unwrap().unwrap().claim;
    ledger.finished_picture(&claim, 0, &png(7), now).unwrap();
    full.store(true, Ordering::SeqCst);
    // Nothing new is taken on, because its pictures would find no room either.
    assert!(matches!(ledger.accept(wish("bob"), now), Err(Error::StorageFull { .. })));
    let error = ledger.finished_picture(&claim, 1, &png(8), now).unwrap_err();
    assert!(matches!(error, Error::StorageFull { .. }));
    let job = ledger.job(&id, now).unwrap();
    assert_eq!((job.status, job.images.len()), (JobStatus::Running, 1));
    assert_eq!(files(folder.path()).len(), 1);
    full.store(false, Ordering::SeqCst);
    ledger.finished_picture(&claim, 1, &png(8), now).unwrap();
    ledger.completed(&claim, now).unwrap();
    assert_eq!(ledger.job(&id, now).unwrap().images.len(), 2);

    // What was accepted before waits for room.
    full.store(true, Ordering::SeqCst);
    assert_eq!(ledger.next(&offer, now).unwrap(), None);
    full.store(false, Ordering::SeqCst);

    // A job that was begun fails for that reason, and keeps what it has.
    let claim = ledger.next(&offer, now).unwrap().unwrap().claim;
    ledger.started(&claim, now).unwrap();
    full.store(true, Ordering::SeqCst);
    let error = ledger.finished_picture(&claim, 0, &png(7), now).unwrap_err();
    let body = ErrorBody { code: ErrorCode::StorageFull, message: error.to_string() };
    ledger.failed(&claim, body.clone(), now).unwrap();
    assert_eq!(ledger.job(&other, now).unwrap().error, Some(body));
}
