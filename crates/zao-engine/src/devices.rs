//! Which device draws, and in which precision. The only place that knows the device crates.

use std::num::NonZeroUsize;

use zao_backend::Backend;
use zao_cpu::{Cpu, CpuPrecision};

use crate::{Error, Result};

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

/// The precision as asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Precision {
    /// What suits the machine and the model.
    #[default]
    Auto,
    /// This one.
    Exactly(ResolvedPrecision),
}

/// The precision that a picture is drawn in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResolvedPrecision {
    /// Single precision; weights keep every stored bit.
    F32,
    /// Weights and the inputs of matrix multiplies in bf16.
    Bf16,
    /// Weights and the inputs of matrix multiplies in 8 bits, the autoencoder in bf16.
    Int8,
}

impl Precision {
    /// Chooses by the bytes of memory there are: f32 loses nothing and is as fast here, but weights stored in f32 take twice
    /// the room of bf16.
    pub(crate) fn resolve(self, largest_part: u64, memory: u64) -> ResolvedPrecision {
        match self {
            Self::Exactly(precision) => precision,
            Self::Auto if largest_part > memory / 10 * 9 => ResolvedPrecision::Bf16,
            Self::Auto => ResolvedPrecision::F32,
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

/// The processor in the given precision.
pub(crate) fn cpu(precision: ResolvedPrecision, threads: Option<NonZeroUsize>) -> Result<Cpu> {
    let precision = match precision {
        ResolvedPrecision::F32 => CpuPrecision::F32,
        ResolvedPrecision::Bf16 => CpuPrecision::Bf16,
        ResolvedPrecision::Int8 => CpuPrecision::Int8,
    };
    Ok(Cpu::new(zao_cpu::Settings { precision, threads, instructions: None })?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn auto_keeps_f32_until_the_weights_do_not_fit() {
        let gib = 1u64 << 30;
        let resolve = |part, memory| Precision::Auto.resolve(part, memory);
        assert_eq!(resolve(12 * gib, 20 * gib), ResolvedPrecision::F32);
        assert_eq!(resolve(24 * gib, 20 * gib), ResolvedPrecision::Bf16);
        assert_eq!(resolve(24 * gib, u64::MAX), ResolvedPrecision::F32);
        let exactly = Precision::Exactly(ResolvedPrecision::F32);
        assert_eq!(exactly.resolve(24 * gib, gib), ResolvedPrecision::F32);
    }

    #[test]
    fn unknown_devices_say_what_there_is() {
        let error = "cuda:0".parse::<Device>().unwrap_err().to_string();
        assert!(error.contains("cuda:0") && error.contains("cpu"), "{error}");
    }
}
