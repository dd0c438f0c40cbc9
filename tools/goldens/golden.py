"""Golden files: named tensors plus one JSON description, in a safetensors file."""

import json
import platform
from pathlib import Path

import diffusers
import numpy
import safetensors
import safetensors.torch
import tokenizers
import torch
import transformers

REPOSITORY = Path(__file__).resolve().parents[2]
# The one metadata key. safetensors writes several keys in random order, one key keeps files byte-stable.
DESCRIPTION_KEY = "golden"


def versions() -> dict[str, str]:
    """What can change the numbers: the libraries, and the instruction set torch chose."""
    libraries = (diffusers, numpy, safetensors, tokenizers, torch, transformers)
    found = {library.__name__: library.__version__ for library in libraries}
    found["python"] = platform.python_version()
    found["torch_cpu_capability"] = torch.backends.cpu.get_cpu_capability()
    return found


class Golden:
    """Tensors under slash-separated names, checked to be finite and never written twice."""

    def __init__(self, part: str, description: dict):
        self.tensors: dict[str, torch.Tensor] = {}
        self.description = {
            "command": f"python tools/goldens/make.py {part}",
            "versions": versions(),
            **description,
        }

    def add(self, name: str, tensor: torch.Tensor) -> torch.Tensor:
        """Stores a copy of `tensor` (bf16 results are stored as f32) and returns the tensor itself."""
        if name in self.tensors:
            raise ValueError(f"{name} is there already")
        stored = tensor.detach().to("cpu", copy=True).contiguous()
        if stored.dtype == torch.bfloat16:
            stored = stored.float()
        if stored.is_floating_point() and not stored.isfinite().all():
            raise ValueError(f"{name} is not finite")
        self.tensors[name] = stored
        return tensor

    def write(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        description = json.dumps(self.description, ensure_ascii=False, sort_keys=True)
        safetensors.torch.save_file(self.tensors, path, metadata={DESCRIPTION_KEY: description})


def read(path: Path) -> tuple[dict[str, torch.Tensor], dict]:
    """The tensors and the description of a golden file, or of any other safetensors file (then `{}`)."""
    with safetensors.safe_open(path, framework="pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}
        metadata = file.metadata() or {}
    return tensors, json.loads(metadata.get(DESCRIPTION_KEY, "{}"))


class Random:
    """Random inputs from NumPy's PCG64, whose values do not depend on the machine (torch.randn's last bits do)."""

    def __init__(self, seed: int):
        self.generator = numpy.random.Generator(numpy.random.PCG64(seed))

    def normal(self, *shape: int, std: float = 1.0) -> torch.Tensor:
        return torch.from_numpy((self.generator.standard_normal(shape) * std).astype(numpy.float32))

    def uniform(self, *shape: int, low: float = -1.0, high: float = 1.0) -> torch.Tensor:
        return torch.from_numpy(self.generator.uniform(low, high, shape).astype(numpy.float32))
