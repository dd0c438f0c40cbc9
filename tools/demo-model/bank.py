"""Latents of every scene of the corpus, on the device, made once by the trained encoder. Does not train."""

import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

import corpus
import scenes
from buckets import Bucket
from compose import Stage
from transformer import patchify
from vae import Vae


@dataclass
class Shelf:
    """One bucket: `patches` `[scenes, rows, 64]` in bf16, scaled to unit spread, `ids` `[scenes, variants, tokens]`, `lengths` `[scenes, variants]`."""

    bucket: Bucket
    patches: torch.Tensor
    ids: torch.Tensor
    lengths: torch.Tensor


@dataclass
class Scale:
    """(latent - shift) * scaling has mean 0 and spread 1."""

    scaling: float
    shift: float


def measure_scale(vae: Vae, stage: Stage, number: int) -> Scale:
    """The same from every process, since the scenes are."""
    random = np.random.default_rng(5)
    parts = []
    for _ in range(0, number, 64):
        drawn = scenes.draw(random, 64, len(stage.atlas))
        parts.append(encode(vae, stage.pictures(drawn, scenes.arrange(drawn, 256, 256, random), 256, 256, random)))
    latents = torch.cat(parts)
    return Scale(round(float(1 / latents.std()), 4), round(float(latents.mean()), 4))


@torch.no_grad()
def encode(vae: Vae, pixels: torch.Tensor) -> torch.Tensor:
    with torch.autocast(pixels.device.type, torch.bfloat16):
        mean, _ = vae.encode(pixels.to(memory_format=torch.channels_last))
    return mean.float()


def fill(bucket: Bucket, folder: Path, stage: Stage, vae: Vae, scale: Scale, part: int, parts: int) -> Shelf:
    """The `part`-th of `parts` of a bucket, so that several devices can share the work."""
    started = time.monotonic()
    drawn, ids, lengths = corpus.read(folder / f"{bucket.name}.npz")
    mine = slice(part, None, parts)
    drawn, ids, lengths = drawn[mine], ids[mine], lengths[mine]
    random = np.random.default_rng([bucket.height, bucket.width, bucket.tokens, part])
    batch = max(16, 256 * 256 * 256 // (bucket.height * bucket.width))
    patches = torch.empty(len(drawn), bucket.rows, 4 * vae.shape.latent, dtype=torch.bfloat16, device=stage.device)
    for start in range(0, len(drawn), batch):
        some = drawn[slice(start, start + batch)]
        boxes = scenes.arrange(some, bucket.height, bucket.width, random)
        latents = encode(vae, stage.pictures(some, boxes, bucket.height, bucket.width, random))
        patches[start : start + len(some)] = patchify((latents - scale.shift) * scale.scaling)
    device = stage.device
    shelf = Shelf(bucket, patches, torch.from_numpy(ids).to(device), torch.from_numpy(lengths).to(device))
    print(f"bank: {bucket.name}, {len(drawn)} scenes in {time.monotonic() - started:.1f} s", flush=True)
    return shelf
