//! Where the tensors of a part come from: files, or nothing but its sizes. What loads them does not
//! know which.

use zao_backend::{Dtype, Stored};
use zao_weights::{Part, PartName};

use crate::synthetic::RandomPart;

/// The tensors of one part that drawing reads.
#[derive(Debug)]
pub(crate) enum Weights {
    /// Mapped or embedded files.
    Files(Part),
    /// Made anew each time.
    Random(RandomPart),
}

impl Weights {
    /// Which part this is.
    pub(crate) fn name(&self) -> PartName {
        match self {
            Self::Files(part) => part.name(),
            Self::Random(part) => part.name(),
        }
    }

    /// The tensor called `name`, if there is one.
    pub(crate) fn get(&self, name: &str) -> Option<Stored> {
        match self {
            Self::Files(part) => part.get(name).cloned(),
            Self::Random(part) => part.make(name),
        }
    }

    /// The size of all tensors in bytes, as stored.
    pub(crate) fn bytes(&self) -> u64 {
        self.dtypes().into_iter().map(|(dtype, count)| count * dtype.size() as u64).sum()
    }

    /// The element types in use, each with its number of elements.
    pub(crate) fn dtypes(&self) -> Vec<(Dtype, u64)> {
        match self {
            Self::Files(part) => part.dtypes(),
            Self::Random(part) => vec![(Dtype::Bf16, part.values())],
        }
    }

    /// Lets the memory behind the tensor called `name` go, if a file can bring it back.
    pub(crate) fn release(&self, name: &str) {
        match self {
            Self::Files(part) => part.release(name),
            Self::Random(_) => {}
        }
    }

    /// [`Self::release`] for every tensor.
    pub(crate) fn release_all(&self) {
        match self {
            Self::Files(part) => part.names().for_each(|name| part.release(name)),
            Self::Random(_) => {}
        }
    }
}
