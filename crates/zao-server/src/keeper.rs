//! Between the ledger and the crew: hands jobs to workers, and writes down what becomes of them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zao_api::{ErrorBody, ErrorCode, JobRequest, JobStatus, Progress, Request, Stage};
use zao_queue::{Claim, Claimed, Error as LedgerError, Offer, Requeue};

use crate::crew::{Assignment, CrewState, Lost, Office};
use crate::house::House;
use crate::metrics::{self, Name};
use crate::protocol::{Attachment, Count, JobId, Report, Took};
use crate::story;

/// The office that a crew works for.
pub(crate) struct Keeper {
    house: Arc<House>,
    under_way: Mutex<HashMap<JobId, UnderWay>>,
}

/// A job that a worker has.
struct UnderWay {
    claim: Claim,
    /// The request that brought it, and who draws it, for the log.
    request: Option<String>,
    worker: String,
    pictures: usize,
    steps: u32,
    stage: Stage,
    /// Steps done of each picture that the worker was given.
    done: HashMap<u32, u32>,
    finished: usize,
}

/// Shares of the whole that the stages before and after the steps are shown as.
const BEFORE: f64 = 0.04;
const AFTER: f64 = 0.04;

impl UnderWay {
    fn new(claimed: &Claimed, worker: &str) -> Self {
        Self {
            claim: claimed.claim.clone(),
            request: claimed.request_id.clone(),
            worker: worker.to_owned(),
            pictures: claimed.missing.len(),
            steps: claimed.demand.steps,
            stage: Stage::Load,
            done: HashMap::new(),
            finished: 0,
        }
    }

    /// How far the job is, by its steps; pictures that step together count alike.
    fn progress(&self) -> Progress {
        let done: u32 = self.done.values().sum();
        let all = (self.steps * self.pictures as u32).max(1);
        let stepped = f64::from(done) / f64::from(all);
        let decoded = self.finished as f64 / self.pictures.max(1) as f64;
        let begun = if self.stage == Stage::Load && done == 0 { 0.0 } else { BEFORE };
        let fraction = begun + (1.0 - BEFORE - AFTER) * stepped + AFTER * decoded;
        let step = self.done.values().copied().max().unwrap_or(0);
        Progress { stage: self.stage, step, steps: self.steps, fraction: fraction.min(1.0) }
    }
}

impl Keeper {
    pub(crate) fn new(house: Arc<House>) -> Self {
        Self { house, under_way: Mutex::default() }
    }

    /// Gives up on jobs that take longer than they may; says which, so that whoever draws them stops.
    pub(crate) fn give_up_overdue(&self) -> Vec<JobId> {
        let overdue = self.house.ledger.overdue(SystemTime::now());
        let limit = self.house.settings.request.deadline.as_secs();
        let message = format!(
            "it took longer than it may ({limit} s, unless it asked for less); ask for fewer steps, pictures or pixels"
        );
        let jobs = overdue.into_iter().map(|claim| {
            let job = claim.job().to_string();
            let it = self.forget(&job);
            let error = ErrorBody { code: ErrorCode::DeadlineExceeded, message: message.clone() };
            self.noted(&job, self.house.ledger.failed(&claim, error, SystemTime::now()));
            it.iter().for_each(|it| self.told(&job, it));
            job
        });
        jobs.collect()
    }

    fn hold(&self) -> std::sync::MutexGuard<'_, HashMap<JobId, UnderWay>> {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn forget(&self, job: &str) -> Option<UnderWay> {
        self.hold().remove(job)
    }

    /// Says what the ledger refused, but for what has a good reason: a job that ended while its worker was at it.
    fn noted<T>(&self, job: &str, done: zao_queue::Result<T>) -> Option<T> {
        match done {
            Ok(done) => Some(done),
            Err(LedgerError::Stale { .. }) => None,
            Err(error) => {
                tracing::error!(job, %error, "the ledger refused a report");
                None
            }
        }
    }

    fn stored(&self, job: &str, index: u32, png: &[u8]) {
        let Some(claim) = self.hold().get(job).map(|it| it.claim.clone()) else { return };
        match self.house.ledger.finished_picture(&claim, index, png, SystemTime::now()) {
            Ok(_) => {
                self.house.metrics.images.inc();
                if let Some(it) = self.hold().get_mut(job) {
                    it.finished += 1;
                }
            }
            Err(LedgerError::StorageFull { .. }) => {
                let message =
                    "no room is left on the disk for its pictures; free some, and draw it again";
                let error = ErrorBody { code: ErrorCode::StorageFull, message: message.to_owned() };
                let it = self.forget(job);
                self.noted(job, self.house.ledger.failed(&claim, error, SystemTime::now()));
                it.iter().for_each(|it| self.told(job, it));
                self.house.hands().inspect(|hands| hands.stop(job));
            }
            Err(error) => {
                self.noted::<()>(job, Err(error));
            }
        }
    }

    fn advanced(&self, job: &str, change: impl FnOnce(&mut UnderWay) -> Option<u32>) {
        let mut under_way = self.hold();
        let Some(it) = under_way.get_mut(job) else { return };
        let picture = change(it);
        let several = it.pictures > 1;
        let (claim, progress) = (it.claim.clone(), it.progress());
        drop(under_way);
        let picture = picture.filter(|_| several);
        let done = self.house.ledger.progress(&claim, progress, picture, SystemTime::now());
        self.noted(job, done);
    }

    fn ended(&self, job: &str, end: impl FnOnce(&Claim) -> zao_queue::Result<()>) {
        let Some(it) = self.forget(job) else { return };
        let done = end(&it.claim);
        let incomplete = matches!(done, Err(LedgerError::Incomplete { .. }));
        self.noted(job, done);
        if incomplete {
            // A picture that could not be stored: another worker, or this one, may do better.
            let again =
                self.house.ledger.requeue(&it.claim, Requeue::WorkerLost, SystemTime::now());
            self.noted(job, again);
            let why = "a picture of it could not be stored";
            story::waits_again(job, it.request.as_deref(), &it.worker, why);
        }
        self.told(job, &it);
    }

    /// Tells of a job that is over, and counts it.
    fn told(&self, job: &str, it: &UnderWay) {
        let Ok(id) = job.parse() else { return };
        let Ok(job) = self.house.ledger.job(&id, SystemTime::now()) else { return };
        story::ended(&job, it.request.as_deref(), Some(&it.worker));
        if let Some(timing) = job.timing {
            let seconds = |seconds: f64| Duration::try_from_secs_f64(seconds).unwrap_or_default();
            let (queue, inference) = (timing.queue_seconds, timing.inference_seconds);
            self.house.metrics.finished(seconds(queue), seconds(inference));
        }
    }
}

impl Office for Keeper {
    fn next(&self, worker: &str, _room: u32) -> Option<Assignment> {
        if self.house.is_closing() {
            return None;
        }
        // What a worker has room for it says itself; which of what it was given it draws first is its business.
        let offer = Offer { worker, fits: &|_| true };
        let claimed = match self.house.ledger.next(&offer, SystemTime::now()) {
            Ok(claimed) => claimed?,
            Err(error) => {
                tracing::error!(%error, "no job can be handed out");
                return None;
            }
        };
        let job = claimed.claim.job().to_string();
        let assignment = match assignment(&claimed) {
            Ok(assignment) => assignment,
            Err(error) => {
                tracing::error!(job, %error, "a job's plan cannot be read");
                let message = format!("its plan cannot be read ({error}); send it again");
                let error = ErrorBody { code: ErrorCode::Internal, message };
                let failed = self.house.ledger.failed(&claimed.claim, error, SystemTime::now());
                self.noted(&job, failed);
                return None;
            }
        };
        let attempt = claimed.claim.attempt();
        story::started(&job, claimed.request_id.as_deref(), worker, attempt);
        self.hold().insert(job, UnderWay::new(&claimed, worker));
        Some(assignment)
    }

    fn report(&self, _worker: &str, job: &str, report: Report) {
        match report {
            Report::Stage { stage } => self.advanced(job, |it| {
                // Of pictures that are drawn together some are decoded while others still step.
                if stage > it.stage {
                    it.stage = stage;
                }
                None
            }),
            Report::Step { picture, done, .. } => self.advanced(job, |it| {
                it.stage = it.stage.max(Stage::Denoise);
                it.done.insert(picture, done);
                Some(picture)
            }),
            Report::Preview { picture, mime, width, height, file } => {
                let Some(claim) = self.hold().get(job).map(|it| it.claim.clone()) else { return };
                let b64 = STANDARD.encode(file.bytes());
                let shown = self.house.ledger.preview(&claim, picture, &mime, b64, (width, height));
                self.noted(job, shown);
            }
            Report::Picture { index, png, .. } => self.stored(job, index, png.bytes()),
            Report::Warning { message } => {
                let Some(claim) = self.hold().get(job).map(|it| it.claim.clone()) else { return };
                self.noted(job, self.house.ledger.warn(&claim, &message));
            }
            Report::Done => {
                self.ended(job, |claim| self.house.ledger.completed(claim, SystemTime::now()));
            }
            Report::Failed { code: ErrorCode::Cancelled, .. } => {
                if let Some(stage) = self.hold().get(job).map(|it| it.stage) {
                    self.house.metrics.cancelled(stage.as_str());
                }
                self.ended(job, |claim| self.house.ledger.cancelled(claim, SystemTime::now()));
            }
            Report::Failed { code, message } => {
                let error = ErrorBody { code, message };
                self.ended(job, |claim| self.house.ledger.failed(claim, error, SystemTime::now()));
            }
        }
    }

    fn lost(&self, worker: &str, jobs: Vec<JobId>, why: Lost) {
        let reason = match why {
            Lost::Drained => Requeue::GivenBack,
            Lost::Ended { .. } | Lost::Hung { .. } | Lost::Garbage { .. } => Requeue::WorkerLost,
        };
        for job in jobs {
            let Some(it) = self.forget(&job) else { continue };
            let again = self.house.ledger.requeue(&it.claim, reason, SystemTime::now());
            match self.noted(&job, again) {
                Some(JobStatus::Queued) => {
                    let request = it.request.as_deref();
                    story::waits_again(&job, request, worker, &why.to_string());
                }
                _ => self.told(&job, &it),
            }
        }
    }

    fn took(&self, took: &Took) {
        // Steps are counted by themselves, and for each picture once it has all.
        if took.stage != Stage::Denoise {
            self.house.metrics.spent(stage_of_picture(took.stage), took.seconds);
        }
    }

    fn counted(&self, count: &Count) {
        let metrics = &self.house.metrics;
        match *count {
            Count::Step { pictures, seconds } => {
                metrics.step_seconds.observe(seconds);
                metrics.batch_size.observe(f64::from(pictures));
            }
            Count::Relief { rung } => {
                let rung = Name(rung.as_str());
                metrics.relieved.get_or_create(&metrics::Relief { rung }).inc();
            }
            Count::Prompts { remembered, read } => metrics.prompts(remembered, read),
            Count::Denoised { seconds } => metrics.spent("denoise", seconds),
            Count::Encoded { seconds } => metrics.spent("encode", seconds),
        }
    }

    /// Posts say themselves what becomes of their workers.
    fn changed(&self, _state: CrewState) {}
}

/// Under which name a stage of a picture is counted: both halves of the autoencoder alike.
fn stage_of_picture(stage: Stage) -> &'static str {
    match stage {
        Stage::Encode | Stage::Decode => "vae",
        other => other.as_str(),
    }
}

/// What a worker is told of a job.
fn assignment(claimed: &Claimed) -> serde_json::Result<Assignment> {
    let request: Request = serde_json::from_str(&claimed.plan)?;
    let attached = |name: &str| {
        let input = claimed.inputs.iter().find(|input| input.name == name)?;
        Some(Attachment::from(input.bytes.clone()))
    };
    let most = claimed.missing.iter().map(|(index, _)| *index).max().unwrap_or(0) as usize;
    let mut seeds = vec![0; most + 1];
    for &(index, seed) in &claimed.missing {
        seeds[index as usize] = seed;
    }
    Ok(Assignment {
        job: claimed.claim.job().to_string(),
        request: JobRequest { request, ..claimed.request.clone() },
        seeds,
        pictures: claimed.missing.iter().map(|(index, _)| *index).collect(),
        width: claimed.demand.width,
        height: claimed.demand.height,
        steps: claimed.demand.steps,
        previews: claimed.request.previews.unwrap_or(0),
        image: attached("image"),
        mask: attached("mask"),
    })
}
