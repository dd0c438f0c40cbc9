//! Whether there is a driver, whether it is new enough, and which cards it shows.

use std::sync::OnceLock;

use cudarc::driver::sys;
use zao_backend::{Error, Result};

use super::failure::{CUDA, check, failed};

/// The oldest driver interface that has everything used here: CUDA 12.0, which came with driver 525.
const NEEDED: i32 = 12_000;

/// The interface version of the installed driver, as 1000 * major + 10 * minor, once it is ready.
///
/// # Errors
/// No driver, one that is too old, or one that does not start.
pub(crate) fn version() -> Result<i32> {
    static VERSION: OnceLock<Result<i32>> = OnceLock::new();
    VERSION.get_or_init(start).clone()
}

/// Whether the driver's library is installed.
pub(crate) fn is_installed() -> bool {
    // SAFETY: loads the driver's library, whose initialisers are trusted as those of any driver.
    unsafe { sys::is_culib_present() }
}

/// The interface version of the installed driver, whether it is new enough and ready or not.
///
/// # Errors
/// No driver, or one that does not even tell its version.
pub(crate) fn offered() -> Result<i32> {
    if !is_installed() {
        let name = if cfg!(windows) { "nvcuda.dll" } else { "libcuda.so.1" };
        let message = format!(
            "no NVIDIA driver: {name} was not found; install driver 525 or newer, or use --device cpu"
        );
        return Err(failed("open the driver", CUDA, message));
    }
    let mut version = 0;
    // SAFETY: the driver writes one integer; it may be asked before it is initialised.
    check("ask the driver's version", CUDA, unsafe { sys::cuDriverGetVersion(&raw mut version) })?;
    Ok(version)
}

/// Whether a driver that offers this interface version has everything used here.
pub(crate) fn is_new_enough(version: i32) -> bool {
    version >= NEEDED
}

fn start() -> Result<i32> {
    let version = offered()?;
    if !is_new_enough(version) {
        return Err(too_old(version));
    }
    // SAFETY: no arguments that could be wrong.
    check("start the driver", CUDA, unsafe { sys::cuInit(0) })?;
    Ok(version)
}

fn too_old(version: i32) -> Error {
    let (major, minor) = (version / 1000, version % 1000 / 10);
    let message = format!(
        "the NVIDIA driver is too old: it offers CUDA {major}.{minor}, and CUDA 12.0 is needed; \
         install driver 525 or newer"
    );
    failed("open the driver", CUDA, message)
}

/// How many cards the driver shows to this process.
///
/// # Errors
/// As for [`version`].
pub(crate) fn cards() -> Result<usize> {
    version()?;
    let mut count = 0;
    // SAFETY: the driver is initialised and writes one integer.
    let answer = unsafe { sys::cuDeviceGetCount(&raw mut count) };
    if answer == sys::CUresult::CUDA_ERROR_NO_DEVICE {
        return Ok(0);
    }
    check("count cards", CUDA, answer)?;
    Ok(usize::try_from(count).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_old_driver_is_told_what_is_needed() {
        let error = too_old(11_080).to_string();
        assert!(error.contains("CUDA 11.8") && error.contains("525"), "{error}");
    }

    #[test]
    fn a_machine_without_a_driver_is_an_error_and_no_panic() {
        if let Err(error) = version() {
            let error = error.to_string();
            assert!(error.contains("driver"), "{error}");
        }
    }
}
