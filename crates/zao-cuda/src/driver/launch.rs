//! Starting a kernel: how many threads, with which arguments.

use std::ffi::c_void;
use std::marker::PhantomData;

use cudarc::driver::sys;
use zao_backend::Result;

use super::{DevicePtr, Kernel, Stream, TensorMap};

/// The extent of a launch. `..Launch::ONE` fills in what is usual.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Launch {
    /// Blocks.
    pub(crate) grid: [u32; 3],
    /// Threads of a block.
    pub(crate) block: [u32; 3],
    /// Bytes of dynamic shared memory of a block.
    pub(crate) shared: u32,
    /// Blocks of a cluster, from compute capability 9.0 on; `[1, 1, 1]` for none.
    pub(crate) cluster: [u32; 3],
    /// Lets the kernel start while the one before it ends (programmatic dependent launch), where its image waits
    /// itself: those for 9.0 and later do. Its source has to (`kernels/overlap.cuh` says when).
    pub(crate) overlap: bool,
}

impl Launch {
    /// One block of one thread.
    pub(crate) const ONE: Self =
        Self { grid: [1; 3], block: [1; 3], shared: 0, cluster: [1; 3], overlap: false };

    /// Queues the kernel. A launch without blocks does nothing.
    ///
    /// # Safety
    /// `arguments` must be what the kernel's source declares, in order and of the same sizes; the memory
    /// behind addresses among them must be as large as the kernel takes for granted, and alive in stream order.
    pub(crate) unsafe fn run(
        self,
        stream: &Stream,
        kernel: &Kernel,
        arguments: &[Address<'_>],
    ) -> Result<()> {
        if self.grid.contains(&0) {
            return Ok(());
        }
        kernel.check_arguments(arguments.iter().map(|argument| argument.bytes))?;
        kernel.allow_shared(self.shared)?;
        let mut addresses = [std::ptr::null_mut(); MOST_ARGUMENTS];
        for (to, argument) in addresses.iter_mut().zip(arguments) {
            *to = argument.at;
        }
        let [grid_x, grid_y, grid_z] = self.grid;
        let [block_x, block_y, block_z] = self.block;
        let mut attributes = [NO_ATTRIBUTE; 2];
        let mut count = 0;
        if self.cluster != [1; 3] {
            let [x, y, z] = self.cluster;
            attributes[count].id = sys::CUlaunchAttributeID::CU_LAUNCH_ATTRIBUTE_CLUSTER_DIMENSION;
            attributes[count].value.clusterDim =
                sys::CUlaunchAttributeValue_union__bindgen_ty_1 { x, y, z };
            count += 1;
        }
        if self.overlap && kernel.waits() {
            attributes[count].id =
                sys::CUlaunchAttributeID::CU_LAUNCH_ATTRIBUTE_PROGRAMMATIC_STREAM_SERIALIZATION;
            attributes[count].value.programmaticStreamSerializationAllowed = 1;
            count += 1;
        }
        let config = sys::CUlaunchConfig {
            gridDimX: grid_x,
            gridDimY: grid_y,
            gridDimZ: grid_z,
            blockDimX: block_x,
            blockDimY: block_y,
            blockDimZ: block_z,
            sharedMemBytes: self.shared,
            hStream: stream.raw(),
            attrs: attributes.as_mut_ptr(),
            numAttrs: u32::try_from(count).unwrap_or(0),
        };
        // SAFETY: the caller's promise about the arguments; the configuration lives during the call.
        let answer = unsafe {
            sys::cuLaunchKernelEx(
                &raw const config,
                kernel.raw(),
                addresses.as_mut_ptr(),
                std::ptr::null_mut(),
            )
        };
        kernel.context().check("launch a kernel", answer).map_err(|error| {
            let zao_backend::Error::Device { op, device, message } = error else { return error };
            let message = format!("{} as {self:?}: {message}", kernel.name());
            zao_backend::Error::Device { op, device, message }
        })
    }
}

/// More arguments than this are a struct in hiding.
pub(super) const MOST_ARGUMENTS: usize = 32;

const NO_ATTRIBUTE: sys::CUlaunchAttribute = sys::CUlaunchAttribute {
    id: sys::CUlaunchAttributeID::CU_LAUNCH_ATTRIBUTE_IGNORE,
    pad: [0; 4],
    value: sys::CUlaunchAttributeValue { pad: [0; 64] },
};

/// Where an argument lies, as long as it lies there.
#[derive(Debug)]
pub(crate) struct Address<'a> {
    at: *mut c_void,
    bytes: usize,
    value: PhantomData<&'a ()>,
}

/// Something that a kernel takes as it lies in memory.
///
/// # Safety
/// The type must have the size and layout of its counterpart in the kernel's source (`repr(C)` or
/// `repr(transparent)`), without a pointer to host memory.
pub(crate) unsafe trait Argument: Copy {
    /// Where the driver copies the value from.
    fn address(&self) -> Address<'_> {
        let at = std::ptr::from_ref(self).cast_mut().cast();
        Address { at, bytes: size_of::<Self>(), value: PhantomData }
    }
}

// SAFETY: `int`.
unsafe impl Argument for i32 {}
// SAFETY: `unsigned`.
unsafe impl Argument for u32 {}
// SAFETY: `long long`.
unsafe impl Argument for i64 {}
// SAFETY: `unsigned long long`.
unsafe impl Argument for u64 {}
// SAFETY: `float`.
unsafe impl Argument for f32 {}
// SAFETY: a transparent 64-bit address.
unsafe impl Argument for DevicePtr {}
// SAFETY: the driver's own descriptor, taken as `const __grid_constant__`.
unsafe impl Argument for TensorMap {}

/// The arguments of a kernel, in the order of its declaration: `args![x, out, rows, 1e-5f32]`.
macro_rules! args {
    ($($value:expr),* $(,)?) => {
        &[$($crate::driver::Argument::address(&$value)),*]
    };
}
pub(crate) use args;
