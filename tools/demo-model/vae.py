"""The autoencoder in plain PyTorch, with the names and the arithmetic of diffusers' AutoencoderKL. Does not train; that is `train_vae.py`.

Written out so that training needs no diffusers where it runs; `check_layout.py` compares both.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn


@dataclass(frozen=True)
class VaeShape:
    """Channels of each level from pixels to latents; each level but the last halves the sides."""

    channels: tuple[int, ...] = (32, 64, 96, 96)
    latent: int = 16
    groups: int = 16

    def config(self, scaling: float, shift: float) -> dict:
        """diffusers' `config.json`."""
        levels = len(self.channels)
        return {
            "_class_name": "AutoencoderKL",
            "_diffusers_version": "0.42.1",
            "act_fn": "silu",
            "block_out_channels": list(self.channels),
            "down_block_types": ["DownEncoderBlock2D"] * levels,
            "force_upcast": True,
            "in_channels": 3,
            "latent_channels": self.latent,
            "latents_mean": None,
            "latents_std": None,
            "layers_per_block": 1,
            "mid_block_add_attention": True,
            "norm_num_groups": self.groups,
            "out_channels": 3,
            "sample_size": 256,
            "scaling_factor": scaling,
            "shift_factor": shift,
            "up_block_types": ["UpDecoderBlock2D"] * levels,
            "use_post_quant_conv": False,
            "use_quant_conv": False,
        }


class Resnet(nn.Module):
    def __init__(self, inputs: int, outputs: int, groups: int):
        super().__init__()
        self.norm1 = nn.GroupNorm(groups, inputs, eps=1e-6)
        self.conv1 = nn.Conv2d(inputs, outputs, 3, padding=1)
        self.norm2 = nn.GroupNorm(groups, outputs, eps=1e-6)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1)
        if inputs != outputs:
            self.conv_shortcut = nn.Conv2d(inputs, outputs, 1)

    def forward(self, x):
        hidden = self.conv1(F.silu(self.norm1(x)))
        hidden = self.conv2(F.silu(self.norm2(hidden)))
        return hidden + (self.conv_shortcut(x) if hasattr(self, "conv_shortcut") else x)


class Attention(nn.Module):
    def __init__(self, width: int, groups: int):
        super().__init__()
        self.group_norm = nn.GroupNorm(groups, width, eps=1e-6)
        self.to_q, self.to_k, self.to_v = (nn.Linear(width, width) for _ in range(3))
        self.to_out = nn.ModuleList([nn.Linear(width, width)])

    def forward(self, x):
        rows = self.group_norm(x).flatten(2).transpose(1, 2)
        q, k, v = (layer(rows)[:, None] for layer in (self.to_q, self.to_k, self.to_v))
        attended = self.to_out[0](F.scaled_dot_product_attention(q, k, v)[:, 0])
        return x + attended.transpose(1, 2).reshape(x.shape)


class Resample(nn.Module):
    def __init__(self, width: int, stride: int):
        super().__init__()
        self.conv = nn.Conv2d(width, width, 3, stride=stride, padding=1 if stride == 1 else 0)

    def forward(self, x):
        if self.conv.stride == (1, 1):
            return self.conv(F.interpolate(x, scale_factor=2.0, mode="nearest"))
        return self.conv(F.pad(x, (0, 1, 0, 1)))


class Level(nn.Module):
    """`resnets` in a row, then a change of resolution where `stride` asks for one: 1 doubles the sides, 2 halves them."""

    def __init__(self, inputs: int, outputs: int, resnets: int, groups: int, stride: int | None):
        super().__init__()
        widths = [inputs] + [outputs] * resnets
        self.resnets = nn.ModuleList(Resnet(a, b, groups) for a, b in zip(widths, widths[1:]))
        if stride is not None:
            name = "upsamplers" if stride == 1 else "downsamplers"
            setattr(self, name, nn.ModuleList([Resample(outputs, stride)]))

    def forward(self, x):
        for resnet in self.resnets:
            x = resnet(x)
        for name in ("upsamplers", "downsamplers"):
            if hasattr(self, name):
                x = getattr(self, name)[0](x)
        return x


class Middle(nn.Module):
    def __init__(self, width: int, groups: int):
        super().__init__()
        self.attentions = nn.ModuleList([Attention(width, groups)])
        self.resnets = nn.ModuleList(Resnet(width, width, groups) for _ in range(2))

    def forward(self, x):
        return self.resnets[1](self.attentions[0](self.resnets[0](x)))


class Encoder(nn.Module):
    def __init__(self, shape: VaeShape):
        super().__init__()
        widths, last = shape.channels, shape.channels[-1]
        self.conv_in = nn.Conv2d(3, widths[0], 3, padding=1)
        self.down_blocks = nn.ModuleList(
            Level(a, b, 1, shape.groups, 2 if index < len(widths) - 1 else None)
            for index, (a, b) in enumerate(zip(widths[:1] + widths, widths))
        )
        self.mid_block = Middle(last, shape.groups)
        self.conv_norm_out = nn.GroupNorm(shape.groups, last, eps=1e-6)
        self.conv_out = nn.Conv2d(last, 2 * shape.latent, 3, padding=1)

    def forward(self, x):
        x = self.conv_in(x)
        for block in self.down_blocks:
            x = block(x)
        return self.conv_out(F.silu(self.conv_norm_out(self.mid_block(x))))


class Decoder(nn.Module):
    def __init__(self, shape: VaeShape):
        super().__init__()
        widths, first = shape.channels[::-1], shape.channels[-1]
        self.conv_in = nn.Conv2d(shape.latent, first, 3, padding=1)
        self.mid_block = Middle(first, shape.groups)
        self.up_blocks = nn.ModuleList(
            Level(a, b, 2, shape.groups, 1 if index < len(widths) - 1 else None)
            for index, (a, b) in enumerate(zip(widths[:1] + widths, widths))
        )
        self.conv_norm_out = nn.GroupNorm(shape.groups, widths[-1], eps=1e-6)
        self.conv_out = nn.Conv2d(widths[-1], 3, 3, padding=1)

    def forward(self, x):
        x = self.mid_block(self.conv_in(x))
        for block in self.up_blocks:
            x = block(x)
        return self.conv_out(F.silu(self.conv_norm_out(x)))


class Vae(nn.Module):
    """Pixels in [-1, 1] `[batch, 3, height, width]` to latents `[batch, latent, height / 8, width / 8]` and back."""

    def __init__(self, shape: VaeShape = VaeShape()):
        super().__init__()
        self.shape = shape
        self.encoder, self.decoder = Encoder(shape), Decoder(shape)

    def encode(self, pixels):
        """Mean and logarithm of the variance of the posterior."""
        mean, logvar = self.encoder(pixels).chunk(2, dim=1)
        return mean, logvar.clamp(-30, 20)

    def decode(self, latents):
        return self.decoder(latents)


def parameters(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


@torch.no_grad()
def psnr(picture, original):
    """Decibels of each picture of a batch, for values in [-1, 1]."""
    error = (picture.clamp(-1, 1) - original).square().mean(dim=(1, 2, 3))
    return 10 * torch.log10(4 / error.clamp_min(1e-10))
