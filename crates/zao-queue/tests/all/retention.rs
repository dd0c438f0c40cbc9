//! How long results are kept, and what is left of them.

use std::time::Duration;

use zao_api::JobStatus;
use zao_queue::{Acceptance, Error, Input, JobFilter, JobId, Limits, Retention, Submission, Swept};

use crate::support::{Desk, files, image_id, png, wish, wishes};

fn keeping(retention: Retention) -> Desk {
    Desk::new(Limits { retention, queued: 1000, queued_per_client: 1000, ..Limits::default() })
}

fn drawn(desk: &mut Desk, count: u64) -> JobId {
    desk.accept(wishes("ann", count));
    desk.wait(1.0);
    let claimed = desk.take().unwrap();
    desk.draw(&claimed);
    claimed.claim.job().clone()
}

fn is_expired(desk: &Desk, id: &JobId) -> bool {
    matches!(desk.ledger.job(id, desk.now), Err(Error::Expired(_)))
}

#[test]
fn what_is_old_goes_with_its_files_and_leaves_a_tombstone() {
    let age = Duration::from_secs(3600);
    let tombstones = Duration::from_secs(7200);
    let mut desk = keeping(Retention { age, tombstones, ..Retention::default() });
    let keyed = Submission { key: Some("k".into()), ..wishes("ann", 2) };
    let old = desk.accept(keyed.clone());
    desk.draw(&desk.take().unwrap());
    let image = image_id(&desk.job(&old).images[0].id);
    desk.wait(1800.0);
    let new = drawn(&mut desk, 1);
    assert_eq!(desk.ledger.sweep(desk.now).unwrap(), Swept::default());
    desk.wait(1900.0);
    let swept = desk.ledger.sweep(desk.now).unwrap();
    assert_eq!(swept, Swept { jobs: 1, images: 2, bytes: 2 * 1604, more: false });
    assert!(is_expired(&desk, &old));
    assert!(matches!(desk.ledger.image(&image), Err(Error::NoImage(_))));
    assert!(matches!(desk.ledger.cancel(&old, desk.now), Err(Error::Expired(_))));
    assert_eq!(files(desk.folder.path()).len(), 1);
    assert_eq!(desk.job(&new).images.len(), 1);
    let listed = desk.ledger.jobs(&JobFilter::default(), 10, desk.now).unwrap().items;
    assert_eq!(listed.len(), 1);
    // Its key still makes no second job.
    assert_eq!(desk.try_accept(keyed.clone()).unwrap(), Acceptance::Repeated(old.clone()));
    let mut desk = desk.reopen();
    assert!(is_expired(&desk, &old));
    desk.wait(7201.0);
    while desk.ledger.sweep(desk.now).unwrap().more {}
    assert!(matches!(desk.ledger.job(&old, desk.now), Err(Error::NoJob(_))));
    assert!(matches!(desk.try_accept(keyed).unwrap(), Acceptance::Accepted(_)));
}

#[test]
fn what_is_too_much_goes_oldest_first() {
    let mut desk = keeping(Retention { bytes: 5 * 1604, ..Retention::default() });
    let failed = desk.accept(wish("ann"));
    desk.ledger.cancel(&failed, desk.now).unwrap();
    let ids: Vec<JobId> = (0..4).map(|_| drawn(&mut desk, 2)).collect();
    let swept = desk.ledger.sweep(desk.now).unwrap();
    assert_eq!((swept.jobs, swept.images), (2, 4));
    let expired: Vec<bool> = ids.iter().map(|id| is_expired(&desk, id)).collect();
    assert_eq!(expired, [true, true, false, false]);
    // A job without pictures makes no room, so it stays.
    assert_eq!(desk.job(&failed).status, JobStatus::Cancelled);
    assert_eq!(desk.ledger.counts().unwrap().image_bytes, 4 * 1604);
    assert_eq!(files(desk.folder.path()).len(), 4);
}

#[test]
fn a_number_of_jobs_is_kept() {
    let mut desk = keeping(Retention { jobs: 3, ..Retention::default() });
    let ids: Vec<JobId> = (0..5).map(|_| drawn(&mut desk, 1)).collect();
    while desk.ledger.sweep(desk.now).unwrap().more {}
    let expired: Vec<bool> = ids.iter().map(|id| is_expired(&desk, id)).collect();
    assert_eq!(expired, [true, true, false, false, false]);
}

#[test]
fn jobs_that_are_not_over_are_never_touched() {
    let nothing = Retention { age: Duration::ZERO, bytes: 0, jobs: 0, ..Retention::default() };
    let mut desk = keeping(nothing);
    let runs = desk.accept(wishes("ann", 2));
    let claimed = desk.take().unwrap();
    desk.ledger.finished_picture(&claimed.claim, 0, &png(7), desk.now).unwrap();
    let waits = desk.accept(wish("ann"));
    desk.wait(1e6);
    assert_eq!(desk.ledger.sweep(desk.now).unwrap(), Swept::default());
    assert_eq!(desk.job(&runs).images.len(), 1);
    assert_eq!(desk.job(&waits).status, JobStatus::Queued);
}

#[test]
fn sweeping_takes_small_steps() {
    let mut desk = keeping(Retention { age: Duration::from_secs(10), ..Retention::default() });
    let ids: Vec<JobId> = (0..80).map(|_| desk.accept(wish("ann"))).collect();
    for id in &ids {
        desk.ledger.cancel(id, desk.now).unwrap();
    }
    desk.wait(11.0);
    let steps: Vec<(usize, bool)> = (0..4)
        .map(|_| {
            let swept = desk.ledger.sweep(desk.now).unwrap();
            (swept.jobs, swept.more)
        })
        .collect();
    assert_eq!(steps, [(32, true), (32, true), (16, false), (0, false)]);
    assert!(ids.iter().all(|id| is_expired(&desk, id)));
}

#[test]
fn room_that_came_with_jobs_is_given_back_to_the_disk() {
    let desk = keeping(Retention::default());
    let pages = || -> u64 {
        let connection = rusqlite::Connection::open(desk.folder.path().join("jobs.db")).unwrap();
        connection.pragma_query_value(None, "page_count", |row| row.get(0)).unwrap()
    };
    let input = Input { name: "image".into(), bytes: vec![1; 10_000_000] };
    let id = desk.accept(Submission { inputs: vec![input], ..wish("ann") });
    assert!(pages() > 2400);
    desk.ledger.cancel(&id, desk.now).unwrap();
    let mut steps = 1;
    while desk.ledger.sweep(desk.now).unwrap().more {
        steps += 1;
    }
    assert_eq!(steps, 3);
    assert!(pages() < 1200, "{} pages", pages());
}

#[test]
fn a_file_that_is_gone_already_does_not_stop_a_sweep() {
    let mut desk = keeping(Retention { age: Duration::from_secs(10), ..Retention::default() });
    let id = drawn(&mut desk, 2);
    let file = desk.folder.path().join("pictures").join(&files(desk.folder.path())[0]);
    std::fs::remove_file(file).unwrap();
    desk.wait(11.0);
    assert_eq!(desk.ledger.sweep(desk.now).unwrap().images, 2);
    assert!(is_expired(&desk, &id));
    assert_eq!(files(desk.folder.path()).len(), 0);
}
