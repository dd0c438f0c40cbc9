//! A card, and the context in which this process uses it.

use std::ffi::CStr;
use std::sync::Arc;

use cudarc::driver::sys::{self, CUdevice_attribute};
use zao_backend::{Error, Region, Result};

use super::failure::{check, failed};
use super::library;

/// What a card is.
#[derive(Clone, Debug)]
pub(crate) struct Card {
    /// What a user types: `cuda:0`.
    pub(crate) label: String,
    /// What the maker calls it.
    pub(crate) name: String,
    /// Compute capability, major and minor.
    pub(crate) capability: (u32, u32),
    /// Number of multiprocessors.
    pub(crate) multiprocessors: u32,
    /// Shared memory that one block may have after opting in, in bytes.
    pub(crate) shared_per_block: u32,
    /// Device memory, in bytes.
    pub(crate) memory: usize,
}

/// The primary context of a card. It is shared by everything on the card and goes with the last of it.
#[derive(Debug)]
pub(crate) struct Context {
    card: Card,
    device: sys::CUdevice,
    context: sys::CUcontext,
}

// SAFETY: a context may be used from any thread that has made it current, which `bind` does.
unsafe impl Send for Context {}
// SAFETY: as above; the driver locks what it has to.
unsafe impl Sync for Context {}

impl Context {
    /// The context of card number `ordinal`, current on this thread.
    ///
    /// # Errors
    /// No usable driver, no such card, or a card that does not answer.
    pub(crate) fn new(ordinal: usize) -> Result<Arc<Self>> {
        let (card, device) = Card::find(ordinal)?;
        let mut context = std::ptr::null_mut();
        // SAFETY: the device exists; the context is released when this value is dropped.
        let answer = unsafe { sys::cuDevicePrimaryCtxRetain(&raw mut context, device) };
        check("open a context", &card.label, answer)?;
        let this = Self { card, device, context };
        this.bind()?;
        Ok(Arc::new(this))
    }

    /// Makes the context current on this thread, which everything else here takes for granted.
    pub(crate) fn bind(&self) -> Result<()> {
        // SAFETY: the context is alive as long as `self`.
        self.check("bind the context", unsafe { sys::cuCtxSetCurrent(self.context) })
    }

    /// What the card is.
    pub(crate) fn card(&self) -> &Card {
        &self.card
    }

    /// Bytes of device memory that nobody uses now.
    pub(crate) fn free_bytes(&self) -> Result<usize> {
        let (mut free, mut total) = (0, 0);
        // SAFETY: the context is current and the driver writes two integers.
        let answer = unsafe { sys::cuMemGetInfo_v2(&raw mut free, &raw mut total) };
        self.check("ask for free memory", answer)?;
        Ok(free)
    }

    /// Nothing, or what the driver refused.
    pub(super) fn check(&self, op: &'static str, answer: sys::CUresult) -> Result<()> {
        check(op, &self.card.label, answer)
    }

    /// The failure of `op` on this card.
    pub(crate) fn failed(&self, op: &'static str, message: impl Into<String>) -> Error {
        failed(op, &self.card.label, message)
    }

    /// The refusal of `asked` bytes.
    pub(crate) fn out_of_memory(&self, region: Region, asked: usize, free: usize) -> Error {
        Error::OutOfMemory { device: self.card.label.clone(), region, asked, free }
    }
}

impl Drop for Context {
    fn drop(&mut self) {
        // SAFETY: it was retained once in `new`. A refusal cannot be answered here.
        let _ = unsafe { sys::cuDevicePrimaryCtxRelease_v2(self.device) };
    }
}

impl Card {
    /// Card number `ordinal`, and the driver's handle of it.
    ///
    /// # Errors
    /// No usable driver, no such card, or a card that does not answer.
    pub(crate) fn find(ordinal: usize) -> Result<(Self, sys::CUdevice)> {
        let label = format!("cuda:{ordinal}");
        let count = library::cards()?;
        if ordinal >= count {
            let message = match count {
                0 => "no NVIDIA card is visible to this process".to_owned(),
                1 => "there is one card, cuda:0".to_owned(),
                _ => format!("there are {count} cards, cuda:0 to cuda:{}", count - 1),
            };
            return Err(failed("open the card", &label, message));
        }
        let ordinal = i32::try_from(ordinal).unwrap_or(i32::MAX);
        let mut device = 0;
        // SAFETY: the driver is initialised and writes one handle.
        check("open the card", &label, unsafe { sys::cuDeviceGet(&raw mut device, ordinal) })?;
        Ok((Self::ask(label, device)?, device))
    }

    /// Where it is plugged in, as Linux writes it: `0000:1b:00.0`.
    pub(crate) fn bus_id(device: sys::CUdevice) -> Option<String> {
        let mut text = [0; 32];
        // SAFETY: the driver writes at most 32 characters, with a zero behind them.
        let answer = unsafe { sys::cuDeviceGetPCIBusId(text.as_mut_ptr(), 32, device) };
        check("ask where the card is", "cuda", answer).ok()?;
        let text: &[u8] = bytemuck::cast_slice(&text);
        let text = CStr::from_bytes_until_nul(text).ok()?;
        Some(text.to_str().ok()?.to_ascii_lowercase())
    }

    /// Whether it multiplies fp8.
    pub(crate) fn has_fp8(&self) -> bool {
        self.capability >= (8, 9)
    }

    fn ask(label: String, device: sys::CUdevice) -> Result<Self> {
        use CUdevice_attribute::{
            CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR as MAJOR,
            CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR as MINOR,
            CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN as SHARED,
            CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT as COUNT,
        };
        let attribute = |which| {
            let mut value = 0;
            // SAFETY: the device exists and the driver writes one integer.
            let answer = unsafe { sys::cuDeviceGetAttribute(&raw mut value, which, device) };
            check("ask about the card", &label, answer)?;
            Ok(u32::try_from(value).unwrap_or(0))
        };
        let capability = (attribute(MAJOR)?, attribute(MINOR)?);
        let (multiprocessors, shared_per_block) = (attribute(COUNT)?, attribute(SHARED)?);
        let (mut name, mut memory) = ([0; 256], 0);
        // SAFETY: the driver writes at most 256 characters, with a zero behind them.
        let answer = unsafe { sys::cuDeviceGetName(name.as_mut_ptr(), 256, device) };
        check("ask for the card's name", &label, answer)?;
        // SAFETY: the driver writes one integer.
        let answer = unsafe { sys::cuDeviceTotalMem_v2(&raw mut memory, device) };
        check("ask for the card's memory", &label, answer)?;
        let name: &[u8] = bytemuck::cast_slice(&name);
        let name = CStr::from_bytes_until_nul(name).unwrap_or_default();
        let name = name.to_string_lossy().into_owned();
        Ok(Self { label, name, capability, multiprocessors, shared_per_block, memory })
    }
}
