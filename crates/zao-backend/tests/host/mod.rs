//! A backend with the arithmetic of [`Scalar`] that can do what the reference cannot: hold to a
//! memory plan, round results to bf16, and make mistakes. It is not a device anybody should use.

use std::cell::RefCell;
use std::rc::Rc;

use zao_backend::op::*;
use zao_backend::{
    Arena, Backend, Description, Element, Error, Matrix, Plan, Policy, Region, Result, Role,
    Scalar, Slot, Tensor,
};

/// What becomes of an operation before it is computed; `None` leaves it out.
pub(crate) type Change = for<'a> fn(Op<'a, Host>) -> Option<Op<'a, Host>>;

/// What becomes of the result of the named operation: its elements and the number of its rows.
pub(crate) type Spoil = fn(&str, &mut [f32], usize);

/// The backend.
pub(crate) struct Host {
    policy: Policy,
    step: RefCell<Rc<RefCell<Arena>>>,
    job: RefCell<Rc<RefCell<Arena>>>,
    change: Change,
    spoil: Spoil,
}

impl Host {
    /// A correct backend that rounds results of these types.
    pub(crate) fn new(activation: Element, linear_input: Element) -> Self {
        let nothing = || RefCell::new(Rc::new(RefCell::new(Arena::new(0))));
        Self {
            policy: Policy { activation, linear_input, careful_input: linear_input },
            step: nothing(),
            job: nothing(),
            change: |op| Some(op),
            spoil: |_, _, _| {},
        }
    }

    /// A backend in `f32` that misunderstands operations.
    pub(crate) fn mistaken(change: Change) -> Self {
        Self { change, ..Self::new(Element::F32, Element::F32) }
    }

    /// A backend in `f32` with wrong results.
    pub(crate) fn spoilt(spoil: Spoil) -> Self {
        Self { spoil, ..Self::new(Element::F32, Element::F32) }
    }

    fn arena(&self, region: Region) -> Option<&RefCell<Rc<RefCell<Arena>>>> {
        match region {
            Region::Step => Some(&self.step),
            Region::Job => Some(&self.job),
            Region::Model => None,
        }
    }

    fn out_of_memory(region: Region, asked: usize, free: usize) -> Error {
        Error::OutOfMemory { device: "host".into(), region, asked, free }
    }

    /// What a device does to a result on its way into memory.
    fn finish(&self, op: &str, out: &mut Tensor<Self>) {
        let (rows, count, element) = (out.rows(), out.shape().len(), out.element());
        let values = &mut out.memory_mut().values[..count];
        (self.spoil)(op, values, rows);
        round(values, element);
    }
}

/// Values as a tensor of `element` holds them.
fn round(values: &mut [f32], element: Element) {
    if element == Element::Bf16 {
        for v in values {
            *v = half::bf16::from_f32(*v).to_f32();
        }
    }
}

/// Values that return their slot when they are dropped.
pub(crate) struct Memory {
    values: Vec<f32>,
    slot: Option<(Slot, Rc<RefCell<Arena>>)>,
}

impl Drop for Memory {
    fn drop(&mut self) {
        if let Some((slot, arena)) = self.slot.take() {
            arena.borrow_mut().free(slot);
        }
    }
}

impl AsRef<[f32]> for Memory {
    fn as_ref(&self) -> &[f32] {
        &self.values
    }
}

impl AsMut<[f32]> for Memory {
    fn as_mut(&mut self) -> &mut [f32] {
        &mut self.values
    }
}

/// Computes an operation, then finishes what it wrote: of most a tensor.
macro_rules! compute {
    ($host:ident, $op:ident: $($variant:ident.$out:ident)+) => {
        match $op {
            $(Op::$variant(op) => {
                Scalar::compute(Op::$variant($variant { $out: &mut *op.$out, ..op }));
                $host.finish(stringify!($variant), op.$out);
            })+
            // The stream is stored before it is normed.
            Op::GatedResidualNorm(GatedResidualNorm { residual, weight, eps, scale, out }) => {
                let x = residual.x;
                Scalar::compute(Op::GatedResidual(GatedResidual { x: &mut *x, ..residual }));
                $host.finish("GatedResidualNorm", x);
                Scalar::compute(Op::RmsNorm(RmsNorm { x, weight, eps, scale, out: &mut *out }));
                $host.finish("GatedResidualNorm", out);
            }
        }
    };
}

impl Backend for Host {
    type Memory = Memory;
    type Weight = Vec<f32>;

    fn describe(&self) -> Description {
        Description {
            device: "host".into(),
            numerics: "scalar".into(),
            detail: String::new(),
            kernels: Vec::new(),
        }
    }

    fn policy(&self) -> Policy {
        self.policy
    }

    fn reserve(&self, plan: Plan) -> Result<()> {
        for (region, bytes) in [(Region::Step, plan.step), (Region::Job, plan.job)] {
            let Some(arena) = self.arena(region) else { continue };
            let (capacity, used) =
                (arena.borrow().borrow().capacity(), arena.borrow().borrow().used());
            if bytes > capacity && used > 0 {
                return Err(Self::out_of_memory(region, bytes, capacity - used));
            }
            if bytes > capacity {
                arena.replace(Rc::new(RefCell::new(Arena::new(bytes))));
            }
        }
        Ok(())
    }

    fn release(&self) {
        let arenas = [&self.step, &self.job];
        if arenas.iter().all(|arena| arena.borrow().borrow().used() == 0) {
            for arena in arenas {
                arena.replace(Rc::new(RefCell::new(Arena::new(0))));
            }
        }
    }

    fn allocate(&self, bytes: usize, region: Region) -> Result<Memory> {
        let slot = match self.arena(region) {
            None => None,
            Some(arena) => {
                let arena = Rc::clone(&arena.borrow());
                let slot = arena.borrow_mut().allocate(bytes);
                let free = arena.borrow().capacity() - arena.borrow().used();
                Some((slot.ok_or_else(|| Self::out_of_memory(region, bytes, free))?, arena))
            }
        };
        Ok(Memory { values: Scalar.allocate(bytes, region)?, slot })
    }

    fn load(&self, matrix: &Matrix) -> Result<Vec<f32>> {
        let mut values = Scalar.load(matrix)?;
        if matrix.role() != Role::Table {
            round(&mut values, self.policy.linear_input);
        }
        Ok(values)
    }

    fn launch(&self, op: Op<'_, Self>) -> Result<()> {
        let Some(op) = (self.change)(op) else { return Ok(()) };
        compute!(self, op:
            Linear.out RmsNorm.out LayerNormScale.out GatedResidual.x QkNormRope.qkv Attention.out
            Embed.out TimestepEmbedding.out Silu.out FillRows.x CopyRows.to Patchify.out
            Unpatchify.out EulerStep.latent CfgCombine.out LatentToImage.out Conv2d.out
            GroupMoments.out GroupFactors.out Normalise.out ToRgb8.out
        );
        Ok(())
    }

    fn wait(&self) -> Result<()> {
        Ok(())
    }

    fn write(&self, to: &mut Tensor<Self>, values: &[f32]) -> Result<()> {
        if values.len() != to.shape().len() {
            return Err(Error::shape("write", format!("{} values into {to:?}", values.len())));
        }
        let element = to.element();
        let to = &mut to.memory_mut().values[..values.len()];
        to.copy_from_slice(values);
        round(to, element);
        Ok(())
    }

    fn read(&self, from: &Tensor<Self>) -> Result<Vec<f32>> {
        Ok(from.memory().values[..from.shape().len()].to_vec())
    }

    fn read_bytes(&self, from: &Tensor<Self>) -> Result<Vec<u8>> {
        Ok(self.read(from)?.into_iter().map(|v| v as u8).collect())
    }
}
