//! Between the ledger and the crew: hands jobs to workers, and writes down what becomes of them.

mod debts;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zao_api::{ErrorBody, ErrorCode, Image, JobRequest, JobStatus, Progress, Request, Stage};
use zao_queue::{Claim, Claimed, Cost, Error as LedgerError, Offer, Piece, Requeue};

use crate::crew::{Assignment, CrewState, Lost, Office};
use crate::house::House;
use crate::protocol::{Attachment, Count, JobId, Report, Took};
use crate::story;
use debts::{By, Debt, Debts, End, What};

/// The office that a crew works for.
pub(crate) struct Keeper {
    house: Arc<House>,
    under_way: Mutex<HashMap<JobId, UnderWay>>,
    debts: Debts,
}

/// A job that a worker has.
struct UnderWay {
    claim: Claim,
    by: By,
    pictures: usize,
    steps: u32,
    /// Whether nothing may be drawn beside it.
    alone: bool,
    /// Whether its worker began with it.
    started: bool,
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
            by: By { request: claimed.request_id.clone(), worker: worker.to_owned() },
            pictures: claimed.missing.len(),
            steps: claimed.demand.steps,
            alone: claimed.alone,
            started: false,
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
        Self { house, under_way: Mutex::default(), debts: Debts::default() }
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
            // Where it cannot be written down it is found again a moment later.
            self.noted(&job, self.house.ledger.failed(&claim, error, SystemTime::now()));
            it.iter().for_each(|it| self.told(&job, &it.by));
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

    /// Says what the ledger refused of something that only matters now.
    fn noted(&self, job: &str, done: zao_queue::Result<()>) {
        match done {
            Ok(()) | Err(LedgerError::Stale { .. }) => {}
            Err(error) => tracing::error!(job, %error, "the ledger refused a report"),
        }
    }

    /// Writes something down, or keeps it until it can be written.
    fn record(&self, debt: Debt) {
        if !self.debts.are_paid() || !self.write(&debt) {
            self.debts.add(debt);
        }
    }

    /// Writes down what could not be written when it came.
    pub(crate) fn catch_up(&self) {
        self.debts.pay(|debt| self.write(debt));
    }

    /// Writes something down, with what follows from it. `false` where it can only be written later.
    fn write(&self, debt: &Debt) -> bool {
        let (ledger, now) = (&self.house.ledger, SystemTime::now());
        let Debt { job, claim, by, what } = debt;
        let written = match what {
            What::Started(at) => ledger.started(claim, *at),
            What::Picture { index, png, held_bytes: 0 } => {
                ledger.finished_picture(claim, *index, png, now).map(|image| self.stored(&image))
            }
            What::Picture { index, png, held_bytes } => {
                let stored = ledger.measured_picture(claim, *index, png, *held_bytes, now);
                stored.map(|image| self.stored(&image))
            }
            What::Warning(message) => ledger.warn(claim, message, now),
            What::Over(End::Completed) => ledger.completed(claim, now),
            What::Over(End::Failed(error)) => ledger.failed(claim, error.clone(), now),
            What::Over(End::Cancelled) => ledger.cancelled(claim, now),
            What::Back(reason, _) => ledger.requeue(claim, *reason, now).map(drop),
        };
        let again = |what| Debt { job: job.clone(), claim: claim.clone(), by: by.clone(), what };
        match (what, written) {
            (What::Started(_), Ok(())) => {
                story::started(job, by.request.as_deref(), &by.worker, claim.attempt());
            }
            (What::Picture { .. }, Ok(())) => {
                if let Some(it) = self.hold().get_mut(job) {
                    it.finished += 1;
                }
            }
            (What::Over(_), Ok(())) => self.told(job, by),
            (What::Back(_, why), Ok(())) => self.back(job, by, why),
            (_, Ok(())) => {}
            // What has a good reason: a job that ended while its worker was at it.
            (_, Err(LedgerError::Stale { .. })) => {}
            (What::Picture { .. }, Err(LedgerError::StorageFull { .. })) => {
                let message =
                    "no room is left on the disk for its pictures; free some, and draw it again";
                let error = ErrorBody { code: ErrorCode::StorageFull, message: message.to_owned() };
                self.forget(job);
                self.record(again(What::Over(End::Failed(error))));
                self.house.hands().inspect(|hands| hands.stop(job));
            }
            // A picture that could not be stored: another worker, or this one, may do better.
            (What::Over(_), Err(LedgerError::Incomplete { .. })) => {
                let why = "a picture of it could not be stored".to_owned();
                self.record(again(What::Back(Requeue::WorkerLost, why)));
            }
            (What::Warning(_), Err(LedgerError::StorageFull { .. })) => {}
            (_, Err(error)) if error.is_passing() => {
                tracing::warn!(job, %error, "it is written down later");
                return false;
            }
            (_, Err(error)) => tracing::error!(job, %error, "the ledger refused a report"),
        }
        true
    }

    fn stored(&self, image: &Image) {
        self.house.metrics.drawn(image.width, image.height);
    }

    /// Something to write of a job that a worker has.
    fn owe(&self, job: &str, what: What) {
        let known = self.hold().get(job).map(|it| (it.claim.clone(), it.by.clone()));
        if let Some((claim, by)) = known {
            self.record(Debt { job: job.to_owned(), claim, by, what });
        }
    }

    /// The worker is busy with a job: with the first word of that it has started.
    fn begun(&self, job: &str) {
        let is_first = |it: &mut UnderWay| !std::mem::replace(&mut it.started, true);
        if self.hold().get_mut(job).is_some_and(is_first) {
            self.owe(job, What::Started(SystemTime::now()));
        }
    }

    fn advanced(&self, job: &str, change: impl FnOnce(&mut UnderWay) -> Option<(u32, u32)>) {
        self.begun(job);
        let mut under_way = self.hold();
        let Some(it) = under_way.get_mut(job) else { return };
        let picture = change(it);
        let (claim, progress) = (it.claim.clone(), it.progress());
        drop(under_way);
        self.noted(job, self.house.ledger.progress(&claim, progress, picture, SystemTime::now()));
    }

    fn ended(&self, job: &str, end: End) {
        if let Some(it) = self.forget(job) {
            let (job, what) = (job.to_owned(), What::Over(end));
            self.record(Debt { job, claim: it.claim, by: it.by, what });
        }
    }

    /// Tells of a job that its worker gave back: it waits again, or was lost too often.
    fn back(&self, job: &str, by: &By, why: &str) {
        let Ok(id) = job.parse() else { return };
        let Ok(now) = self.house.ledger.job(&id, SystemTime::now()) else { return };
        match now.status {
            JobStatus::Queued => {
                story::waits_again(job, by.request.as_deref(), &by.worker, why);
            }
            _ => self.told(job, by),
        }
    }

    /// Tells of a job that is over, and counts it.
    fn told(&self, job: &str, by: &By) {
        let Ok(id) = job.parse() else { return };
        let Ok(job) = self.house.ledger.job(&id, SystemTime::now()) else { return };
        story::ended(&job, by.request.as_deref(), Some(&by.worker));
        if let Some(timing) = job.timing {
            let seconds = |seconds: f64| Duration::try_from_secs_f64(seconds).unwrap_or_default();
            let (queue, inference) = (timing.queue_seconds, timing.inference_seconds);
            self.house.metrics.finished(seconds(queue), seconds(inference));
        }
    }
}

impl Office for Keeper {
    fn next(&self, worker: &str, _room: u32) -> Option<Assignment> {
        // While something is still to be written down nothing new is begun: what is given out would have to be written, too.
        if self.house.is_closing() || !self.debts.are_paid() {
            return None;
        }
        let (idle, alone) = {
            let under_way = self.hold();
            let mut of_worker = under_way.values().filter(|it| it.by.worker == worker).peekable();
            (of_worker.peek().is_none(), of_worker.any(|it| it.alone))
        };
        if alone {
            return None;
        }
        // What a worker has room for it says itself.
        let offer = Offer { worker, fits: &|_| true, idle };
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
                let what = What::Over(End::Failed(error));
                let by = By { request: claimed.request_id, worker: worker.to_owned() };
                self.record(Debt { job, claim: claimed.claim, by, what });
                return None;
            }
        };
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
                Some((picture, done))
            }),
            Report::Preview { picture, mime, width, height, file } => {
                let Some(claim) = self.hold().get(job).map(|it| it.claim.clone()) else { return };
                let (b64, size) = (STANDARD.encode(file.bytes()), (width, height));
                let now = SystemTime::now();
                self.noted(job, self.house.ledger.preview(&claim, picture, &mime, b64, size, now));
            }
            Report::Picture { index, png, held_bytes, .. } => {
                self.owe(job, What::Picture { index, png: png.into_bytes(), held_bytes });
            }
            Report::Warning { message } => self.owe(job, What::Warning(message)),
            Report::Done => self.ended(job, End::Completed),
            Report::Failed { code: ErrorCode::Cancelled, .. } => {
                let begun = |it: &UnderWay| it.started.then_some(it.stage);
                if let Some(stage) = self.hold().get(job).and_then(begun) {
                    self.house.metrics.cancelled(stage.as_str());
                }
                self.ended(job, End::Cancelled);
            }
            Report::Failed { code, message } => {
                self.ended(job, End::Failed(ErrorBody { code, message }));
            }
        }
    }

    fn lost(&self, _worker: &str, jobs: Vec<JobId>, why: Lost) {
        let jobs: Vec<(JobId, UnderWay)> =
            jobs.into_iter().filter_map(|job| Some((job.clone(), self.forget(&job)?))).collect();
        // One that was alone is to blame even if the worker could not say any more that it began.
        let alone = jobs.len() == 1;
        for (job, it) in jobs {
            let reason = match why {
                // Nothing was drawn when its device stopped to answer.
                Lost::Drained | Lost::Unanswered { .. } => Requeue::GivenBack,
                _ if it.started || alone => Requeue::WorkerLost,
                Lost::Ended { .. } | Lost::Hung { .. } | Lost::Garbage { .. } => Requeue::Bystander,
            };
            let what = What::Back(reason, why.to_string());
            self.record(Debt { job, claim: it.claim, by: it.by, what });
        }
    }

    fn took(&self, took: &Took) {
        // Steps are counted by themselves, and for each picture once it has all.
        if took.stage != Stage::Denoise {
            self.house.metrics.spent(stage_of_picture(took.stage), took.seconds);
        }
        let piece = match took.stage {
            Stage::Text => Piece::Prompts,
            Stage::Decode => Piece::Decode,
            Stage::Load | Stage::Encode | Stage::Denoise => return,
        };
        let cost = Cost { piece, pixels: took.amount, pictures: 1, seconds: took.seconds };
        self.house.ledger.spent(&cost);
    }

    fn counted(&self, count: &Count) {
        let (metrics, ledger) = (&self.house.metrics, &self.house.ledger);
        match *count {
            Count::Step { pictures, pixels, seconds } => {
                metrics.step_seconds.observe(seconds);
                metrics.batch_size.observe(f64::from(pictures));
                let pictures = pictures as usize;
                ledger.spent(&Cost { piece: Piece::Step, pixels, pictures, seconds });
            }
            Count::Relief { rung } => metrics.relieved(rung),
            Count::Prompts { remembered, read } => metrics.prompts(remembered, read),
            Count::Probed { outcome } => metrics.probed(outcome.as_str()),
            Count::Denoised { seconds } => metrics.spent("denoise", seconds),
            Count::Encoded { pixels, seconds } => {
                metrics.spent("encode", seconds);
                ledger.spent(&Cost { piece: Piece::File, pixels, pictures: 1, seconds });
            }
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
    // What it may take counts where it is drawn, too: there others need not wait for what comes too late.
    let deadline_seconds = Some(claimed.deadline.as_secs_f64());
    let most = claimed.missing.iter().map(|(index, _)| *index).max().unwrap_or(0) as usize;
    let mut seeds = vec![0; most + 1];
    for &(index, seed) in &claimed.missing {
        seeds[index as usize] = seed;
    }
    Ok(Assignment {
        job: claimed.claim.job().to_string(),
        request: JobRequest { request, deadline_seconds, ..claimed.request.clone() },
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

#[cfg(test)]
mod tests;
