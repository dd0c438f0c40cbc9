"""noise.safetensors: torch.randn on the CPU, next to a check that mt19937.py says how it is made."""

from pathlib import Path

import numpy
import torch

from golden import Golden
from mt19937 import TorchNormal

SEEDS = (0, 42, 2**32 + 5, 2**63 + 7)
SIZES = (1, 5, 15, 16, 17, 31, 100, 4096)
LATENT_SHAPE = (1, 16, 32, 32)
EDGE = 64
# Calls on one generator: short calls hand on a cached sample, long calls leave it alone.
SEQUENCE = (5, 4, 20, 3, 16, 1)
# torch evaluates log, sin and cos with its own f32 approximations (AVX2 and wider); the rest is exact.
ULPS_ALLOWED = 4


def make(folder: Path) -> None:
    golden = Golden("noise", {"seeds": SEEDS, "sizes": SIZES, "latent_shape": LATENT_SHAPE, "sequence": SEQUENCE})
    golden.description["reimplementation"] = verify()
    for seed in SEEDS:
        for size in SIZES:
            golden.add(f"seed{seed}/n{size}", torch.randn(size, generator=generator(seed)))
        latent = torch.randn(LATENT_SHAPE, generator=generator(seed)).flatten()
        golden.add(f"seed{seed}/latent/first", latent[:EDGE])
        golden.add(f"seed{seed}/latent/last", latent[-EDGE:])
        golden.add(f"seed{seed}/latent/sum", latent.double().sum().reshape(1))
        golden.add(f"seed{seed}/latent/sum_of_squares", latent.double().square().sum().reshape(1))
    shared = generator(42)
    for index, size in enumerate(SEQUENCE):
        golden.add(f"sequence/{index}", torch.randn(size, generator=shared))
    golden.write(folder / "noise.safetensors")


def generator(seed: int) -> torch.Generator:
    return torch.Generator("cpu").manual_seed(seed)


def verify() -> dict:
    """Compares mt19937.py with torch; fails where they differ by more than the last bits of log, sin and cos."""
    worst = {"ulps": 0, "relative": 0.0, "absolute": 0.0}
    for seed in SEEDS:
        for size in SIZES:
            ours = TorchNormal(seed).randn(size)
            theirs = torch.randn(size, generator=generator(seed)).numpy()
            difference = distance(ours, theirs)
            if size < 16 and difference["ulps"]:
                raise AssertionError(f"seed {seed}, {size} values: short calls must agree bit for bit")
            worst = {key: max(worst[key], difference[key]) for key in worst}
    ours, theirs = TorchNormal(42), generator(42)
    for size in SEQUENCE:
        difference = distance(ours.randn(size), torch.randn(size, generator=theirs).numpy())
        worst = {key: max(worst[key], difference[key]) for key in worst}
    if worst["ulps"] > ULPS_ALLOWED:
        raise AssertionError(f"mt19937.py is not what torch does: {worst}")
    return worst


def distance(ours: numpy.ndarray, theirs: numpy.ndarray) -> dict:
    ulps = numpy.abs(ours.view(numpy.int32).astype(numpy.int64) - theirs.view(numpy.int32))
    absolute = numpy.abs(ours.astype(numpy.float64) - theirs)
    return {
        "ulps": int(ulps.max()),
        "relative": float((absolute / numpy.abs(theirs)).max()),
        "absolute": float(absolute.max()),
    }
