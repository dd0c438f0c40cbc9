//! What listeners of a job hear, in which order.

use std::sync::{Arc, Mutex};

use zao_api::{JobEvent, JobStatus, Progress, Stage};
use zao_queue::{JobId, Limits, Requeue};

use crate::support::{Desk, png, wish, wishes};

fn names(desk: &Desk, job: &JobId) -> Vec<String> {
    let since = desk.ledger.events().since(job, Some(0)).unwrap();
    let name = |event: &JobEvent| {
        serde_json::to_value(event).unwrap()["event"].as_str().unwrap().to_owned()
    };
    since.events.iter().map(|event| name(&event.what)).collect()
}

#[test]
fn a_job_is_told_from_beginning_to_end() {
    let mut desk = Desk::new(Limits::default());
    let id = desk.accept(wish("ann"));
    let claim = desk.take().unwrap().claim;
    for (stage, step, fraction) in
        [(Stage::Text, 0, 0.0), (Stage::Denoise, 0, 0.1), (Stage::Denoise, 1, 0.5)]
    {
        desk.wait(1.0);
        let progress = Progress { stage, step, steps: 2, fraction };
        desk.ledger.progress(&claim, progress, None, desk.now).unwrap();
        desk.ledger.progress(&claim, progress, None, desk.now).unwrap();
    }
    desk.ledger.preview(&claim, 0, "image/webp", "AA==".into(), (64, 64), desk.now).unwrap();
    desk.ledger.warn(&claim, "small", desk.now).unwrap();
    desk.ledger.finished_picture(&claim, 0, &png(7), desk.now).unwrap();
    desk.ledger.finished_picture(&claim, 0, &png(7), desk.now).unwrap();
    assert_eq!(
        names(&desk, &id),
        ["queued", "started", "stage", "stage", "step", "preview", "warning", "image"]
    );
    let before = desk.ledger.events().since(&id, None).unwrap();
    assert!(!before.over);
    desk.ledger.completed(&claim, desk.now).unwrap();
    let after = desk.ledger.events().since(&id, Some(before.last)).unwrap();
    assert!(after.over && !after.gap);
    match &after.events[..] {
        [last] => match &last.what {
            JobEvent::Completed { job, state } => {
                assert_eq!(job, id.as_str());
                assert_eq!(**state, desk.job(&id));
            }
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    }
}

#[test]
fn other_ends_are_told_too() {
    let desk = Desk::new(Limits { losses: 2, ..Limits::default() });
    let lost = desk.accept(wish("ann"));
    for _ in 0..2 {
        let claim = desk.take().unwrap().claim;
        desk.ledger.requeue(&claim, Requeue::WorkerLost, desk.now).unwrap();
    }
    assert_eq!(names(&desk, &lost), ["queued", "started", "requeued", "started", "failed"]);
    let waits = desk.accept(wish("ann"));
    desk.ledger.cancel(&waits, desk.now).unwrap();
    assert_eq!(names(&desk, &waits), ["queued", "cancelled"]);
}

#[test]
fn places_are_told_when_they_change_and_only_then() {
    let desk = Desk::new(Limits::default());
    let ids: Vec<JobId> = (0..3).map(|_| desk.accept(wishes("ann", 1))).collect();
    let heard: Arc<Mutex<Vec<(String, u64)>>> = Arc::default();
    let sink = heard.clone();
    desk.ledger.events().on_event(move |job, event| {
        if let JobEvent::Queued { position, .. } = event {
            sink.lock().unwrap().push((job.to_string(), *position));
        }
    });
    let told = || {
        desk.ledger.tell_positions(desk.now);
        std::mem::take(&mut *heard.lock().unwrap())
    };
    assert_eq!(told(), []);
    desk.ledger.cancel(&ids[0], desk.now).unwrap();
    assert_eq!(told(), [(ids[1].to_string(), 1), (ids[2].to_string(), 2)]);
    assert_eq!(told(), []);
    desk.take().unwrap();
    assert_eq!(told(), [(ids[2].to_string(), 1)]);
}

#[test]
fn after_a_restart_the_job_has_to_be_looked_at_first() {
    let desk = Desk::new(Limits::default());
    let waits = desk.accept(wish("ann"));
    let done = desk.accept(wish("bob"));
    let seen = desk.ledger.events().since(&waits, None).unwrap().last;
    let claimed = desk.take().unwrap();
    assert_eq!(claimed.claim.job(), &waits);
    desk.draw(&desk.take().unwrap());
    let mut desk = desk;
    desk.wait(1.0);
    let desk = desk.reopen();
    let since = desk.ledger.events().since(&waits, Some(seen)).unwrap();
    assert!(since.gap && !since.over && since.events.is_empty());
    assert_eq!(desk.ledger.events().since(&done, None), None);
    assert_eq!(desk.job(&done).status, JobStatus::Completed);
    let claim = desk.take().unwrap().claim;
    let next = desk.ledger.events().since(&waits, Some(since.last)).unwrap();
    assert!(matches!(next.events[0].what, JobEvent::Started { .. }));
    assert!(!next.gap && claim.job() == &waits);
}
