//! Adapters on a device: what is added to the sums of a linear layer, and stacks of it with scales. The
//! weight that is changed is never touched.

use std::sync::Arc;

use crate::op::MemoryOps;
use crate::{Backend, Region, Result, Shape, Tensor, Weight};

/// One way to add to the sums of a layer. Sums are numbered along the output; those of a
/// [`crate::Role::SwiGlu`] weight are those of its first part, then those of its second.
pub enum Addend<B: Backend> {
    /// `x down^T up^T`.
    LowRank {
        /// `[rank, in]`.
        down: Weight<B>,
        /// `[out, rank]`, of the role of the weight that is changed.
        up: Weight<B>,
    },
    /// `x (left kron right)^T`, added to the sums from `first` on.
    Kronecker {
        /// `[o1, i1]`, `f32`.
        left: Tensor<B>,
        /// `[o2, i2]`.
        right: Weight<B>,
        /// The first sum that is changed.
        first: usize,
    },
    /// `x matrix^T`, of the role and shape of the weight that is changed.
    Dense(Weight<B>),
}

/// What one adapter does to one layer.
pub struct Delta<B: Backend> {
    /// What is added, times the scale of the adapter.
    pub addends: Vec<Addend<B>>,
    /// For each sum, how much more than once its old value counts, times the scale of the adapter: DoRA.
    /// It stays on the host, where those of a stack are added up.
    pub gain: Option<Vec<f32>>,
}

/// What a stack of adapters does to one layer: with the scales `c` the sums `s` become
/// `(1 + sum of c gain) * s + sum of c addend`, before bias and activation.
pub struct Adaptation<B: Backend> {
    deltas: Vec<(Arc<Delta<B>>, f32)>,
    gain: Option<Tensor<B>>,
}

impl<B: Backend> Adaptation<B> {
    /// The stack of `deltas`, each with its scale.
    ///
    /// # Errors
    /// No memory for the gain.
    pub fn new(backend: &B, deltas: Vec<(Arc<Delta<B>>, f32)>) -> Result<Self> {
        let mut gain: Option<Vec<f32>> = None;
        for (delta, scale) in &deltas {
            let Some(more) = &delta.gain else { continue };
            let gain = gain.get_or_insert_with(|| vec![1.0; more.len()]);
            gain.iter_mut().zip(more).for_each(|(gain, more)| *gain += scale * more);
        }
        let upload = |gain: Vec<f32>| backend.upload(Shape::new(1, gain.len()), &gain, Region::Job);
        Ok(Self { deltas, gain: gain.map(upload).transpose()? })
    }

    /// What is added, each with its scale.
    pub(crate) fn addends(&self) -> impl Iterator<Item = (&Addend<B>, f32)> {
        self.deltas
            .iter()
            .flat_map(|(delta, scale)| delta.addends.iter().map(move |addend| (addend, *scale)))
    }

    /// What sums are multiplied with first, `[1, sums]`.
    pub(crate) fn gain(&self) -> Option<&Tensor<B>> {
        self.gain.as_ref()
    }
}
