//! The trait a device implements.

use crate::op::Op;
use crate::{Care, Element, Expected, Matrix, Plan, Result, Tensor};

/// Where a tensor lives, which is how long it lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Region {
    /// Intermediate results, gone when the function that made them returns, and the tables of those that step together.
    Step,
    /// What a job keeps between steps: latents, refined captions, modulations.
    Job,
    /// What stays as long as the model is loaded: norm weights, biases, pad tokens. Not planned.
    Model,
}

impl std::fmt::Display for Region {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Step => "step",
            Self::Job => "job",
            Self::Model => "model",
        })
    }
}

/// Which element types a device gives to activations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// The residual stream and everything that no matrix multiply reads next.
    pub activation: Element,
    /// Results that a weight of [`Care::Usual`] reads next (norms, attention, SwiGLU).
    pub linear_input: Element,
    /// Results that a weight of [`Care::AtLeastBf16`] reads next.
    pub careful_input: Element,
}

impl Policy {
    /// Everything in `f32`.
    pub const F32: Self =
        Self { activation: Element::F32, linear_input: Element::F32, careful_input: Element::F32 };

    /// The element type of what a weight of this care reads.
    #[must_use]
    pub const fn input_of(self, care: Care) -> Element {
        match care {
            Care::Usual => self.linear_input,
            Care::AtLeastBf16 => self.careful_input,
            Care::Unrounded => self.activation,
        }
    }
}

/// What a device says about itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Description {
    /// The name a user types (`cpu`, `cuda:0`).
    pub device: String,
    /// What decides the last bits of a result (an instruction set, a card): where device and numerics
    /// are equal, so are the pictures of a recipe.
    pub numerics: String,
    /// What it is, in words.
    pub detail: String,
    /// For each family of operations, the implementation chosen and why.
    pub kernels: Vec<(String, String)>,
}

/// A device: memory, weights and a stream of operations.
///
/// Implementations launch work and return; only [`Backend::wait`] and the `read`
/// methods wait for it. Operations on one
/// backend run in the order they were launched. Arguments of an [`Op`] have been checked, and its
/// results allocated, before [`Backend::launch`] sees it, so a device repeats no check.
pub trait Backend: Sized {
    /// Memory of one tensor; dropping it returns it to its region.
    type Memory;
    /// A weight in whatever form the device keeps it.
    type Weight;

    /// Whether [`Backend::load`] refuses dense parts that hold something which is no number, with
    /// [`crate::Error::NotFinite`], so that nobody has to read them once more to find out. A row of a table may be
    /// refused when it is looked up instead.
    const FINDS_NON_FINITE: bool = false;

    /// The device in words.
    fn describe(&self) -> Description;

    /// The element types activations get.
    fn policy(&self) -> Policy;

    /// Makes room for a run planned by [`crate::Planner`]. A region that is large enough stays as it is;
    /// one that is not grows, which it can only while no tensor lives in it. Whoever lets pictures join
    /// a running batch reserves for the largest batch beforehand.
    ///
    /// # Errors
    /// [`crate::Error::OutOfMemory`] when the device has not that much, or a tensor is in the way.
    fn reserve(&self, plan: Plan) -> Result<()>;

    /// Gives reserved memory back to the system, each region unless a tensor lives in it. The next run
    /// reserves anew.
    fn release(&self);

    /// Gives back, beyond what [`Backend::release`] does, all memory that is only kept so that the next run need not ask
    /// for it, in main memory too. For when none is expected for a while.
    fn rest(&self) {
        self.release();
    }

    /// Memory for `bytes` bytes, uninitialised.
    ///
    /// # Errors
    /// [`crate::Error::OutOfMemory`] when the region has not that much left.
    fn allocate(&self, bytes: usize, region: Region) -> Result<Self::Memory>;

    /// Bytes of memory of its own that weights and runs may still take; `None` for a device that computes in
    /// main memory, and where it cannot be told.
    fn free_bytes(&self) -> Option<u64> {
        None
    }

    /// Bytes of memory of its own that a run takes at most beside what is planned and loaded: buffers, and what
    /// kernels use for themselves.
    fn beside_bytes(&self) -> u64 {
        0
    }

    /// Says how the weights that are loaded next are to lie: together, and which share of them is streamed. A device
    /// that computes in main memory need not know.
    ///
    /// # Errors
    /// [`crate::Error::OutOfMemory`] when there is not that much.
    fn expect_weights(&self, expected: Expected) -> Result<()> {
        let _ = expected;
        Ok(())
    }

    /// Takes a weight in. The bytes behind `matrix` are not needed afterwards unless the device keeps
    /// a reference to them.
    ///
    /// # Errors
    /// No memory, or a stored form without a kernel.
    fn load(&self, matrix: &Matrix) -> Result<Self::Weight>;

    /// Launches one operation.
    ///
    /// # Errors
    /// [`crate::Error::Device`] when the device fails, [`crate::Error::Unsupported`] when it has no
    /// kernel for these sizes.
    fn launch(&self, op: Op<'_, Self>) -> Result<()>;

    /// Waits until everything launched so far is done. The engine does this once a step, so that a step
    /// it reports is a step that happened, and a cancelled run stops.
    ///
    /// # Errors
    /// [`crate::Error::Device`] for failures of asynchronous work.
    fn wait(&self) -> Result<()>;

    /// Copies host values, as many as the tensor has elements, into it, converting to its type.
    ///
    /// # Errors
    /// [`crate::Error::Shape`] for another number of values, [`crate::Error::Device`].
    fn write(&self, to: &mut Tensor<Self>, values: &[f32]) -> Result<()>;

    /// Waits for the launched work and copies a tensor to the host, widened to `f32`.
    ///
    /// # Errors
    /// [`crate::Error::Device`], also for failures of earlier asynchronous work.
    fn read(&self, from: &Tensor<Self>) -> Result<Vec<f32>>;

    /// Waits for the launched work and copies a [`Element::U8`] tensor to the host.
    ///
    /// # Errors
    /// [`crate::Error::Device`], also for failures of earlier asynchronous work.
    fn read_bytes(&self, from: &Tensor<Self>) -> Result<Vec<u8>>;
}
