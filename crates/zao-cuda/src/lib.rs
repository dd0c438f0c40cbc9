//! The CUDA device: every operation of `zao-backend` on an NVIDIA card, from Ampere on.
//!
//! Only the driver is needed, and it is opened when the program runs. The kernels (`kernels/*.cu`) are compiled
//! ahead of time by `cargo xtask kernels` and lie in the binary; cuBLASLt is used where it is
//! installed and faster. A row of a result depends on its own inputs only, bit for bit, however many rows there are.
//!
//! What an operation means is not decided here; `zao_backend::Scalar` defines it.

#![allow(unsafe_code, reason = "it talks to the driver")]
#![allow(clippy::needless_pass_by_value, reason = "launching an operation consumes it")]

mod address;
mod attention;
mod card;
mod convolution;
mod copy;
mod description;
mod device;
mod driver;
mod ending;
mod group_norm;
mod home;
mod host;
mod image;
mod kernels;
mod latent;
mod libraries;
mod linear;
mod loader;
mod memory;
mod norm;
mod nvml;
mod packed;
mod peak;
mod quantise;
mod rope;
mod rows;
mod sequence;
mod settings;
mod staging;
mod streaming;
mod survey;
mod transfer;
mod weight;
mod window;

pub use card::Card;
pub use device::Cuda;
pub use libraries::{InstalledLibrary, LibraryPlaces, UseOfLibraries, installed};
pub use loader::STAGING_BYTES;
pub use memory::Memory;
pub use nvml::{CardMeter, CardReading};
pub use packed::{packed_bytes, unpacking_bytes};
pub use settings::{CudaPrecision, Settings};
pub use survey::{
    Bus, CardFacts, DriverState, Served, cards_on_the_bus, driver, driver_release, survey,
};
pub use weight::{CudaWeight, kept_bytes};
