//! Which device draws. The only place that knows the device crates.

use std::num::NonZeroUsize;

use zao_backend::{Backend, Dtype, Int8Panels, Policy, Stored};
pub use zao_cpu::Instructions;
use zao_cpu::{Cpu, CpuPrecision};
use zao_model::{Declared, Usage};

use crate::{Error, ResolvedPrecision, Result};

/// A device as a user names it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Device {
    /// The best there is.
    #[default]
    Auto,
    /// The processor.
    Cpu,
}

impl std::str::FromStr for Device {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        match name {
            "auto" => Ok(Self::Auto),
            "cpu" => Ok(Self::Cpu),
            _ => Err(Error::NoDevice {
                name: name.into(),
                detail: "this build of zao draws on: auto, cpu".into(),
            }),
        }
    }
}

/// A device that knows how fast it could be.
pub(crate) trait Measurable: Backend {
    /// Additions and multiplications a second, in the arithmetic of its precision, measured now.
    fn peak(&self) -> Result<f64>;
}

impl Measurable for Cpu {
    fn peak(&self) -> Result<f64> {
        Ok(Cpu::peak(self)?)
    }
}

/// A device that quantises weights so that they can be stored.
pub(crate) trait Quantise {
    /// The matrix `[out, in]` in int8.
    fn quantise(&self, matrix: &Stored) -> Result<Int8Panels>;
}

impl Quantise for Cpu {
    fn quantise(&self, matrix: &Stored) -> Result<Int8Panels> {
        Ok(self.int8_panels(matrix)?)
    }
}

/// The processor in the given precision.
pub(crate) fn cpu(
    precision: ResolvedPrecision,
    threads: Option<NonZeroUsize>,
    instructions: Option<Instructions>,
) -> Result<Cpu> {
    let precision = of_cpu(precision);
    Ok(Cpu::new(zao_cpu::Settings { precision, threads, instructions })?)
}

/// The device whose int8 weights can be stored.
pub(crate) fn quantiser(threads: Option<NonZeroUsize>) -> Result<impl Quantise> {
    cpu(ResolvedPrecision::Int8, threads, None)
}

/// The element types of activations in this precision.
pub(crate) fn policy(precision: ResolvedPrecision) -> Policy {
    of_cpu(precision).policy()
}

/// Bytes of main memory that a tensor which is stored dense takes once it is loaded.
pub(crate) fn loaded_bytes(precision: ResolvedPrecision, tensor: &Declared, dtype: Dtype) -> u64 {
    match tensor.usage {
        Usage::Vector => (tensor.values() * Dtype::F32.size()) as u64,
        Usage::Matrix { role, care } => {
            zao_cpu::kept_bytes(of_cpu(precision), (role, care), dtype, &tensor.shape)
        }
    }
}

fn of_cpu(precision: ResolvedPrecision) -> CpuPrecision {
    match precision {
        ResolvedPrecision::F32 => CpuPrecision::F32,
        ResolvedPrecision::Bf16 => CpuPrecision::Bf16,
        ResolvedPrecision::Int8 => CpuPrecision::Int8,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_devices_say_what_there_is() {
        let error = "cuda:0".parse::<Device>().unwrap_err().to_string();
        assert!(error.contains("cuda:0") && error.contains("cpu"), "{error}");
    }
}
