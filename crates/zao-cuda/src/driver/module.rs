//! Kernels in the form the driver runs.

use std::ffi::CString;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use cudarc::driver::sys::{self, CUfunction_attribute};
use zao_backend::Result;

use super::launch::MOST_ARGUMENTS;
use super::{Context, library};

/// An image of kernels that has been given to the driver.
#[derive(Debug)]
pub(crate) struct Module {
    context: Arc<Context>,
    module: sys::CUmodule,
    waits: bool,
}

// SAFETY: the driver lets any thread use a module.
unsafe impl Send for Module {}
// SAFETY: as above.
unsafe impl Sync for Module {}

impl Module {
    /// Loads a cubin, or compiles PTX that ends in a zero. `waits` says whether `griddepcontrol.wait` is in its
    /// kernels where their sources have it.
    pub(crate) fn new(context: &Arc<Context>, image: &[u8], waits: bool) -> Result<Arc<Self>> {
        let mut module = std::ptr::null_mut();
        // SAFETY: the image is an ELF file, which says its own length, or text with a zero at its end.
        let answer = unsafe { sys::cuModuleLoadData(&raw mut module, image.as_ptr().cast()) };
        context.check("load kernels", answer)?;
        Ok(Arc::new(Self { context: Arc::clone(context), module, waits }))
    }

    /// The kernel of this name.
    pub(crate) fn kernel(self: &Arc<Self>, name: &str) -> Result<Arc<Kernel>> {
        let unknown = || self.context.failed("find a kernel", format!("`{name}` has no image"));
        let text = CString::new(name).map_err(|_| unknown())?;
        let mut function = std::ptr::null_mut();
        // SAFETY: the module is alive, and the name ends in a zero.
        let answer =
            unsafe { sys::cuModuleGetFunction(&raw mut function, self.module, text.as_ptr()) };
        if answer == sys::CUresult::CUDA_ERROR_NOT_FOUND {
            return Err(unknown());
        }
        self.context.check("find a kernel", answer)?;
        let module = Arc::clone(self);
        let shared = AtomicU32::new(Kernel::SHARED_WITHOUT_ASKING);
        let parameters = parameters(function)?;
        Ok(Arc::new(Kernel { module, name: name.into(), function, parameters, shared }))
    }
}

impl Drop for Module {
    fn drop(&mut self) {
        if self.context.bind().is_ok() {
            // SAFETY: it was loaded in `new`, and every kernel of it holds a reference.
            let _ = unsafe { sys::cuModuleUnload(self.module) };
        }
    }
}

/// Bytes of each parameter that a kernel declares, if the driver tells.
fn parameters(function: sys::CUfunction) -> Result<Option<Vec<usize>>> {
    /// The first interface that tells.
    const TELLS: i32 = 12_040;
    if library::version()? < TELLS {
        return Ok(None);
    }
    let mut parameters = Vec::new();
    loop {
        let (mut offset, mut bytes) = (0, 0);
        // SAFETY: the function is alive, and the driver writes two integers.
        let answer = unsafe {
            sys::cuFuncGetParamInfo(function, parameters.len(), &raw mut offset, &raw mut bytes)
        };
        // It refuses the first that is not there.
        if answer != sys::CUresult::CUDA_SUCCESS {
            return Ok(Some(parameters));
        }
        parameters.push(bytes);
    }
}

/// One kernel.
#[derive(Debug)]
pub(crate) struct Kernel {
    module: Arc<Module>,
    name: String,
    function: sys::CUfunction,
    /// Bytes of each parameter, if the driver tells.
    parameters: Option<Vec<usize>>,
    /// Bytes of dynamic shared memory that it may have so far.
    shared: AtomicU32,
}

// SAFETY: the driver lets any thread use a function.
unsafe impl Send for Kernel {}
// SAFETY: as above.
unsafe impl Sync for Kernel {}

impl Kernel {
    /// Dynamic shared memory that every kernel may have: of 48 KiB in all, some is left for what it declares.
    const SHARED_WITHOUT_ASKING: u32 = 32 << 10;

    /// Its name in the source.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Whether it may start before the kernel in front has ended, as far as its image is concerned.
    pub(super) fn waits(&self) -> bool {
        self.module.waits
    }

    /// Refuses arguments of other sizes than the kernel declares, which the driver would read past their end.
    pub(super) fn check_arguments(&self, bytes: impl Iterator<Item = usize> + Clone) -> Result<()> {
        let fits = match &self.parameters {
            Some(parameters) => bytes.clone().eq(parameters.iter().copied()),
            None => true,
        };
        if fits && bytes.clone().count() <= MOST_ARGUMENTS {
            return Ok(());
        }
        let (name, given) = (&self.name, bytes.collect::<Vec<_>>());
        let message = format!("{name} takes {:?} bytes, not {given:?}", self.parameters);
        Err(self.context().failed("launch a kernel", message))
    }

    /// Lets it have `bytes` of dynamic shared memory.
    pub(crate) fn allow_shared(&self, bytes: u32) -> Result<()> {
        if bytes <= self.shared.load(Ordering::Relaxed) {
            return Ok(());
        }
        let attribute = CUfunction_attribute::CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES;
        let value = i32::try_from(bytes).unwrap_or(i32::MAX);
        // SAFETY: the function is alive as long as its module.
        let answer = unsafe { sys::cuFuncSetAttribute(self.function, attribute, value) };
        self.context().check("give a kernel shared memory", answer)?;
        self.shared.store(bytes, Ordering::Relaxed);
        Ok(())
    }

    /// How many blocks of this size a multiprocessor holds at once.
    pub(crate) fn blocks_per_multiprocessor(&self, threads: u32, shared: u32) -> Result<u32> {
        self.allow_shared(shared)?;
        let (mut count, threads) = (0, i32::try_from(threads).unwrap_or(i32::MAX));
        // SAFETY: the function is alive and the driver writes one integer.
        let answer = unsafe {
            sys::cuOccupancyMaxActiveBlocksPerMultiprocessor(
                &raw mut count,
                self.function,
                threads,
                shared as usize,
            )
        };
        self.context().check("ask for occupancy", answer)?;
        Ok(u32::try_from(count).unwrap_or(0))
    }

    /// The context it belongs to.
    pub(super) fn context(&self) -> &Context {
        &self.module.context
    }

    /// The driver's handle.
    pub(super) fn raw(&self) -> sys::CUfunction {
        self.function
    }
}
