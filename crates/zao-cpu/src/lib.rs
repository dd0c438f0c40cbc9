//! The CPU device: every operation of `zao-backend` on the vector units of the machine it runs on.
//!
//! The instruction set (AVX-512, AVX2 with FMA, NEON, or none) is chosen when the program runs, one
//! set of threads is shared by all operations, and every matrix product (linear layers, attention,
//! convolutions) goes through the micro-kernels in `kernel`. A row of a result depends on its own
//! inputs only, bit for bit, however many rows there are and however many threads work.
//!
//! What an operation means is not decided here; `zao_backend::Scalar` defines it.

#![allow(clippy::needless_pass_by_value, reason = "launching an operation consumes it")]

mod affinity;
mod attention;
mod block;
mod conv;
mod device;
mod epilogue;
mod group_norm;
mod helpers;
mod image;
mod inputs;
mod isa;
mod kernel;
mod latent;
mod linear;
mod math;
mod memory;
mod norm;
mod panels;
mod patch;
mod peak;
mod quantise;
mod rope;
mod sequence;
mod settings;
mod threads;
mod view;
mod weight;

pub use device::Cpu;
pub use isa::Instructions;
pub use memory::Memory;
pub use peak::Arithmetic;
pub use settings::{CpuPrecision, Settings};
pub use weight::{CpuWeight, kept_bytes, packed_bytes};
