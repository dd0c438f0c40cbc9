//! What becomes of reports that come while another program holds the database, and of jobs whose worker is lost. That a
//! crew reports at all is tested beside it.

use std::time::Duration;

use rusqlite::Connection;
use serde_json::json;
use tempfile::TempDir;
use zao_api::{Job, JobStatus};
use zao_queue::{Acceptance, Submission};

use super::*;
use crate::http::Haste;
use crate::http::tests::house;

struct Desk {
    house: Arc<House>,
    keeper: Keeper,
    folder: TempDir,
}

impl Desk {
    fn new() -> Self {
        let change = |settings: &mut crate::Settings| {
            settings.ledger.busy = Duration::from_millis(50);
        };
        let (house, folder) = house(change, Haste::USUAL);
        Self { keeper: Keeper::new(Arc::clone(&house)), house, folder }
    }

    fn accept(&self, seeds: &[u64]) -> zao_queue::JobId {
        let request: JobRequest = serde_json::from_value(json!({"prompt": "a cat"})).unwrap();
        let submission = Submission {
            client: "ann".into(),
            sender: zao_queue::Sender::default(),
            key: None,
            form: String::new(),
            plan: serde_json::to_string(&request.request).unwrap(),
            request,
            width: 32,
            height: 32,
            steps: 2,
            seeds: seeds.to_vec(),
            priority: zao_api::Priority::Normal,
            deadline: Duration::from_secs(300),
            inputs: Vec::new(),
            warnings: Vec::new(),
            request_id: None,
        };
        match self.house.ledger.accept(submission, SystemTime::now()).unwrap() {
            Acceptance::Accepted(id) => id,
            other => panic!("{other:?}"),
        }
    }

    /// Begins to write beside the ledger, until what is given back is dropped.
    fn lock(&self) -> Connection {
        let connection = Connection::open(self.folder.path().join("jobs/jobs.db")).unwrap();
        connection.execute_batch("BEGIN IMMEDIATE").unwrap();
        connection
    }

    fn job(&self, id: &zao_queue::JobId) -> Job {
        self.house.ledger.job(id, SystemTime::now()).unwrap()
    }

    fn picture(&self, job: &str, index: u32, seed: u64) {
        let png = zao_png::encode_plain(&[seed as u8; 3], 1, 1).unwrap();
        let (width, height, seconds, held_bytes) = (1, 1, 0.1, 5);
        let png = png.into();
        let picture = Report::Picture { index, seed, width, height, seconds, held_bytes, png };
        self.keeper.report("first", job, picture);
    }
}

#[test]
fn what_is_drawn_while_the_database_is_locked_is_written_when_it_is_free() {
    let desk = Desk::new();
    let (drawn, next) = (desk.accept(&[7, 8]), desk.accept(&[9]));
    let job = desk.keeper.next("first", 4).unwrap().job;
    assert_eq!(job, drawn.to_string());
    desk.keeper.report("first", &job, Report::Stage { stage: Stage::Text });
    let lock = desk.lock();
    desk.picture(&job, 0, 7);
    desk.keeper.report("first", &job, Report::Warning { message: "small".into() });
    desk.picture(&job, 1, 8);
    desk.keeper.report("first", &job, Report::Done);
    desk.keeper.catch_up();
    assert_eq!(desk.job(&drawn).status, JobStatus::Running);
    assert!(desk.keeper.next("first", 4).is_none(), "nothing is begun meanwhile");
    drop(lock);
    desk.keeper.catch_up();
    let done = desk.job(&drawn);
    assert_eq!(done.status, JobStatus::Completed, "{done:?}");
    assert_eq!((done.images.len(), done.warnings.as_slice()), (2, &["small".to_owned()][..]));
    assert_eq!(done.peak_memory_bytes, Some(5), "as its worker says");
    let metrics = desk.house.metrics.text(&desk.house, crate::metrics::Form::Plain);
    assert!(metrics.contains("\nzao_images_total{size=\"256\"} 2\n"), "{metrics}");
    assert_eq!(desk.keeper.next("first", 4).unwrap().job, next.to_string());
}

#[test]
fn workers_that_are_lost_and_jobs_that_fail_meanwhile_are_not_forgotten() {
    let desk = Desk::new();
    let ids = [desk.accept(&[1]), desk.accept(&[2]), desk.accept(&[3])];
    let jobs: Vec<String> = (0..3).map(|_| desk.keeper.next("first", 4).unwrap().job).collect();
    jobs.iter()
        .for_each(|job| desk.keeper.report("first", job, Report::Stage { stage: Stage::Text }));
    let lock = desk.lock();
    let failed = Report::Failed { code: ErrorCode::OutOfMemory, message: "too large".into() };
    desk.keeper.report("first", &jobs[0], failed);
    let cancelled = Report::Failed { code: ErrorCode::Cancelled, message: String::new() };
    desk.keeper.report("first", &jobs[1], cancelled);
    desk.keeper.lost("first", vec![jobs[2].clone()], Lost::Ended { how: "signal: 9".into() });
    drop(lock);
    desk.keeper.catch_up();
    let states = ids.each_ref().map(|id| desk.job(id).status);
    assert_eq!(states, [JobStatus::Failed, JobStatus::Cancelled, JobStatus::Queued]);
    assert_eq!(desk.keeper.next("first", 4).unwrap().job, jobs[2]);
}

#[test]
fn a_device_that_did_not_answer_while_it_had_nothing_to_do_is_no_jobs_fault() {
    let desk = Desk::new();
    let id = desk.accept(&[7]);
    // It came while the device was looked at. Three losses would be the end of a job.
    for _ in 0..5 {
        let job = desk.keeper.next("first", 4).unwrap().job;
        let why = Lost::Unanswered { after: Duration::from_secs(10) };
        desk.keeper.lost("first", vec![job], why);
    }
    assert_eq!(desk.job(&id).status, JobStatus::Queued);
    let other = desk.accept(&[8]);
    let next = |_| desk.keeper.next("first", 4).unwrap().job;
    assert_eq!([0, 1].map(next), [id.to_string(), other.to_string()], "and it is not drawn alone");
}

#[test]
fn a_job_has_started_when_its_worker_begins_with_it() {
    let desk = Desk::new();
    let (id, other) = (desk.accept(&[7]), desk.accept(&[8]));
    let job = desk.keeper.next("first", 4).unwrap();
    assert_eq!(job.request.deadline_seconds, Some(300.0));
    desk.keeper.next("first", 4).unwrap();
    assert_eq!((desk.job(&id).status, desk.job(&id).queue_position), (JobStatus::Queued, Some(1)));
    let lock = desk.lock();
    // What is said while it cannot be written down that it began is not told before.
    desk.keeper.report("first", &job.job, Report::Stage { stage: Stage::Text });
    desk.keeper.report("first", &job.job, Report::Step { picture: 0, done: 1, of: 2 });
    drop(lock);
    desk.keeper.catch_up();
    assert_eq!(
        (desk.job(&id).status, desk.job(&other).queue_position),
        (JobStatus::Running, Some(1))
    );
    desk.keeper.report("first", &job.job, Report::Step { picture: 0, done: 2, of: 2 });
    let told = desk.house.ledger.events().since(&id, Some(0)).unwrap().events;
    let names = told.iter().map(|event| serde_json::to_value(&event.what).unwrap());
    let names: Vec<String> = names.map(|it| it["event"].as_str().unwrap().to_owned()).collect();
    assert_eq!(names, ["queued", "started", "stage", "step"]);
}

/// Draws until nothing is left, with workers that take four jobs, begin with three of them and die of one; `speaks` says
/// whether one that dies has told what it began with. How many died.
fn with_deadly(desk: &Desk, deadly: &zao_queue::JobId, speaks: bool) -> usize {
    let mut died = 0;
    loop {
        let next = |_| desk.keeper.next("first", 1).map(|assignment| assignment.job);
        let taken: Vec<String> = (0..4).map_while(next).collect();
        let begun = &taken[..taken.len().min(3)];
        let [first, ..] = begun else { return died };
        let dies = begun.iter().any(|job| *job == deadly.to_string());
        if speaks || !dies {
            let stage = || Report::Stage { stage: Stage::Text };
            begun.iter().for_each(|job| desk.keeper.report("first", job, stage()));
        }
        if dies {
            died += 1;
            assert!(died < 20, "{first} and others die again and again");
            desk.keeper.lost("first", taken, Lost::Ended { how: "signal: 9".into() });
            continue;
        }
        for job in begun {
            desk.picture(job, 0, 7);
            desk.keeper.report("first", job, Report::Done);
        }
        desk.keeper.lost("first", taken[begun.len()..].to_vec(), Lost::Drained);
    }
}

#[test]
fn a_job_that_kills_its_workers_fails_and_those_beside_it_are_drawn() {
    for speaks in [true, false] {
        let desk = Desk::new();
        let ids: Vec<zao_queue::JobId> = (0..12).map(|seed| desk.accept(&[seed])).collect();
        let died = with_deadly(&desk, &ids[4], speaks);
        for id in &ids {
            let job = desk.job(id);
            let expected = if *id == ids[4] { JobStatus::Failed } else { JobStatus::Completed };
            assert_eq!(job.status, expected, "{speaks}: {job:?}");
        }
        let error = desk.job(&ids[4]).error.unwrap();
        assert_eq!(error.code, ErrorCode::WorkerLost);
        assert_eq!(
            died,
            if speaks { 3 } else { 4 },
            "the first time it was not known who was to blame"
        );
    }
}
