//! adaLN outputs of a whole schedule, computed in one go.

use zao_backend::prelude::*;

/// For each time of a schedule, the vectors that modulate every block and the final layer.
pub struct Modulations<B: Backend> {
    /// `[times, 4 * dim * blocks]`.
    pub(super) blocks: Tensor<B>,
    /// `[times, dim]`.
    pub(super) final_scale: Tensor<B>,
}

impl<B: Backend> Modulations<B> {
    /// Number of times.
    pub fn times(&self) -> usize {
        self.blocks.rows()
    }
}
