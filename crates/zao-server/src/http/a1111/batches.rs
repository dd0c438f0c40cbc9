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
        one.finished_at = job.finished_at.or(one.finished_at);
        one.warnings.extend(job.warnings);
        let total = |one: JobTiming, other: JobTiming| JobTiming {
            queue_seconds: one.queue_seconds,
            inference_seconds: one.inference_seconds + other.inference_seconds,
            total_seconds: one.total_seconds.max(other.total_seconds),
        };
        one.timing = one.timing.zip(job.timing).map(|(one, other)| total(one, other));
    }
    one.warnings.sort_unstable();
    one.warnings.dedup();
    one.seeds = one.images.iter().map(|image| image.seed).collect();
    Some(one)
}

#[cfg(test)]
mod tests {
    use super::*;

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
