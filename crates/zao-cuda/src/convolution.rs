//! Convolutions: which kernel takes which.

mod hopper;
mod portable;

use zao_backend::Result;
use zao_backend::op::Conv2d;

use crate::device::Cuda;

/// `Conv2d` of `zao-backend`.
pub(crate) fn conv2d(cuda: &Cuda, op: Conv2d<'_, Cuda>) -> Result<()> {
    if hopper::takes(cuda, &op) {
        return hopper::conv2d(cuda, &op);
    }
    portable::conv2d(cuda, &op)
}
