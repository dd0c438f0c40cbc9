//! An office for tests: jobs in a list, everything that is said of them kept, lost ones put back.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Condvar, Mutex};
use std::time::{Duration, Instant};

use zao_server::crew::{Assignment, CrewState, Lost, Office};
use zao_server::protocol::{Count, Draw, JobId, Report};

#[derive(Default)]
pub(crate) struct Ledger {
    pub(crate) waiting: VecDeque<Draw>,
    pub(crate) given: BTreeMap<JobId, Draw>,
    /// The worker that each job was given to last.
    pub(crate) workers: BTreeMap<JobId, String>,
    /// The PNG of each picture.
    pub(crate) pictures: BTreeMap<(JobId, u32), Vec<u8>>,
    pub(crate) reports: Vec<(JobId, Report)>,
    pub(crate) over: BTreeMap<JobId, Report>,
    pub(crate) lost: Vec<(Vec<JobId>, Lost)>,
    pub(crate) states: Vec<CrewState>,
    pub(crate) counts: Vec<Count>,
}

#[derive(Default)]
pub(crate) struct Jobs {
    ledger: Mutex<Ledger>,
    news: Condvar,
}

impl Jobs {
    pub(crate) fn add(&self, draw: Draw) {
        self.ledger.lock().unwrap().waiting.push_back(draw);
    }

    /// Looks at what was said until `look` has found what it looks for; fails after two minutes.
    pub(crate) fn wait_for<T>(&self, what: &str, look: impl Fn(&Ledger) -> Option<T>) -> T {
        let until = Instant::now() + Duration::from_secs(120);
        let mut ledger = self.ledger.lock().unwrap();
        loop {
            if let Some(found) = look(&ledger) {
                return found;
            }
            let left = until.saturating_duration_since(Instant::now());
            let Ledger { lost, over, states, .. } = &*ledger;
            let last = states.last();
            assert!(!left.is_zero(), "no {what}; lost {lost:?}, over {over:?}, now {last:?}");
            ledger = self.news.wait_timeout(ledger, left).unwrap().0;
        }
    }

    pub(crate) fn last_report(&self, job: &str) -> Report {
        self.wait_for(&format!("end of {job}"), |ledger| ledger.over.get(job).cloned())
    }

    pub(crate) fn look<T>(&self, look: impl FnOnce(&Ledger) -> T) -> T {
        look(&self.ledger.lock().unwrap())
    }
}

impl Office for Jobs {
    fn next(&self, worker: &str, room: u32) -> Option<Assignment> {
        assert!(room > 0, "a worker without room is not offered to anybody");
        let mut ledger = self.ledger.lock().unwrap();
        let draw = ledger.waiting.pop_front()?;
        ledger.given.insert(draw.job.clone(), draw.clone());
        ledger.workers.insert(draw.job.clone(), worker.to_owned());
        self.news.notify_all();
        Some(draw)
    }

    fn report(&self, _worker: &str, job: &str, report: Report) {
        let mut ledger = self.ledger.lock().unwrap();
        assert!(ledger.given.contains_key(job), "{job} is nobody's, {report:?}");
        if let Report::Picture { index, png, .. } = &report {
            ledger.pictures.insert((job.to_owned(), *index), png.bytes().to_vec());
        }
        if report.is_last() {
            ledger.given.remove(job);
            ledger.over.insert(job.to_owned(), report.clone());
        }
        ledger.reports.push((job.to_owned(), report));
        self.news.notify_all();
    }

    fn lost(&self, _worker: &str, jobs: Vec<JobId>, why: Lost) {
        let mut ledger = self.ledger.lock().unwrap();
        for job in &jobs {
            let mut draw = ledger.given.remove(job).expect("it was given");
            draw.pictures.retain(|index| !ledger.pictures.contains_key(&(job.clone(), *index)));
            ledger.waiting.push_front(draw);
        }
        ledger.lost.push((jobs, why));
        self.news.notify_all();
    }

    fn counted(&self, count: &Count) {
        self.ledger.lock().unwrap().counts.push(count.clone());
    }

    fn changed(&self, state: CrewState) {
        self.ledger.lock().unwrap().states.push(state);
        self.news.notify_all();
    }
}

/// A picture of `side` pixels and so many steps for each of `seeds`.
pub(crate) fn job(id: &str, side: u32, steps: u32, seeds: &[u64]) -> Draw {
    let request = zao_api::Request { prompt: "a red apple".into(), ..Default::default() };
    Draw {
        job: id.into(),
        request: zao_api::JobRequest { request, ..Default::default() },
        seeds: seeds.to_vec(),
        pictures: (0..seeds.len() as u32).collect(),
        width: side,
        height: side,
        steps,
        previews: 0,
        image: None,
        mask: None,
    }
}
