"""tiny-a, tiny-b and demo.safetensors: which goldens are made of which checkpoint."""

import copy
from pathlib import Path

import torch
from diffusers import ZImagePipeline

import pipeline
import text
import transformer
import vae
from golden import Golden, Random
from pipeline import Run
from transformer import Forward

CHECKPOINTS = "crates/zao-model/tests/goldens"
DEMO = "assets/demo-model"
GUIDED = {"guidance_scale": 3.5, "negative_prompt": "blurry, 丑"}


def make_tiny_a(folder: Path) -> None:
    pipe = pipeline.load(folder / "tiny-a")
    golden = start("tiny-a", f"{CHECKPOINTS}/tiny-a", pipe, seed=11)
    random = Random(11)
    text.add(golden, pipe, tuple(text.PROMPTS))
    text.add_long(golden, pipe)
    add_parts(golden, pipe, random, tokens=37)
    transformer.add_stages(golden, pipe.transformer, Forward(6, 10, 9, 0.3), random)
    forwards = [
        Forward(16, 16, 31, 0.0),
        Forward(16, 16, 32, 0.3),
        Forward(12, 20, 33, 0.75),
        Forward(6, 10, 1, 0.95),
        Forward(2, 2, 64, 1.0),
    ]
    add_forwards(golden, pipe, random, forwards)
    mixed = [Forward(16, 16, 5, 0.0), Forward(12, 20, 40, 0.5), Forward(6, 10, 32, 0.9)]
    transformer.add_batch(golden, pipe.transformer, mixed, random)
    vae.add_decode(golden, pipe.vae, 8, 8, random)
    vae.add_decode(golden, pipe.vae, 7, 12, random)
    vae.add_encode(golden, pipe.vae, 20, 28, random)
    shape = {"seed": 5, "steps": 4, "height": 24, "width": 40}
    prompt = text.PROMPTS["en"]
    pipeline.add(golden, pipe, "plain", Run(prompt, **shape))
    pipeline.add(golden, pipe, "guided", Run(prompt, **shape, **GUIDED))
    pipeline.add(golden, pipe, "guided-normalized", Run(prompt, **shape, **GUIDED, cfg_normalization=1.0))
    # Model times here are 0, 0.1, 0.25, 0.5: the last two steps run without guidance.
    limits = {"cfg_normalization": 1.0, "cfg_truncation": 0.2}
    pipeline.add(golden, pipe, "guided-truncated", Run(prompt, **shape, **GUIDED, **limits))
    golden.write(folder / "tiny-a.safetensors")


def make_tiny_b(folder: Path) -> None:
    pipe = pipeline.load(folder / "tiny-b")
    golden = start("tiny-b", f"{CHECKPOINTS}/tiny-b", pipe, seed=22)
    random = Random(22)
    text.add(golden, pipe, tuple(text.PROMPTS))
    text.add_long(golden, pipe)
    add_parts(golden, pipe, random, tokens=33)
    transformer.add_stages(golden, pipe.transformer, Forward(6, 10, 9, 0.3), random)
    forwards = [
        Forward(16, 16, 31, 0.0),
        Forward(12, 20, 32, 0.5),
        Forward(6, 10, 33, 0.75),
        Forward(8, 8, 1, 0.95),
    ]
    add_forwards(golden, pipe, random, forwards)
    transformer.add_batch(golden, pipe.transformer, [Forward(8, 8, 40, 0.2), Forward(6, 10, 7, 0.8)], random)
    vae.add_decode(golden, pipe.vae, 4, 4, random)
    vae.add_decode(golden, pipe.vae, 3, 6, random)
    vae.add_encode(golden, pipe.vae, 32, 48, random)
    pipeline.add(golden, pipe, "plain", Run(text.PROMPTS["zh"], seed=6, steps=3, height=48, width=80))
    golden.write(folder / "tiny-b.safetensors")


def make_demo(folder: Path, checkpoint: Path) -> None:
    pipe = pipeline.load(checkpoint)
    golden = start("demo", DEMO, pipe, seed=33)
    random = Random(33)
    text.add(golden, pipe, ("en", "zh", "mixed"))
    transformer.add_block(golden, pipe.transformer, "layers.0", 33, random)
    forwards = [
        Forward(16, 16, 31, 0.0),
        Forward(16, 16, 32, 0.3),
        Forward(12, 20, 33, 0.75),
    ]
    add_forwards(golden, pipe, random, forwards)
    transformer.add_forward(golden, pipe.transformer, None, Forward(32, 32, 20, 0.5), random)
    vae.add_decode(golden, pipe.vae, 8, 8, random)
    vae.add_decode(golden, pipe.vae, 12, 8, random)
    vae.add_encode(golden, pipe.vae, 64, 96, random)
    golden.write(folder / "demo.safetensors")


def start(part: str, checkpoint: str, pipe: ZImagePipeline, seed: int) -> Golden:
    configs = {
        "transformer": pipe.transformer.config,
        "vae": pipe.vae.config,
        "text_encoder": pipe.text_encoder.config.to_diff_dict(),
    }
    # Underscored entries name classes, versions and the folder of this machine.
    public = {
        component: {key: value for key, value in config.items() if not key.startswith("_")}
        for component, config in configs.items()
    }
    return Golden(part, {"checkpoint": checkpoint, "input_seed": seed, "configs": public})


def add_parts(golden: Golden, pipe: ZImagePipeline, random: Random, tokens: int) -> None:
    transformer.add_time(golden, pipe.transformer)
    transformer.add_rope(golden, pipe.transformer)
    for name in ("layers.0", "context_refiner.0"):
        transformer.add_block(golden, pipe.transformer, name, tokens, random)


def add_forwards(golden: Golden, pipe: ZImagePipeline, random: Random, forwards: list[Forward]) -> None:
    narrow = copy.deepcopy(pipe.transformer).to(torch.bfloat16)
    for case in forwards:
        transformer.add_forward(golden, pipe.transformer, narrow, case, random)
