"""Looks at a picture and says whether it shows what its caption asked for: background, number of things, which things. Does not draw any.

Everything is measured from pixels alone. The things are told by their nearest drawing: what differs from the background is cut out, brought to one size
and compared with every drawing, treated in the same way on the same background.
"""

from dataclasses import dataclass

import cv2
import numpy as np
import torch

from compose import PALETTE, Stage
from scenes import BACKGROUNDS, COUNT, PAIR, SINGLE, UNNAMED, Boxes

FRAME = 5
"""Pixels of the border whose median is the background."""
DIFFERENT = 26
"""Levels in one channel from which a pixel belongs to a thing."""
CLOSED = 7
"""Pixels over which gaps within a thing are closed."""
LEAST = 0.004
"""Share of the picture below which something is a speck."""
SIDE = 32
GALLERY = 112
"""Pixels that a drawing takes where it is compared."""


@dataclass
class Finding:
    background: bool
    count: bool
    things: bool
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


def feature(picture: np.ndarray, mask: np.ndarray, box: tuple[int, int, int, int]) -> np.ndarray:
    """What stands in a box, in the middle of a square of one size, over grey, with its outline as a fourth channel."""
    left, top, width, height = box
    side = max(width, height)
    square = np.full((side, side, 4), 128, np.float32)
    square[..., 3] = 0
    y, x = (side - height) // 2, (side - width) // 2
    cut = picture[top : top + height, left : left + width].astype(np.float32)
    inside = mask[top : top + height, left : left + width, None] > 0
    square[y : y + height, x : x + width, :3] = np.where(inside, cut, 128)
    square[y : y + height, x : x + width, 3:] = inside * 128.0
    return cv2.resize(square, (SIDE, SIDE), interpolation=cv2.INTER_AREA).reshape(-1)


class Gallery:
    """Every drawing as `feature` sees it, on each background."""

    def __init__(self, stage: Stage, labels: list[str]):
        self.labels = labels
        self.features = np.stack([self.on(stage, index) for index in range(UNNAMED)])

    def on(self, stage: Stage, background: int) -> np.ndarray:
        number, canvas = len(self.labels), GALLERY + 32
        middle = np.full((number, 1), canvas / 2)
        boxes = Boxes(np.arange(number)[:, None], middle, middle, np.full((number, 1), float(GALLERY)), np.zeros((number, 1)))
        colour = stage.palette[background].expand(number, 3)
        rows = []
        for start in range(0, number, 64):
            part = slice(start, start + 64)
            some = Boxes(*(getattr(boxes, name)[part] for name in ("thing", "x", "y", "side", "angle")))
            pixels = stage.compose(some, colour[part], np.zeros(len(some.thing), bool), canvas, canvas)
            for picture in to_bytes(pixels):
                mask, _ = components(picture, PALETTE[background] * 255)
                # All of the drawing, also where it comes apart.
                found = cv2.boundingRect(mask)
                rows.append(feature(picture, mask, found) if found[2] else np.zeros(SIDE * SIDE * 4, np.float32))
        return np.stack(rows)

    def nearest(self, value: np.ndarray, background: int) -> int:
        return int(np.square(self.features[background] - value).sum(axis=1).argmin())


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
    found = [gallery.nearest(feature(picture, mask, box), background) for box in boxes[:8]]
    expected = [int(scene.first), int(scene.second)] if scene.kind == PAIR else [int(scene.first)] * number
    return Finding(
        background == wanted,
        len(boxes) == number,
        found == expected,
        [gallery.labels[index] for index in found],
    )


NAMES = list(BACKGROUNDS)
