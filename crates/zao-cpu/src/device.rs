//! The device itself: what it owns, and which module does which operation.

use std::num::NonZeroUsize;
use std::sync::Arc;

use zao_backend::op::Op;
use zao_backend::{Backend, Description, Error, Matrix, Plan, Policy, Region, Result, Tensor};

use crate::isa::Isa;
use crate::memory::{DEVICE, Memory, Reserve};
use crate::settings::{CpuPrecision, Settings};
use crate::threads::{Threads, Work};
use crate::view::{Band, Bands, Elements, ElementsMut};
use crate::weight::CpuWeight;
use crate::{attention, conv, group_norm, image, latent, linear, norm, rope, sequence, weight};

/// The processor of this machine.
#[derive(Debug)]
pub struct Cpu {
    pub(crate) isa: Isa,
    pub(crate) threads: Threads,
    pub(crate) settings: Settings,
    step: Arc<Reserve>,
    job: Arc<Reserve>,
}

impl Cpu {
    /// Finds out what this machine can do and starts the threads.
    ///
    /// # Errors
    /// [`Error::Device`] when the system refuses the threads.
    pub fn new(settings: Settings) -> Result<Self> {
        let cores = || std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        Ok(Self {
            isa: settings.instructions.map_or_else(|| Ok(Isa::detect()), Isa::with)?,
            threads: Threads::new(settings.threads.unwrap_or_else(cores))?,
            settings,
            step: Reserve::new(Region::Step),
            job: Reserve::new(Region::Job),
        })
    }

    /// Shares the rows of `out` among the threads. `task` gets some of them and `scratch` `f32`s of
    /// unspecified content.
    pub(crate) fn for_each_band(
        &self,
        out: &mut Tensor<Self>,
        scratch: usize,
        task: impl Fn(Band<'_>, &mut [f32]) + Sync,
    ) -> Result<()> {
        let work = Work::of_elements(out.shape().len());
        self.threads.for_each(work, scratch, bands_of(out), task)
    }

    /// The same for two tensors of one shape: `task` gets the same rows of both.
    pub(crate) fn for_each_pair_of_bands(
        &self,
        (first, second): (&mut Tensor<Self>, &mut Tensor<Self>),
        scratch: usize,
        task: impl Fn((Band<'_>, Band<'_>), &mut [f32]) + Sync,
    ) -> Result<()> {
        let work = Work::of_elements(first.shape().len());
        let bands = bands_of(first).zip(bands_of(second));
        self.threads.for_each(work, scratch, bands, task)
    }

    /// The refusal of something there is no kernel for.
    pub(crate) fn unsupported(op: &'static str, what: impl Into<String>) -> Error {
        Error::Unsupported { op, device: DEVICE.into(), what: what.into() }
    }
}

/// The bands of a tensor that threads take turns with.
fn bands_of(tensor: &mut Tensor<Cpu>) -> Bands<'_> {
    /// Elements of a band: large enough to hide taking it, small enough to stay in L2.
    const BAND: usize = 1 << 14;
    let height = BAND / tensor.width().max(1);
    Bands::of(tensor, height)
}

impl Backend for Cpu {
    type Memory = Memory;
    type Weight = CpuWeight;

    fn describe(&self) -> Description {
        let isa = self.isa.name();
        let kernel = |family: &str, what: String| (family.to_owned(), what);
        let bf16 = if self.isa.multiplies_bf16() {
            format!("pairs of bf16, f32 sums, in {isa}: faster here than multiply-adds")
        } else {
            format!("bf16 widened to f32 multiply-adds in {isa}: faster here, or all there is")
        };
        let floats = format!("f32 multiply-adds in {isa}");
        let integers = if self.isa.multiplies_bytes() {
            format!("rotated 8-bit integers by fours, exact sums, in {isa}")
        } else {
            format!("rotated 8-bit integers widened to 16 bits, exact sums, in {isa}")
        };
        let (linear, attention, conv2d) = match self.settings.precision {
            CpuPrecision::F32 => (floats.clone(), floats.clone(), floats),
            CpuPrecision::Bf16 => (bf16.clone(), bf16.clone(), bf16),
            CpuPrecision::Int8 => {
                let attention = attention::integers(self.isa);
                (integers.clone(), attention.map_or_else(|| bf16.clone(), str::to_owned), bf16)
            }
        };
        Description {
            device: DEVICE.into(),
            numerics: isa.into(),
            detail: format!(
                "{isa}, {} threads, {} precision",
                self.threads.count(),
                self.settings.precision
            ),
            kernels: vec![
                kernel("linear", format!("{linear}; weights packed in panels")),
                kernel("attention", format!("{attention}; running softmax in f32")),
                kernel("conv2d", format!("{conv2d}; windows multiplied where they lie")),
                kernel("everything else", format!("loops over rows in {isa}")),
            ],
        }
    }

    fn policy(&self) -> Policy {
        self.settings.precision.policy()
    }

    fn reserve(&self, plan: Plan) -> Result<()> {
        self.step.grow(plan.step)?;
        self.job.grow(plan.job)
    }

    fn release(&self) {
        self.step.release();
        self.job.release();
    }

    fn rest(&self) {
        self.release();
        self.threads.forget_scratch();
    }

    fn allocate(&self, bytes: usize, region: Region) -> Result<Memory> {
        match region {
            Region::Step => self.step.allocate(bytes),
            Region::Job => self.job.allocate(bytes),
            Region::Model => Memory::heap(bytes),
        }
    }

    fn load(&self, matrix: &Matrix) -> Result<CpuWeight> {
        weight::load(self, matrix)
    }

    fn launch(&self, op: Op<'_, Self>) -> Result<()> {
        match op {
            Op::Linear(op) => linear::linear(self, op),
            Op::RmsNorm(op) => norm::rms_norm(self, op),
            Op::LayerNormScale(op) => norm::layer_norm_scale(self, op),
            Op::GatedResidual(op) => norm::gated_residual(self, op),
            Op::GatedResidualNorm(op) => norm::gated_residual_norm(self, op),
            Op::QkNormRope(op) => rope::qk_norm_rope(self, op),
            Op::Attention(op) => attention::attention(self, op),
            Op::Embed(op) => sequence::embed(self, op),
            Op::TimestepEmbedding(op) => sequence::timestep_embedding(self, op),
            Op::Silu(op) => sequence::silu(self, op),
            Op::FillRows(op) => sequence::fill_rows(self, op),
            Op::CopyRows(op) => sequence::copy_rows(self, op),
            Op::Patchify(op) => latent::patchify(self, op),
            Op::Unpatchify(op) => latent::unpatchify(self, op),
            Op::EulerStep(op) => latent::euler_step(self, op),
            Op::CfgCombine(op) => latent::cfg_combine(self, op),
            Op::LatentToImage(op) => latent::latent_to_image(self, op),
            Op::Conv2d(op) => conv::conv2d(self, op),
            Op::GroupMoments(op) => group_norm::group_moments(self, op),
            Op::GroupFactors(op) => group_norm::group_factors(self, op),
            Op::Normalise(op) => group_norm::normalise(self, op),
            Op::ToRgb8(op) => image::to_rgb8(self, op),
        }
    }

    fn wait(&self) -> Result<()> {
        Ok(())
    }

    fn write(&self, to: &mut Tensor<Self>, values: &[f32]) -> Result<()> {
        if values.len() != to.shape().len() {
            return Err(Error::shape("write", format!("{} values into {to:?}", values.len())));
        }
        ElementsMut::of(to).store(self.isa, values);
        Ok(())
    }

    fn read(&self, from: &Tensor<Self>) -> Result<Vec<f32>> {
        let mut values = vec![0.0; from.shape().len()];
        Elements::of(from).load(self.isa, &mut values);
        Ok(values)
    }

    fn read_bytes(&self, from: &Tensor<Self>) -> Result<Vec<u8>> {
        match Elements::of(from) {
            Elements::U8(bytes) => Ok(bytes.to_vec()),
            Elements::F32(_) | Elements::Bf16(_) | Elements::Int8(_) => Err(Error::shape(
                "read_bytes",
                format!("{from:?} does not hold bytes; read it as values"),
            )),
        }
    }
}
