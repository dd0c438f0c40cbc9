//! S3-DiT, the single-stream diffusion transformer: caption features and a noisy latent to the
//! direction of the next step.
//!
//! What does not change between steps is computed once and kept: refined captions ([`Caption`]),
//! adaLN outputs of a whole schedule ([`Modulations`]), rotations and row layout ([`Batch`]). A step
//! ([`Transformer::forward`]) then runs any mix of pictures, sizes, prompts and times as segments of
//! one packed sequence.

mod batch;
mod block;
mod caption;
mod embedders;
mod final_layer;
mod model;
mod modulations;
mod positions;
mod stack;
#[cfg(test)]
mod tests;

pub use batch::{Batch, BatchItem};
pub use caption::{Caption, CaptionFeatures};
pub use model::Transformer;
pub use modulations::Modulations;

/// Captions and pictures are padded with learned tokens to a multiple of this, and those tokens are
/// attended to like any other.
const SEQ_MULTI_OF: usize = 32;

/// `count` rounded up to a whole number of [`SEQ_MULTI_OF`].
fn padded(count: usize) -> usize {
    count.next_multiple_of(SEQ_MULTI_OF)
}
