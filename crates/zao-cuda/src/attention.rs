//! Attention: which kernel takes which.

use zao_backend::Result;
use zao_backend::op::Attention;

use crate::device::Cuda;

/// `Attention` of `zao-backend`.
pub(crate) fn attention(cuda: &Cuda, _op: Attention<'_, Cuda>) -> Result<()> {
    Err(cuda.unsupported("attention", "there is no kernel yet"))
}
