"""A model in zao's fp8 form as a folder that diffusers loads: each matrix times its scales, in f32.

    python tools/goldens/plain.py MODEL FOLDER

An element has 4 significant bits and a scale 24, so no narrower type than f32 holds what zao multiplies: f32 rounds the product once, as zao
does when it draws in f32. All other tensors and files stay as they are. Knows none of zao's other forms, and does not quantise.
"""

import contextlib
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save_file

FORM = "fp8-rows"


@contextlib.contextmanager
def plain(model: Path) -> Iterator[Path]:
    """`model` itself if diffusers can load it, else a copy that it can, for as long as the context lasts."""
    if not any(is_packed(file) for file in weights(model)):
        yield model
        return
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "model"
        unpack(model, folder)
        yield folder


def unpack(model: Path, folder: Path) -> None:
    """Writes `folder`, which must not be there."""
    shutil.copytree(model, folder)
    for file in weights(folder):
        if is_packed(file):
            tensors = unpacked(file)
            file.unlink()
            save_file(tensors, file, metadata={"format": "pt"})


def weights(model: Path) -> list[Path]:
    return sorted(model.glob("*/*.safetensors"))


def is_packed(file: Path) -> bool:
    with safe_open(file, framework="pt") as opened:
        form = (opened.metadata() or {}).get("zao")
    if form not in (None, FORM):
        raise SystemExit(f"{file} is in the form {form}; only {FORM} is unpacked here: convert the original with `zao convert --to fp8`")
    return form is not None


def unpacked(file: Path) -> dict[str, torch.Tensor]:
    """The tensors of a file, products in place of matrices and scales."""
    with safe_open(file, framework="pt") as opened:
        tensors = {name: opened.get_tensor(name) for name in opened.keys()}
    for name in [name for name, tensor in tensors.items() if tensor.dtype == torch.float8_e4m3fn]:
        scales = tensors.pop(f"{name}_scale")
        tensors[name] = tensors[name].float() * scales[:, None]
    return tensors


if __name__ == "__main__":
    unpack(*map(Path, sys.argv[1:]))
