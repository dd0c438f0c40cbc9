"""Whole denoising runs of ZImagePipeline, kept as latents."""

from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from diffusers import ZImagePipeline

import plain
from golden import Golden


@dataclass(frozen=True)
class Run:
    """The arguments of one pipeline call; the generator is on the CPU."""

    prompt: str
    seed: int
    steps: int
    height: int
    width: int
    guidance_scale: float = 0.0
    negative_prompt: str | None = None
    cfg_normalization: float = 0.0
    cfg_truncation: float = 1.0


def load(folder: Path) -> ZImagePipeline:
    """The checkpoint with all components in f32 (they may be stored in bf16, or in zao's fp8 form)."""
    with plain.plain(folder) as unpacked:
        pipe = ZImagePipeline.from_pretrained(unpacked, dtype=torch.float32, local_files_only=True)
    pipe.set_progress_bar_config(disable=True)
    return pipe


def call(pipe: ZImagePipeline, run: Run, output_type: str):
    arguments = asdict(run)
    generator = torch.Generator("cpu").manual_seed(arguments.pop("seed"))
    steps = arguments.pop("steps")
    output = pipe(**arguments, num_inference_steps=steps, generator=generator, output_type=output_type)
    return output.images[0]


def add(golden: Golden, pipe: ZImagePipeline, name: str, run: Run) -> None:
    """`pipeline/NAME/*`: the initial `noise` and the final `latents`; the arguments go to the description."""
    golden.description.setdefault("runs", {})[name] = asdict(run)
    scale = pipe.vae_scale_factor
    shape = (1, pipe.transformer.config.in_channels, run.height // scale, run.width // scale)
    noise = torch.randn(shape, generator=torch.Generator("cpu").manual_seed(run.seed))
    golden.add(f"pipeline/{name}/noise", noise[0])
    golden.add(f"pipeline/{name}/latents", call(pipe, run, "latent"))
