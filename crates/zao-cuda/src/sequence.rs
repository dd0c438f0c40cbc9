//! What makes and marks tokens: embeddings, time, pad tokens.

use zao_backend::Result;
use zao_backend::op::{Embed, FillRows, Silu, TimestepEmbedding};

use crate::device::Cuda;

/// `Embed` of `zao-backend`.
pub(crate) fn embed(cuda: &Cuda, _op: Embed<'_, Cuda>) -> Result<()> {
    Err(cuda.unsupported("embed", "there is no kernel yet"))
}

/// `TimestepEmbedding` of `zao-backend`.
pub(crate) fn timestep_embedding(cuda: &Cuda, _op: TimestepEmbedding<'_, Cuda>) -> Result<()> {
    Err(cuda.unsupported("timestep_embedding", "there is no kernel yet"))
}

/// `Silu` of `zao-backend`.
pub(crate) fn silu(cuda: &Cuda, _op: Silu<'_, Cuda>) -> Result<()> {
    Err(cuda.unsupported("silu", "there is no kernel yet"))
}

/// `FillRows` of `zao-backend`.
pub(crate) fn fill_rows(cuda: &Cuda, _op: FillRows<'_, Cuda>) -> Result<()> {
    Err(cuda.unsupported("fill_rows", "there is no kernel yet"))
}
