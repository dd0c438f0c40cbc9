"""How many of the pictures that a model draws for the fixed examinations are right.

    python examine.py zao THINGS SPRITES ZAO MODEL FOLDER  draws all with the zao binary, those of other sizes also in 4 steps, and counts
    python examine.py count THINGS SPRITES FOLDER          counts pictures that are there: FOLDER/captions/000.png to 199.png and so on
    python examine.py latents THINGS SPRITES VAE FOLDER    the same, things told by the latents of an autoencoder, a folder in bf16 or more

Does not choose the captions (`examinations.py`), and does not train.
"""

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from safetensors.torch import load_file

import examinations
import things
from checks import BY_PIXELS, Gallery, by_latents, check
from compose import Stage
from scenes import COLOURED, COUNT, MONOCHROME, PAIR, PIXELS, SINGLE
from vae import Vae

KINDS = {SINGLE: "single", PAIR: "pair", COUNT: "count"}
STYLES = {COLOURED: "usual", MONOCHROME: "black and white", PIXELS: "pixel art"}
STEPS = 9
FEW = 4
"""Steps whose pictures should look like those of STEPS."""
WHAT = ("background", "count", "things", "style")


def main() -> None:
    command, things_path, sprites_path, *rest = sys.argv[1:]
    folder = Path(rest[-1])
    if command == "zao":
        draw_with_zao(Path(rest[0]), rest[1], folder)
    stage = Stage(np.load(sprites_path), torch.device("cuda" if torch.cuda.is_available() else "cpu"))
    measure = by_latents(encoder(Path(rest[0]))) if command == "latents" else BY_PIXELS
    gallery = Gallery(stage, [thing.label for thing in things.load(Path(things_path))], measure)
    for name in examinations.ALL:
        report = count(gallery, name, lambda index: picture(folder / name, index))
        if name == "sizes":
            report["agreement"] = agreement(folder)
        print(as_table(report), end="\n\n")
        (folder / f"{name}{'-latents' if command == 'latents' else ''}.json").write_text(json.dumps(report, ensure_ascii=False, indent=1) + "\n")


def encoder(folder: Path):
    """What makes latents of pictures: the means, as the model has them."""
    vae = Vae()
    vae.load_state_dict(load_file(folder / "diffusion_pytorch_model.safetensors"))
    vae.float().eval()
    return lambda pixels: vae.encode(pixels)[0]


def picture(folder: Path, index: int) -> np.ndarray:
    return np.asarray(Image.open(folder / f"{index:03}.png").convert("RGB"))


def group_of(name: str, entry: dict) -> str:
    """The row of the table that a caption is counted in."""
    if name == "sizes":
        return f"{entry['width']}x{entry['height']}"
    style = "" if name == "captions" else f"{STYLES[entry['style']]}, "
    return f"{style}{KINDS[entry['kind']]} {entry['language']}"


def count(gallery: Gallery, name: str, picture_of) -> dict:
    """Shares that are right in each group and in all, and what was found in each picture."""
    details, groups = [], {}
    for index, entry in enumerate(examinations.read(name)):
        finding = vars(check(picture_of(index), examinations.scene_of(entry), gallery))
        details.append({"group": group_of(name, entry), "language": entry["language"], "caption": entry["caption"], **finding})
    for group in [*dict.fromkeys(detail["group"] for detail in details), "all"]:
        some = [detail for detail in details if group in (detail["group"], "all")]
        groups[group] = {"pictures": len(some), **{what: round(sum(d[what] for d in some) / len(some), 3) for what in WHAT}}
    return {"groups": groups, "details": details}


def agreement(folder: Path) -> dict:
    """PSNR between few steps and many at each size: median and least, in dB."""
    values: dict[str, list[float]] = {}
    for index, entry in enumerate(examinations.read("sizes")):
        few, many = picture(folder / f"sizes-{FEW}", index), picture(folder / "sizes", index)
        values.setdefault(group_of("sizes", entry), []).append(decibels(few, many))
    return {group: {"median": round(float(np.median(some)), 1), "least": round(min(some), 1)} for group, some in values.items()}


def decibels(a: np.ndarray, b: np.ndarray) -> float:
    error = float(np.square(a.astype(np.float32) - b).mean())
    return 10 * float(np.log10(255**2 / max(error, 1e-3)))


def as_table(report: dict) -> str:
    agree = report.get("agreement", {})
    head = ["", "pictures", *WHAT, *([f"{FEW} beside {STEPS} steps"] if agree else [])]
    lines = [f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
    for name, group in report["groups"].items():
        cells = [name, str(group["pictures"]), *(f"{100 * group[what]:.1f} %" for what in WHAT)]
        if agree:
            cells.append(f"{agree[name]['median']} dB (least {agree[name]['least']})" if name in agree else "")
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def draw_with_zao(binary: Path, model: str, folder: Path) -> None:
    """A caption's number is its seed; what is drawn already is not drawn again."""

    def one(into: str, steps: int, index: int, entry: dict) -> None:
        output = folder / into / f"{index:03}.png"
        if output.exists():
            return
        output.parent.mkdir(parents=True, exist_ok=True)
        size = f"{entry['width']}x{entry['height']}"
        fixed = ["--steps", str(steps), "--size", size, "--threads", "1", "--quiet"]
        arguments = ["generate", entry["caption"], "--model", model, "--seed", str(index), "--output", str(output), *fixed]
        subprocess.run([binary, *arguments], check=True)

    sets = [(name, name, STEPS) for name in examinations.ALL] + [("sizes", f"sizes-{FEW}", FEW)]
    work = [(into, steps, index, entry) for name, into, steps in sets for index, entry in enumerate(examinations.read(name))]
    with ThreadPoolExecutor() as pool:
        list(pool.map(one, *zip(*work)))


if __name__ == "__main__":
    main()
