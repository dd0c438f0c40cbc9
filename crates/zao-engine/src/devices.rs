//! Which device draws. The only place that knows the device crates.

use std::num::NonZeroUsize;

use zao_backend::{Backend, Dtype, Form, Int8Panels, Policy, Stored, Streamed};
pub use zao_cpu::Instructions;
use zao_cpu::{Cpu, CpuPrecision};
pub use zao_cuda::{
    Bus, CardFacts, CardMeter, CardReading, DriverState, InstalledLibrary, LibraryPlaces, Served,
    UseOfLibraries,
};
use zao_cuda::{Card, Cuda, CudaPrecision};
pub(crate) use zao_cuda::{
    cards_on_the_bus, driver, driver_release, installed as installed_libraries, survey,
};
use zao_model::{Declared, Usage};

use crate::aside::{Aside, OnDevice};
use crate::memory::resident_bytes;
use crate::{Error, Reads, ResolvedPrecision, Result, Settings};

/// A device as a user names it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Device {
    /// The best there is: the first NVIDIA card if it can draw with the model, else the processor.
    #[default]
    Auto,
    /// The processor.
    Cpu,
    /// An NVIDIA card, in the driver's order.
    Cuda(usize),
}

impl std::str::FromStr for Device {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        let unknown = || Error::NoDevice {
            name: name.into(),
            detail: "zao draws on: auto, cpu, cuda (the first NVIDIA card), cuda:N".into(),
        };
        match name {
            "auto" => Ok(Self::Auto),
            "cpu" => Ok(Self::Cpu),
            "cuda" => Ok(Self::Cuda(0)),
            _ => {
                let ordinal = name.strip_prefix("cuda:").and_then(|number| number.parse().ok());
                ordinal.map(Self::Cuda).ok_or_else(unknown)
            }
        }
    }
}

/// Bytes of the device's memory that are in use now, by whomever; for the processor, by this process. `None`
/// where nobody tells.
///
/// # Errors
/// A device that is not there.
pub fn used_bytes(device: Device) -> Result<Option<u64>> {
    Ok(Found::find(device)?.used_bytes())
}

/// Bytes of a card's memory that the driver reports for this process beside what is planned: its own context, code of
/// kernels, a library.
pub(crate) const CONTEXT_BYTES: u64 = Card::CONTEXT_BYTES;

/// Bytes of a card's memory that a run takes at most beside weights and what is planned.
pub(crate) const CARD_BESIDE_BYTES: u64 = Card::BESIDE_BYTES;

/// A device that is there, not yet in a precision.
pub(crate) enum Found {
    /// The processor.
    Cpu,
    /// A card, and its number.
    Cuda(Card, usize),
}

impl Found {
    /// The device that was asked for; the card for [`Device::Auto`], if there is one.
    ///
    /// # Errors
    /// A card that was asked for and cannot be used.
    pub(crate) fn find(device: Device) -> Result<Self> {
        match device {
            Device::Cpu => Ok(Self::Cpu),
            Device::Cuda(ordinal) => Ok(Self::Cuda(Card::find(ordinal)?, ordinal)),
            Device::Auto => Ok(Card::find(0).map_or(Self::Cpu, |card| Self::Cuda(card, 0))),
        }
    }

    /// The same device in a precision.
    pub(crate) fn with(&self, precision: ResolvedPrecision) -> Target {
        match self {
            Self::Cpu => Target::Cpu(precision),
            Self::Cuda(..) => Target::Cuda(precision),
        }
    }

    /// What the device calls itself in sentences.
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Cpu => "the processor",
            Self::Cuda(card, _) => card.name(),
        }
    }

    /// Whether it can draw in this precision at all.
    pub(crate) fn has(&self, precision: ResolvedPrecision) -> bool {
        match self {
            Self::Cpu => precision != ResolvedPrecision::Fp8,
            Self::Cuda(card, _) => precision != ResolvedPrecision::Fp8 || card.has_fp8(),
        }
    }

    /// Bytes of its memory that are in use, by whomever; for the processor, by this process.
    pub(crate) fn used_bytes(&self) -> Option<u64> {
        match self {
            Self::Cpu => resident_bytes(),
            Self::Cuda(card, _) => card.used_bytes().ok(),
        }
    }

    /// The card's number.
    pub(crate) fn ordinal(&self) -> Option<usize> {
        match self {
            Self::Cpu => None,
            Self::Cuda(_, ordinal) => Some(*ordinal),
        }
    }

    /// Bytes of memory of its own that a run takes beside weights and what is planned.
    pub(crate) fn beside_bytes(&self) -> u64 {
        match self {
            Self::Cpu => 0,
            Self::Cuda(..) => CARD_BESIDE_BYTES,
        }
    }

    /// Bytes of memory of its own that may be used.
    pub(crate) fn free_bytes(&self) -> Option<u64> {
        match self {
            Self::Cpu => None,
            Self::Cuda(card, _) => card.free_bytes().ok(),
        }
    }
}

/// A kind of device in a precision: enough to know what runs and weights take there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    Cpu(ResolvedPrecision),
    Cuda(ResolvedPrecision),
}

impl Target {
    /// The same kind of device in another precision.
    pub(crate) fn with(self, precision: ResolvedPrecision) -> Self {
        match self {
            Self::Cpu(_) => Self::Cpu(precision),
            Self::Cuda(_) => Self::Cuda(precision),
        }
    }

    /// The element types of activations.
    pub(crate) fn policy(self) -> Policy {
        match self {
            Self::Cpu(precision) => of_cpu(precision).policy(),
            Self::Cuda(precision) => of_cuda(precision).policy(),
        }
    }

    /// Bytes of the device's memory that a tensor takes which the device multiplies as it is packed; `None` where
    /// it has to be unpacked to be loaded.
    pub(crate) fn packed_bytes(self, usage: Usage, form: &Form) -> Option<u64> {
        let Usage::Matrix { role, care } = usage else { return None };
        match self {
            Self::Cpu(precision) => zao_cpu::packed_bytes(of_cpu(precision), (role, care), form),
            Self::Cuda(precision) => zao_cuda::packed_bytes(of_cuda(precision), (role, care), form),
        }
    }

    /// Whether the device may stream a weight of this usage.
    pub(crate) fn streams(self, usage: Usage) -> bool {
        match (self, usage) {
            (Self::Cpu(_), _) | (_, Usage::Vector) => false,
            (Self::Cuda(_), Usage::Matrix { role, care }) => Streamed::takes(role, care),
        }
    }

    /// Bytes of the device's memory in which streamed weights are converted that come from files.
    pub(crate) fn staging_bytes(self) -> u64 {
        match self {
            Self::Cpu(_) => 0,
            Self::Cuda(_) => zao_cuda::STAGING_BYTES,
        }
    }

    /// Bytes of the device's memory that tensors which are multiplied as they are packed need together besides, if this
    /// is one of them.
    pub(crate) fn unpacking_bytes(self, usage: Usage, form: &Form) -> u64 {
        match (usage, self) {
            (Usage::Matrix { role, care }, Self::Cuda(precision)) => {
                zao_cuda::unpacking_bytes(of_cuda(precision), (role, care), form)
            }
            _ => 0,
        }
    }

    /// Bytes of the device's memory that a tensor which is stored dense takes once it is loaded.
    pub(crate) fn loaded_bytes(self, tensor: &Declared, dtype: Dtype) -> u64 {
        match (tensor.usage, self) {
            (Usage::Vector, _) => (tensor.values() * Dtype::F32.size()) as u64,
            (Usage::Matrix { role, care }, Self::Cpu(precision)) => {
                zao_cpu::kept_bytes(of_cpu(precision), (role, care), dtype, &tensor.shape)
            }
            (Usage::Matrix { role, care }, Self::Cuda(precision)) => {
                zao_cuda::kept_bytes(of_cuda(precision), (role, care), &tensor.shape)
            }
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

impl Measurable for Cuda {
    fn peak(&self) -> Result<f64> {
        Ok(Cuda::peak(self)?)
    }
}

/// A device that quantises weights so that they can be stored.
pub(crate) trait Quantise {
    /// The matrix `[out, in]` in int8.
    fn quantise(&self, matrix: &Stored) -> Result<Int8Panels>;

    /// The values that a row of such a matrix stands for.
    fn widen(&self, panels: &Int8Panels, row: usize, out: &mut [f32]);
}

impl Quantise for Cpu {
    fn quantise(&self, matrix: &Stored) -> Result<Int8Panels> {
        Ok(self.int8_panels(matrix)?)
    }

    fn widen(&self, panels: &Int8Panels, row: usize, out: &mut [f32]) {
        Cpu::int8_row(panels, row, out);
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

/// The processor that reads prompts beside a card, which is taken when the first is there.
pub(crate) fn reader(reads: Reads, settings: &Settings) -> Option<(Reads, Box<dyn Aside>)> {
    let Reads::Processor(precision) = reads else { return None };
    let (threads, instructions) = (settings.threads, settings.instructions);
    let open = move || cpu(precision, threads, instructions);
    Some((reads, Box::new(OnDevice::new(Target::Cpu(precision), open))))
}

/// A card in the given precision.
pub(crate) fn cuda(
    precision: ResolvedPrecision,
    ordinal: usize,
    settings: &Settings,
) -> Result<Cuda> {
    Ok(Cuda::new(zao_cuda::Settings {
        ordinal,
        precision: of_cuda(precision),
        libraries: settings.libraries.clone(),
        cache: settings.cache.clone(),
    })?)
}

/// The device whose int8 weights can be stored.
pub(crate) fn quantiser(threads: Option<NonZeroUsize>) -> Result<impl Quantise + Sync> {
    cpu(ResolvedPrecision::Int8, threads, None)
}

fn of_cpu(precision: ResolvedPrecision) -> CpuPrecision {
    match precision {
        ResolvedPrecision::F32 => CpuPrecision::F32,
        ResolvedPrecision::Bf16 => CpuPrecision::Bf16,
        // Nobody gets here with fp8, which `precision.rs` refuses for a processor.
        ResolvedPrecision::Fp8 | ResolvedPrecision::Int8 => CpuPrecision::Int8,
    }
}

fn of_cuda(precision: ResolvedPrecision) -> CudaPrecision {
    match precision {
        ResolvedPrecision::F32 => CudaPrecision::F32,
        ResolvedPrecision::Bf16 => CudaPrecision::Bf16,
        ResolvedPrecision::Fp8 => CudaPrecision::Fp8,
        ResolvedPrecision::Int8 => CudaPrecision::Int8,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_devices_say_what_there_is() {
        let error = "cuda:first".parse::<Device>().unwrap_err().to_string();
        assert!(error.contains("cuda:first") && error.contains("cpu"), "{error}");
        assert_eq!("cuda".parse::<Device>().unwrap(), Device::Cuda(0));
        assert_eq!("cuda:3".parse::<Device>().unwrap(), Device::Cuda(3));
    }
}
