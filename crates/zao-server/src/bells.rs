//! Who waits for news of which job. It carries no news: whoever is woken looks into the ledger.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::Notify;
use zao_queue::JobId;

/// A bell for each job that somebody waits for.
#[derive(Default)]
pub(crate) struct Bells(Mutex<HashMap<JobId, Weak<Notify>>>);

/// How many bells are looked through at once for those that nobody holds any more.
const SWEEP: usize = 1024;

impl Bells {
    /// The bell of a job. Ask it before looking into the ledger: what happens afterwards rings it.
    pub(crate) fn of(&self, job: &JobId) -> Arc<Notify> {
        let mut bells = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(bell) = bells.get(job).and_then(Weak::upgrade) {
            return bell;
        }
        if bells.len().is_multiple_of(SWEEP) {
            bells.retain(|_, bell| bell.strong_count() > 0);
        }
        let bell = Arc::new(Notify::new());
        bells.insert(job.clone(), Arc::downgrade(&bell));
        bell
    }

    /// Wakes everybody who waits for this job.
    pub(crate) fn ring(&self, job: &JobId) {
        let bells = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(bell) = bells.get(job).and_then(Weak::upgrade) {
            bell.notify_waiters();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: usize) -> JobId {
        format!("job_{number:026}").parse().unwrap()
    }

    #[tokio::test]
    async fn a_bell_wakes_those_of_its_job_and_is_gone_with_them() {
        let (bells, [mine, other]) = (Bells::default(), [id(1), id(2)]);
        let bell = bells.of(&mine);
        let waiting = bell.notified();
        bells.ring(&other);
        bells.ring(&mine);
        waiting.await;
        assert!(Arc::ptr_eq(&bell, &bells.of(&mine)), "one bell a job");
        drop(bell);
        bells.ring(&mine);
        for job in 0..3 * SWEEP {
            drop(bells.of(&id(job)));
        }
        let kept = bells.0.lock().unwrap().len();
        assert!(kept <= SWEEP + 1, "{kept}");
    }
}
