//! Reports that come while another program holds the database: none is lost. That a crew reports at all is
//! tested beside it.

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
            key: None,
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
        let (width, height, seconds, png) = (1, 1, 0.1, png.into());
        let picture = Report::Picture { index, seed, width, height, seconds, png };
        self.keeper.report("first", job, picture);
    }
}

#[test]
fn what_is_drawn_while_the_database_is_locked_is_written_when_it_is_free() {
    let desk = Desk::new();
    let (drawn, next) = (desk.accept(&[7, 8]), desk.accept(&[9]));
    let job = desk.keeper.next("first", 4).unwrap().job;
    assert_eq!(job, drawn.to_string());
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
    assert_eq!(desk.keeper.next("first", 4).unwrap().job, next.to_string());
}

#[test]
fn workers_that_are_lost_and_jobs_that_fail_meanwhile_are_not_forgotten() {
    let desk = Desk::new();
    let ids = [desk.accept(&[1]), desk.accept(&[2]), desk.accept(&[3])];
    let jobs: Vec<String> = (0..3).map(|_| desk.keeper.next("first", 4).unwrap().job).collect();
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
