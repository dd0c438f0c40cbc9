//! Finished pictures as bytes.

use zao_backend::Result;
use zao_backend::op::ToRgb8;

use crate::device::Cuda;

/// `ToRgb8` of `zao-backend`.
pub(crate) fn to_rgb8(cuda: &Cuda, _op: ToRgb8<'_, Cuda>) -> Result<()> {
    Err(cuda.unsupported("to_rgb8", "there is no kernel yet"))
}
