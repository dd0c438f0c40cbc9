"""The autoencoder: latents to pictures, pictures to latents."""

import torch
from diffusers import AutoencoderKL
from diffusers.image_processor import VaeImageProcessor

from golden import Golden, Random


@torch.no_grad()
def add_decode(golden: Golden, vae: AutoencoderKL, height: int, width: int, random: Random) -> None:
    """`vae/decode/HxW/*`: `latents` as the denoiser leaves them, the raw `image` and its 8-bit `rgb8`."""
    prefix = f"vae/decode/{height}x{width}"
    latents = golden.add(f"{prefix}/latents", random.normal(vae.config.latent_channels, height, width))
    image = vae.decode((latents / vae.config.scaling_factor + vae.config.shift_factor)[None], return_dict=False)[0]
    golden.add(f"{prefix}/image", image[0])
    pixels = VaeImageProcessor().postprocess(image, output_type="np")[0]
    golden.add(f"{prefix}/rgb8", torch.from_numpy((pixels * 255).round().astype("uint8")))


@torch.no_grad()
def add_encode(golden: Golden, vae: AutoencoderKL, height: int, width: int, random: Random) -> None:
    """`vae/encode/HxW/*`: an `image` in [-1, 1], the posterior's `mean` and `logvar`, the denoiser's `latents`."""
    prefix = f"vae/encode/{height}x{width}"
    image = golden.add(f"{prefix}/image", random.uniform(vae.config.in_channels, height, width))
    posterior = vae.encode(image[None]).latent_dist
    golden.add(f"{prefix}/mean", posterior.mean[0])
    golden.add(f"{prefix}/logvar", posterior.logvar[0])
    golden.add(f"{prefix}/latents", (posterior.mean[0] - vae.config.shift_factor) * vae.config.scaling_factor)
