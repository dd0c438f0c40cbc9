//! The library itself: the few of its functions that are used, as `nvml.h` declares them. Old drivers lack some, and cards
//! refuse some; both are `None` here. What numbers mean is known in [`super`].

use std::ffi::{CString, c_char, c_int, c_uint, c_ulonglong, c_void};
use std::sync::{Arc, OnceLock};

use libloading::Library;

use super::{Handle, Table};

/// What the library's functions answer; 0 where they did what they were asked.
type Status = c_int;
/// A card, in memory of the library's.
type Device = *mut c_void;
type Ask<T> = unsafe extern "C" fn(Device, *mut T) -> Status;
type AskWhich<T> = unsafe extern "C" fn(Device, c_int, *mut T) -> Status;

/// `NVML_TEMPERATURE_GPU`.
const CHIP: c_int = 0;
/// `NVML_CLOCK_SM`.
const MULTIPROCESSORS: c_int = 1;

/// `nvmlUtilization_t`: shares of 100.
#[repr(C)]
#[derive(Clone, Copy, Default)]
struct Utilization {
    kernels: c_uint,
    memory: c_uint,
}

/// `nvmlMemory_v2_t`, whose `used` is what `nvidia-smi` shows: without what the driver keeps for itself.
#[repr(C)]
#[derive(Clone, Copy, Default)]
struct Memory {
    version: c_uint,
    total: c_ulonglong,
    reserved: c_ulonglong,
    free: c_ulonglong,
    used: c_ulonglong,
}

impl Memory {
    /// The size of the structure, and 2 for its second form.
    const VERSION: c_uint = size_of::<Self>() as c_uint | (2 << 24);
}

struct Nvml {
    count: unsafe extern "C" fn(*mut c_uint) -> Status,
    at_index: unsafe extern "C" fn(c_uint, *mut Device) -> Status,
    at_bus: unsafe extern "C" fn(*const c_char, *mut Device) -> Status,
    utilization: Option<Ask<Utilization>>,
    power: Option<Ask<c_uint>>,
    energy: Option<Ask<c_ulonglong>>,
    temperature: Option<AskWhich<c_uint>>,
    clock: Option<AskWhich<c_uint>>,
    memory: Option<Ask<Memory>>,
}

/// The library of this machine, opened and started once.
pub(super) fn installed() -> Option<Arc<dyn Table>> {
    static OPENED: OnceLock<Option<Arc<Nvml>>> = OnceLock::new();
    let opened = OPENED.get_or_init(|| open().map(Arc::new)).clone()?;
    Some(opened)
}

fn open() -> Option<Nvml> {
    let name = if cfg!(windows) { "nvml.dll" } else { "libnvidia-ml.so.1" };
    // SAFETY: its initialisers are trusted as those of any driver.
    let library = unsafe { Library::new(name) }.ok()?;
    // It stays, and is never shut down: other threads may be asking when the process ends.
    let library: &'static Library = Box::leak(Box::new(library));
    // SAFETY: these are their types in `nvml.h` of all versions that have them.
    let (start, nvml) = unsafe {
        let start: unsafe extern "C" fn() -> Status = symbol(library, "nvmlInit_v2")?;
        let nvml = Nvml {
            count: symbol(library, "nvmlDeviceGetCount_v2")?,
            at_index: symbol(library, "nvmlDeviceGetHandleByIndex_v2")?,
            at_bus: symbol(library, "nvmlDeviceGetHandleByPciBusId_v2")?,
            utilization: symbol(library, "nvmlDeviceGetUtilizationRates"),
            power: symbol(library, "nvmlDeviceGetPowerUsage"),
            energy: symbol(library, "nvmlDeviceGetTotalEnergyConsumption"),
            temperature: symbol(library, "nvmlDeviceGetTemperature"),
            clock: symbol(library, "nvmlDeviceGetClockInfo"),
            memory: symbol(library, "nvmlDeviceGetMemoryInfo_v2"),
        };
        (start, nvml)
    };
    // SAFETY: it takes nothing, and may be called by anybody at any time.
    let started = unsafe { start() };
    (started == 0).then_some(nvml)
}

/// A function of the library.
///
/// # Safety
/// `F` must be the type of that function.
unsafe fn symbol<F: Copy>(library: &'static Library, name: &str) -> Option<F> {
    // SAFETY: the caller's promise.
    unsafe { library.get::<F>(name) }.ok().map(|function| *function)
}

impl Nvml {
    fn device(&self, find: impl FnOnce(*mut Device) -> Status) -> Option<Handle> {
        let mut device = std::ptr::null_mut();
        (find(&raw mut device) == 0).then_some(Handle(device.expose_provenance()))
    }
}

fn ask<T: Copy>(function: Option<Ask<T>>, card: Handle, mut into: T) -> Option<T> {
    let device = std::ptr::with_exposed_provenance_mut(card.0);
    // SAFETY: the device is one that the library gave, which is never shut down; it writes one value of this type.
    let status = unsafe { function?(device, &raw mut into) };
    (status == 0).then_some(into)
}

fn ask_which(function: Option<AskWhich<c_uint>>, card: Handle, which: c_int) -> Option<u32> {
    let (device, mut value) = (std::ptr::with_exposed_provenance_mut(card.0), 0);
    // SAFETY: as in `ask`; `which` is one of the function's own constants.
    let status = unsafe { function?(device, which, &raw mut value) };
    (status == 0).then_some(value)
}

impl Table for Nvml {
    fn count(&self) -> Option<u32> {
        let mut count = 0;
        // SAFETY: the library is started and writes one integer.
        let status = unsafe { (self.count)(&raw mut count) };
        (status == 0).then_some(count)
    }

    fn at_index(&self, index: u32) -> Option<Handle> {
        // SAFETY: the library is started and writes one address.
        self.device(|device| unsafe { (self.at_index)(index, device) })
    }

    fn at_bus(&self, bus: &str) -> Option<Handle> {
        let bus = CString::new(bus).ok()?;
        // SAFETY: as above; the text ends in a zero and outlives the call.
        self.device(|device| unsafe { (self.at_bus)(bus.as_ptr(), device) })
    }

    fn utilization(&self, card: Handle) -> Option<u32> {
        ask(self.utilization, card, Utilization::default()).map(|shares| shares.kernels)
    }

    fn power(&self, card: Handle) -> Option<u32> {
        ask(self.power, card, 0)
    }

    fn energy(&self, card: Handle) -> Option<u64> {
        ask(self.energy, card, 0)
    }

    fn temperature(&self, card: Handle) -> Option<u32> {
        ask_which(self.temperature, card, CHIP)
    }

    fn sm_clock(&self, card: Handle) -> Option<u32> {
        ask_which(self.clock, card, MULTIPROCESSORS)
    }

    fn memory_used(&self, card: Handle) -> Option<u64> {
        let asked = Memory { version: Memory::VERSION, ..Memory::default() };
        ask(self.memory, card, asked).map(|memory| memory.used)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn structures_are_as_large_as_the_library_has_them() {
        assert_eq!((size_of::<Utilization>(), size_of::<Memory>()), (8, 40));
        assert_eq!(Memory::VERSION, 0x0200_0028);
    }
}
