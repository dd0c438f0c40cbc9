//! What the driver answers, as values of [`zao_backend::Error`].

use cudarc::driver::result::DriverError;
use cudarc::driver::sys::CUresult;
use zao_backend::{Error, Result};

/// The name of this device before one is chosen.
pub(super) const CUDA: &str = "cuda";

/// Nothing, or the refusal of `op` on `device` in the driver's words.
pub(super) fn check(op: &'static str, device: &str, answer: CUresult) -> Result<()> {
    if answer == CUresult::CUDA_SUCCESS {
        return Ok(());
    }
    Err(failed(op, device, words(answer)))
}

/// The failure of `op` on `device`.
pub(crate) fn failed(op: &'static str, device: &str, message: impl Into<String>) -> Error {
    Error::Device { op, device: device.into(), message: message.into() }
}

/// What the driver calls this answer, and what helps if that is known.
fn words(answer: CUresult) -> String {
    let error = DriverError(answer);
    let text = |words: Result<&std::ffi::CStr, DriverError>| {
        words.map_or_else(|_| String::new(), |words| words.to_string_lossy().into_owned())
    };
    let (name, said) = (text(error.error_name()), text(error.error_string()));
    let hint = match answer {
        CUresult::CUDA_ERROR_NO_DEVICE => "; no NVIDIA card is visible to this process",
        CUresult::CUDA_ERROR_ECC_UNCORRECTABLE
        | CUresult::CUDA_ERROR_HARDWARE_STACK_ERROR
        | CUresult::CUDA_ERROR_ILLEGAL_ADDRESS
        | CUresult::CUDA_ERROR_LAUNCH_FAILED => {
            "; the card does nothing more for this process, start it again"
        }
        CUresult::CUDA_ERROR_SYSTEM_NOT_READY | CUresult::CUDA_ERROR_DEVICE_UNAVAILABLE => {
            "; the card is not ready or another process has it to itself"
        }
        _ => "",
    };
    format!("{said} ({name}){hint}")
}
