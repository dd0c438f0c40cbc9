//! Normalisations over the width of a token.

use zao_backend::Result;
use zao_backend::op::{GatedResidual, LayerNormScale, RmsNorm};

use crate::device::Cuda;

/// `RmsNorm` of `zao-backend`.
pub(crate) fn rms_norm(cuda: &Cuda, _op: RmsNorm<'_, Cuda>) -> Result<()> {
    Err(cuda.unsupported("rms_norm", "there is no kernel yet"))
}

/// `LayerNormScale` of `zao-backend`.
pub(crate) fn layer_norm_scale(cuda: &Cuda, _op: LayerNormScale<'_, Cuda>) -> Result<()> {
    Err(cuda.unsupported("layer_norm_scale", "there is no kernel yet"))
}

/// `GatedResidual` of `zao-backend`.
pub(crate) fn gated_residual(cuda: &Cuda, _op: GatedResidual<'_, Cuda>) -> Result<()> {
    Err(cuda.unsupported("gated_residual", "there is no kernel yet"))
}
