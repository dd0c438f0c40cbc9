"""The things that the model learns to draw: a drawing, its names in English and Chinese, and the word that counts it.

Reads what npm's packages `@iconify-json/fluent-emoji` and `emojibase-data` hold and writes one packed file that needs neither of them. Does not
render anything; that is `sprites.py`.

    python things.py FLUENT_EMOJI_PACKAGE EMOJIBASE_PACKAGE things.json.xz
"""

import json
import lzma
import re
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Thing:
    """One drawing. `english` holds pairs of singular and plural; the first name of each language is used to examine the model."""

    label: str
    english: list[tuple[str, str]]
    chinese: list[str]
    measure: str
    """The Chinese measure word: 一`只`猫."""
    svg: str


def load(path: Path) -> list[Thing]:
    """What `main` wrote, in the same order each time."""
    return [Thing(**entry) for entry in json.loads(lzma.decompress(path.read_bytes()))]


def main() -> None:
    fluent, emojibase, output = map(Path, sys.argv[1:])
    things = collect(fluent, emojibase)
    text = json.dumps([asdict(thing) for thing in things], ensure_ascii=False).encode()
    output.write_bytes(lzma.compress(text, preset=9 | lzma.PRESET_EXTREME))
    print(f"{len(things)} things, {output.stat().st_size} bytes")


def collect(fluent: Path, emojibase: Path) -> list[Thing]:
    icons = json.loads((fluent / "icons.json").read_text())["icons"]
    groups = json.loads((emojibase / "meta/groups.json").read_text())["subgroups"]
    chinese = {entry["hexcode"]: entry["label"] for entry in json.loads((emojibase / "zh/data.json").read_text())}
    measures, left_out = read_drawings(HERE / "drawings.tsv")
    words = read_words(HERE / "words.tsv")
    things = []
    for entry in json.loads((emojibase / "en/data.json").read_text()):
        label = entry["label"]
        subgroup = groups.get(str(entry.get("subgroup")))
        icon = icons.get(icon_name(label))
        if icon is None or subgroup not in measures or label in left_out:
            continue
        english, own_chinese = words.pop(label, ("-", "-"))
        things.append(
            Thing(
                label,
                [number(name) for name in (label if english == "-" else english).split("|")],
                (chinese[entry["hexcode"]] if own_chinese == "-" else own_chinese).split("|"),
                measures[subgroup],
                f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32">{shorter(icon["body"])}</svg>',
            )
        )
    refuse_shared_names(things)
    return things


def refuse_shared_names(things: list[Thing]) -> None:
    """A name that means two things would teach the model to draw neither."""
    seen: dict[str, str] = {}
    for thing in things:
        for name in {*(singular for singular, _ in thing.english), *thing.chinese}:
            if name in seen:
                raise SystemExit(f"words.tsv: {name} names both {seen[name]} and {thing.label}; keep one of them")
            seen[name] = thing.label


def shorter(body: str) -> str:
    """The drawing with three decimals instead of nine: a thousandth of a unit of 32 is a hundredth of a pixel."""
    return re.sub(r"\d+\.\d{4,}", lambda match: f"{float(match[0]):.3f}", body)


def number(name: str) -> tuple[str, str]:
    singular, _, plural = name.partition("/")
    return singular, plural or plural_of(singular)


def plural_of(singular: str) -> str:
    """Regular plurals only; `words.tsv` has the others."""
    if re.search(r"(s|x|z|ch|sh)$", singular):
        return singular + "es"
    if re.search(r"[^aeiou]y$", singular):
        return singular[:-1] + "ies"
    return singular + "s"


def icon_name(label: str) -> str:
    """How Iconify spells a label: red-apple, t-rex, mans-shoe."""
    plain = re.sub(r"[’'“”.!]", "", label.lower()).replace("ñ", "n")
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")


def read_drawings(path: Path) -> tuple[dict[str, str], set[str]]:
    measures, left_out = {}, set()
    for line in rows(path):
        subgroup, measure, labels = line.split("\t")
        measures[subgroup] = measure
        left_out.update(filter(None, labels.split("|")))
    return measures, left_out


def read_words(path: Path) -> dict[str, tuple[str, str]]:
    return {label: (english, chinese) for label, english, chinese in (line.split("\t") for line in rows(path))}


def rows(path: Path) -> list[str]:
    return [line for line in path.read_text().splitlines() if line and not line.startswith("#")]


if __name__ == "__main__":
    main()
