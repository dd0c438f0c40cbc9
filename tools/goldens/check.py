"""Compares freshly made goldens with the committed ones."""

import json
from pathlib import Path

import numpy
import torch
from PIL import Image

from golden import DESCRIPTION_KEY, read

# Largest ||a - b|| / ||b||. Other machines add up in another order; bf16 results move by whole bf16 steps.
TOLERANCE = 1e-5
TOLERANCE_BF16 = 2e-2
MINIMUM_PSNR = 50.0


def compare(fresh: Path, committed: Path, folders: list[Path]) -> int:
    """Prints every difference; 0 when there is none, else 1."""
    problems: list[str] = []
    for folder in folders:
        names = {path.relative_to(fresh) for path in (fresh / folder).rglob("*") if path.is_file()}
        there = {path.relative_to(committed) for path in (committed / folder).rglob("*") if path.is_file()}
        problems += [f"{name}: committed, but nothing makes it" for name in sorted(there - names)]
        problems += [f"{name}: not committed" for name in sorted(names - there)]
        for name in sorted(names & there):
            problems += [f"{name}: {problem}" for problem in differences(fresh / name, committed / name)]
    print("\n".join(problems) if problems else "every golden is what this machine makes")
    return 1 if problems else 0


def differences(fresh: Path, committed: Path) -> list[str]:
    if fresh.suffix == ".safetensors":
        return tensor_differences(fresh, committed)
    if fresh.suffix == ".png":
        return picture_differences(fresh, committed)
    if fresh.suffix == ".json":
        same = without_versions(json.loads(fresh.read_text())) == without_versions(json.loads(committed.read_text()))
        return [] if same else ["the JSON differs"]
    return [] if fresh.read_bytes() == committed.read_bytes() else ["the bytes differ"]


def tensor_differences(fresh: Path, committed: Path) -> list[str]:
    ours, description = read(fresh)
    theirs, committed_description = read(committed)
    problems = [f"{name} is only in one of the two" for name in sorted(ours.keys() ^ theirs.keys())]
    if without_versions(description) != without_versions(committed_description):
        problems.append(f"the metadata key {DESCRIPTION_KEY} differs")
    for name in sorted(ours.keys() & theirs.keys()):
        problems += [f"{name}: {problem}" for problem in value_differences(name, ours[name], theirs[name])]
    return problems


def value_differences(name: str, ours: torch.Tensor, theirs: torch.Tensor) -> list[str]:
    if ours.shape != theirs.shape or ours.dtype != theirs.dtype:
        return [f"{ours.dtype} {tuple(ours.shape)} became {theirs.dtype} {tuple(theirs.shape)}"]
    if name.endswith("/rgb8"):
        # A value on the edge between two levels may fall either way.
        worst = (ours.int() - theirs.int()).abs().max().item()
        return [f"pixels differ by up to {worst}"] if worst > 1 else []
    if not ours.is_floating_point():
        return [] if torch.equal(ours, theirs) else ["the integers differ"]
    tolerance = TOLERANCE_BF16 if name.endswith("_bf16") else TOLERANCE
    distance = (ours.double() - theirs.double()).norm().item()
    size = theirs.double().norm().item()
    return [] if distance <= tolerance * size else [f"||a - b|| / ||b|| is {distance / size if size else distance:.3g}"]


def picture_differences(fresh: Path, committed: Path) -> list[str]:
    ours, theirs = (numpy.asarray(Image.open(path), dtype=numpy.float64) for path in (fresh, committed))
    if ours.shape != theirs.shape:
        return [f"the size {ours.shape} became {theirs.shape}"]
    error = numpy.mean((ours - theirs) ** 2)
    psnr = 10 * numpy.log10(255.0**2 / error) if error else numpy.inf
    return [f"the pictures differ: PSNR {psnr:.1f} dB"] if psnr < MINIMUM_PSNR else []


def without_versions(value):
    """The description without what names this machine's libraries or measures its last bits."""
    dropped = ("versions", "reimplementation", "transformers_version", "_diffusers_version")
    if isinstance(value, dict):
        return {key: without_versions(item) for key, item in value.items() if key not in dropped}
    return [without_versions(item) for item in value] if isinstance(value, list) else value
