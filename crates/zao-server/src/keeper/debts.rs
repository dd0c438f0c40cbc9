//! What is to be written into the ledger and could not be yet, because another program holds its database. It keeps its order, so that a
//! picture is there before its job is completed. What writing it does is known in [`super`].

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use zao_api::ErrorBody;
use zao_queue::{Claim, Requeue};

use crate::protocol::JobId;

/// Something to be written of a job.
#[derive(Debug)]
pub(super) struct Debt {
    pub(super) job: JobId,
    pub(super) claim: Claim,
    pub(super) by: By,
    pub(super) what: What,
}

/// The request that brought a job and the worker that draws it, for the log.
#[derive(Clone, Debug)]
pub(super) struct By {
    pub(super) request: Option<String>,
    pub(super) worker: String,
}

#[derive(Debug)]
pub(super) enum What {
    /// The worker began with it, and when.
    Started(SystemTime),
    /// A picture is done: the whole file, and bytes of the device's memory that were held for it; 0 where nobody knows.
    Picture { index: u32, png: Vec<u8>, held_bytes: u64 },
    /// Something to know.
    Warning(String),
    /// The job is over.
    Over(End),
    /// The worker has it no more, and why.
    Back(Requeue, String),
}

/// How a job ended.
#[derive(Debug)]
pub(super) enum End {
    Completed,
    Failed(ErrorBody),
    Cancelled,
}

/// All of them, oldest first. There are few: while nothing can be written no job is handed out either, so they are of the jobs that
/// workers had.
#[derive(Debug, Default)]
pub(super) struct Debts(Mutex<VecDeque<Arc<Debt>>>);

impl Debts {
    fn open(&self) -> MutexGuard<'_, VecDeque<Arc<Debt>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether there are none.
    pub(super) fn are_paid(&self) -> bool {
        self.open().is_empty()
    }

    /// Puts one behind the others.
    pub(super) fn add(&self, debt: Debt) {
        self.open().push_back(Arc::new(debt));
    }

    /// Writes one after the other until one cannot be written, which `write` says. Meanwhile others may be added: each stays in its place
    /// until it is written, so none overtakes.
    pub(super) fn pay(&self, write: impl Fn(&Debt) -> bool) {
        loop {
            let first = self.open().front().cloned();
            let Some(first) = first else { return };
            if !write(&first) {
                return;
            }
            let mut open = self.open();
            if open.front().is_some_and(|other| Arc::ptr_eq(other, &first)) {
                open.pop_front();
            }
        }
    }
}
