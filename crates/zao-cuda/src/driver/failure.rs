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
        CUresult::CUDA_ERROR_CONTEXT_IS_DESTROYED
        | CUresult::CUDA_ERROR_ECC_UNCORRECTABLE
        | CUresult::CUDA_ERROR_HARDWARE_STACK_ERROR
        | CUresult::CUDA_ERROR_ILLEGAL_ADDRESS
        | CUresult::CUDA_ERROR_ILLEGAL_INSTRUCTION
        | CUresult::CUDA_ERROR_INVALID_ADDRESS_SPACE
        | CUresult::CUDA_ERROR_INVALID_PC
        | CUresult::CUDA_ERROR_LAUNCH_FAILED
        | CUresult::CUDA_ERROR_LAUNCH_TIMEOUT
        | CUresult::CUDA_ERROR_MISALIGNED_ADDRESS
        | CUresult::CUDA_ERROR_NVLINK_UNCORRECTABLE
        | CUresult::CUDA_ERROR_UNKNOWN => {
            "; the card does nothing more for this process, start it again"
        }
        CUresult::CUDA_ERROR_SYSTEM_NOT_READY | CUresult::CUDA_ERROR_DEVICE_UNAVAILABLE => {
            "; the card is not ready or another process has it to itself"
        }
        _ => "",
    };
    format!("{said} ({name}){hint}")
}

#[cfg(test)]
#[allow(clippy::print_stdout, reason = "a test that is skipped says so")]
mod tests {
    use std::process::Command;

    use crate::driver::{Buffer, Context, Launch, Module, Stream, args};
    use zao_backend::Region;

    /// In a process that is started with this, the test loses the card.
    const LOSE: &str = "ZAO_TEST_LOSE_THE_CARD";
    const NAME: &str = "driver::failure::tests::a_card_that_is_lost_is_told_and_nothing_hangs";

    /// What the driver says while a kernel fails, and to what is asked of it next.
    fn lose() -> [String; 2] {
        let context = Context::new(0).unwrap();
        let text =
            b".version 7.0\n.target sm_80\n.address_size 64\n.visible .entry lose() { trap; }\n\0";
        let kernel = Module::new(&context, text, false).unwrap().kernel("lose").unwrap();
        let stream = Stream::new(&context).unwrap();
        let held = Buffer::new(&context, 1 << 20, Region::Step).unwrap();
        // SAFETY: the kernel takes no arguments and touches no memory.
        unsafe { Launch::ONE.run(&stream, &kernel, args![]).unwrap() };
        let first = stream.wait().unwrap_err();
        let next = Buffer::new(&context, 1 << 20, Region::Step).unwrap_err();
        drop(held);
        [first, next].map(|error| error.to_string())
    }

    #[test]
    fn a_card_that_is_lost_is_told_and_nothing_hangs() {
        if std::env::var_os(LOSE).is_some() {
            let [first, next] = lose();
            println!("first: {first}\nnext: {next}");
            return;
        }
        if let Err(error) = Context::new(0) {
            println!("skipped, there is no card to lose: {error}");
            return;
        }
        // The card is lost for a whole process, so it is another one.
        let mut child = Command::new(std::env::current_exe().unwrap());
        let output = child.args(["--exact", NAME, "--nocapture"]).env(LOSE, "1").output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{said}");
        for line in ["first: ", "next: "] {
            let line = said.lines().find(|said| said.starts_with(line)).unwrap();
            assert!(line.contains("cuda:0") && line.contains("start it again"), "{line}");
        }
    }
}
