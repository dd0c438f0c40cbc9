"""Makes every golden, or the named ones; `--check` makes them in a temporary folder and compares with the committed.

    python tools/goldens/make.py [--check] [tiny noise schedule tiny-a tiny-b demo pictures edits images gguf adapters]
"""

import argparse
import os
import tempfile
from pathlib import Path

# Set before the libraries are imported: nothing here may reach for the network.
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
os.environ.setdefault("DIFFUSERS_VERBOSITY", "error")

import diffusers
import torch
import transformers

import adapters
import check
import edits
import gguf_blocks
import images
import models
import noise
import pictures
import schedule
import tiny
from golden import REPOSITORY

MODEL_GOLDENS = Path("crates/zao-model/tests/goldens")
WEIGHT_GOLDENS = Path("crates/zao-weights/tests/goldens")
PICTURES = Path("crates/zao-engine/tests/goldens/pictures")
EDITS = Path("crates/zao-engine/tests/goldens/edits")
IMAGES = Path("crates/zao-image/tests/goldens")
ADAPTERS = Path("crates/zao-engine/tests/goldens/adapters")
DEMO_MODEL = REPOSITORY / models.DEMO


def parts(root: Path) -> dict:
    """The makers by name, writing below `root` as if it were the repository. tiny-a, tiny-b and adapters need tiny."""
    goldens = root / MODEL_GOLDENS
    return {
        "tiny": lambda: [tiny.make(name, goldens) for name in tiny.ALL],
        "noise": lambda: noise.make(goldens),
        "schedule": lambda: schedule.make(goldens),
        "tiny-a": lambda: models.make_tiny_a(goldens),
        "tiny-b": lambda: models.make_tiny_b(goldens),
        "demo": lambda: models.make_demo(goldens, DEMO_MODEL),
        "pictures": lambda: pictures.make(root / PICTURES, DEMO_MODEL),
        "edits": lambda: edits.make(root / EDITS, DEMO_MODEL),
        "images": lambda: images.make(root / IMAGES),
        "gguf": lambda: gguf_blocks.make(root / WEIGHT_GOLDENS),
        "adapters": lambda: adapters.make(root / ADAPTERS, DEMO_MODEL, goldens / "tiny-a", str(MODEL_GOLDENS / "tiny-a")),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description="Makes the golden data of the tests with diffusers.")
    parser.add_argument("--check", action="store_true", help="compare with the committed files, write nothing")
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(parts(REPOSITORY)))
    arguments = parser.parse_args()
    unknown = set(arguments.parts) - set(parts(REPOSITORY))
    if unknown or (arguments.check and arguments.parts):
        parser.error(f"unknown parts: {sorted(unknown)}" if unknown else "--check always makes all parts")
    diffusers.utils.logging.disable_progress_bar()
    transformers.utils.logging.disable_progress_bar()
    torch.use_deterministic_algorithms(True)
    if not arguments.check:
        build(REPOSITORY, arguments.parts)
        return 0
    with tempfile.TemporaryDirectory() as folder:
        build(Path(folder), [])
        return check.compare(Path(folder), REPOSITORY, [MODEL_GOLDENS, WEIGHT_GOLDENS, PICTURES, EDITS, IMAGES, ADAPTERS])


def build(root: Path, wanted: list[str]) -> None:
    for name, maker in parts(root).items():
        if not wanted or name in wanted:
            print(f"making {name}", flush=True)
            maker()


if __name__ == "__main__":
    raise SystemExit(main())
