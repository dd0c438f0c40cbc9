//! The device itself: what it owns, and which module does which operation.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use zao_backend::op::Op;
use zao_backend::{
    Backend, Description, Error, Expected, Matrix, Plan, Policy, Region, Result, Segments, Tensor,
};

use crate::attention::WorkLists;
use crate::driver::{
    Address, Card, Context, DevicePtr, Kernel, Launch, Stream, TensorMap, TensorMapSpec,
};
use crate::kernels::Kernels;
use crate::linear::{LibraryProducts, MOST_OF_LIBRARY};
use crate::loader::Loader;
use crate::memory::{Memory, Pool, Reserve};
use crate::packed::Spaces;
use crate::settings::{CudaPrecision, Settings};
use crate::staging::{KnownSegments, Ring, Scratch};
use crate::streaming::Streaming;
use crate::transfer::Readback;
use crate::weight::CudaWeight;
use crate::{
    attention, convolution, copy, description, group_norm, image, latent, linear, norm, rope,
    sequence, transfer, weight,
};

/// Device memory that a run takes beside what is planned: values on their way to kernels, and what kernels use for
/// themselves.
pub(crate) const BESIDE: usize = Ring::BYTES + Scratch::USUAL;
/// What is left alone for the code of kernels, and for libraries.
const LEFT_ALONE: usize = (128 << 20) + MOST_OF_LIBRARY;

/// What may be planned with of `free` bytes.
pub(crate) fn plannable(free: usize) -> u64 {
    free.saturating_sub(LEFT_ALONE) as u64
}

/// Bytes of the pieces that weights share where nobody said how many come.
const BLOCK_OF_WEIGHTS: usize = 32 << 20;
/// Bytes of the pieces that lists of segments and of work share.
const BLOCK_OF_LISTS: usize = 2 << 20;

/// One NVIDIA card.
#[derive(Debug)]
pub struct Cuda {
    settings: Settings,
    context: Arc<Context>,
    stream: Stream,
    kernels: Kernels,
    step: Arc<Reserve>,
    job: Arc<Reserve>,
    model: Arc<Pool>,
    lists: Arc<Pool>,
    scratch: Scratch,
    ring: Ring,
    segments: KnownSegments,
    work_lists: WorkLists,
    loader: Mutex<Loader>,
    /// What weights that are loaded now are streamed with, if they are.
    streaming: Mutex<Option<Arc<Streaming>>>,
    readback: Readback,
    library_products: LibraryProducts,
    spaces: Spaces,
}

impl Cuda {
    /// Opens a card.
    ///
    /// # Errors
    /// [`Error::Device`] without a usable driver or such a card, [`Error::Unsupported`] for a card that is too old
    /// for the precision or for anything.
    pub fn new(settings: Settings) -> Result<Self> {
        let context = Context::new(settings.ordinal)?;
        let card = context.card();
        if settings.precision == CudaPrecision::Fp8 && !card.has_fp8() {
            let what = format!("{} multiplies no fp8 (Ada and later do); use int8", card.name);
            return Err(Error::Unsupported {
                op: "open the card",
                device: card.label.clone(),
                what,
            });
        }
        Ok(Self {
            kernels: Kernels::new(&context)?,
            stream: Stream::new(&context)?,
            step: Reserve::new(&context, Region::Step),
            job: Reserve::new(&context, Region::Job),
            model: Pool::new(&context, BLOCK_OF_WEIGHTS),
            lists: Pool::new(&context, BLOCK_OF_LISTS),
            scratch: Scratch::default(),
            ring: Ring::new(&context)?,
            segments: KnownSegments::default(),
            work_lists: WorkLists::default(),
            loader: Mutex::default(),
            streaming: Mutex::default(),
            readback: Readback::default(),
            library_products: LibraryProducts::new(&context, &settings),
            spaces: Spaces::default(),
            settings,
            context,
        })
    }

    /// What the card is.
    pub(crate) fn card(&self) -> &Card {
        self.context.card()
    }

    /// The context that everything lives in.
    pub(crate) fn context(&self) -> &Arc<Context> {
        &self.context
    }

    /// The stream that all operations run on.
    pub(crate) fn stream(&self) -> &Stream {
        &self.stream
    }

    /// What was chosen when the device was set up.
    pub(crate) fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The kernel `name` of `kernels/<module>.cu`, loaded at its first use.
    pub(crate) fn kernel(&self, module: &'static str, name: &'static str) -> Result<Arc<Kernel>> {
        self.kernels.get(module, name)
    }

    /// Whether `kernels/<module>.cu` was compiled for this card.
    pub(crate) fn has_kernels(&self, module: &str) -> bool {
        self.kernels.has(module)
    }

    /// Whether the driver has to compile the kernels, because none were compiled for this card.
    pub(crate) fn kernels_are_compiled_by_driver(&self) -> bool {
        self.kernels.compiled_by_driver()
    }

    /// Queues a kernel.
    ///
    /// # Safety
    /// `arguments` (made by [`crate::driver::args`]) must be what the kernel's source declares; the memory behind
    /// addresses among them must be as large as the kernel takes for granted, and alive in stream order.
    pub(crate) unsafe fn run(
        &self,
        kernel: &Kernel,
        launch: Launch,
        arguments: &[Address<'_>],
    ) -> Result<()> {
        // SAFETY: the caller's promise.
        unsafe { launch.run(&self.stream, kernel, arguments) }
    }

    /// At least `bytes` bytes of unspecified content, for kernels that run before anybody asks again.
    pub(crate) fn scratch(&self, bytes: usize) -> Result<DevicePtr> {
        self.scratch.get(&self.context, bytes)
    }

    /// Values for the kernels that are launched next.
    pub(crate) fn stage<T: bytemuck::Pod>(&self, values: &[T]) -> Result<DevicePtr> {
        let bytes: &[u8] = bytemuck::cast_slice(values);
        let staged = self.ring.put(&self.stream, bytes)?;
        staged.ok_or_else(|| self.unsupported("stage", format!("{} bytes at once", bytes.len())))
    }

    /// The offsets of `segments` on the device, `[segments + 1]` of `int`, ending with the number of rows.
    pub(crate) fn segments(&self, segments: &Segments) -> Result<DevicePtr> {
        self.segments.get(&self.stream, &self.lists, segments)
    }

    /// How attention is divided among blocks.
    pub(crate) fn work_lists(&self) -> &WorkLists {
        &self.work_lists
    }

    /// What a library multiplies.
    pub(crate) fn library_products(&self) -> &LibraryProducts {
        &self.library_products
    }

    /// Where packed weights are unpacked.
    pub(crate) fn spaces(&self) -> &Spaces {
        &self.spaces
    }

    /// A tensor as the copy engine sees it.
    pub(crate) fn tensor_map(&self, spec: TensorMapSpec<'_>) -> Result<TensorMap> {
        TensorMap::new(&self.context, spec)
    }

    /// Memory for a list that many operations read.
    pub(crate) fn keep_list(&self, bytes: usize) -> Result<Memory> {
        self.lists.allocate(bytes)
    }

    /// Where results come back to.
    pub(crate) fn readback(&self) -> &Readback {
        &self.readback
    }

    /// The loader of weights.
    pub(crate) fn loader(&self) -> &Mutex<Loader> {
        &self.loader
    }

    /// What weights that are loaded now are streamed with; `None` where they stay.
    pub(crate) fn streaming_now(&self) -> MutexGuard<'_, Option<Arc<Streaming>>> {
        self.streaming.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives a window back to the driver whose weights are all gone.
    fn drop_unused_window(&self) {
        let mut streaming = self.streaming_now();
        if streaming.as_ref().is_some_and(|it| Arc::strong_count(it) == 1) {
            *streaming = None;
        }
    }

    /// The refusal of something there is no kernel for.
    pub(crate) fn unsupported(&self, op: &'static str, what: impl Into<String>) -> Error {
        Error::Unsupported { op, device: self.card().label.clone(), what: what.into() }
    }
}

impl Backend for Cuda {
    type Memory = Memory;
    type Weight = CudaWeight;

    const FINDS_NON_FINITE: bool = true;

    fn describe(&self) -> Description {
        description::describe(self)
    }

    fn policy(&self) -> Policy {
        self.settings.precision.policy()
    }

    fn reserve(&self, plan: Plan) -> Result<()> {
        self.context.bind()?;
        self.drop_unused_window();
        self.step.grow(plan.step)?;
        self.job.grow(plan.job)
    }

    fn release(&self) {
        if self.context.bind().is_ok() {
            self.step.release();
            self.job.release();
            self.scratch.release();
            self.library_products.release();
            self.drop_unused_window();
        }
    }

    fn rest(&self) {
        self.release();
        // What is still copied or multiplied reads from what goes now.
        if self.wait().is_ok() {
            self.segments.forget();
            self.work_lists.forget();
            self.readback.forget();
            *self.loader.lock().unwrap_or_else(PoisonError::into_inner) = Loader::default();
        }
    }

    fn allocate(&self, bytes: usize, region: Region) -> Result<Memory> {
        match region {
            Region::Step => self.step.allocate(bytes),
            Region::Job => self.job.allocate(bytes),
            Region::Model => self.model.allocate(bytes),
        }
    }

    fn beside_bytes(&self) -> u64 {
        BESIDE as u64
    }

    fn expect_weights(&self, expected: Expected) -> Result<()> {
        self.context.bind()?;
        *self.streaming_now() = None;
        self.spaces.begin_part();
        self.model.prepare(usize::try_from(expected.bytes).unwrap_or(usize::MAX))?;
        let streaming = expected.streamed.map(|plan| Streaming::new(self, plan)).transpose()?;
        *self.streaming_now() = streaming.map(Arc::new);
        Ok(())
    }

    fn free_bytes(&self) -> Option<u64> {
        self.context.bind().ok()?;
        let free = self.context.free_bytes().ok()?;
        // What is taken already of what is counted beside each run is free for the next.
        Some(plannable(free.saturating_add(Ring::BYTES + self.scratch.held())))
    }

    fn load(&self, matrix: &Matrix) -> Result<CudaWeight> {
        self.context.bind()?;
        weight::load(self, matrix)
    }

    fn launch(&self, op: Op<'_, Self>) -> Result<()> {
        self.context.bind()?;
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
            Op::CopyRows(op) => copy::copy_rows(self, op),
            Op::Patchify(op) => latent::patchify(self, op),
            Op::Unpatchify(op) => latent::unpatchify(self, op),
            Op::EulerStep(op) => latent::euler_step(self, op),
            Op::CfgCombine(op) => latent::cfg_combine(self, op),
            Op::LatentToImage(op) => latent::latent_to_image(self, op),
            Op::Conv2d(op) => convolution::conv2d(self, op),
            Op::GroupMoments(op) => group_norm::group_moments(self, op),
            Op::GroupFactors(op) => group_norm::group_factors(self, op),
            Op::Normalise(op) => group_norm::normalise(self, op),
            Op::ToRgb8(op) => image::to_rgb8(self, op),
        }
    }

    fn wait(&self) -> Result<()> {
        self.context.bind()?;
        self.stream.wait()
    }

    fn write(&self, to: &mut Tensor<Self>, values: &[f32]) -> Result<()> {
        self.context.bind()?;
        transfer::write(self, to, values)
    }

    fn read(&self, from: &Tensor<Self>) -> Result<Vec<f32>> {
        self.context.bind()?;
        transfer::read(self, from)
    }

    fn read_bytes(&self, from: &Tensor<Self>) -> Result<Vec<u8>> {
        self.context.bind()?;
        transfer::read_bytes(self, from)
    }
}
