//! A ledger in a folder of its own, a clock that is set by hand, and short words for what tests do all the time.

use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tempfile::TempDir;
use zao_api::{Job, JobRequest, Priority, Request};
use zao_queue::{
    Acceptance, Claimed, Cost, Demand, Error, ImageId, JobId, Ledger, Limits, Offer, Piece, Sender,
    Submission,
};

/// A ledger and the time that it is told.
pub(crate) struct Desk {
    pub(crate) folder: TempDir,
    pub(crate) limits: Limits,
    pub(crate) ledger: Ledger,
    pub(crate) now: SystemTime,
}

impl Desk {
    pub(crate) fn new(limits: Limits) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let now = UNIX_EPOCH + Duration::from_secs(1_767_225_600);
        let ledger = Ledger::open(folder.path(), limits.clone(), now).unwrap();
        Self { folder, limits, ledger, now }
    }

    /// Closes the ledger without a word, as a kill does, and opens it again.
    pub(crate) fn reopen(self) -> Self {
        let Self { folder, limits, ledger, now } = self;
        drop(ledger);
        let ledger = Ledger::open(folder.path(), limits.clone(), now).unwrap();
        Self { folder, limits, ledger, now }
    }

    pub(crate) fn wait(&mut self, seconds: f64) {
        self.now += Duration::from_secs_f64(seconds);
    }

    pub(crate) fn try_accept(&self, submission: Submission) -> Result<Acceptance, Error> {
        self.ledger.accept(submission, self.now)
    }

    pub(crate) fn accept(&self, submission: Submission) -> JobId {
        match self.try_accept(submission).unwrap() {
            Acceptance::Accepted(job) => job,
            other => panic!("not accepted: {other:?}"),
        }
    }

    /// A worker takes a job and begins with it.
    pub(crate) fn take(&self) -> Option<Claimed> {
        let claimed = self.hand_out(true)?;
        self.ledger.started(&claimed.claim, self.now).unwrap();
        Some(claimed)
    }

    /// A worker takes a job, and has not begun with it.
    pub(crate) fn hand_out(&self, idle: bool) -> Option<Claimed> {
        let offer = Offer { worker: "test", fits: &|_: &Demand| true, idle };
        self.ledger.next(&offer, self.now).unwrap()
    }

    /// What a step of pictures with so many pixels took.
    pub(crate) fn stepped(&self, pictures: usize, pixels: u64, seconds: f64) {
        self.ledger.spent(&Cost { piece: Piece::Step, pixels, pictures, seconds });
    }

    /// Stores all missing pictures of a job and completes it.
    pub(crate) fn draw(&self, claimed: &Claimed) {
        for (index, seed) in &claimed.missing {
            self.ledger.finished_picture(&claimed.claim, *index, &png(*seed), self.now).unwrap();
        }
        self.ledger.completed(&claimed.claim, self.now).unwrap();
    }

    pub(crate) fn job(&self, id: &JobId) -> Job {
        self.ledger.job(id, self.now).unwrap()
    }
}

/// A job of one small picture.
pub(crate) fn wish(client: &str) -> Submission {
    wishes(client, 1)
}

/// A job of several small pictures.
pub(crate) fn wishes(client: &str, count: u64) -> Submission {
    Submission {
        client: client.into(),
        sender: Sender::default(),
        key: None,
        form: String::new(),
        request: JobRequest {
            request: Request { prompt: format!("a cat for {client}"), ..Request::default() },
            ..JobRequest::default()
        },
        plan: r#"{"rng":"torch-cpu"}"#.into(),
        width: 256,
        height: 256,
        steps: 8,
        seeds: (7..7 + count).collect(),
        priority: Priority::Normal,
        deadline: Duration::from_secs(300),
        inputs: Vec::new(),
        warnings: Vec::new(),
        request_id: None,
    }
}

/// What a picture of that seed looks like: the same each time it is drawn.
pub(crate) fn png(seed: u64) -> Vec<u8> {
    let mut bytes = b"\x89PNG".to_vec();
    bytes.extend((0..200_u64).flat_map(|place| seed.wrapping_mul(place + 1).to_le_bytes()));
    bytes
}

pub(crate) fn job_id(text: &str) -> JobId {
    text.parse().unwrap()
}

pub(crate) fn image_id(text: &str) -> ImageId {
    text.parse().unwrap()
}

/// Names of the files in the folder of pictures.
pub(crate) fn files(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(folder.join("pictures"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}
