//! From a worker's hands: pictures, the end, coming back, deadlines.

use std::time::Duration;

use zao_api::{ErrorBody, ErrorCode, JobStatus, Progress, Stage};
use zao_queue::{Cancel, Error, Input, Limits, Requeue, Submission};

use crate::support::{Desk, files, image_id, png, wish, wishes};

fn out_of_memory() -> ErrorBody {
    ErrorBody { code: ErrorCode::OutOfMemory, message: "too large".into() }
}

#[test]
fn a_job_is_drawn_and_tells_where_its_time_went() {
    let mut desk = Desk::new(Limits::default());
    let id = desk.accept(wishes("ann", 2));
    desk.wait(1.0);
    let claimed = desk.take().unwrap();
    assert_eq!(desk.job(&id).status, JobStatus::Running);
    let progress = Progress { stage: Stage::Denoise, step: 3, steps: 8, fraction: 0.4 };
    desk.ledger.progress(&claimed.claim, progress, None, desk.now).unwrap();
    assert_eq!(desk.job(&id).progress, Some(progress));
    desk.wait(2.5);
    desk.draw(&claimed);
    let job = desk.job(&id);
    assert_eq!(job.status, JobStatus::Completed);
    let timing = job.timing.unwrap();
    assert!((timing.queue_seconds - 1.0).abs() < 1e-6);
    assert!((timing.inference_seconds - 2.5).abs() < 1e-6);
    assert!((timing.total_seconds - 3.5).abs() < 1e-6);
    assert_eq!((job.progress, job.queue_position, job.eta_seconds), (None, None, None));
    let seeds: Vec<u64> = job.images.iter().map(|image| image.seed).collect();
    assert_eq!(seeds, [7, 8]);
    for image in &job.images {
        let file = desk.ledger.image_file(&image_id(&image.id)).unwrap();
        assert_eq!(std::fs::read(file).unwrap(), png(image.seed));
        assert_eq!(image.bytes, png(image.seed).len() as u64);
        assert_eq!((image.job.as_str(), image.prompt.as_str()), (id.as_str(), "a cat for ann"));
    }
}

#[test]
fn a_picture_that_is_brought_twice_is_one_picture() {
    let desk = Desk::new(Limits::default());
    desk.accept(wishes("ann", 2));
    let claim = desk.take().unwrap().claim;
    let first = desk.ledger.finished_picture(&claim, 1, &png(8), desk.now).unwrap();
    let second = desk.ledger.finished_picture(&claim, 1, b"something else", desk.now).unwrap();
    assert_eq!(first, second);
    assert_eq!(files(desk.folder.path()), [format!("{}.png", first.id)]);
}

#[test]
fn pictures_that_two_threads_bring_at_once_are_one_picture() {
    let desk = Desk::new(Limits::default());
    desk.accept(wish("ann"));
    let claim = desk.take().unwrap().claim;
    let ids: Vec<String> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8)
            .map(|_| {
                scope.spawn(|| {
                    desk.ledger.finished_picture(&claim, 0, &png(7), desk.now).unwrap().id
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert!(ids.iter().all(|id| *id == ids[0]));
    assert_eq!(files(desk.folder.path()), [format!("{}.png", ids[0])]);
}

#[test]
fn a_job_is_not_completed_while_a_picture_is_missing() {
    let desk = Desk::new(Limits::default());
    let id = desk.accept(wishes("ann", 3));
    let claim = desk.take().unwrap().claim;
    desk.ledger.finished_picture(&claim, 1, &png(8), desk.now).unwrap();
    let error = desk.ledger.completed(&claim, desk.now).unwrap_err();
    assert!(matches!(error, Error::Incomplete { missing: 2, .. }), "{error}");
    assert_eq!(desk.job(&id).status, JobStatus::Running);
    let error = desk.ledger.finished_picture(&claim, 3, &png(1), desk.now).unwrap_err();
    assert!(matches!(error, Error::NoSuchPicture { index: 3, count: 3, .. }), "{error}");
}

#[test]
fn what_a_lost_worker_stored_is_not_drawn_again() {
    let desk = Desk::new(Limits::default());
    let id = desk.accept(wishes("ann", 3));
    let first = desk.take().unwrap();
    let kept = desk.ledger.finished_picture(&first.claim, 1, &png(8), desk.now).unwrap();
    let status = desk.ledger.requeue(&first.claim, Requeue::WorkerLost, desk.now).unwrap();
    assert_eq!(status, JobStatus::Queued);
    let job = desk.job(&id);
    assert_eq!(
        (job.status, job.queue_position, job.started_at),
        (JobStatus::Queued, Some(1), None)
    );
    let second = desk.take().unwrap();
    assert_eq!(second.claim.attempt(), 2);
    assert_eq!(second.missing, [(0, 7), (2, 9)]);
    assert_eq!(second.demand.pictures, 2);
    // The lost one comes back, too late: nothing of it counts.
    let late = desk.ledger.finished_picture(&first.claim, 0, b"late", desk.now);
    assert!(matches!(late, Err(Error::Stale { .. })));
    assert!(matches!(desk.ledger.completed(&first.claim, desk.now), Err(Error::Stale { .. })));
    assert!(desk.ledger.should_stop(&first.claim) && !desk.ledger.should_stop(&second.claim));
    desk.draw(&second);
    let job = desk.job(&id);
    assert_eq!(job.images.len(), 3);
    assert_eq!(job.images[1], kept);
    assert_eq!(files(desk.folder.path()).len(), 3);
}

#[test]
fn a_job_that_kills_workers_fails_after_the_third() {
    let desk = Desk::new(Limits::default());
    let id = desk.accept(wish("ann"));
    for attempt in 1..=3 {
        let claim = desk.take().unwrap().claim;
        assert_eq!(claim.attempt(), attempt);
        let status = desk.ledger.requeue(&claim, Requeue::WorkerLost, desk.now).unwrap();
        let expected = if attempt < 3 { JobStatus::Queued } else { JobStatus::Failed };
        assert_eq!(status, expected);
    }
    let job = desk.job(&id);
    assert_eq!(job.error.unwrap().code, ErrorCode::WorkerLost);
    assert!(desk.take().is_none());
}

#[test]
fn a_job_that_is_given_back_is_not_to_blame() {
    let desk = Desk::new(Limits::default());
    let id = desk.accept(wish("ann"));
    for _ in 0..10 {
        let claim = desk.take().unwrap().claim;
        desk.ledger.requeue(&claim, Requeue::GivenBack, desk.now).unwrap();
    }
    assert_eq!(desk.job(&id).status, JobStatus::Queued);
}

#[test]
fn restarts_are_not_the_fault_of_jobs() {
    let mut desk = Desk::new(Limits::default());
    let id = desk.accept(wish("ann"));
    for _ in 0..10 {
        desk.take().unwrap();
        desk = desk.reopen();
        assert_eq!(desk.ledger.recovered().interrupted, 1);
        assert_eq!(desk.job(&id).status, JobStatus::Queued);
    }
}

#[test]
fn a_job_whose_pictures_are_all_there_is_completed_by_a_restart() {
    let desk = Desk::new(Limits::default());
    let id = desk.accept(wish("ann"));
    let claim = desk.take().unwrap().claim;
    desk.ledger.finished_picture(&claim, 0, &png(7), desk.now).unwrap();
    let desk = desk.reopen();
    assert_eq!(desk.ledger.recovered().completed, 1);
    assert_eq!(desk.job(&id).status, JobStatus::Completed);
    assert!(desk.take().is_none());
}

#[test]
fn an_interrupted_job_is_before_those_that_came_later() {
    let desk = Desk::new(Limits::default());
    let first = desk.accept(wish("ann"));
    desk.accept(wish("bob"));
    desk.take().unwrap();
    let desk = desk.reopen();
    assert_eq!(desk.take().unwrap().claim.job(), &first);
}

#[test]
fn cancelling_works_at_every_moment_and_through_a_restart() {
    let desk = Desk::new(Limits::default());
    let input = Input { name: "image".into(), bytes: vec![0; 100] };
    let waits = desk.accept(Submission { inputs: vec![input], ..wish("ann") });
    assert_eq!(desk.ledger.cancel(&waits, desk.now).unwrap(), Cancel::Done);
    let job = desk.job(&waits);
    assert_eq!((job.status, job.started_at), (JobStatus::Cancelled, None));

    let runs = desk.accept(wishes("ann", 2));
    let claim = desk.take().unwrap().claim;
    desk.ledger.finished_picture(&claim, 0, &png(7), desk.now).unwrap();
    assert!(!desk.ledger.should_stop(&claim));
    assert_eq!(desk.ledger.cancel(&runs, desk.now).unwrap(), Cancel::Asked);
    assert_eq!(desk.ledger.cancel(&runs, desk.now).unwrap(), Cancel::Asked);
    assert!(desk.ledger.should_stop(&claim));
    desk.ledger.cancelled(&claim, desk.now).unwrap();
    let job = desk.job(&runs);
    // What was drawn until then remains.
    assert_eq!((job.status, job.images.len()), (JobStatus::Cancelled, 1));
    let again = desk.ledger.cancel(&runs, desk.now).unwrap_err();
    assert!(matches!(again, Error::AlreadyOver { status: JobStatus::Cancelled, .. }));

    let killed = desk.accept(wish("ann"));
    desk.take().unwrap();
    desk.ledger.cancel(&killed, desk.now).unwrap();
    let desk = desk.reopen();
    assert_eq!(desk.ledger.recovered().cancelled, 1);
    assert_eq!(desk.job(&killed).status, JobStatus::Cancelled);
    assert!(desk.take().is_none());
}

#[test]
fn a_cancelled_job_does_not_wait_again_when_its_worker_is_lost() {
    let desk = Desk::new(Limits::default());
    let id = desk.accept(wish("ann"));
    let claim = desk.take().unwrap().claim;
    desk.ledger.cancel(&id, desk.now).unwrap();
    let status = desk.ledger.requeue(&claim, Requeue::WorkerLost, desk.now).unwrap();
    assert_eq!(status, JobStatus::Cancelled);
}

#[test]
fn a_deadline_counts_from_the_start() {
    let mut desk = Desk::new(Limits::default());
    let short = Submission { deadline: Duration::from_secs(10), ..wish("ann") };
    let id = desk.accept(short);
    desk.wait(60.0);
    let claim = desk.take().unwrap().claim;
    desk.wait(9.9);
    assert_eq!(desk.ledger.overdue(desk.now), []);
    desk.wait(0.1);
    assert_eq!(desk.ledger.overdue(desk.now), std::slice::from_ref(&claim));
    let message = "the job took longer than its 10 s".to_owned();
    let error = ErrorBody { code: ErrorCode::DeadlineExceeded, message };
    desk.ledger.failed(&claim, error.clone(), desk.now).unwrap();
    let job = desk.job(&id);
    assert_eq!((job.status, job.error), (JobStatus::Failed, Some(error)));
    assert_eq!(desk.ledger.overdue(desk.now), []);
}

#[test]
fn a_job_that_a_worker_only_has_waits_on_in_its_place_and_its_deadline_does_not_count() {
    let mut desk = Desk::new(Limits { queued: 3, queued_per_client: 2, ..Limits::default() });
    let short = Submission { deadline: Duration::from_secs(10), ..wish("ann") };
    let (first, second) = (desk.accept(short), desk.accept(wish("ann")));
    let claim = desk.hand_out(true).unwrap().claim;
    let third = desk.accept(wish("bob"));
    let places = |desk: &Desk| {
        [&first, &second, &third].map(|job| (desk.job(job).status, desk.job(job).queue_position))
    };
    let waits = |place| (JobStatus::Queued, Some(place));
    // The second is the same client's again, whose turn is over.
    assert_eq!(places(&desk), [waits(1), waits(3), waits(2)]);
    assert_eq!(desk.ledger.outlook(desk.now).queued, 3);
    let counts = desk.ledger.counts().unwrap();
    assert_eq!((counts.queued, counts.running), (3, 0));
    for client in ["ann", "cid"] {
        let refused = desk.try_accept(wish(client)).unwrap();
        assert!(matches!(refused, zao_queue::Acceptance::Refused(_)), "{refused:?}");
    }
    // What it says before it begins is not believed.
    let progress = Progress { stage: Stage::Denoise, step: 3, steps: 8, fraction: 0.4 };
    desk.ledger.progress(&claim, progress, None, desk.now).unwrap();
    assert_eq!((desk.job(&first).progress, desk.job(&first).started_at), (None, None));
    desk.wait(60.0);
    assert_eq!(desk.ledger.overdue(desk.now), []);
    desk.ledger.started(&claim, desk.now).unwrap();
    assert_eq!(places(&desk), [(JobStatus::Running, None), waits(1), waits(2)]);
    desk.wait(4.0);
    // Said again it changes nothing.
    desk.ledger.started(&claim, desk.now).unwrap();
    desk.wait(5.9);
    assert_eq!(desk.ledger.overdue(desk.now), []);
    desk.wait(0.1);
    assert_eq!(desk.ledger.overdue(desk.now), std::slice::from_ref(&claim));
    desk.ledger.finished_picture(&claim, 0, &png(7), desk.now).unwrap();
    desk.ledger.completed(&claim, desk.now).unwrap();
    let timing = desk.job(&first).timing.unwrap();
    assert!((timing.queue_seconds - 60.0).abs() < 1e-6, "{timing:?}");
    assert!((timing.inference_seconds - 10.0).abs() < 1e-6, "{timing:?}");
}

#[test]
fn a_job_that_a_worker_only_has_is_cancelled_at_once_and_given_back_without_a_word() {
    let desk = Desk::new(Limits::default());
    let id = desk.accept(wish("ann"));
    let claim = desk.hand_out(true).unwrap().claim;
    desk.ledger.requeue(&claim, Requeue::GivenBack, desk.now).unwrap();
    let again = desk.hand_out(true).unwrap().claim;
    assert_eq!((again.job(), again.attempt()), (&id, 2));
    assert!(matches!(desk.ledger.started(&claim, desk.now), Err(Error::Stale { .. })));
    let told = desk.ledger.events().since(&id, Some(0)).unwrap().events;
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(desk.ledger.cancel(&id, desk.now).unwrap(), Cancel::Done);
    assert!(matches!(desk.ledger.started(&again, desk.now), Err(Error::Stale { .. })));
    assert!(desk.ledger.should_stop(&again));
}

#[test]
fn what_was_with_a_lost_worker_is_drawn_alone_and_a_restart_does_not_forget_it() {
    let desk = Desk::new(Limits::default());
    let [drawn, beside, _other] = ["ann", "bob", "cid"].map(|client| desk.accept(wish(client)));
    let claims = [desk.take().unwrap().claim, desk.hand_out(false).unwrap().claim];
    assert_eq!([claims[0].job(), claims[1].job()], [&drawn, &beside]);
    desk.ledger.requeue(&claims[0], Requeue::WorkerLost, desk.now).unwrap();
    desk.ledger.requeue(&claims[1], Requeue::Bystander, desk.now).unwrap();
    let desk = desk.reopen();
    // A worker that has something gets neither.
    let other = desk.hand_out(false).unwrap();
    assert!(!other.alone && ![&drawn, &beside].contains(&other.claim.job()));
    assert_eq!(desk.hand_out(false), None);
    for expected in [&drawn, &beside] {
        let claimed = desk.hand_out(true).unwrap();
        assert_eq!((claimed.claim.job(), claimed.alone), (expected, true));
        // Two losses more: only the one that was drawn the first time has three then.
        for last in [false, true] {
            let claim =
                if last { desk.hand_out(true).unwrap().claim } else { claimed.claim.clone() };
            desk.ledger.requeue(&claim, Requeue::WorkerLost, desk.now).unwrap();
        }
    }
    assert_eq!(desk.job(&drawn).status, JobStatus::Failed);
    assert_eq!(desk.job(&beside).status, JobStatus::Queued);
}

#[test]
fn what_is_over_cannot_end_again() {
    let desk = Desk::new(Limits::default());
    desk.accept(wish("ann"));
    let claimed = desk.take().unwrap();
    desk.draw(&claimed);
    let stale = |result: Result<(), Error>| matches!(result, Err(Error::Stale { .. }));
    assert!(stale(desk.ledger.completed(&claimed.claim, desk.now)));
    assert!(stale(desk.ledger.failed(&claimed.claim, out_of_memory(), desk.now)));
    assert!(stale(desk.ledger.cancelled(&claimed.claim, desk.now)));
    assert!(stale(desk.ledger.warn(&claimed.claim, "late", desk.now)));
    let back = desk.ledger.requeue(&claimed.claim, Requeue::WorkerLost, desk.now);
    assert!(stale(back.map(|_| ())));
}

#[test]
fn warnings_are_kept() {
    let desk = Desk::new(Limits::default());
    let id = desk.accept(Submission { warnings: vec!["one".into()], ..wish("ann") });
    let claimed = desk.take().unwrap();
    desk.ledger.warn(&claimed.claim, "two", desk.now).unwrap();
    desk.draw(&claimed);
    let desk = desk.reopen();
    assert_eq!(desk.job(&id).warnings, ["one", "two"]);
}
