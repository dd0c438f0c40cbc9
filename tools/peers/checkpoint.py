"""Writes a folder in diffusers' layout with the published sizes of Z-Image-Turbo and random weights in bf16, to time loading with.

    python tools/peers/checkpoint.py /tmp/random-z-image-turbo

20.5 GB. Tokenizer and scheduler are those of the demo model, so every prompt is understood; the pictures are noise.
"""

import json
import shutil
import sys
from pathlib import Path

import torch

import architecture

DEMO = Path(__file__).parents[2] / "assets" / "demo-model"


def main() -> None:
    (folder,) = map(Path, sys.argv[1:])
    torch.manual_seed(0)
    for name in ("tokenizer", "scheduler"):
        shutil.copytree(DEMO / name, folder / name, dirs_exist_ok=True)
    shutil.copy(DEMO / "model_index.json", folder)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    parts = {
        "vae": architecture.vae,
        "text_encoder": lambda: architecture.text_encoder(None),
        "transformer": lambda: architecture.transformer(None),
    }
    for name, make in parts.items():
        model = architecture.fill(make().to(torch.bfloat16), device)
        model.save_pretrained(folder / name, max_shard_size="10GB")
        del model
    config = folder / "vae" / "config.json"
    values = json.loads(config.read_text())
    config.write_text(json.dumps({**values, "scaling_factor": 0.3611, "shift_factor": 0.1159}, indent=2))


if __name__ == "__main__":
    main()
