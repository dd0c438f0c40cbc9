"""The parts of Z-Image-Turbo at their published sizes, filled with cheap random numbers. It loads and times nothing."""

import math

import torch
from diffusers import AutoencoderKL, ZImageTransformer2DModel
from transformers import Qwen3Config, Qwen3Model

# Random numbers are drawn once and copied everywhere; the odd length keeps rows of a matrix from being equal.
POOL = 2**22 + 15


def transformer(layers: int | None) -> torch.nn.Module:
    """On the meta device, as are the others. diffusers' defaults are the published sizes."""
    with torch.device("meta"):
        return ZImageTransformer2DModel(n_layers=layers or 30)


def vae() -> torch.nn.Module:
    with torch.device("meta"):
        return AutoencoderKL(
            block_out_channels=[128, 256, 512, 512],
            down_block_types=["DownEncoderBlock2D"] * 4,
            up_block_types=["UpDecoderBlock2D"] * 4,
            layers_per_block=2,
            latent_channels=16,
            norm_num_groups=32,
            sample_size=1024,
            use_quant_conv=False,
            use_post_quant_conv=False,
        )


def text_encoder(layers: int | None) -> torch.nn.Module:
    config = Qwen3Config(
        vocab_size=151936,
        hidden_size=2560,
        intermediate_size=9728,
        num_hidden_layers=layers or 36,
        num_attention_heads=32,
        num_key_value_heads=8,
        head_dim=128,
        max_position_embeddings=40960,
        rms_norm_eps=1e-6,
        rope_theta=1e6,
        use_cache=False,
    )
    with torch.device("meta"):
        return Qwen3Model(config)


@torch.no_grad()
def fill(model: torch.nn.Module, device: str = "cpu") -> torch.nn.Module:
    """Gives a model of the meta device its memory, with the spread of trained weights so that signals stay finite."""
    model.to_empty(device=device)
    if hasattr(model, "rotary_emb"):
        # Its frequencies are no weights: they are computed when it is made, and on the meta device were not.
        model.rotary_emb = type(model.rotary_emb)(model.config).to(device)
    pools = {dtype: torch.randn(POOL, device=device).to(dtype) for dtype in {weight.dtype for weight in model.parameters()}}
    for name, weight in model.named_parameters():
        if weight.dim() == 1 and name.endswith(".weight"):
            weight.fill_(1.0)
        else:
            spread(weight.view(-1), pools[weight.dtype], std(name, weight))
    return model.eval()


def std(name: str, weight: torch.Tensor) -> float:
    if weight.dim() == 1 or name.endswith("pad_token") or "embed_tokens" in name:
        return 0.1
    return 1.0 / math.sqrt(math.prod(weight.shape[1:]))


def spread(target: torch.Tensor, pool: torch.Tensor, factor: float) -> None:
    for part in target.split(len(pool)):
        torch.mul(pool[: len(part)], factor, out=part)
