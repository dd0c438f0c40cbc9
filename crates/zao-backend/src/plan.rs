//! Rehearsing a run to know its memory before the first kernel starts.

use std::sync::{Arc, Mutex, PoisonError};

use crate::op::Op;
use crate::{Arena, Backend, Description, Matrix, Policy, Region, Result, Slot, Tensor};

/// The bytes a run needs in each planned region.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// Bytes of [`Region::Step`].
    pub step: usize,
    /// Bytes of [`Region::Job`].
    pub job: usize,
}

impl Plan {
    /// Both regions together.
    #[must_use]
    pub fn bytes(self) -> usize {
        self.step + self.job
    }

    /// The plan that has room for either.
    #[must_use]
    pub fn max(self, other: Self) -> Self {
        Self { step: self.step.max(other.step), job: self.job.max(other.job) }
    }
}

/// A backend that computes nothing and only counts memory.
///
/// The model runs on it as on any device, so the plan can never drift from what is executed: the
/// real device repeats exactly these allocations in this order.
#[derive(Debug)]
pub struct Planner {
    policy: Policy,
    step: Arc<Mutex<Arena>>,
    job: Arc<Mutex<Arena>>,
}

impl Planner {
    /// A planner for a device with this policy.
    #[must_use]
    pub fn new(policy: Policy) -> Self {
        let arena = || Arc::new(Mutex::new(Arena::unbounded()));
        Self { policy, step: arena(), job: arena() }
    }

    /// What the run so far would have needed.
    #[must_use]
    pub fn plan(&self) -> Plan {
        let peak = |arena: &Mutex<Arena>| lock(arena).peak();
        Plan { step: peak(&self.step), job: peak(&self.job) }
    }
}

/// A slot that is only counted.
#[derive(Debug)]
pub struct Planned(Option<(Slot, Arc<Mutex<Arena>>)>);

impl Drop for Planned {
    fn drop(&mut self) {
        if let Some((slot, arena)) = self.0.take() {
            lock(&arena).free(slot);
        }
    }
}

/// A panic elsewhere while the lock was held leaves the bookkeeping whole: each call is one change.
fn lock(arena: &Mutex<Arena>) -> std::sync::MutexGuard<'_, Arena> {
    arena.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Backend for Planner {
    type Memory = Planned;
    type Weight = ();

    fn describe(&self) -> Description {
        Description {
            device: "plan".into(),
            numerics: "none".into(),
            detail: "computes nothing, counts memory".into(),
            kernels: Vec::new(),
        }
    }

    fn policy(&self) -> Policy {
        self.policy
    }

    fn reserve(&self, _plan: Plan) -> Result<()> {
        Ok(())
    }

    fn release(&self) {}

    fn allocate(&self, bytes: usize, region: Region) -> Result<Planned> {
        let arena = match region {
            Region::Step => &self.step,
            Region::Job => &self.job,
            Region::Model => return Ok(Planned(None)),
        };
        let slot = lock(arena).allocate(bytes).ok_or_else(|| crate::Error::OutOfMemory {
            device: "plan".into(),
            region,
            asked: bytes,
            free: 0,
        })?;
        Ok(Planned(Some((slot, Arc::clone(arena)))))
    }

    fn load(&self, _matrix: &Matrix) -> Result<()> {
        Ok(())
    }

    fn launch(&self, _op: Op<'_, Self>) -> Result<()> {
        Ok(())
    }

    fn wait(&self) -> Result<()> {
        Ok(())
    }

    fn write(&self, _to: &mut Tensor<Self>, _values: &[f32]) -> Result<()> {
        Ok(())
    }

    fn read(&self, from: &Tensor<Self>) -> Result<Vec<f32>> {
        Ok(vec![0.0; from.shape().len()])
    }

    fn read_bytes(&self, from: &Tensor<Self>) -> Result<Vec<u8>> {
        Ok(vec![0; from.shape().len()])
    }
}
