"""Looks at a picture and says whether it shows what its caption asked for: background, number of things, which things. Does not draw any.

Everything is measured from the picture alone. The things are told by their nearest drawing: what differs from the background is cut out, brought to one size
and compared with every drawing, treated in the same way on the same background: their pixels, or what an autoencoder makes of them.
"""

from collections.abc import Callable

from dataclasses import dataclass, fields

import cv2
import numpy as np
import torch

from compose import PALETTE, Stage
from scenes import BACKGROUNDS, COUNT, MONOCHROME, PAIR, PIXELS, SINGLE, UNNAMED, Boxes, on_grid

FRAME = 5
"""Pixels of the border whose median is the background."""
DIFFERENT = 26
"""Levels in one channel from which a pixel belongs to a thing."""
CLOSED = 7
"""Pixels over which gaps within a thing are closed."""
LEAST = 0.004
"""Share of the picture below which something is a speck."""
SIDE = 32
LATENT_SIDE = 64
"""Pixels of the squares that are compared, and of those that are encoded before."""
GALLERY = 112
"""Pixels that a drawing takes where it is compared."""
CELL_SIDES = range(3, 16)
BLOCKY = 0.3
COLOURLESS = 24


@dataclass
class Finding:
    background: bool
    count: bool
    things: bool
    style: bool
    found: list[str]
    """Labels of the nearest drawings."""


def background_of(picture: np.ndarray) -> tuple[np.ndarray, int]:
    """Median colour of the frame of `[height, width, 3]`, and which of the named ones is nearest."""
    frame = np.concatenate(
        [picture[:FRAME].reshape(-1, 3), picture[-FRAME:].reshape(-1, 3), picture[:, :FRAME].reshape(-1, 3), picture[:, -FRAME:].reshape(-1, 3)]
    )
    colour = np.median(frame, axis=0)
    distance = np.square(PALETTE[:UNNAMED] * 255 - colour).sum(axis=1)
    return colour, int(distance.argmin())


def components(picture: np.ndarray, colour: np.ndarray) -> tuple[np.ndarray, list[tuple[int, int, int, int]]]:
    """Mask of what differs from the background, and left, top, width, height of each connected part."""
    mask = (np.abs(picture.astype(np.float32) - colour).max(axis=2) > DIFFERENT).astype(np.uint8)
    mask = cv2.morphologyEx(mask, cv2.MORPH_OPEN, np.ones((2, 2), np.uint8))
    closed = cv2.morphologyEx(mask, cv2.MORPH_CLOSE, np.ones((CLOSED, CLOSED), np.uint8))
    _, _, stats, _ = cv2.connectedComponentsWithStats(closed, connectivity=8)
    least = LEAST * mask.size
    boxes = [tuple(int(value) for value in stat[:4]) for stat in stats[1:] if stat[4] >= least]
    return mask, boxes


def cut_out(picture: np.ndarray, mask: np.ndarray, box: tuple[int, int, int, int], to: int) -> np.ndarray:
    """What stands in a box, in the middle of a square of `to` pixels, over grey, with its outline as a fourth channel: `[to, to, 4]`."""
    left, top, width, height = box
    side = max(width, height)
    square = np.full((side, side, 4), 128, np.float32)
    square[..., 3] = 0
    y, x = (side - height) // 2, (side - width) // 2
    cut = picture[top : top + height, left : left + width].astype(np.float32)
    inside = mask[top : top + height, left : left + width, None] > 0
    square[y : y + height, x : x + width, :3] = np.where(inside, cut, 128)
    square[y : y + height, x : x + width, 3:] = inside * 128.0
    return cv2.resize(square, (to, to), interpolation=cv2.INTER_AREA)


@dataclass(frozen=True)
class Measure:
    """What is compared: squares of `side` pixels, `[number, side, side, 4]`, as numbers `[number, n]` whose distance counts."""

    side: int
    of: Callable[[np.ndarray], np.ndarray]


BY_PIXELS = Measure(SIDE, lambda squares: squares.reshape(len(squares), -1))


def by_latents(encode: Callable[[torch.Tensor], torch.Tensor]) -> Measure:
    """The distance between latents, of an encoder of pictures in [-1, 1]."""

    @torch.no_grad()
    def of(squares: np.ndarray) -> np.ndarray:
        pixels = torch.from_numpy(squares[..., :3] / 127.5 - 1).permute(0, 3, 1, 2)
        return torch.cat([encode(some).flatten(1) for some in pixels.split(64)]).float().numpy()

    return Measure(LATENT_SIDE, of)


class Gallery:
    """Every drawing as it is measured, in each style on each background; made when first asked for."""

    def __init__(self, stage: Stage, labels: list[str], measure: Measure = BY_PIXELS):
        self.stage, self.labels, self.measure = stage, labels, measure
        self.layers: dict[int, tuple[np.ndarray, np.ndarray]] = {}
        self.features: dict[tuple[int, int], np.ndarray] = {}

    def nearest(self, picture: np.ndarray, mask: np.ndarray, boxes: list[tuple[int, int, int, int]], background: int, style: int) -> list[int]:
        """The drawing that is nearest to what stands in each box."""
        if not boxes:
            return []
        if (background, style) not in self.features:
            self.features[background, style] = self.on(background, style)
        values = self.measure.of(np.stack([cut_out(picture, mask, box, self.measure.side) for box in boxes]))
        return [int(np.square(self.features[background, style] - value).sum(axis=1).argmin()) for value in values]

    def on(self, background: int, style: int) -> np.ndarray:
        if style not in self.layers:
            self.layers[style] = self.drawn(style)
        colour, clear = self.layers[style]
        rows = []
        for index in range(len(self.labels)):
            picture = (colour[index] + PALETTE[background] * 255 * clear[index]).clip(0, 255).round().astype(np.uint8)
            mask, _ = components(picture, PALETTE[background] * 255)
            # All of the drawing, also where it comes apart.
            found = cv2.boundingRect(mask)
            side = self.measure.side
            rows.append(cut_out(picture, mask, found, side) if found[2] else np.zeros((side, side, 4), np.float32))
        return self.measure.of(np.stack(rows))

    def drawn(self, style: int) -> tuple[np.ndarray, np.ndarray]:
        """What each drawing adds to a background, 0 to 255, and the share of the background that is left: it follows from black and white ones."""
        number, canvas = len(self.labels), GALLERY + 32
        middle = np.full((number, 1), canvas / 2)
        boxes = Boxes(np.arange(number)[:, None], middle, middle.copy(), np.full((number, 1), float(GALLERY)), np.zeros((number, 1)))
        if style == PIXELS:
            on_grid(boxes, np.arange(number), 0.5)
        black, white = [], []
        for start in range(0, number, 64):
            some = Boxes(*(getattr(boxes, field.name)[start : start + 64] for field in fields(Boxes)))
            for level, parts in ((0.0, black), (1.0, white)):
                plain = torch.full((len(some.thing), 3), level, device=self.stage.device)
                pixels = self.stage.compose(some, plain, np.full(len(some.thing), style), canvas, canvas)
                parts.append(((pixels.float() / 2 + 0.5) * 255).permute(0, 2, 3, 1).cpu().numpy())
        colour = np.concatenate(black)
        return colour, (np.concatenate(white) - colour) / 255


def has_style(picture: np.ndarray, mask: np.ndarray, boxes: list[tuple[int, int, int, int]], style: int) -> bool:
    """Pixel art is blocky and nothing else is; black and white has no colours. Things in colour may be grey, so colours are not asked of them."""
    if (blockiness(picture, boxes) > BLOCKY) != (style == PIXELS):
        return False
    return style != MONOCHROME or colourfulness(picture, mask) < COLOURLESS


def colourfulness(picture: np.ndarray, mask: np.ndarray) -> float:
    """Levels between a pixel's strongest and weakest channel, which nine of ten pixels of things stay under."""
    shown = picture[mask > 0].astype(np.int16)
    return float(np.percentile(shown.max(axis=1) - shown.min(axis=1), 90)) if len(shown) else 0.0


def blockiness(picture: np.ndarray, boxes: list[tuple[int, int, int, int]]) -> float:
    """How much of all change between neighbouring pixels falls on the lines of some regular grid: 0 as by chance, 1 all of it. The median of the things."""
    values = []
    for left, top, width, height in boxes:
        cut = picture[top : top + height, left : left + width].astype(np.float32)
        across = np.abs(np.diff(cut, axis=1)).sum(axis=(0, 2))
        down = np.abs(np.diff(cut, axis=0)).sum(axis=(1, 2))
        values.append(max(on_lines(across, cell) + on_lines(down, cell) for cell in CELL_SIDES) / 2)
    return float(np.median(values)) if values else 0.0


def on_lines(change: np.ndarray, cell: int) -> float:
    """The largest share of `change` that lies `cell` apart, less what lies there by chance."""
    total = change.sum()
    if len(change) < 2 * cell or total == 0:
        return 0.0
    share = max(change[start::cell].sum() for start in range(cell)) / total
    return float((share - 1 / cell) / (1 - 1 / cell))


def to_bytes(pixels: torch.Tensor) -> np.ndarray:
    """Pictures in [-1, 1] `[number, 3, height, width]` as bytes `[number, height, width, 3]`."""
    return ((pixels.float() / 2 + 0.5).clamp(0, 1) * 255).round().byte().permute(0, 2, 3, 1).cpu().numpy()


def check(picture: np.ndarray, scene, gallery: Gallery) -> Finding:
    """`scene` is one row of `Scenes`, `picture` `[height, width, 3]` in bytes."""
    colour, background = background_of(picture)
    wanted = 0 if scene.background == UNNAMED else int(scene.background)
    mask, boxes = components(picture, colour)
    number = {SINGLE: 1, PAIR: 2, COUNT: int(scene.count)}[int(scene.kind)]
    along = 1 if scene.kind == PAIR and scene.vertical else 0
    boxes = sorted(boxes, key=lambda box: box[along] + box[along + 2] / 2)
    found = gallery.nearest(picture, mask, boxes[:8], background, int(scene.style))
    expected = [int(scene.first), int(scene.second)] if scene.kind == PAIR else [int(scene.first)] * number
    return Finding(
        background == wanted,
        len(boxes) == number,
        found == expected,
        has_style(picture, mask, boxes, int(scene.style)),
        [gallery.labels[index] for index in found],
    )


NAMES = list(BACKGROUNDS)
