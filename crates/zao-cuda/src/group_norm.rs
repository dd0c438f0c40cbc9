//! Group norms: moments of a picture's rows, what follows from them, and their application.

use zao_backend::Result;
use zao_backend::op::{GroupFactors, GroupMoments, Normalise};

use crate::device::Cuda;

/// `GroupMoments` of `zao-backend`.
pub(crate) fn group_moments(cuda: &Cuda, _op: GroupMoments<'_, Cuda>) -> Result<()> {
    Err(cuda.unsupported("group_moments", "there is no kernel yet"))
}

/// `GroupFactors` of `zao-backend`.
pub(crate) fn group_factors(cuda: &Cuda, _op: GroupFactors<'_, Cuda>) -> Result<()> {
    Err(cuda.unsupported("group_factors", "there is no kernel yet"))
}

/// `Normalise` of `zao-backend`.
pub(crate) fn normalise(cuda: &Cuda, _op: Normalise<'_, Cuda>) -> Result<()> {
    Err(cuda.unsupported("normalise", "there is no kernel yet"))
}
