"""Scenes and their captions as ids, for every bucket; made once, on all processors, before there are latents. Does not draw them (`bank.py`)."""

import argparse
import os
import random as randoms
from concurrent.futures import ProcessPoolExecutor
from dataclasses import fields
from pathlib import Path

# Each worker below is a process already.
os.environ["TOKENIZERS_PARALLELISM"] = "false"

import numpy as np
from tokenizers import Tokenizer

import captions
import scenes
import things
import tokens
from buckets import BUCKETS, Bucket, scaled
from scenes import Scenes

VARIANTS = 4
"""Captions a scene: the first half English, the second Chinese."""
CHUNK = 2048
LEARNED_FROM = 40_000


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("things", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--scale", type=float, default=1.0, help="share of the scenes, to try things out")
    arguments = parser.parse_args()
    make(arguments.things, arguments.folder, scaled(BUCKETS, arguments.scale, 8))


def make(things_path: Path, folder: Path, buckets: list[Bucket]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    names = things.load(things_path)
    with ProcessPoolExecutor() as pool:
        tokenizer_file = folder / "tokenizer" / "tokenizer.json"
        if not tokenizer_file.exists():
            parts = pool.map(sentences, [names] * 16, range(16))
            tokens.learn([caption for part in parts for caption in part], folder / "tokenizer")
        for number, bucket in enumerate(buckets):
            path = folder / f"{bucket.name}.npz"
            if path.exists():
                continue
            chunks = range(0, bucket.scenes, CHUNK)
            seeds = [(number + 1) * 1_000_000 + start for start in chunks]
            sizes = [min(CHUNK, bucket.scenes - start) for start in chunks]
            parts = list(pool.map(chunk, [names] * len(seeds), [tokenizer_file] * len(seeds), [bucket.tokens] * len(seeds), seeds, sizes))
            write(path, parts)
            print(f"{bucket.name}: {bucket.scenes} scenes", flush=True)


def sentences(names: list[things.Thing], seed: int) -> list[str]:
    """Captions to learn words from."""
    number = LEARNED_FROM // 16
    drawn = scenes.draw(np.random.default_rng([1, seed]), number, len(names))
    random = randoms.Random(seed)
    return [captions.describe(drawn[index], names, index % 2 == 1, random) for index in range(number)]


def chunk(names, tokenizer_file: Path, room: int, seed: int, number: int) -> tuple[Scenes, np.ndarray, np.ndarray]:
    tokenizer = Tokenizer.from_file(str(tokenizer_file))
    drawn = scenes.draw(np.random.default_rng(seed), number, len(names))
    random = randoms.Random(seed)
    ids = np.zeros((number, VARIANTS, room), np.int16)
    lengths = np.zeros((number, VARIANTS), np.int16)
    for variant in range(VARIANTS):
        is_chinese = variant >= VARIANTS // 2
        texts = [text_of(drawn[index], names, is_chinese, room, random) for index in range(number)]
        ids[:, variant], lengths[:, variant] = tokens.encode(tokenizer, texts, room)
        # What does not fit, or is too short for this size, is said again until it is right.
        for _ in range(20):
            wrong = np.flatnonzero((lengths[:, variant] > room) | (lengths[:, variant] <= room // 2 * (room > 32)))
            if len(wrong) == 0:
                break
            texts = [text_of(drawn[index], names, is_chinese, room, random) for index in wrong]
            ids[wrong, variant], lengths[wrong, variant] = tokens.encode(tokenizer, texts, room)
    return drawn, ids, np.minimum(lengths, room)


def text_of(scene, names, is_chinese: bool, room: int, random: randoms.Random) -> str:
    if room == 32:
        return captions.describe(scene, names, is_chinese, random)
    describe = captions.chinese if is_chinese else captions.english
    return captions.lengthened(describe(scene, names, random), is_chinese, random, random.randint(3, 7))


def write(path: Path, parts) -> None:
    drawn = Scenes.joined([part[0] for part in parts])
    columns = {field.name: getattr(drawn, field.name).astype(np.int16) for field in fields(Scenes)}
    partial = path.with_suffix(".partial.npz")
    np.savez(partial, ids=np.concatenate([part[1] for part in parts]), lengths=np.concatenate([part[2] for part in parts]), **columns)
    partial.rename(path)


def read(path: Path) -> tuple[Scenes, np.ndarray, np.ndarray]:
    """Scenes, ids `[scenes, VARIANTS, tokens]`, lengths `[scenes, VARIANTS]`."""
    with np.load(path) as file:
        columns = {field.name: file[field.name].astype(np.int64) for field in fields(Scenes)}
        return Scenes(**columns), file["ids"], file["lengths"]


if __name__ == "__main__":
    main()
