"""The fixed examination: 200 captions whose combinations were never trained on, and how many of the pictures drawn for them are right.

    python examine.py choose THINGS SPRITES            writes examined.json, once
    python examine.py zao THINGS SPRITES ZAO MODEL OUT draws all with the zao binary and counts
    python examine.py count THINGS SPRITES FOLDER      counts pictures that are there: 000.png to 199.png

A caption is only taken if the true composition of its scene passes the checks itself: what the checks cannot see in the drawings (white on white,
drawings in several parts) they cannot ask of a model. Does not train.
"""

import json
import random as randoms
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields
from pathlib import Path

import numpy as np
import torch
from PIL import Image

import captions
import scenes
import things
from checks import Gallery, check, to_bytes
from compose import Stage
from scenes import COUNT, PAIR, SINGLE, Scenes

HERE = Path(__file__).parent
QUOTAS = {SINGLE: 80, PAIR: 60, COUNT: 60}
KINDS = {SINGLE: "single", PAIR: "pair", COUNT: "count"}
SEED = 2026
STEPS = 9


def main() -> None:
    command, things_path, sprites_path, *rest = sys.argv[1:]
    names = things.load(Path(things_path))
    stage = Stage(np.load(sprites_path), torch.device("cuda" if torch.cuda.is_available() else "cpu"))
    gallery = Gallery(stage, [thing.label for thing in names])
    if command == "choose":
        (HERE / "examined.json").write_text(json.dumps(choose(names, stage, gallery), ensure_ascii=False, indent=1) + "\n")
        return
    if command == "zao":
        binary, model, folder = rest
        draw_with_zao(Path(binary), model, Path(folder))
    else:
        (folder,) = rest
    report = count(gallery, lambda index: np.asarray(Image.open(Path(folder) / f"{index:03}.png").convert("RGB")))
    print(as_table(report))
    (Path(folder) / "report.json").write_text(json.dumps(report, ensure_ascii=False, indent=1) + "\n")


def choose(names: list[things.Thing], stage: Stage, gallery: Gallery) -> list[dict]:
    random, words = np.random.default_rng(SEED), randoms.Random(SEED)
    left = {(kind, language): number // 2 for kind, number in QUOTAS.items() for language in ("en", "zh")}
    chosen = []
    while any(left.values()):
        drawn = scenes.draw(random, 64, len(names), examined=True)
        drawn = drawn[drawn.style == scenes.COLOURED]
        pixels = to_bytes(stage.pictures(drawn, scenes.arrange(drawn, 256, 256, None), 256, 256, None))
        for index, picture in enumerate(pixels):
            scene = drawn[index]
            language = "en" if left[int(scene.kind), "en"] >= left[int(scene.kind), "zh"] else "zh"
            finding = check(picture, scene, gallery)
            if left[int(scene.kind), language] and finding.background and finding.count and finding.things:
                left[int(scene.kind), language] -= 1
                chosen.append({"language": language, "caption": caption_of(scene, names, language, words), **as_numbers(scene)})
    return chosen


def caption_of(scene, names, language: str, words: randoms.Random) -> str:
    """Said with each thing's first name, in any of the orders that captions have."""
    plain = [things.Thing(t.label, t.english[:1], t.chinese[:1], t.measure, "") for t in names]
    return captions.english(scene, plain, words) if language == "en" else captions.chinese(scene, plain, words)


def as_numbers(scene) -> dict:
    return {field.name: int(getattr(scene, field.name)) for field in fields(Scenes)}


def examined() -> list[dict]:
    return json.loads((HERE / "examined.json").read_text())


def count(gallery: Gallery, picture_of) -> dict:
    """Shares that are right by kind and language, and what was found in each picture."""
    details = []
    for index, entry in enumerate(examined()):
        scene = Scenes(**{field.name: np.int64(entry[field.name]) for field in fields(Scenes)})
        finding = check(picture_of(index), scene, gallery)
        details.append({"kind": KINDS[entry["kind"]], **{key: entry[key] for key in ("language", "caption")}, **vars(finding)})
    groups = {}
    for language in ("en", "zh"):
        for kind in ("single", "pair", "count", "all"):
            some = [d for d in details if d["language"] == language and kind in (d["kind"], "all")]
            groups[f"{kind} {language}"] = {
                "pictures": len(some),
                **{what: round(sum(d[what] for d in some) / len(some), 3) for what in ("background", "count", "things")},
            }
    return {"groups": groups, "details": details}


def as_table(report: dict) -> str:
    lines = ["| | pictures | background | count | things |", "|---|---|---|---|---|"]
    for name, group in report["groups"].items():
        shares = " | ".join(f"{100 * group[what]:.1f} %" for what in ("background", "count", "things"))
        lines.append(f"| {name} | {group['pictures']} | {shares} |")
    return "\n".join(lines)


def draw_with_zao(binary: Path, model: str, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)

    def one(index: int, caption: str) -> None:
        output = folder / f"{index:03}.png"
        if output.exists():
            return
        fixed = ["--steps", str(STEPS), "--size", "256x256", "--threads", "1", "--quiet"]
        arguments = ["generate", caption, "--model", model, "--seed", str(index), "--output", str(output), *fixed]
        subprocess.run([binary, *arguments], check=True)

    with ThreadPoolExecutor() as pool:
        list(pool.map(one, *zip(*enumerate(entry["caption"] for entry in examined()))))


if __name__ == "__main__":
    main()
