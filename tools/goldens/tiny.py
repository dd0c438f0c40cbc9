"""Tiny random checkpoints in the folder layout of diffusers, awkward on purpose: odd widths, odd head counts, shards."""

import json
import math
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

import diffusers
import safetensors.torch
import torch
from diffusers import AutoencoderKL, FlowMatchEulerDiscreteScheduler, ZImageTransformer2DModel
from transformers import Qwen3Config, Qwen3ForCausalLM, Qwen3Model

import tokenizer
from golden import Random

BFLOAT16_TENSORS = ("t_embedder.mlp.0.weight", "t_embedder.mlp.2.weight")


@dataclass(frozen=True)
class Tiny:
    """One checkpoint: `shards` caps a shard's size by component, a component not named is a single file."""

    seed: int
    dtype: torch.dtype
    transformer: dict
    text_encoder: dict
    text_class: type
    vae: dict
    save_tokenizer: Callable[[Path], None]
    shards: dict[str, str]
    text_theta: float = 1e6
    legacy_text_config: bool = False


# The feed-forward width is int(dim / 3 * 8): 85 here. The time embedder's hidden width is always 1024.
TINY_A = Tiny(
    seed=101,
    dtype=torch.float32,
    transformer={
        "in_channels": 4,
        "dim": 32,
        "n_layers": 2,
        "n_refiner_layers": 1,
        "n_heads": 2,
        "n_kv_heads": 2,
        "cap_feat_dim": 48,
        "axes_dims": [4, 6, 6],
        "axes_lens": [1024, 64, 64],
    },
    text_encoder={
        "vocab_size": 320,
        "hidden_size": 48,
        "intermediate_size": 77,
        "num_hidden_layers": 3,
        "num_attention_heads": 3,
        "num_key_value_heads": 1,
        "head_dim": 16,
    },
    text_class=Qwen3Model,
    vae={
        "block_out_channels": [8, 16],
        "layers_per_block": 1,
        "norm_num_groups": 4,
        "latent_channels": 4,
        "scaling_factor": 0.3611,
        "shift_factor": 0.1159,
        "use_quant_conv": False,
        "use_post_quant_conv": False,
    },
    save_tokenizer=tokenizer.save_plain,
    shards={},
)
TINY_B = Tiny(
    seed=202,
    dtype=torch.bfloat16,
    transformer={
        "in_channels": 16,
        "dim": 48,
        "n_layers": 3,
        "n_refiner_layers": 2,
        "n_heads": 3,
        "n_kv_heads": 3,
        "cap_feat_dim": 40,
        "axes_dims": [8, 4, 4],
        "axes_lens": [768, 96, 32],
        "rope_theta": 10000.0,
    },
    text_encoder={
        "vocab_size": 333,
        "hidden_size": 40,
        "intermediate_size": 100,
        "num_hidden_layers": 4,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "head_dim": 16,
        "tie_word_embeddings": False,
    },
    text_class=Qwen3ForCausalLM,
    vae={
        "block_out_channels": [8, 16, 16, 16],
        "layers_per_block": 2,
        "norm_num_groups": 8,
        "latent_channels": 16,
        "scaling_factor": 0.6072,
        "shift_factor": 0.0367,
        "use_quant_conv": True,
        "use_post_quant_conv": True,
        "mid_block_add_attention": False,
    },
    save_tokenizer=tokenizer.save_qwen_like,
    shards={"transformer": "400KB", "text_encoder": "60KB"},
    text_theta=5e5,
    legacy_text_config=True,
)
ALL = {"tiny-a": TINY_A, "tiny-b": TINY_B}


def make(name: str, folder: Path) -> None:
    tiny = ALL[name]
    target = folder / name
    shutil.rmtree(target, ignore_errors=True)
    random = Random(tiny.seed)
    transformer = fill(ZImageTransformer2DModel(**tiny.transformer), random).to(tiny.dtype)
    text_encoder = fill(tiny.text_class(text_config(tiny)), random).to(tiny.dtype)
    vae = fill(AutoencoderKL(**vae_config(tiny)), random).to(tiny.dtype)
    for component, model in {"transformer": transformer, "text_encoder": text_encoder, "vae": vae}.items():
        model.save_pretrained(target / component, max_shard_size=tiny.shards.get(component, "1GB"))
    if tiny.dtype == torch.float32:
        narrow(target / "transformer" / "diffusion_pytorch_model.safetensors")
    if tiny.legacy_text_config:
        write_legacy_text_config(target / "text_encoder" / "config.json")
    FlowMatchEulerDiscreteScheduler(num_train_timesteps=1000, shift=3.0).save_pretrained(target / "scheduler")
    tiny.save_tokenizer(target / "tokenizer")
    write_index(target)


def text_config(tiny: Tiny) -> Qwen3Config:
    common = {"max_position_embeddings": 1024, "rms_norm_eps": 1e-6, "use_cache": False}
    return Qwen3Config(rope_theta=tiny.text_theta, **common, **tiny.text_encoder)


def vae_config(tiny: Tiny) -> dict:
    levels = len(tiny.vae["block_out_channels"])
    blocks = {
        "down_block_types": ["DownEncoderBlock2D"] * levels,
        "up_block_types": ["UpDecoderBlock2D"] * levels,
        "sample_size": 64,
    }
    return {**blocks, **tiny.vae}


def fill(model: torch.nn.Module, random: Random) -> torch.nn.Module:
    """Random weights with the spread of trained ones: signals stay near unit size, no bias and no norm is trivial."""
    state = model.state_dict()
    for name in sorted(state):
        shape = tuple(state[name].shape)
        if name.endswith("pad_token"):
            value = random.normal(*shape, std=0.5)
        elif "embed_tokens" in name:
            value = random.normal(*shape, std=0.5)
        elif len(shape) == 1 and name.endswith(".weight"):
            value = 1.0 + random.normal(*shape, std=0.1)
        elif len(shape) == 1:
            value = random.normal(*shape, std=0.1)
        else:
            value = random.normal(*shape, std=1.0 / math.sqrt(math.prod(shape[1:])))
        state[name].copy_(value)
    return model.eval()


def narrow(path: Path) -> None:
    """Stores the time embedder's two big matrices in bf16, for size, and so that one file mixes its types."""
    tensors = safetensors.torch.load_file(path)
    for name in BFLOAT16_TENSORS:
        tensors[name] = tensors[name].to(torch.bfloat16)
    safetensors.torch.save_file(tensors, path, metadata={"format": "pt"})


def write_legacy_text_config(path: Path) -> None:
    """The spelling of the published model, from before transformers 5: rope_theta and torch_dtype at the top."""
    config = json.loads(path.read_text())
    config["rope_theta"] = config.pop("rope_parameters")["rope_theta"]
    config["rope_scaling"] = None
    config["torch_dtype"] = config.pop("dtype")
    del config["layer_types"]
    path.write_text(json.dumps(config, indent=2, sort_keys=True) + "\n")


def write_index(target: Path) -> None:
    """The class names as the published model has them."""
    index = {
        "_class_name": "ZImagePipeline",
        "_diffusers_version": diffusers.__version__,
        "scheduler": ["diffusers", "FlowMatchEulerDiscreteScheduler"],
        "text_encoder": ["transformers", "Qwen3Model"],
        "tokenizer": ["transformers", "TokenizersBackend"],
        "transformer": ["diffusers", "ZImageTransformer2DModel"],
        "vae": ["diffusers", "AutoencoderKL"],
    }
    (target / "model_index.json").write_text(json.dumps(index, indent=2) + "\n")
