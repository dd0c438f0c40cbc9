//! A card before anything is done with it: whether it is there, and what it can do.

use std::sync::Arc;

use zao_backend::Result;

use crate::device::{BESIDE, plannable};
use crate::driver::{Context, cards};
use crate::kernels::Kernels;

/// A card that can be used. As long as this lives, opening a device on it is quick.
#[derive(Clone, Debug)]
pub struct Card(Arc<Context>);

impl Card {
    /// Bytes of device memory that a run takes at most beside weights and what is planned.
    pub const BESIDE_BYTES: u64 = BESIDE as u64;

    /// Bytes that the driver reports beside these: its context, code of kernels, and what a library takes. An
    /// H100's context takes 0.55 GB, smaller cards' take less.
    pub const CONTEXT_BYTES: u64 = 620_000_000;

    /// Finds card number `ordinal`.
    ///
    /// # Errors
    /// [`zao_backend::Error::Device`] without a usable driver, which says what to install, or without such a card;
    /// [`zao_backend::Error::Unsupported`] for one that is too old.
    pub fn find(ordinal: usize) -> Result<Self> {
        let context = Context::new(ordinal)?;
        Kernels::new(&context)?;
        Ok(Self(context))
    }

    /// How many cards the driver shows to this process.
    ///
    /// # Errors
    /// [`zao_backend::Error::Device`] without a usable driver, which says what to install.
    pub fn count() -> Result<usize> {
        cards()
    }

    /// What its maker calls it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0.card().name
    }

    /// Whether it multiplies fp8.
    #[must_use]
    pub fn has_fp8(&self) -> bool {
        self.0.card().has_fp8()
    }

    /// Bytes of device memory that are in use, by whomever.
    ///
    /// # Errors
    /// [`zao_backend::Error::Device`] when the card does not answer.
    pub fn used_bytes(&self) -> Result<u64> {
        self.0.bind()?;
        Ok(self.0.card().memory.saturating_sub(self.0.free_bytes()?) as u64)
    }

    /// Bytes of device memory that weights, runs and what they take beside may take.
    ///
    /// # Errors
    /// [`zao_backend::Error::Device`] when the card does not answer.
    pub fn free_bytes(&self) -> Result<u64> {
        self.0.bind()?;
        Ok(plannable(self.0.free_bytes()?))
    }
}
