"""The text encoder for training, with the names and the arithmetic of transformers' Qwen3Model up to the layer that captions are taken from.

Z-Image reads the states before the last layer, so the last layer and the final norm exist only in the files. Does not tokenize.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn

from transformer import Norm


@dataclass(frozen=True)
class TextShape:
    width: int = 192
    heads: int = 3
    groups: int = 1
    """Key and value heads."""
    head: int = 64
    feed_forward: int = 384
    layers: int = 4
    words: int = 2048
    theta: float = 1_000_000.0

    def config(self) -> dict:
        """transformers' `config.json`."""
        return {
            "architectures": ["Qwen3Model"],
            "attention_bias": False,
            "attention_dropout": 0.0,
            "bos_token_id": None,
            "dtype": "bfloat16",
            "eos_token_id": None,
            "head_dim": self.head,
            "hidden_act": "silu",
            "hidden_size": self.width,
            "initializer_range": 0.02,
            "intermediate_size": self.feed_forward,
            "layer_types": ["full_attention"] * self.layers,
            "max_position_embeddings": 1024,
            "max_window_layers": 28,
            "model_type": "qwen3",
            "num_attention_heads": self.heads,
            "num_hidden_layers": self.layers,
            "num_key_value_heads": self.groups,
            "pad_token_id": None,
            "rms_norm_eps": 1e-06,
            "rope_parameters": {"rope_theta": self.theta, "rope_type": "default"},
            "sliding_window": None,
            "tie_word_embeddings": True,
            "transformers_version": "5.17.0",
            "use_cache": False,
            "use_sliding_window": False,
            "vocab_size": self.words,
        }


class SelfAttention(nn.Module):
    def __init__(self, shape: TextShape):
        super().__init__()
        self.shape = shape
        self.q_proj = nn.Linear(shape.width, shape.heads * shape.head, bias=False)
        self.k_proj = nn.Linear(shape.width, shape.groups * shape.head, bias=False)
        self.v_proj = nn.Linear(shape.width, shape.groups * shape.head, bias=False)
        self.o_proj = nn.Linear(shape.heads * shape.head, shape.width, bias=False)
        self.q_norm, self.k_norm = Norm(shape.head, 1e-6), Norm(shape.head, 1e-6)

    def forward(self, x, cos, sin):
        q, k, v = (layer(x).unflatten(-1, (-1, self.shape.head)) for layer in (self.q_proj, self.k_proj, self.v_proj))
        q, k = turn(self.q_norm(q), cos, sin), turn(self.k_norm(k), cos, sin)
        repeat = self.shape.heads // self.shape.groups
        k, v = k.repeat_interleave(repeat, dim=2), v.repeat_interleave(repeat, dim=2)
        attended = F.scaled_dot_product_attention(
            q.transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2), is_causal=True
        )
        return self.o_proj(attended.transpose(1, 2).flatten(2))


def turn(x, cos, sin):
    """Turns value i with value i + width / 2, as Qwen does, not neighbours, as the diffusion transformer does."""
    a, b = x.float().chunk(2, dim=-1)
    cos, sin = cos[:, None], sin[:, None]
    return torch.cat((a * cos - b * sin, b * cos + a * sin), dim=-1).to(x.dtype)


class Mlp(nn.Module):
    def __init__(self, shape: TextShape):
        super().__init__()
        self.gate_proj = nn.Linear(shape.width, shape.feed_forward, bias=False)
        self.up_proj = nn.Linear(shape.width, shape.feed_forward, bias=False)
        self.down_proj = nn.Linear(shape.feed_forward, shape.width, bias=False)

    def forward(self, x):
        return self.down_proj(F.silu(self.gate_proj(x)) * self.up_proj(x))


class Layer(nn.Module):
    def __init__(self, shape: TextShape):
        super().__init__()
        self.input_layernorm, self.post_attention_layernorm = Norm(shape.width, 1e-6), Norm(shape.width, 1e-6)
        self.self_attn, self.mlp = SelfAttention(shape), Mlp(shape)

    def forward(self, x, cos, sin):
        x = x + self.self_attn(self.input_layernorm(x), cos, sin)
        return x + self.mlp(self.post_attention_layernorm(x))


class TextEncoder(nn.Module):
    """Token ids `[batch, tokens]`, padded at the end, to states `[batch, tokens, width]`; causal, so pads change nothing before them."""

    def __init__(self, shape: TextShape = TextShape()):
        super().__init__()
        self.shape = shape
        self.embed_tokens = nn.Embedding(shape.words, shape.width)
        nn.init.normal_(self.embed_tokens.weight, std=0.5)
        self.layers = nn.ModuleList(Layer(shape) for _ in range(shape.layers - 1))

    def forward(self, ids):
        positions = torch.arange(ids.shape[1], device=ids.device, dtype=torch.float32)
        exponents = torch.arange(0, self.shape.head, 2, device=ids.device, dtype=torch.float32) / self.shape.head
        angles = positions[:, None] * self.shape.theta**-exponents
        cos, sin = angles.cos(), angles.sin()
        x = self.embed_tokens(ids)
        for layer in self.layers:
            x = layer(x, cos, sin)
        return x
