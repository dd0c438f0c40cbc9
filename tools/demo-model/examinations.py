"""The fixed examinations: captions whose combinations were never trained on, with what they ask for. Chooses them, once, and reads them.

    python examinations.py THINGS SPRITES NAME     writes NAME's file anew

A caption is only taken if the true composition of its scene passes the checks itself: what the checks cannot see in the drawings (white on white,
drawings in several parts) they cannot ask of a model. Does not draw with a model (`examine.py`).
"""

import json
import random as randoms
import sys
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import torch

import captions
import scenes
import things
from checks import Gallery, check, to_bytes
from compose import Stage
from scenes import COLOURED, COUNT, MONOCHROME, PAIR, PIXELS, SINGLE, Scenes

HERE = Path(__file__).parent
SEED = 2026
LANGUAGES = ("en", "zh")
SIZES = ((192, 192), (256, 192), (192, 256), (320, 320), (384, 256), (256, 384), (384, 384), (336, 208))
"""Width and height, as people type them."""


@dataclass(frozen=True)
class Examination:
    """`quotas`: captions of each style and kind at each size, half of them in either language."""

    file: str
    sizes: tuple[tuple[int, int], ...]
    quotas: dict[tuple[int, int], int]


ALL = {
    "captions": Examination("examined.json", ((256, 256),), {(COLOURED, SINGLE): 80, (COLOURED, PAIR): 60, (COLOURED, COUNT): 60}),
    "styles": Examination(
        "examined-styles.json",
        ((256, 256),),
        {(MONOCHROME, SINGLE): 24, (PIXELS, SINGLE): 16, (PIXELS, PAIR): 4, (PIXELS, COUNT): 4},
    ),
    "sizes": Examination("examined-sizes.json", SIZES, {(COLOURED, SINGLE): 4, (COLOURED, PAIR): 4, (COLOURED, COUNT): 4}),
}


def read(name: str) -> list[dict]:
    """Entries with language, caption, width, height and a scene's columns."""
    return [{"width": 256, "height": 256, **entry} for entry in json.loads((HERE / ALL[name].file).read_text())]


def scene_of(entry: dict) -> Scenes:
    return Scenes(**{field.name: np.int64(entry[field.name]) for field in fields(Scenes)})


def choose(examination: Examination, names: list[things.Thing], stage: Stage, gallery: Gallery) -> list[dict]:
    random, words = np.random.default_rng(SEED), randoms.Random(SEED)
    return [entry for size in examination.sizes for entry in choose_at(size, examination.quotas, random, words, names, stage, gallery)]


def choose_at(size: tuple[int, int], quotas: dict, random, words, names, stage: Stage, gallery: Gallery) -> list[dict]:
    width, height = size
    left = {(*key, language): number // 2 for key, number in quotas.items() for language in LANGUAGES}
    chosen = []
    while any(left.values()):
        drawn = scenes.draw(random, 64, len(names), examined=True)
        wanted = [any(left.get((int(scene.style), int(scene.kind), language)) for language in LANGUAGES) for scene in map(drawn.__getitem__, range(64))]
        drawn = drawn[np.flatnonzero(wanted)]
        if len(drawn) == 0:
            continue
        pixels = to_bytes(stage.pictures(drawn, scenes.arrange(drawn, height, width, None), height, width, None))
        for index, picture in enumerate(pixels):
            scene = drawn[index]
            language = max(LANGUAGES, key=lambda spoken: left[int(scene.style), int(scene.kind), spoken])
            key = (int(scene.style), int(scene.kind), language)
            finding = check(picture, scene, gallery)
            if left[key] and finding.background and finding.count and finding.things and finding.style:
                left[key] -= 1
                place = {} if size == (256, 256) else {"width": width, "height": height}
                chosen.append({"language": language, "caption": caption_of(scene, names, language, words), **place, **as_numbers(scene)})
    return chosen


def caption_of(scene, names: list[things.Thing], language: str, words: randoms.Random) -> str:
    """Said with each thing's first name, in any of the orders that captions have."""
    plain = [things.Thing(t.label, t.english[:1], t.chinese[:1], t.measure, "") for t in names]
    return captions.english(scene, plain, words) if language == "en" else captions.chinese(scene, plain, words)


def as_numbers(scene) -> dict:
    return {field.name: int(getattr(scene, field.name)) for field in fields(Scenes)}


def main() -> None:
    things_path, sprites_path, name = sys.argv[1:]
    names = things.load(Path(things_path))
    stage = Stage(np.load(sprites_path), torch.device("cuda" if torch.cuda.is_available() else "cpu"))
    entries = choose(ALL[name], names, stage, Gallery(stage, [thing.label for thing in names]))
    (HERE / ALL[name].file).write_text(json.dumps(entries, ensure_ascii=False, indent=1) + "\n")


if __name__ == "__main__":
    main()
