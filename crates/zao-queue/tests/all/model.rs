//! The ledger against a model of it that is a list, through random histories with restarts. What the model does not predict, which
//! client's turn it is, is tested in `order.rs`; here it only has to be somebody's whose turn it may be.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;
use zao_api::{ErrorBody, ErrorCode, JobStatus, Priority};
use zao_queue::{
    Acceptance, Cancel, Claim, Error, JobFilter, JobId, Limits, Refusal, Requeue, Retention,
    Submission,
};

use crate::support::{Desk, files, image_id, png, wishes};

const AGEING: f64 = 60.0;
const AGE: f64 = 500.0;
/// Few, so that a history is long enough to lose so many.
const LOSSES: u32 = 2;
const QUEUED: usize = 6;
const QUEUED_PER_CLIENT: usize = 4;

/// Something that is done to the ledger. Numbers choose among the jobs that there are.
#[derive(Debug, Clone)]
enum Act {
    Accept { client: usize, priority: usize, count: u64, key: Option<u8> },
    Take,
    Start { which: usize },
    Store { which: usize, index: u32 },
    Complete { which: usize },
    Fail { which: usize },
    Stop { which: usize },
    Requeue { which: usize, lost: bool },
    Cancel { which: usize },
    Delete { which: usize },
    Wait { seconds: f64 },
    Sweep,
    Reopen,
}

#[derive(Debug, Clone)]
struct ModelJob {
    id: JobId,
    client: usize,
    priority: usize,
    count: u64,
    key: Option<u8>,
    created: f64,
    /// `None` is expired.
    status: Option<JobStatus>,
    finished: f64,
    stored: BTreeSet<u32>,
    deleted: BTreeSet<u32>,
    losses: u32,
    cancel_wanted: bool,
    claim: Option<Claim>,
    stale: Vec<Claim>,
}

struct Model {
    desk: Option<Desk>,
    jobs: Vec<ModelJob>,
    now: f64,
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let which = 0..64_usize;
    let accept = (0..3_usize, 0..3_usize, 1..4_u64, proptest::option::weighted(0.4, 0..4_u8));
    let act = prop_oneof![
        6 => accept.prop_map(|(client, priority, count, key)| Act::Accept { client, priority, count, key }),
        5 => Just(Act::Take),
        3 => which.clone().prop_map(|which| Act::Start { which }),
        7 => (which.clone(), 0..4_u32).prop_map(|(which, index)| Act::Store { which, index }),
        4 => which.clone().prop_map(|which| Act::Complete { which }),
        1 => which.clone().prop_map(|which| Act::Fail { which }),
        1 => which.clone().prop_map(|which| Act::Stop { which }),
        2 => (which.clone(), any::<bool>()).prop_map(|(which, lost)| Act::Requeue { which, lost }),
        2 => which.clone().prop_map(|which| Act::Cancel { which }),
        1 => which.prop_map(|which| Act::Delete { which }),
        2 => prop_oneof![Just(1.0), Just(45.0), Just(300.0)].prop_map(|seconds| Act::Wait { seconds }),
        1 => Just(Act::Sweep),
        1 => Just(Act::Reopen),
    ];
    vec(act, 1..60)
}

impl ModelJob {
    fn missing(&self) -> Vec<(u32, u64)> {
        (0..self.count as u32)
            .filter(|index| !self.stored.contains(index))
            .map(|index| (index, 7 + u64::from(index)))
            .collect()
    }

    fn end(&mut self, status: JobStatus, now: f64) {
        self.status = Some(status);
        self.finished = now;
        self.stale.extend(self.claim.take());
    }

    fn wait_again(&mut self) {
        self.status = Some(JobStatus::Queued);
        self.stale.extend(self.claim.take());
    }

    fn is_over(&self) -> bool {
        !matches!(self.status, None | Some(JobStatus::Queued | JobStatus::Running))
    }

    /// The priority that it has by now.
    fn class(&self, now: f64) -> usize {
        2.min(self.priority + ((now - self.created) / AGEING) as usize)
    }
}

impl Model {
    fn new() -> Self {
        let limits = Limits {
            queued: QUEUED,
            queued_per_client: QUEUED_PER_CLIENT,
            losses: LOSSES,
            ageing: Duration::from_secs_f64(AGEING),
            retention: Retention { age: Duration::from_secs_f64(AGE), ..Retention::default() },
            ..Limits::default()
        };
        Self { desk: Some(Desk::new(limits)), jobs: Vec::new(), now: 0.0 }
    }

    fn desk(&self) -> &Desk {
        self.desk.as_ref().expect("it is only gone while it is opened again")
    }

    fn queued(&self) -> impl Iterator<Item = &ModelJob> {
        self.jobs.iter().filter(|job| job.status == Some(JobStatus::Queued))
    }

    /// Those of them that no worker has.
    fn waiting(&self) -> impl Iterator<Item = &ModelJob> {
        self.queued().filter(|job| job.claim.is_none())
    }

    /// A job that a worker has, if any does; it may not have started.
    fn held(&self, which: usize) -> Option<usize> {
        let held: Vec<usize> =
            (0..self.jobs.len()).filter(|at| self.jobs[*at].claim.is_some()).collect();
        (!held.is_empty()).then(|| held[which % held.len()])
    }

    fn act(&mut self, act: &Act) {
        match act {
            Act::Accept { client, priority, count, key } => {
                self.accept(*client, *priority, *count, *key);
            }
            Act::Take => self.take(),
            Act::Start { which } => self.start(*which),
            Act::Store { which, index } => self.store(*which, *index),
            Act::Complete { which } => self.complete(*which),
            Act::Fail { which } => {
                let Some(at) = self.held(*which) else { return };
                let error = ErrorBody { code: ErrorCode::Internal, message: "broken".into() };
                let desk = self.desk();
                desk.ledger.failed(&self.claim(at), error, desk.now).unwrap();
                self.jobs[at].end(JobStatus::Failed, self.now);
            }
            Act::Stop { which } => {
                let Some(at) = self.held(*which) else { return };
                let desk = self.desk();
                desk.ledger.cancelled(&self.claim(at), desk.now).unwrap();
                self.jobs[at].end(JobStatus::Cancelled, self.now);
            }
            Act::Requeue { which, lost } => self.requeue(*which, *lost),
            Act::Cancel { which } => self.cancel(*which),
            Act::Delete { which } => self.delete(*which),
            Act::Wait { seconds } => {
                self.now += seconds;
                self.desk.as_mut().unwrap().wait(*seconds);
            }
            Act::Sweep => {
                let desk = self.desk();
                while desk.ledger.sweep(desk.now).unwrap().more {}
                let before = self.now - AGE;
                for job in self.jobs.iter_mut().filter(|job| job.is_over()) {
                    if job.finished < before {
                        job.status = None;
                    }
                }
            }
            Act::Reopen => self.reopen(),
        }
    }

    fn claim(&self, at: usize) -> Claim {
        self.jobs[at].claim.clone().unwrap()
    }

    fn accept(&mut self, client: usize, priority: usize, count: u64, key: Option<u8>) {
        let submission = Submission {
            key: key.map(|key| format!("key {key}")),
            priority: Priority::ALL[priority],
            ..wishes(&format!("client {client}"), count)
        };
        // What a client asked for is told by its name here: the request has the client's name in its prompt.
        let same_key = self.jobs.iter().find(|job| key.is_some() && job.key == key);
        let of_client = self.queued().filter(|job| job.client == client).count();
        let outcome = self.desk().try_accept(submission).unwrap();
        match (same_key, outcome) {
            (Some(first), Acceptance::Repeated(id)) => {
                assert_eq!((first.client, &first.id), (client, &id));
            }
            (Some(first), Acceptance::Refused(Refusal::Conflict { job })) => {
                assert_eq!(first.id, job);
                assert_ne!(first.client, client);
            }
            (None, Acceptance::Refused(Refusal::ClientFull { .. })) => {
                assert_eq!(of_client, QUEUED_PER_CLIENT);
            }
            (None, Acceptance::Refused(Refusal::QueueFull { .. })) => {
                // Jobs that came back from workers may make the queue longer than new ones can.
                assert!(self.queued().count() >= QUEUED);
            }
            (None, Acceptance::Accepted(id)) => {
                assert!(self.queued().count() < QUEUED && of_client < QUEUED_PER_CLIENT);
                self.jobs.push(ModelJob {
                    id,
                    client,
                    priority,
                    count,
                    key,
                    created: self.now,
                    status: Some(JobStatus::Queued),
                    finished: 0.0,
                    stored: BTreeSet::new(),
                    deleted: BTreeSet::new(),
                    losses: 0,
                    cancel_wanted: false,
                    claim: None,
                    stale: Vec::new(),
                });
            }
            (_, other) => panic!("{other:?}"),
        }
    }

    fn take(&mut self) {
        let Some(claimed) = self.desk().hand_out(true) else {
            assert_eq!(self.waiting().count(), 0, "somebody waits and nobody is taken");
            return;
        };
        let at = self.jobs.iter().position(|job| &job.id == claimed.claim.job()).unwrap();
        let job = &self.jobs[at];
        assert_eq!(job.status, Some(JobStatus::Queued));
        assert_eq!(claimed.missing, job.missing());
        let class = job.class(self.now);
        for other in self.waiting() {
            assert!(other.class(self.now) <= class, "{other:?} has a higher priority");
            let same_line = other.client == job.client && other.class(self.now) == class;
            assert!(!same_line || other.id >= job.id, "{other:?} came before");
        }
        let job = &mut self.jobs[at];
        job.claim = Some(claimed.claim);
    }

    fn start(&mut self, which: usize) {
        let Some(at) = self.held(which) else { return };
        let (desk, claim) = (self.desk(), self.claim(at));
        desk.ledger.started(&claim, desk.now).unwrap();
        self.jobs[at].status = Some(JobStatus::Running);
    }

    fn store(&mut self, which: usize, index: u32) {
        let Some(at) = self.held(which) else { return };
        let (desk, claim) = (self.desk(), self.claim(at));
        let bytes = png(7 + u64::from(index));
        let outcome = desk.ledger.finished_picture(&claim, index, &bytes, desk.now);
        let job = &mut self.jobs[at];
        // A job with a picture has started, and so has one that somebody tried to bring one of.
        job.status = Some(JobStatus::Running);
        if u64::from(index) < job.count {
            assert_eq!(outcome.unwrap().index, index);
            job.stored.insert(index);
        } else {
            assert!(matches!(outcome, Err(Error::NoSuchPicture { .. })));
        }
    }

    fn complete(&mut self, which: usize) {
        let Some(at) = self.held(which) else { return };
        let (desk, claim) = (self.desk(), self.claim(at));
        let outcome = desk.ledger.completed(&claim, desk.now);
        let now = self.now;
        let job = &mut self.jobs[at];
        match (job.missing().len(), outcome) {
            (0, Ok(())) => job.end(JobStatus::Completed, now),
            (missing, Err(Error::Incomplete { missing: said, .. })) => assert_eq!(missing, said),
            (_, other) => panic!("{other:?}"),
        }
    }

    fn requeue(&mut self, which: usize, lost: bool) {
        let Some(at) = self.held(which) else { return };
        let (desk, claim) = (self.desk(), self.claim(at));
        let reason = if lost { Requeue::WorkerLost } else { Requeue::GivenBack };
        let status = desk.ledger.requeue(&claim, reason, desk.now).unwrap();
        let now = self.now;
        let job = &mut self.jobs[at];
        job.losses += u32::from(lost);
        Self::interrupted(job, now);
        assert_eq!(job.status, Some(status));
    }

    /// What becomes of a job whose worker is gone.
    fn interrupted(job: &mut ModelJob, now: f64) {
        if job.cancel_wanted {
            job.end(JobStatus::Cancelled, now);
        } else if job.missing().is_empty() {
            job.end(JobStatus::Completed, now);
        } else if job.losses >= LOSSES {
            job.end(JobStatus::Failed, now);
        } else {
            job.wait_again();
        }
    }

    fn cancel(&mut self, which: usize) {
        if self.jobs.is_empty() {
            return;
        }
        let at = which % self.jobs.len();
        let desk = self.desk();
        let outcome = desk.ledger.cancel(&self.jobs[at].id, desk.now);
        let now = self.now;
        let job = &mut self.jobs[at];
        match (job.status, outcome) {
            (Some(JobStatus::Queued), Ok(Cancel::Done)) => job.end(JobStatus::Cancelled, now),
            (Some(JobStatus::Running), Ok(Cancel::Asked)) => job.cancel_wanted = true,
            (None, Err(Error::Expired(_))) => {}
            (Some(is), Err(Error::AlreadyOver { status, .. })) => assert_eq!(is, status),
            (_, other) => panic!("{other:?}"),
        }
    }

    fn delete(&mut self, which: usize) {
        if self.jobs.is_empty() {
            return;
        }
        let at = which % self.jobs.len();
        if self.jobs[at].status.is_none() {
            return;
        }
        let desk = self.desk();
        let images = desk.job(&self.jobs[at].id).images;
        let Some(image) = images.first() else { return };
        desk.ledger.delete_image(&image_id(&image.id)).unwrap();
        self.jobs[at].deleted.insert(image.index);
    }

    fn reopen(&mut self) {
        self.desk = self.desk.take().map(Desk::reopen);
        let now = self.now;
        for job in self.jobs.iter_mut().filter(|job| job.claim.is_some()) {
            Self::interrupted(job, now);
        }
    }

    fn compare(&self) {
        let desk = self.desk();
        let filter = JobFilter::default();
        let listed = desk.ledger.jobs(&filter, 1000, desk.now).unwrap().items;
        let listed: HashMap<&str, _> = listed.iter().map(|job| (job.id.as_str(), job)).collect();
        let mut places = Vec::new();
        let mut shown = Vec::new();
        for job in &self.jobs {
            let seen = listed.get(job.id.as_str());
            assert_eq!(seen.map(|seen| seen.status), job.status, "{job:?}");
            for claim in &job.stale {
                assert!(desk.ledger.should_stop(claim));
            }
            let Some(seen) = seen else {
                let looked = desk.ledger.job(&job.id, desk.now);
                assert!(matches!(looked, Err(Error::Expired(_))));
                continue;
            };
            let indices: Vec<u32> = seen.images.iter().map(|image| image.index).collect();
            let kept: Vec<u32> = job.stored.difference(&job.deleted).copied().collect();
            assert_eq!(indices, kept, "{job:?}");
            shown.extend(seen.images.iter().map(|image| format!("{}.png", image.id)));
            places.extend(seen.queue_position);
            assert_eq!(seen.queue_position.is_some(), seen.status == JobStatus::Queued);
        }
        assert_eq!(listed.len(), self.jobs.iter().filter(|job| job.status.is_some()).count());
        places.sort_unstable();
        assert!(places.iter().copied().eq(1..=places.len() as u64), "{places:?}");
        shown.sort();
        assert_eq!(files(desk.folder.path()), shown);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_history_is_that_of_the_model(acts in acts()) {
        let mut model = Model::new();
        for act in &acts {
            model.act(act);
            model.compare();
        }
        model.act(&Act::Reopen);
        model.compare();
    }
}
