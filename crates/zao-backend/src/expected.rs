//! How the weights of one part of a model are to lie on a device, told before they are loaded: all of them stay, or
//! some pass through a window each time that they are used. Only numbers: what streams them is a device's business.

use crate::{Care, Role};

/// What a device hears before it takes weights in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Expected {
    /// Bytes of device memory that the part takes in all: weights that stay, the window, and vectors.
    pub bytes: u64,
    /// How some of the weights are streamed; `None` where all of them stay.
    pub streamed: Option<Streamed>,
}

/// Weights that pass through a window of device memory, filled ahead of use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Streamed {
    /// Bytes of all weights that may be streamed ([`Streamed::takes`]), as the device keeps them.
    pub candidates: u64,
    /// At most so many bytes of these stay in device memory, evenly among the others.
    pub resident: u64,
    /// Bytes of device memory that the others pass through.
    pub window: u64,
    /// Bytes of page-locked host memory for the others. What has no room there is read from where it is stored each
    /// time.
    pub locked: u64,
}

impl Expected {
    /// Weights of so many bytes that all stay.
    #[must_use]
    pub const fn resident(bytes: u64) -> Self {
        Self { bytes, streamed: None }
    }
}

impl Streamed {
    /// Whether a weight may be streamed: those that a pass multiplies by and that take most of the memory.
    /// Embedders, adaLN and the autoencoder are small and always stay, tables never come.
    #[must_use]
    pub const fn takes(role: Role, care: Care) -> bool {
        matches!(role, Role::Linear | Role::SwiGlu) && matches!(care, Care::Usual)
    }

    /// Bytes that pass through the window at each use of the part.
    #[must_use]
    pub const fn passing(&self) -> u64 {
        self.candidates.saturating_sub(self.resident)
    }
}
