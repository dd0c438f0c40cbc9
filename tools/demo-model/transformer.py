"""The diffusion transformer for training, with the names and the arithmetic of diffusers' ZImageTransformer2DModel.

Differs in form only: whole batches of one size, real-valued rotations and stacked products, so that it compiles into few kernels. Does not
choose what to learn from; that is `train_flow.py`. `check_layout.py` compares it with diffusers.
"""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn

ROWS = 32
"""Captions and pictures are padded with learned rows to a multiple of this."""


@dataclass(frozen=True)
class TransformerShape:
    dim: int = 256
    heads: int = 2
    layers: int = 7
    refiners: int = 1
    caption: int = 192
    """Width of the text encoder."""
    latent: int = 16
    axes: tuple[int, int, int] = (32, 48, 48)
    """Head dimensions that turn with caption position, row and column."""
    lengths: tuple[int, int, int] = (1024, 128, 128)
    theta: float = 256.0

    def config(self) -> dict:
        """diffusers' `config.json`."""
        return {
            "_class_name": "ZImageTransformer2DModel",
            "_diffusers_version": "0.42.1",
            "all_f_patch_size": [1],
            "all_patch_size": [2],
            "axes_dims": list(self.axes),
            "axes_lens": list(self.lengths),
            "cap_feat_dim": self.caption,
            "dim": self.dim,
            "in_channels": self.latent,
            "n_heads": self.heads,
            "n_kv_heads": self.heads,
            "n_layers": self.layers,
            "n_refiner_layers": self.refiners,
            "norm_eps": 1e-05,
            "qk_norm": True,
            "rope_theta": self.theta,
            "siglip_feat_dim": None,
            "t_scale": 1000.0,
        }


class Norm(nn.Module):
    """Root mean square norm, in f32 whatever the autocast says."""

    def __init__(self, width: int, eps: float):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.eps = eps

    def forward(self, x):
        wide = x.float()
        return (wide * torch.rsqrt(wide.square().mean(-1, keepdim=True) + self.eps) * self.weight).to(x.dtype)


def rotate(x, cos, sin):
    """Turns neighbouring pairs; `x` is `[batch, rows, heads, width]`, `cos` and `sin` are `[rows, width / 2]`."""
    a, b = x.float().unflatten(-1, (-1, 2)).unbind(-1)
    cos, sin = cos[:, None], sin[:, None]
    return torch.stack((a * cos - b * sin, a * sin + b * cos), dim=-1).flatten(-2).to(x.dtype)


class Attention(nn.Module):
    def __init__(self, dim: int, heads: int):
        super().__init__()
        self.heads = heads
        self.to_q, self.to_k, self.to_v = (nn.Linear(dim, dim, bias=False) for _ in range(3))
        self.to_out = nn.ModuleList([nn.Linear(dim, dim, bias=False)])
        self.norm_q, self.norm_k = Norm(dim // heads, 1e-5), Norm(dim // heads, 1e-5)

    def forward(self, x, cos, sin):
        stacked = torch.cat((self.to_q.weight, self.to_k.weight, self.to_v.weight))
        q, k, v = F.linear(x, stacked).unflatten(-1, (3, self.heads, -1)).unbind(2)
        q, k = rotate(self.norm_q(q), cos, sin), rotate(self.norm_k(k), cos, sin)
        attended = F.scaled_dot_product_attention(q.transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2))
        return self.to_out[0](attended.transpose(1, 2).flatten(2))


class FeedForward(nn.Module):
    def __init__(self, dim: int):
        super().__init__()
        hidden = int(dim / 3 * 8)
        self.w1 = nn.Linear(dim, hidden, bias=False)
        self.w2 = nn.Linear(hidden, dim, bias=False)
        self.w3 = nn.Linear(dim, hidden, bias=False)

    def forward(self, x):
        gate, value = F.linear(x, torch.cat((self.w1.weight, self.w3.weight))).chunk(2, dim=-1)
        return self.w2(F.silu(gate) * value)


class Block(nn.Module):
    def __init__(self, dim: int, heads: int, modulated: bool):
        super().__init__()
        self.attention, self.feed_forward = Attention(dim, heads), FeedForward(dim)
        for name in ("attention_norm1", "attention_norm2", "ffn_norm1", "ffn_norm2"):
            setattr(self, name, Norm(dim, 1e-5))
        if modulated:
            self.adaLN_modulation = nn.Sequential(nn.Linear(min(dim, 256), 4 * dim))

    def forward(self, x, cos, sin, condition=None):
        if condition is None:
            x = x + self.attention_norm2(self.attention(self.attention_norm1(x), cos, sin))
            return x + self.ffn_norm2(self.feed_forward(self.ffn_norm1(x)))
        scale_a, gate_a, scale_f, gate_f = self.adaLN_modulation(condition)[:, None].chunk(4, dim=-1)
        attended = self.attention(self.attention_norm1(x) * (1 + scale_a), cos, sin)
        x = x + gate_a.tanh() * self.attention_norm2(attended)
        fed = self.feed_forward(self.ffn_norm1(x) * (1 + scale_f))
        return x + gate_f.tanh() * self.ffn_norm2(fed)


class TimeEmbedder(nn.Module):
    def __init__(self, width: int):
        super().__init__()
        self.mlp = nn.Sequential(nn.Linear(256, 1024), nn.SiLU(), nn.Linear(1024, width))

    def forward(self, t):
        frequencies = torch.exp(-math.log(10000) * torch.arange(128, device=t.device, dtype=torch.float32) / 128)
        angles = (t * 1000).float()[:, None] * frequencies
        return self.mlp(torch.cat((angles.cos(), angles.sin()), dim=-1))


class FinalLayer(nn.Module):
    def __init__(self, dim: int, outputs: int):
        super().__init__()
        self.linear = nn.Linear(dim, outputs)
        self.adaLN_modulation = nn.Sequential(nn.SiLU(), nn.Linear(min(dim, 256), dim))

    def forward(self, x, condition):
        normed = F.layer_norm(x.float(), x.shape[-1:], eps=1e-6)
        return self.linear(normed * (1 + self.adaLN_modulation(condition)[:, None]))


class Transformer(nn.Module):
    def __init__(self, shape: TransformerShape = TransformerShape()):
        super().__init__()
        self.shape = shape
        dim, heads, patch = shape.dim, shape.heads, 4 * shape.latent
        self.all_x_embedder = nn.ModuleDict({"2-1": nn.Linear(patch, dim)})
        self.all_final_layer = nn.ModuleDict({"2-1": FinalLayer(dim, patch)})
        self.noise_refiner = nn.ModuleList(Block(dim, heads, True) for _ in range(shape.refiners))
        self.context_refiner = nn.ModuleList(Block(dim, heads, False) for _ in range(shape.refiners))
        self.t_embedder = TimeEmbedder(min(dim, 256))
        self.cap_embedder = nn.Sequential(Norm(shape.caption, 1e-5), nn.Linear(shape.caption, dim))
        self.x_pad_token = nn.Parameter(torch.zeros(1, dim))
        self.cap_pad_token = nn.Parameter(torch.zeros(1, dim))
        self.layers = nn.ModuleList(Block(dim, heads, True) for _ in range(shape.layers))

    def forward(self, patches, t, caption, real, picture_real, rope):
        """One forward of a batch: `patches` `[batch, rows, 4 * latent]` padded as `grid` says, `t` `[batch]` from 0 (noise) to 1, `caption`
        `[batch, tokens, width]`, `real` `[batch, tokens, 1]` where it is no padding, `picture_real` `[rows, 1]`, `rope` from `rope_of`.

        Gives the direction towards the picture, `[batch, rows, 4 * latent]`.
        """
        cos, sin = rope
        rows = patches.shape[1]
        condition = self.t_embedder(t)
        x = torch.where(picture_real, self.all_x_embedder["2-1"](patches), self.x_pad_token)
        for block in self.noise_refiner:
            x = block(x, cos[:rows], sin[:rows], condition)
        words = torch.where(real, self.cap_embedder(caption), self.cap_pad_token)
        for block in self.context_refiner:
            words = block(words, cos[rows:], sin[rows:])
        x = torch.cat((x, words), dim=1)
        for block in self.layers:
            x = block(x, cos, sin, condition)
        return self.all_final_layer["2-1"](x[:, :rows], condition)


def padded(rows: int) -> int:
    return rows + (-rows) % ROWS


def rope_of(shape: TransformerShape, height: int, width: int, tokens: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Cosines and sines of a picture of `height` x `width` patches, then of a caption of `tokens`, a multiple of `ROWS`: `[rows, head / 2]`."""
    grid = torch.stack(torch.meshgrid(torch.tensor([tokens + 1]), torch.arange(height), torch.arange(width), indexing="ij"), -1)
    picture = grid.reshape(-1, 3)
    picture = torch.cat((picture, torch.zeros(padded(len(picture)) - len(picture), 3, dtype=torch.int64)))
    caption = torch.zeros(tokens, 3, dtype=torch.int64)
    caption[:, 0] = torch.arange(1, tokens + 1)
    positions = torch.cat((picture, caption))
    angles = []
    for axis, width in enumerate(shape.axes):
        frequencies = 1.0 / shape.theta ** (torch.arange(0, width, 2, dtype=torch.float64) / width)
        angles.append((positions[:, axis : axis + 1].double() * frequencies).float())
    angle = torch.cat(angles, dim=-1)
    return angle.cos(), angle.sin()


def patchify(latents):
    """`[batch, channels, height, width]` to `[batch, padded rows, 4 * channels]`; the pads repeat nothing, they are replaced anyway."""
    batch, channels, height, width = latents.shape
    patches = latents.view(batch, channels, height // 2, 2, width // 2, 2).permute(0, 2, 4, 3, 5, 1).reshape(batch, -1, 4 * channels)
    return F.pad(patches, (0, 0, 0, padded(patches.shape[1]) - patches.shape[1]))


def unpatchify(patches, height: int, width: int):
    """The inverse for latents of `height` x `width`."""
    batch, _, width4 = patches.shape
    real = patches[:, : height * width // 4]
    folded = real.reshape(batch, height // 2, width // 2, 2, 2, width4 // 4).permute(0, 5, 1, 3, 2, 4)
    return folded.reshape(batch, width4 // 4, height, width)
