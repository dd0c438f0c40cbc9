//! Copies of rows from tensor to tensor.

use zao_backend::Result;
use zao_backend::op::CopyRows;

use crate::device::Cuda;

/// `CopyRows` of `zao-backend`.
pub(crate) fn copy_rows(cuda: &Cuda, _op: CopyRows<'_, Cuda>) -> Result<()> {
    Err(cuda.unsupported("copy_rows", "there is no kernel yet"))
}
