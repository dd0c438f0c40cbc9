//! Another program holds the database: short locks are waited for, long ones are an error and nothing is lost.

use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use rusqlite::{Connection, TransactionBehavior};
use zao_api::JobStatus;
use zao_queue::{Acceptance, Cancel, Error, Input, Limits, Requeue, Submission};

use crate::support::{Desk, png, wish};

/// Holds the write lock on a thread for as long as `until` takes; returns when it is held.
fn hold_lock(desk: &Desk, until: impl FnOnce() + Send + 'static) -> thread::JoinHandle<()> {
    let file = desk.folder.path().join("jobs.db");
    let (held, is_held) = mpsc::channel();
    let thread = thread::spawn(move || {
        let mut connection = Connection::open(file).unwrap();
        let lock = connection.transaction_with_behavior(TransactionBehavior::Immediate).unwrap();
        held.send(()).unwrap();
        until();
        drop(lock);
    });
    is_held.recv().unwrap();
    thread
}

#[test]
fn a_lock_of_two_seconds_is_waited_for() {
    let desk = Desk::new(Limits::default());
    let first = desk.accept(wish("ann"));
    let (begin, time) = (Instant::now(), Duration::from_secs(2));
    let (release, is_released) = mpsc::channel();
    let lock = hold_lock(&desk, move || {
        is_released.recv().unwrap();
        thread::sleep(time);
    });
    // Whoever only looks does not wait.
    assert_eq!(desk.job(&first).status, JobStatus::Queued);
    release.send(()).unwrap();
    let second = desk.accept(wish("bob"));
    assert!(begin.elapsed() >= time);
    desk.draw(&desk.take().unwrap());
    desk.draw(&desk.take().unwrap());
    assert_eq!(desk.job(&second).status, JobStatus::Completed);
    lock.join().unwrap();
}

#[test]
fn a_longer_lock_is_an_error_and_nothing_is_lost() {
    let limits = Limits { busy: Duration::from_millis(100), ..Limits::default() };
    let desk = Desk::new(limits);
    let runs = desk.accept(wish("ann"));
    let claim = desk.take().unwrap().claim;
    let waits = desk.accept(wish("ann"));
    let (release, is_released) = mpsc::channel();
    let lock = hold_lock(&desk, move || is_released.recv().unwrap());
    let locked = |error: Error| {
        assert!(matches!(error, Error::Locked { .. }), "{error}");
        assert!(error.is_passing() && error.to_string().contains("close it and try again"));
    };
    locked(desk.try_accept(wish("bob")).unwrap_err());
    locked(desk.ledger.cancel(&waits, desk.now).unwrap_err());
    locked(desk.ledger.finished_picture(&claim, 0, &png(7), desk.now).unwrap_err());
    locked(desk.ledger.requeue(&claim, Requeue::WorkerLost, desk.now).unwrap_err());
    let offer = zao_queue::Offer { worker: "test", fits: &|_| true, idle: true };
    locked(desk.ledger.next(&offer, desk.now).unwrap_err());
    release.send(()).unwrap();
    lock.join().unwrap();
    assert_eq!(desk.ledger.position(&waits, desk.now), Some(1));
    desk.ledger.finished_picture(&claim, 0, &png(7), desk.now).unwrap();
    desk.ledger.completed(&claim, desk.now).unwrap();
    assert_eq!(desk.job(&runs).images.len(), 1);
    assert_eq!(desk.ledger.cancel(&waits, desk.now).unwrap(), Cancel::Done);
    let counts = desk.ledger.counts().unwrap();
    assert_eq!((counts.queued, counts.running), (0, 0));
    let desk = desk.reopen();
    assert_eq!(desk.ledger.recovered(), Default::default());
}

#[test]
fn many_that_wait_for_a_long_lock_wait_together_and_not_in_turn() {
    let busy = Duration::from_millis(500);
    let desk = Desk::new(Limits { busy, ..Limits::default() });
    let waits: Vec<_> = (0..8).map(|_| desk.accept(wish("ann"))).collect();
    let (release, is_released) = mpsc::channel();
    let lock = hold_lock(&desk, move || is_released.recv().unwrap());
    let begin = Instant::now();
    thread::scope(|scope| {
        for job in &waits {
            let desk = &desk;
            scope.spawn(move || {
                let cancelled = desk.ledger.cancel(job, desk.now);
                assert!(matches!(cancelled, Err(Error::Locked { .. })), "{cancelled:?}");
            });
            scope.spawn(move || {
                let accepted = desk.try_accept(wish("bob"));
                assert!(matches!(accepted, Err(Error::Locked { .. })), "{accepted:?}");
            });
        }
    });
    let took = begin.elapsed();
    // One waits in vain for the time that is given, and the others a little longer; each for itself it would be 8 s.
    assert!((busy..12 * busy).contains(&took), "{took:?}");
    release.send(()).unwrap();
    lock.join().unwrap();
    for job in &waits {
        assert_eq!(desk.ledger.cancel(job, desk.now).unwrap(), Cancel::Done);
    }
    desk.accept(wish("bob"));
    assert_eq!(desk.ledger.counts().unwrap().queued, 1);
}

#[test]
fn one_that_does_not_fit_takes_none_of_those_beside_it_along() {
    let limits = Limits { database_bytes: Some(1_000_000), ..Limits::default() };
    let desk = Desk::new(limits);
    // While the database is locked, all of them gather at the door and are written together.
    let lock = hold_lock(&desk, || thread::sleep(Duration::from_millis(700)));
    let outcomes: Vec<_> = thread::scope(|scope| {
        let threads: Vec<_> = (0..12_usize)
            .map(|thread| {
                let desk = &desk;
                scope.spawn(move || {
                    let size = if thread % 4 == 3 { 2_000_000 } else { 10 };
                    let input = Input { name: "image".into(), bytes: vec![1; size] };
                    (size, desk.try_accept(Submission { inputs: vec![input], ..wish("ann") }))
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    lock.join().unwrap();
    for (size, outcome) in outcomes {
        match outcome {
            Ok(Acceptance::Accepted(_)) => assert_eq!(size, 10),
            Err(Error::StorageFull { .. }) => assert_eq!(size, 2_000_000),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(desk.ledger.counts().unwrap().queued, 9);
}
