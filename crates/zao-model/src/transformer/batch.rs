//! Which pictures run together: the row layout of a packed step.

use std::sync::Arc;

use zao_backend::Shape;
use zao_backend::prelude::*;

use super::positions::Positions;
use super::{Caption, padded};
use crate::adapter::Following;
use crate::{Result, TransformerConfig};

/// One picture (or one side of a guided picture) in a batch.
pub struct BatchItem<B: Backend> {
    /// The prompt it follows, and with it adapters.
    pub caption: Arc<Caption<B>>,
    /// Extent of its latent, multiples of the patch size.
    pub latent: Grid,
}

/// Segments and rotations of pictures that step together. It stays the same until one joins or
/// leaves; its tables lie where steps compute, below all that a step takes, so that they leave no gaps among what jobs
/// keep. It has to go before anything else is to have all of that region.
pub struct Batch<B: Backend> {
    pub(super) items: Vec<BatchItem<B>>,
    /// Patches of each picture, pads not included.
    pub(super) patches: Vec<usize>,
    /// Rows of the pictures alone, pads included.
    pub(super) image: Segments,
    pub(super) image_rope: Tensor<B>,
    /// Rows of pictures and captions: image, caption, image, caption ...
    pub(super) unified: Segments,
    pub(super) unified_rope: Tensor<B>,
}

impl<B: Backend> Batch<B> {
    pub(super) fn new(b: &B, config: &TransformerConfig, items: Vec<BatchItem<B>>) -> Result<Self> {
        let patch = config.patch();
        let extents = items.iter().map(|item| (item.latent.over(patch), item.caption.padded_len()));
        let positions = Positions::new(config, Positions::reach(extents));
        let (mut image_rope, mut unified_rope) = (Vec::new(), Vec::new());
        for item in &items {
            let caption_len = item.caption.padded_len();
            let rows = positions.image(item.latent.over(patch), caption_len);
            image_rope.extend_from_slice(&rows);
            unified_rope.extend(rows);
            unified_rope.extend(positions.caption(caption_len));
        }
        let patches: Vec<usize> = items.iter().map(|item| item.latent.over(patch).area()).collect();
        let image = Segments::new(patches.iter().map(|&n| padded(n)));
        let captions = items.iter().map(|item| item.caption.padded_len());
        let unified =
            Segments::new(image.iter().zip(captions).map(|(rows, caption)| rows.len() + caption));
        let table = |rows: usize, values: &[f32]| {
            b.upload(Shape::new(rows, config.heads().dim), values, Region::Step)
        };
        Ok(Self {
            items,
            patches,
            image_rope: table(image.rows(), &image_rope)?,
            image,
            unified_rope: table(unified.rows(), &unified_rope)?,
            unified,
        })
    }

    /// The adapters that the rows of `segments` follow, a segment for each picture.
    pub(super) fn following(&self, segments: &Segments) -> Following<'_, B> {
        Following::new(segments, self.items.iter().map(|item| item.caption.adapters()))
    }

    /// Number of pictures.
    #[must_use]
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Tokens of all pictures in the main layers, captions and pads included.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.unified.rows()
    }

    /// Whether there is no picture.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }
}
