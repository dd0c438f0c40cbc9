//! The norm and rotation of queries and keys.

use zao_backend::Result;
use zao_backend::op::QkNormRope;

use crate::device::Cuda;

/// `QkNormRope` of `zao-backend`.
pub(crate) fn qk_norm_rope(cuda: &Cuda, _op: QkNormRope<'_, Cuda>) -> Result<()> {
    Err(cuda.unsupported("qk_norm_rope", "there is no kernel yet"))
}
