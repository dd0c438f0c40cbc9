"""Writes trained parts as a pipeline folder of diffusers, in bf16: what zao, diffusers and `zao convert` load. Does not quantise."""

import json
import shutil
from pathlib import Path

import torch
from safetensors.torch import save_file

from text_encoder import TextShape
from transformer import TransformerShape
from vae import VaeShape

MODEL_INDEX = {
    "_class_name": "ZImagePipeline",
    "_diffusers_version": "0.42.1",
    "scheduler": ["diffusers", "FlowMatchEulerDiscreteScheduler"],
    "text_encoder": ["transformers", "Qwen3Model"],
    "tokenizer": ["transformers", "TokenizersBackend"],
    "transformer": ["diffusers", "ZImageTransformer2DModel"],
    "vae": ["diffusers", "AutoencoderKL"],
}
SHIFT = 3.0
"""The schedule's static shift; training draws its times from the same curve."""
SCHEDULER = {
    "_class_name": "FlowMatchEulerDiscreteScheduler",
    "_diffusers_version": "0.42.1",
    "base_image_seq_len": 256,
    "base_shift": 0.5,
    "invert_sigmas": False,
    "max_image_seq_len": 4096,
    "max_shift": 1.15,
    "num_train_timesteps": 1000,
    "shift": SHIFT,
    "shift_terminal": None,
    "stochastic_sampling": False,
    "time_shift_type": "exponential",
    "use_beta_sigmas": False,
    "use_dynamic_shifting": False,
    "use_exponential_sigmas": False,
    "use_karras_sigmas": False,
}


def write_vae(folder: Path, weights: dict, shape: VaeShape, scaling: float, shift: float) -> None:
    write_part(folder / "vae", "diffusion_pytorch_model", weights, shape.config(scaling, shift))


def write_transformer(folder: Path, weights: dict, shape: TransformerShape) -> None:
    write_part(folder / "transformer", "diffusion_pytorch_model", weights, shape.config())


def write_text_encoder(folder: Path, weights: dict, shape: TextShape) -> None:
    """The last layer is never read for Z-Image's captions but the layout asks for it: a copy of the one before."""
    last = shape.layers - 1
    before = f"layers.{last - 1}."
    copied = {name.replace(before, f"layers.{last}."): value for name, value in weights.items() if name.startswith(before)}
    norm = {"norm.weight": torch.ones(shape.width)}
    write_part(folder / "text_encoder", "model", {**weights, **copied, **norm}, shape.config())


def write_frame(folder: Path, tokenizer: Path) -> None:
    """What is no weight: the index, the scheduler and the tokenizer, which is a folder written by `tokens.py`."""
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / "model_index.json", MODEL_INDEX)
    write_json(folder / "scheduler" / "scheduler_config.json", SCHEDULER)
    shutil.copytree(tokenizer, folder / "tokenizer", dirs_exist_ok=True)


def write_part(folder: Path, stem: str, weights: dict, config: dict) -> None:
    write_json(folder / "config.json", config)
    # Cloned, because a copied layer shares its memory with the original, which safetensors refuses.
    narrow = {name: value.detach().to("cpu", torch.bfloat16).contiguous().clone() for name, value in sorted(weights.items())}
    save_file(narrow, folder / f"{stem}.safetensors", metadata={"format": "pt"})


def write_json(path: Path, value: dict) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, indent=2) + "\n")
