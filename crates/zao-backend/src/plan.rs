//! Rehearsing a run to know its memory, and how much arithmetic it is, before the first kernel starts.

use std::sync::atomic::{AtomicU64, Ordering};
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

/// A backend that computes nothing and only counts memory and arithmetic.
///
/// The model runs on it as on any device, so the plan can never drift from what is executed: the
/// real device repeats exactly these allocations in this order.
#[derive(Debug)]
pub struct Planner {
    policy: Policy,
    step: Arc<Mutex<Arena>>,
    job: Arc<Mutex<Arena>>,
    flops: AtomicU64,
}

impl Planner {
    /// A planner for a device with this policy.
    #[must_use]
    pub fn new(policy: Policy) -> Self {
        let arena = || Arc::new(Mutex::new(Arena::unbounded()));
        Self { policy, step: arena(), job: arena(), flops: AtomicU64::new(0) }
    }

    /// What the run so far would have needed.
    #[must_use]
    pub fn plan(&self) -> Plan {
        let peak = |arena: &Mutex<Arena>| lock(arena).peak();
        Plan { step: peak(&self.step), job: peak(&self.job) }
    }

    /// The arithmetic of the run so far, in [`Op::flops`].
    #[must_use]
    pub fn flops(&self) -> u64 {
        self.flops.load(Ordering::Relaxed)
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
            detail: "computes nothing, counts memory and arithmetic".into(),
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

    fn launch(&self, op: Op<'_, Self>) -> Result<()> {
        self.flops.fetch_add(op.flops(), Ordering::Relaxed);
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
