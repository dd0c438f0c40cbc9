//! Latents: to tokens and back, one step of the solver, and the way into the decoder.

use zao_backend::Result;
use zao_backend::op::{CfgCombine, EulerStep, LatentToImage, Patchify, Unpatchify};

use crate::device::Cuda;

/// `Patchify` of `zao-backend`.
pub(crate) fn patchify(cuda: &Cuda, _op: Patchify<'_, Cuda>) -> Result<()> {
    Err(cuda.unsupported("patchify", "there is no kernel yet"))
}

/// `Unpatchify` of `zao-backend`.
pub(crate) fn unpatchify(cuda: &Cuda, _op: Unpatchify<'_, Cuda>) -> Result<()> {
    Err(cuda.unsupported("unpatchify", "there is no kernel yet"))
}

/// `EulerStep` of `zao-backend`.
pub(crate) fn euler_step(cuda: &Cuda, _op: EulerStep<'_, Cuda>) -> Result<()> {
    Err(cuda.unsupported("euler_step", "there is no kernel yet"))
}

/// `CfgCombine` of `zao-backend`.
pub(crate) fn cfg_combine(cuda: &Cuda, _op: CfgCombine<'_, Cuda>) -> Result<()> {
    Err(cuda.unsupported("cfg_combine", "there is no kernel yet"))
}

/// `LatentToImage` of `zao-backend`.
pub(crate) fn latent_to_image(cuda: &Cuda, _op: LatentToImage<'_, Cuda>) -> Result<()> {
    Err(cuda.unsupported("latent_to_image", "there is no kernel yet"))
}
