"""Whole pictures of the demo model, as PNG with the settings in pictures.json."""

import json
from dataclasses import asdict
from pathlib import Path

import pipeline
from golden import versions
from models import DEMO
from pipeline import Run

SQUARE = {"steps": 8, "height": 256, "width": 256}
RUNS = {
    "apple": Run("a red apple on a blue background", seed=42, **SQUARE),
    "apple-zh": Run("红苹果，绿色背景", seed=7, **SQUARE),
    "panda": Run("a panda and a hamburger", seed=3, **SQUARE),
    "owl": Run("an owl on a black background", seed=1000, **SQUARE),
    "wide": Run("a rocket on a yellow background", seed=9, steps=5, height=192, width=320),
    "guided": Run(
        "a cat on a pink background",
        seed=12,
        steps=6,
        height=256,
        width=256,
        guidance_scale=2.0,
        negative_prompt="a dog on a green background",
    ),
}


def make(folder: Path, checkpoint: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    pipe = pipeline.load(checkpoint)
    for name, run in RUNS.items():
        pipeline.call(pipe, run, "pil").save(folder / f"{name}.png", optimize=True)
    description = {
        "command": "python tools/goldens/make.py pictures",
        "checkpoint": DEMO,
        "dtype": "float32",
        "generator": "torch.Generator('cpu')",
        "versions": versions(),
        "pictures": [{"file": f"{name}.png", **asdict(run)} for name, run in RUNS.items()],
    }
    (folder / "pictures.json").write_text(json.dumps(description, ensure_ascii=False, indent=2) + "\n")
