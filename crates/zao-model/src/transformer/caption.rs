//! A caption after its refiner: what every step of every picture of that prompt attends to.

use zao_backend::prelude::*;

/// A refined, padded caption `[padded, dim]`. It does not depend on time, so it is kept for the whole
/// job, and may be shared by pictures of different size and seed.
pub struct Caption<B: Backend> {
    tokens: Tensor<B>,
}

impl<B: Backend> Caption<B> {
    pub(super) fn new(tokens: Tensor<B>) -> Self {
        Self { tokens }
    }

    pub(super) fn tokens(&self) -> &Tensor<B> {
        &self.tokens
    }

    /// Number of tokens, pads included.
    pub fn padded_len(&self) -> usize {
        self.tokens.rows()
    }
}
