//! Convolutions: which kernel takes which.

use zao_backend::Result;
use zao_backend::op::Conv2d;

use crate::device::Cuda;

/// `Conv2d` of `zao-backend`.
pub(crate) fn conv2d(cuda: &Cuda, _op: Conv2d<'_, Cuda>) -> Result<()> {
    Err(cuda.unsupported("conv2d", "there is no kernel yet"))
}
