//! A caption after its refiner: what every step of every picture of that prompt attends to.

use std::sync::Arc;

use zao_backend::prelude::*;

use crate::adapter::AdapterStack;

/// The features of a caption, `[tokens, cap_feat_dim]`, and the adapters that it will follow, if any.
pub type CaptionFeatures<'a, B> = (&'a Tensor<B>, Option<Arc<AdapterStack<B>>>);

/// A refined, padded caption `[padded, dim]`. It does not depend on time, so it is kept for the whole
/// job, and may be shared by pictures of different size and seed. It was refined with the adapters that the
/// pictures follow.
pub struct Caption<B: Backend> {
    tokens: Tensor<B>,
    adapters: Option<Arc<AdapterStack<B>>>,
}

impl<B: Backend> Caption<B> {
    pub(super) fn new(tokens: Tensor<B>, adapters: Option<Arc<AdapterStack<B>>>) -> Self {
        Self { tokens, adapters }
    }

    pub(super) fn tokens(&self) -> &Tensor<B> {
        &self.tokens
    }

    pub(super) fn adapters(&self) -> Option<&AdapterStack<B>> {
        self.adapters.as_deref()
    }

    /// Number of tokens, pads included.
    pub fn padded_len(&self) -> usize {
        self.tokens.rows()
    }
}
