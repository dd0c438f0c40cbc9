"""Noise of an NVIDIA GPU: `torch.randn` with a CUDA generator.

Not part of `make.py`, because it needs a card: `python tools/goldens/nv.py` on a machine with one
and a CUDA build of torch. The file in the repository was made on an H100; elements beyond the
number of threads a card starts at once (270 336 there) are drawn by another rule, so the largest
case stays below that.
"""

import json
from pathlib import Path

import torch
from safetensors.torch import save_file

OUT = Path(__file__).parents[2] / "crates/zao-model/tests/goldens/nv.safetensors"
SEEDS = (0, 42, 2**32 + 5, 2**63 + 7)
WHOLE = (1, 5, 16, 100, 4096)
ENDS = (16 * 32 * 32, 16 * 128 * 128)


def draw(seed: int, count: int) -> torch.Tensor:
    generator = torch.Generator("cuda").manual_seed(seed)
    return torch.randn(count, generator=generator, device="cuda").cpu()


def main() -> None:
    tensors = {}
    for seed in SEEDS:
        for count in WHOLE:
            tensors[f"seed{seed}/n{count}"] = draw(seed, count)
        for count in ENDS:
            values = draw(seed, count)
            tensors[f"seed{seed}/n{count}/first"] = values[:64].clone()
            tensors[f"seed{seed}/n{count}/last"] = values[-64:].clone()
    golden = {"command": "nv.py", "torch": torch.__version__, "device": torch.cuda.get_device_name()}
    save_file(tensors, OUT, metadata={"golden": json.dumps(golden)})


if __name__ == "__main__":
    main()
