//! The batches of one request (`n_iter`): each is a job of its own, so that one can be skipped and the others drawn. Which jobs belong
//! together is only remembered while their client waits.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use zao_api::{Job, JobTiming};

use crate::house::House;

/// The jobs of every request that is waited for, by each of their ids.
#[derive(Debug, Default)]
pub(crate) struct Batches(Mutex<HashMap<String, Arc<[String]>>>);

impl Batches {
    /// The jobs of the request that this one is of, in their order; itself where nobody waits for it any more.
    pub(super) fn of(&self, job: &str) -> Arc<[String]> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(job).cloned();
        known.unwrap_or_else(|| [job.to_owned()].into())
    }

    fn remember(&self, jobs: &[String]) {
        let together: Arc<[String]> = jobs.into();
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.extend(jobs.iter().map(|job| (job.clone(), Arc::clone(&together))));
    }

    fn forget(&self, jobs: &[String]) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        jobs.iter().for_each(|job| drop(known.remove(job)));
    }
}

/// Has jobs remembered as those of one request until it is dropped.
pub(super) struct Together {
    house: Arc<House>,
    jobs: Vec<String>,
}

impl Together {
    pub(super) fn new(house: &Arc<House>, jobs: Vec<String>) -> Self {
        house.batches.remember(&jobs);
        Self { house: Arc::clone(house), jobs }
    }
}

impl Drop for Together {
    fn drop(&mut self) {
        self.house.batches.forget(&self.jobs);
    }
}

/// What batches came to, as if they were one job: the pictures that are there, their seeds, and times from first to last. `None` of none.
pub(super) fn as_one(jobs: Vec<Job>) -> Option<Job> {
    let mut jobs = jobs.into_iter();
    let mut one = jobs.next()?;
    for job in jobs {
        one.images.extend(job.images);
        one.peak_memory_bytes = one.peak_memory_bytes.max(job.peak_memory_bytes);
        one.started_at = either(one.started_at, job.started_at, f64::min);
        one.finished_at = either(one.finished_at, job.finished_at, f64::max);
        one.warnings.extend(job.warnings);
    }
    one.warnings.sort_unstable();
    one.warnings.dedup();
    one.timing = timing(&one);
    one.seeds = one.images.iter().map(|image| image.seed).collect();
    Some(one)
}

fn either(one: Option<f64>, other: Option<f64>, choose: fn(f64, f64) -> f64) -> Option<f64> {
    one.zip(other).map(|(one, other)| choose(one, other)).or(one).or(other)
}

/// Where the time went from the first to the last: batches that were drawn beside each other share it.
fn timing(job: &Job) -> Option<JobTiming> {
    let finished = job.finished_at?;
    let started = job.started_at.unwrap_or(finished);
    Some(JobTiming {
        queue_seconds: (started - job.created_at).max(0.0),
        inference_seconds: (finished - started).max(0.0),
        total_seconds: (finished - job.created_at).max(0.0),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_that_share_their_time_are_not_counted_twice() {
        let job = |started: Option<f64>, finished: f64| -> Job {
            serde_json::from_value(serde_json::json!({
                "id": "job_1", "status": "completed", "created_at": 10.0, "started_at": started, "finished_at": finished,
                "request": {"prompt": "a"}, "seeds": [7], "width": 16, "height": 16, "steps": 1, "queue_position": null,
                "eta_seconds": null, "progress": null, "images": [], "timing": null, "warnings": ["small"], "error": null,
                "links": {"self": "", "events": ""}
            }))
            .unwrap()
        };
        let skipped = job(None, 12.0);
        let one = as_one(vec![job(Some(12.0), 20.0), skipped, job(Some(11.0), 21.0)]).unwrap();
        let timing = one.timing.unwrap();
        assert_eq!((timing.queue_seconds, timing.inference_seconds), (1.0, 10.0));
        assert_eq!(timing.total_seconds, 11.0);
        assert_eq!((one.warnings, one.seeds), (vec!["small".to_owned()], vec![]), "of no picture");
        assert!(as_one(Vec::new()).is_none());
    }

    #[test]
    fn jobs_of_a_request_know_each_other_while_it_lasts() {
        let batches = Batches::default();
        let jobs = ["a".to_owned(), "b".to_owned()];
        batches.remember(&jobs);
        assert_eq!(batches.of("b")[..], jobs);
        assert_eq!(batches.of("c")[..], ["c".to_owned()]);
        batches.forget(&jobs);
        assert_eq!(batches.of("b")[..], ["b".to_owned()]);
        assert!(batches.0.lock().unwrap().is_empty());
    }
}
