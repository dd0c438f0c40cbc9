"""What a picture shows, as numbers: things, count, background, size, place. Draws scenes at random, says where each thing stands, and keeps some
combinations from ever being trained on. Does not put anything into words (`captions.py`) or pixels (`compose.py`)."""

from dataclasses import dataclass, fields

import numpy as np

SINGLE, PAIR, COUNT = range(3)
BACKGROUNDS = {
    "white": (255, 255, 255),
    "black": (20, 20, 22),
    "red": (220, 50, 50),
    "orange": (245, 140, 40),
    "yellow": (250, 215, 70),
    "green": (70, 165, 85),
    "blue": (60, 110, 225),
    "purple": (140, 80, 185),
    "pink": (250, 160, 190),
    "brown": (130, 85, 55),
    "grey": (150, 150, 155),
    "sky blue": (145, 205, 240),
}
UNNAMED = len(BACKGROUNDS)
"""The caption says nothing of the background: it is white."""
USUAL, SMALL, LARGE = range(3)
MIDDLE, LEFT, RIGHT, TOP, BOTTOM = range(5)
COLOURED, MONOCHROME, PIXELS = range(3)
CELLS = 24
"""Cells a side of a thing in pixel art."""
SLOTS = 4
HELD_OUT = 16
"""One combination of this many is never trained on."""


@dataclass
class Scenes:
    """A column each; all `[scenes]`. `second` is used by pairs, `vertical` puts it below instead of to the right."""

    kind: np.ndarray
    first: np.ndarray
    second: np.ndarray
    count: np.ndarray
    background: np.ndarray
    size: np.ndarray
    place: np.ndarray
    vertical: np.ndarray
    style: np.ndarray

    def __len__(self) -> int:
        return len(self.kind)

    def __getitem__(self, index) -> "Scenes":
        return Scenes(*(getattr(self, field.name)[index] for field in fields(self)))

    @staticmethod
    def joined(parts: list["Scenes"]) -> "Scenes":
        return Scenes(*(np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(Scenes)))


def held_out(scenes: Scenes) -> np.ndarray:
    """Which scenes are kept for examining: a hash of everything that the caption says decides, so that no run has to remember them."""
    key = np.zeros(len(scenes), np.uint64)
    with np.errstate(over="ignore"):
        for field in fields(scenes):
            value = getattr(scenes, field.name).astype(np.uint64)
            # The finaliser of splitmix64: neighbouring numbers come out unlike each other.
            key = (key ^ value) + np.uint64(0x9E3779B97F4A7C15)
            key = (key ^ (key >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
            key = (key ^ (key >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
            key ^= key >> np.uint64(31)
    return key % np.uint64(HELD_OUT) == 0


def draw(random: np.random.Generator, number: int, things: int, examined: bool = False) -> Scenes:
    """`number` scenes that may be trained on, or, with `examined`, that never are."""
    parts, found = [], 0
    while found < number:
        scenes = draw_any(random, max(1024, 2 * (number - found) * (HELD_OUT if examined else 1)), things)
        kept = scenes[held_out(scenes) == examined]
        parts.append(kept)
        found += len(kept)
    return Scenes.joined(parts)[slice(0, number)]


def draw_any(random: np.random.Generator, number: int, things: int) -> Scenes:
    def choose(weights: list[float]) -> np.ndarray:
        return random.choice(len(weights), number, p=weights)

    kind = choose([0.46, 0.30, 0.24])
    first = random.integers(things, size=number)
    # Another thing than the first, each as likely.
    second = (first + random.integers(1, things, size=number)) % things
    single = kind == SINGLE
    background = np.where(random.random(number) < 0.22, UNNAMED, random.integers(UNNAMED, size=number))
    return Scenes(
        kind,
        first,
        np.where(kind == PAIR, second, 0),
        np.where(kind == COUNT, 2 + choose([0.36, 0.34, 0.30]), 1),
        background,
        np.where(single, choose([0.6, 0.2, 0.2]), USUAL),
        np.where(single, choose([0.64, 0.09, 0.09, 0.09, 0.09]), MIDDLE),
        np.where(kind == PAIR, choose([0.72, 0.28]), 0),
        # Black and white is for single things only. One scene of eleven is pixel art.
        np.where(single, choose([0.81, 0.05, 0.14]), np.where(random.random(number) < 0.055, PIXELS, COLOURED)),
    )


@dataclass
class Boxes:
    """Where sprites stand: `thing` `[scenes, SLOTS]`, -1 for none; `x`, `y` of the centre and `side`, in pixels, `angle` in radians."""

    thing: np.ndarray
    x: np.ndarray
    y: np.ndarray
    side: np.ndarray
    angle: np.ndarray


def arrange(scenes: Scenes, height: int, width: int, random: np.random.Generator | None) -> Boxes:
    """Places on a canvas; with `random`, a little off and a little turned, so that noise has something to decide."""
    number = len(scenes)
    thing = np.full((number, SLOTS), -1)
    x, y = np.zeros((number, SLOTS)), np.zeros((number, SLOTS))
    side = np.zeros((number, SLOTS))
    short = min(height, width)
    placed = scenes.place != MIDDLE

    chosen = scenes.kind == SINGLE
    thing[chosen, 0] = scenes.first[chosen]
    share = np.where(placed, np.choose(scenes.size, [0.46, 0.30, 0.58]), np.choose(scenes.size, [0.68, 0.36, 0.92]))
    side[chosen, 0] = (share * short)[chosen]
    edge = share * short / 2 + 0.05 * short
    x[chosen, 0] = np.choose(scenes.place, [width / 2, edge, width - edge, width / 2, width / 2])[chosen]
    y[chosen, 0] = np.choose(scenes.place, [height / 2, height / 2, height / 2, edge, height - edge])[chosen]

    pair = scenes.kind == PAIR
    for count in (2, 3, 4):
        same = (scenes.kind == COUNT) & (scenes.count == count)
        centres, size = grid(count, height, width)
        put(same, [scenes.first] * count, centres, size, thing, x, y, side)
    for vertical in (0, 1):
        chosen = pair & (scenes.vertical == vertical)
        centres, size = column(2, height, width) if vertical else row(2, height, width)
        put(chosen, [scenes.first, scenes.second], centres, size, thing, x, y, side)

    angle = np.zeros((number, SLOTS))
    if random is not None:
        x += random.uniform(-0.015, 0.015, x.shape) * short
        y += random.uniform(-0.015, 0.015, y.shape) * short
        # Counted things keep one size among them.
        side *= random.uniform(0.94, 1.04, (number, 1))
        angle = random.uniform(-0.07, 0.07, angle.shape)
    boxes = Boxes(thing, x, y, side, angle)
    # One thing has room to grow a little, several must not come to touch.
    on_grid(boxes, np.flatnonzero((scenes.style == PIXELS) & (scenes.kind == SINGLE)), 0.5)
    on_grid(boxes, np.flatnonzero((scenes.style == PIXELS) & (scenes.kind != SINGLE)), 0.0)
    return boxes


def on_grid(boxes: Boxes, rows: np.ndarray, rounding: float) -> None:
    """Gives the things of `rows` sides, in place, that are CELLS cells of equal whole pixels, and moves them to a grid of such cells over the canvas.

    Half a pixel of a cell or a slight turn would smear all of its edges. `rounding` 0 takes the next smaller cells, 0.5 the nearest.
    """
    cell = np.maximum(2, np.floor(boxes.side[rows] / CELLS + rounding))
    boxes.side[rows] = CELLS * cell
    for middle in (boxes.x, boxes.y):
        middle[rows] = np.round(middle[rows] / cell - CELLS / 2) * cell + CELLS * cell / 2
    boxes.angle[rows] = 0


def put(chosen, things, centres, size, thing, x, y, side) -> None:
    for slot, ((column_at, row_at), which) in enumerate(zip(centres, things)):
        thing[chosen, slot] = which[chosen]
        x[chosen, slot], y[chosen, slot], side[chosen, slot] = column_at, row_at, size


def grid(count: int, height: int, width: int) -> tuple[list[tuple[float, float]], float]:
    """Centres of `count` equal things and their side: in a row or a column where the canvas is long, else two above two, or one above two."""
    if count == 2 or width >= 1.8 * height:
        return row(count, height, width)
    if height >= 1.8 * width:
        return column(count, height, width)
    side = 0.40 * min(height, width)
    left, right, above, below = 0.26 * width, 0.74 * width, 0.26 * height, 0.74 * height
    tops = [(width / 2, above)] if count == 3 else [(left, above), (right, above)]
    return [*tops, (left, below), (right, below)], side


def row(count: int, height: int, width: int) -> tuple[list[tuple[float, float]], float]:
    side = min(0.84 * width / count, 0.8 * height)
    step = min(width * 0.96 / count, side * 1.3)
    return [(width / 2 + (index - (count - 1) / 2) * step, height / 2) for index in range(count)], side


def column(count: int, height: int, width: int) -> tuple[list[tuple[float, float]], float]:
    centres, side = row(count, width, height)
    return [(across, along) for along, across in centres], side
