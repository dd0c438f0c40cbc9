//! How a device is used where the fastest way is not the right one. What the choices mean is the device's.

use clap::{Args, ValueEnum};
use zao_engine::{Instructions, LibraryPlaces, UseOfLibraries};

/// Choices that the machine makes well by itself.
#[derive(Args, Clone, Copy, Debug, Default)]
pub(crate) struct TuningArgs {
    /// Instructions of the processor: avx512-bf16, avx512, avx2 or portable [default: the fastest there are]
    #[arg(long, value_name = "INSTRUCTIONS")]
    pub(crate) cpu: Option<Instructions>,

    /// Whether NVIDIA's own libraries multiply where they are installed: auto (where they are faster), always or off
    #[arg(long, value_enum, value_name = "WHEN", default_value_t, hide_possible_values = true)]
    pub(crate) cuda_libraries: CudaLibraries,
}

/// When NVIDIA's libraries are used.
#[derive(ValueEnum, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum CudaLibraries {
    #[default]
    Auto,
    Always,
    Off,
}

impl CudaLibraries {
    /// The same with where they may lie.
    pub(crate) fn at(self, places: LibraryPlaces) -> UseOfLibraries {
        match self {
            Self::Auto => UseOfLibraries::WhereFaster(places),
            Self::Always => UseOfLibraries::Always(places),
            Self::Off => UseOfLibraries::Never,
        }
    }
}
