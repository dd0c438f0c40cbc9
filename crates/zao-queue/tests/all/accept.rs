//! Taking jobs on: what is kept of them, keys, and limits.

use std::sync::Barrier;
use std::time::Duration;

use zao_api::{JobStatus, Progress, Stage};
use zao_queue::{Acceptance, Cancel, Error, Input, Limits, Refusal, Submission};

use crate::support::{Desk, job_id, wish, wishes};

fn with_key(key: &str, submission: Submission) -> Submission {
    Submission { key: Some(key.into()), ..submission }
}

#[test]
fn an_accepted_job_is_kept_as_it_was_asked() {
    let desk = Desk::new(Limits::default());
    let mut submission = wishes("ann", 2);
    submission.request.request.seed = Some(u64::MAX);
    submission.seeds = vec![u64::MAX, 0];
    submission.warnings = vec!["guidance is not useful".into()];
    submission.request_id = Some("req_1".into());
    submission.inputs = vec![Input { name: "image".into(), bytes: vec![1, 2, 3] }];
    let id = desk.accept(submission.clone());
    let desk = desk.reopen();
    let job = desk.job(&id);
    assert_eq!(job.status, JobStatus::Queued);
    assert_eq!(job.request, submission.request);
    assert_eq!(job.seeds, [u64::MAX, 0]);
    assert_eq!((job.width, job.height, job.steps), (256, 256, 8));
    assert_eq!(job.warnings, submission.warnings);
    assert_eq!(job.queue_position, Some(1));
    assert_eq!((job.started_at, job.finished_at, job.timing), (None, None, None));
    assert!((job.created_at - 1_767_225_600.0).abs() < 1e-6);
    assert_eq!(job.links.events, format!("/v1/jobs/{id}/events"));
    let claimed = desk.take().unwrap();
    assert_eq!(claimed.inputs, submission.inputs);
    assert_eq!(claimed.plan, submission.plan);
    assert_eq!(claimed.request, submission.request);
    assert_eq!(claimed.missing, [(0, u64::MAX), (1, 0)]);
    assert_eq!(claimed.deadline, Duration::from_secs(300));
    assert_eq!(claimed.request_id.as_deref(), Some("req_1"));
}

#[test]
fn a_job_that_nobody_could_draw_is_an_error() {
    let desk = Desk::new(Limits::default());
    let faulty = [
        Submission { seeds: Vec::new(), ..wish("ann") },
        Submission { width: 0, ..wish("ann") },
        Submission { steps: 0, ..wish("ann") },
        wish(""),
    ];
    for submission in faulty {
        assert!(matches!(desk.try_accept(submission), Err(Error::BadSubmission(_))));
    }
    assert_eq!(desk.ledger.counts().unwrap().queued, 0);
}

#[test]
fn a_key_makes_one_job_whatever_happens() {
    let desk = Desk::new(Limits::default());
    let id = desk.accept(with_key("k", wish("ann")));
    // The seed was chosen by the server, and may be another the second time.
    let again = Submission {
        seeds: vec![99],
        request_id: Some("req_2".into()),
        ..with_key("k", wish("ann"))
    };
    assert_eq!(desk.try_accept(again.clone()).unwrap(), Acceptance::Repeated(id.clone()));
    let desk = desk.reopen();
    assert_eq!(desk.try_accept(again.clone()).unwrap(), Acceptance::Repeated(id.clone()));
    desk.draw(&desk.take().unwrap());
    assert_eq!(desk.try_accept(again).unwrap(), Acceptance::Repeated(id.clone()));
    assert_eq!(desk.job(&id).seeds, [7]);
    assert!(desk.take().is_none());
}

#[test]
fn a_key_for_something_else_is_a_conflict() {
    let desk = Desk::new(Limits::default());
    let image = |bytes: &[u8]| vec![Input { name: "image".into(), bytes: bytes.into() }];
    let first = Submission { inputs: image(b"cat"), ..with_key("k", wish("ann")) };
    let job = desk.accept(first.clone());
    let mut other = first.clone();
    other.request.request.prompt = "a dog".into();
    let other_image = Submission { inputs: image(b"dog"), ..first.clone() };
    let other_form = Submission { form: "as a stream".into(), ..first.clone() };
    for submission in [other, other_image, other_form] {
        let conflict = Acceptance::Refused(Refusal::Conflict { job: job.clone() });
        assert_eq!(desk.try_accept(submission).unwrap(), conflict);
    }
    // Also after the picture to begin with is needed no more.
    desk.draw(&desk.take().unwrap());
    assert_eq!(desk.try_accept(first).unwrap(), Acceptance::Repeated(job));
}

#[test]
fn the_same_key_from_many_threads_makes_one_job() {
    let desk = Desk::new(Limits::default());
    let start = Barrier::new(8);
    let mut jobs: Vec<Acceptance> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8)
            .map(|_| {
                scope.spawn(|| {
                    start.wait();
                    desk.try_accept(with_key("k", wish("ann"))).unwrap()
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    jobs.sort_by_key(|acceptance| !matches!(acceptance, Acceptance::Accepted(_)));
    let Acceptance::Accepted(first) = &jobs[0] else { panic!("nobody was first: {jobs:?}") };
    assert!(jobs[1..].iter().all(|other| *other == Acceptance::Repeated(first.clone())));
    assert_eq!(desk.ledger.counts().unwrap().queued, 1);
}

#[test]
fn a_full_queue_says_when_to_come_back() {
    let mut desk = Desk::new(Limits {
        queued: 3,
        queued_per_client: 2,
        reserve_bytes: 0,
        ..Limits::default()
    });
    // It is known that a picture of 8 steps takes 20 s, and one is at its third.
    desk.stepped(1, 65_536, 2.5);
    desk.accept(wish("ann"));
    let claim = desk.take().unwrap().claim;
    desk.wait(5.0);
    let progress = Progress { stage: Stage::Denoise, step: 2, steps: 8, fraction: 0.25 };
    desk.ledger.progress(&claim, progress, None, desk.now).unwrap();
    desk.accept(wish("ann"));
    desk.accept(wish("ann"));
    match desk.try_accept(wish("ann")).unwrap() {
        Acceptance::Refused(Refusal::ClientFull { retry_after }) => {
            assert!((retry_after.as_secs_f64() - 15.0).abs() < 0.1, "{retry_after:?}");
        }
        other => panic!("{other:?}"),
    }
    let kept = desk.accept(with_key("k", wish("bob")));
    match desk.try_accept(wish("bob")).unwrap() {
        Acceptance::Refused(Refusal::QueueFull { retry_after }) => {
            assert!((retry_after.as_secs_f64() - 15.0).abs() < 0.1, "{retry_after:?}");
        }
        other => panic!("{other:?}"),
    }
    // Whoever asks again for what was accepted is not sent away.
    let again = desk.try_accept(with_key("k", wish("bob"))).unwrap();
    assert_eq!(again, Acceptance::Repeated(kept.clone()));
    // A place that is left is free at once.
    assert_eq!(desk.ledger.cancel(&kept, desk.now).unwrap(), Cancel::Done);
    desk.accept(wish("bob"));
}

#[test]
fn what_comes_with_jobs_has_a_limit() {
    let desk = Desk::new(Limits { input_bytes: 1000, ..Limits::default() });
    let with = |bytes: usize| {
        let inputs = vec![Input { name: "image".into(), bytes: vec![1; bytes] }];
        desk.try_accept(Submission { inputs, ..wish("ann") }).unwrap()
    };
    let full = |outcome| matches!(outcome, Acceptance::Refused(Refusal::QueueFull { .. }));
    assert!(!full(with(600)));
    assert!(full(with(401)));
    assert!(!full(with(400)));
    assert!(full(with(1)));
    assert!(matches!(desk.try_accept(wish("ann")).unwrap(), Acceptance::Accepted(_)));
    desk.draw(&desk.take().unwrap());
    assert!(!full(with(600)));
}

#[test]
fn limits_hold_for_those_that_come_at_the_same_moment() {
    let limits = Limits { queued: 20, queued_per_client: 5, ..Limits::default() };
    let desk = Desk::new(limits);
    let start = Barrier::new(16);
    let accepted: usize = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..16)
            .map(|thread| {
                let (desk, start) = (&desk, &start);
                scope.spawn(move || {
                    start.wait();
                    (0..10)
                        .filter(|_| {
                            let submission = wish(&format!("client {}", thread % 8));
                            let acceptance = desk.try_accept(submission).unwrap();
                            matches!(acceptance, Acceptance::Accepted(_))
                        })
                        .count()
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    assert_eq!(accepted, 20);
    assert_eq!(desk.ledger.counts().unwrap().queued, 20);
}

#[test]
fn ten_thousand_queued_and_cancelled_jobs_leave_nothing_behind() {
    let limits = Limits { queued: 20_000, queued_per_client: 20_000, ..Limits::default() };
    let desk = Desk::new(limits);
    let ids: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..50)
            .map(|thread| {
                let desk = &desk;
                let client = format!("client {thread}");
                scope
                    .spawn(move || (0..200).map(|_| desk.accept(wish(&client))).collect::<Vec<_>>())
            })
            .collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(desk.ledger.counts().unwrap().queued, 10_000);
    let kept = desk.accept(wish("ann"));
    std::thread::scope(|scope| {
        for part in ids.chunks(2500) {
            let desk = &desk;
            scope.spawn(move || {
                for id in part {
                    assert_eq!(desk.ledger.cancel(id, desk.now).unwrap(), Cancel::Done);
                }
            });
        }
    });
    let counts = desk.ledger.counts().unwrap();
    assert_eq!((counts.queued, counts.cancelled), (1, 10_000));
    // The one that is left is next, before and after a restart.
    assert_eq!(desk.ledger.position(&kept, desk.now), Some(1));
    let desk = desk.reopen();
    assert_eq!(desk.ledger.recovered().waiting, 1);
    assert_eq!(desk.take().unwrap().claim.job(), &kept);
    assert!(desk.take().is_none());
    let again = desk.ledger.cancel(&ids[0], desk.now);
    assert!(matches!(again, Err(Error::AlreadyOver { status: JobStatus::Cancelled, .. })));
}

#[test]
fn ids_are_those_of_the_interface() {
    let desk = Desk::new(Limits::default());
    let ids: Vec<_> = (0..50).map(|_| desk.accept(wish("ann"))).collect();
    assert!(ids.is_sorted_by(|a, b| a < b));
    let listed = desk.ledger.jobs(&Default::default(), 100, desk.now).unwrap().items;
    let listed: Vec<_> = listed.iter().rev().map(|job| job_id(&job.id)).collect();
    assert_eq!(listed, ids);
}
