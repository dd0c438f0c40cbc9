//! cuBLASLt: the few of its functions that are used, opened from a file that was found, behind safe types.
//!
//! It multiplies `x [rows, inputs]` by `weight [outputs, inputs]` into `out [rows, outputs]`, all row-major. Which
//! products are worth it is decided elsewhere. Sums that are split among blocks are ruled out: how they are split
//! would depend on the number of rows.

use std::ffi::{c_int, c_void};
use std::path::Path;
use std::sync::Arc;

use libloading::Library;

use super::numbers;
use crate::driver::{Context, DevicePtr, Stream};

/// Bytes of device memory that the library may use while it multiplies.
pub(crate) const WORKSPACE: usize = 32 << 20;

/// The oldest version that is used, and the first with a scale for each row of both fp8 operands.
const NEEDED: usize = 120_000;
const SCALES_ROWS: usize = 120_900;

/// What the library's functions answer.
type Status = c_int;
/// A thing of the library's.
type Opaque = *mut c_void;
type Create = unsafe extern "C" fn(*mut Opaque) -> Status;
type Destroy = unsafe extern "C" fn(Opaque) -> Status;
type Set = unsafe extern "C" fn(Opaque, c_int, *const c_void, usize) -> Status;

/// The functions, as `cublasLt.h` declares them.
#[derive(Debug)]
struct Api {
    create: Create,
    destroy: Destroy,
    description_create: unsafe extern "C" fn(*mut Opaque, c_int, c_int) -> Status,
    description_destroy: Destroy,
    description_set: Set,
    layout_create: unsafe extern "C" fn(*mut Opaque, c_int, u64, u64, i64) -> Status,
    layout_destroy: Destroy,
    preference_create: Create,
    preference_destroy: Destroy,
    preference_set: Set,
    heuristic: unsafe extern "C" fn(
        Opaque,
        Opaque,
        Opaque,
        Opaque,
        Opaque,
        Opaque,
        Opaque,
        c_int,
        *mut Answer,
        *mut c_int,
    ) -> Status,
    check: unsafe extern "C" fn(
        Opaque,
        Opaque,
        Opaque,
        Opaque,
        Opaque,
        Opaque,
        *const Algorithm,
        *mut Answer,
    ) -> Status,
    multiply: unsafe extern "C" fn(
        Opaque,
        Opaque,
        *const c_void,
        u64,
        Opaque,
        u64,
        Opaque,
        *const c_void,
        u64,
        Opaque,
        u64,
        Opaque,
        *const Algorithm,
        u64,
        usize,
        Opaque,
    ) -> Status,
}

/// `cublasLtMatmulAlgo_t`: one way to multiply.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Algorithm([u64; 8]);

/// `cublasLtMatmulHeuristicResult_t`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
struct Answer {
    algorithm: Algorithm,
    workspace: usize,
    state: Status,
    waves: f32,
    reserved: [c_int; 4],
}

/// Something of the library's that goes with its owner.
#[derive(Debug)]
struct Owned {
    thing: Opaque,
    destroy: Destroy,
}

impl Drop for Owned {
    fn drop(&mut self) {
        // SAFETY: it was created by the counterpart of `destroy`, and goes once.
        let _ = unsafe { (self.destroy)(self.thing) };
    }
}

/// The types of operands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Operands {
    /// Both bf16.
    Bf16,
    /// Both e4m3, with an `f32` scale for each row of both.
    Fp8,
}

/// A multiply without its addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Task {
    /// The types of `x` and `weight`.
    pub(crate) operands: Operands,
    /// Whether `out` is `f32`, and not bf16.
    pub(crate) out_f32: bool,
    /// Whether results are added to what is there.
    pub(crate) accumulate: bool,
    /// Rows of `x` and `out`.
    pub(crate) rows: usize,
    /// Rows of `weight`.
    pub(crate) outputs: usize,
    /// Columns of `x` and `weight`, a multiple of 16.
    pub(crate) inputs: usize,
}

/// Where the operands of a multiply lie, on boundaries of 16 bytes. Scales are null unless operands are fp8.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Addresses {
    pub(crate) x: DevicePtr,
    pub(crate) x_scales: DevicePtr,
    pub(crate) weight: DevicePtr,
    pub(crate) weight_scales: DevicePtr,
    pub(crate) out: DevicePtr,
}

/// A multiply that the library has agreed to.
#[derive(Debug)]
pub(crate) struct Plan {
    task: Task,
    description: Owned,
    weight: Owned,
    x: Owned,
    out: Owned,
    algorithm: Algorithm,
}

// SAFETY: descriptions are memory of the library's that no thread owns; they change only under `&mut` or the lock
// of whoever holds the plan.
unsafe impl Send for Plan {}

impl Plan {
    /// How it is multiplied.
    pub(crate) fn algorithm(&self) -> Algorithm {
        self.algorithm
    }
}

/// The library, ready to multiply on one card.
#[derive(Debug)]
pub(crate) struct CublasLt {
    api: Api,
    handle: Owned,
    version: usize,
    fp8: bool,
    /// The card that the handle belongs to.
    context: Arc<Context>,
}

// SAFETY: the library's functions may be called with one handle from several threads.
unsafe impl Send for CublasLt {}
// SAFETY: as above.
unsafe impl Sync for CublasLt {}

impl Drop for CublasLt {
    fn drop(&mut self) {
        // The handle goes next, and is to find its card.
        let _ = self.context.bind();
    }
}

impl CublasLt {
    /// Opens the library at `path` for the card of `context`, which is current.
    ///
    /// # Errors
    /// Why it cannot be used, in words.
    pub(crate) fn open(path: &Path, context: &Arc<Context>) -> Result<Self, String> {
        // SAFETY: its initialisers are trusted as those of any library that the user has installed.
        let library = unsafe { Library::new(path) }.map_err(|error| first_line(&error))?;
        // It stays: the CUDA runtime in it does not bear being taken out of a process.
        let library: &'static Library = Box::leak(Box::new(library));
        // SAFETY: the function has had this type in all versions.
        let version: unsafe extern "C" fn() -> usize =
            unsafe { symbol(library, "cublasLtGetVersion")? };
        // SAFETY: it takes nothing.
        let version = unsafe { version() };
        if version < NEEDED {
            return Err(format!("it is {}, and {} is needed", numbers(version), numbers(NEEDED)));
        }
        // SAFETY: these are their types in `cublasLt.h` of all versions since 11.
        let api = unsafe {
            Api {
                create: symbol(library, "cublasLtCreate")?,
                destroy: symbol(library, "cublasLtDestroy")?,
                description_create: symbol(library, "cublasLtMatmulDescCreate")?,
                description_destroy: symbol(library, "cublasLtMatmulDescDestroy")?,
                description_set: symbol(library, "cublasLtMatmulDescSetAttribute")?,
                layout_create: symbol(library, "cublasLtMatrixLayoutCreate")?,
                layout_destroy: symbol(library, "cublasLtMatrixLayoutDestroy")?,
                preference_create: symbol(library, "cublasLtMatmulPreferenceCreate")?,
                preference_destroy: symbol(library, "cublasLtMatmulPreferenceDestroy")?,
                preference_set: symbol(library, "cublasLtMatmulPreferenceSetAttribute")?,
                heuristic: symbol(library, "cublasLtMatmulAlgoGetHeuristic")?,
                check: symbol(library, "cublasLtMatmulAlgoCheck")?,
                multiply: symbol(library, "cublasLtMatmul")?,
            }
        };
        // SAFETY: the card's context is current, which the handle is for.
        let handle = owned(api.destroy, |handle| unsafe { (api.create)(handle) })
            .map_err(|why| format!("it refuses a handle: {why}"))?;
        // Scales of rows exist on Hopper alone.
        let fp8 = version >= SCALES_ROWS && context.card().capability == (9, 0);
        Ok(Self { api, handle, version, fp8, context: Arc::clone(context) })
    }

    /// Its version, as 10000 * major + 100 * minor + patch.
    pub(crate) fn version(&self) -> usize {
        self.version
    }

    /// Whether it multiplies such operands on this card.
    pub(crate) fn takes(&self, operands: Operands) -> bool {
        match operands {
            Operands::Bf16 => true,
            Operands::Fp8 => self.fp8,
        }
    }

    /// A plan for `task`: with `algorithm`, or with what the library thinks best. `scales` are those of `x` and the
    /// weight, whose presence matters.
    ///
    /// # Errors
    /// Why there is none, in words.
    pub(crate) fn plan(
        &self,
        task: Task,
        scales: [DevicePtr; 2],
        algorithm: Option<Algorithm>,
    ) -> Result<Plan, String> {
        // CUBLAS_COMPUTE_32F, CUDA_R_32F.
        let (arithmetic, float) = (68, F32);
        let description = owned(self.api.description_destroy, |made| {
            // SAFETY: the function writes one address.
            unsafe { (self.api.description_create)(made, arithmetic, float) }
        })?;
        let set = |attribute, value: &[u8]| self.describe(&description, attribute, value);
        // Seen by columns, as the library does, `out` is the transposed weight by `x`.
        set(TRANSPOSE_A, &1i32.to_ne_bytes())?;
        let operands = match task.operands {
            Operands::Bf16 => BF16,
            Operands::Fp8 => {
                set(A_SCALE_MODE, &ROW_SCALES.to_ne_bytes())?;
                set(B_SCALE_MODE, &ROW_SCALES.to_ne_bytes())?;
                set(FAST_SUMS, &[1])?;
                E4M3
            }
        };
        let layout = |kind, rows: usize, columns: usize| {
            owned(self.api.layout_destroy, |made| {
                // SAFETY: the function writes one address. Columns follow each other without gaps.
                unsafe {
                    (self.api.layout_create)(made, kind, rows as u64, columns as u64, rows as i64)
                }
            })
        };
        let weight = layout(operands, task.inputs, task.outputs)?;
        let x = layout(operands, task.inputs, task.rows)?;
        let out = layout(if task.out_f32 { F32 } else { BF16 }, task.outputs, task.rows)?;
        let mut plan = Plan { task, description, weight, x, out, algorithm: Algorithm::default() };
        self.point_at_scales(&plan, scales)?;
        plan.algorithm = match algorithm {
            Some(algorithm) => self.agrees(&plan, algorithm)?,
            None => self.best(&plan)?,
        };
        Ok(plan)
    }

    /// What the library thinks best.
    fn best(&self, plan: &Plan) -> Result<Algorithm, String> {
        // SAFETY: the function writes one address.
        let preference = owned(self.api.preference_destroy, |made| unsafe {
            (self.api.preference_create)(made)
        })?;
        let set = |attribute, value: &[u8]| {
            let (at, bytes) = (value.as_ptr().cast(), value.len());
            // SAFETY: the attribute is of this size.
            checked(unsafe { (self.api.preference_set)(preference.thing, attribute, at, bytes) })
        };
        set(MOST_WORKSPACE, &(WORKSPACE as u64).to_ne_bytes())?;
        set(REDUCTIONS, &0u32.to_ne_bytes())?;
        let (mut answer, mut count) = (Answer::default(), 0);
        // SAFETY: all are the library's own and alive; it writes at most the one answer that is asked for.
        checked(unsafe {
            (self.api.heuristic)(
                self.handle.thing,
                plan.description.thing,
                plan.weight.thing,
                plan.x.thing,
                plan.out.thing,
                plan.out.thing,
                preference.thing,
                1,
                &raw mut answer,
                &raw mut count,
            )
        })?;
        checked(answer.state)?;
        if count < 1 {
            Err("it knows no way to multiply this".into())
        } else {
            Ok(answer.algorithm)
        }
    }

    /// `algorithm`, if it can be used for `plan`.
    fn agrees(&self, plan: &Plan, algorithm: Algorithm) -> Result<Algorithm, String> {
        let mut answer = Answer::default();
        // SAFETY: all are the library's own and alive; it writes one answer.
        checked(unsafe {
            (self.api.check)(
                self.handle.thing,
                plan.description.thing,
                plan.weight.thing,
                plan.x.thing,
                plan.out.thing,
                plan.out.thing,
                &raw const algorithm,
                &raw mut answer,
            )
        })?;
        checked(answer.state)?;
        if answer.workspace > WORKSPACE {
            return Err(format!("it needs {} bytes of workspace", answer.workspace));
        }
        Ok(algorithm)
    }

    /// Queues a multiply.
    ///
    /// # Errors
    /// What the library refused, in words.
    ///
    /// # Safety
    /// The memory behind `addresses` must be what the plan's task says, and `workspace` have [`WORKSPACE`] bytes that
    /// nobody uses; all of it alive in the order of `stream`.
    pub(crate) unsafe fn multiply(
        &self,
        plan: &mut Plan,
        addresses: Addresses,
        workspace: DevicePtr,
        stream: &Stream,
    ) -> Result<(), String> {
        self.point_at_scales(plan, [addresses.x_scales, addresses.weight_scales])?;
        let (one, kept) = (1f32, if plan.task.accumulate { 1f32 } else { 0f32 });
        // SAFETY: the caller's promise; the plan's parts are alive, and both factors lie here during the call.
        checked(unsafe {
            (self.api.multiply)(
                self.handle.thing,
                plan.description.thing,
                (&raw const one).cast(),
                addresses.weight.raw(),
                plan.weight.thing,
                addresses.x.raw(),
                plan.x.thing,
                (&raw const kept).cast(),
                addresses.out.raw(),
                plan.out.thing,
                addresses.out.raw(),
                plan.out.thing,
                &raw const plan.algorithm,
                workspace.raw(),
                WORKSPACE,
                stream.raw().cast(),
            )
        })
    }

    fn point_at_scales(&self, plan: &Plan, [x, weight]: [DevicePtr; 2]) -> Result<(), String> {
        if plan.task.operands == Operands::Fp8 {
            self.describe(&plan.description, A_SCALES, &weight.raw().to_ne_bytes())?;
            self.describe(&plan.description, B_SCALES, &x.raw().to_ne_bytes())?;
        }
        Ok(())
    }

    fn describe(&self, description: &Owned, attribute: c_int, value: &[u8]) -> Result<(), String> {
        let (at, bytes) = (value.as_ptr().cast(), value.len());
        // SAFETY: the description is alive; the library compares the size with the attribute's.
        checked(unsafe { (self.api.description_set)(description.thing, attribute, at, bytes) })
    }
}

/// `cudaDataType`.
const F32: c_int = 0;
const BF16: c_int = 14;
const E4M3: c_int = 28;
/// `cublasLtMatmulDescAttributes_t`.
const TRANSPOSE_A: c_int = 3;
const A_SCALES: c_int = 17;
const B_SCALES: c_int = 18;
const FAST_SUMS: c_int = 25;
const A_SCALE_MODE: c_int = 31;
const B_SCALE_MODE: c_int = 32;
/// `CUBLASLT_MATMUL_MATRIX_SCALE_OUTER_VEC_32F`.
const ROW_SCALES: i32 = 3;
/// `cublasLtMatmulPreferenceAttributes_t`.
const MOST_WORKSPACE: c_int = 1;
const REDUCTIONS: c_int = 3;

/// The function `name`.
///
/// # Safety
/// `F` must be the type of that function.
unsafe fn symbol<F: Copy>(library: &'static Library, name: &str) -> Result<F, String> {
    // SAFETY: the caller's promise.
    let found = unsafe { library.get::<F>(name) };
    found.map(|function| *function).map_err(|_| format!("it has no {name}"))
}

/// What `create` makes.
fn owned(destroy: Destroy, create: impl FnOnce(*mut Opaque) -> Status) -> Result<Owned, String> {
    let mut thing = std::ptr::null_mut();
    checked(create(&raw mut thing))?;
    Ok(Owned { thing, destroy })
}

fn checked(status: Status) -> Result<(), String> {
    let words = match status {
        0 => return Ok(()),
        1 => "not initialised",
        3 => "out of memory",
        7 => "invalid value",
        8 => "not for this card",
        13 => "execution failed",
        14 => "internal error",
        15 => "not supported",
        _ => "refused",
    };
    Err(format!("{words} (status {status})"))
}

/// What the loader says, without what it repeats.
fn first_line(error: &libloading::Error) -> String {
    use std::error::Error;
    let said = error.source().map_or_else(|| error.to_string(), ToString::to_string);
    said.lines().next().unwrap_or("it cannot be opened").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_lie_as_the_library_writes_them() {
        assert_eq!(size_of::<Algorithm>(), 64);
        assert_eq!(size_of::<Answer>(), 96);
        assert_eq!(std::mem::offset_of!(Answer, state), 72);
    }

    #[test]
    fn refusals_have_words() {
        assert_eq!(checked(15).unwrap_err(), "not supported (status 15)");
        assert_eq!(checked(99).unwrap_err(), "refused (status 99)");
        assert!(checked(0).is_ok());
    }
}
