"""Drawings as sprites: premultiplied RGBA squares of one size, cut to what is drawn and centred. Does not place them; that is `compose.py`."""

import io
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image

from things import Thing, load

SIDE = 320
"""Pixels a side; more than any sprite takes in a picture of 384x384."""
MARGIN = 4
"""Transparent pixels around the drawing, so that sampling beside it finds nothing."""


def render_all(things: list[Thing]) -> np.ndarray:
    """Sprites of all things, `[things, 4, SIDE, SIDE]`, 8 bits, colours multiplied by opacity."""
    # Processes, because the renderer holds the interpreter while it works.
    with ProcessPoolExecutor() as pool:
        return np.stack(list(pool.map(render, things, chunksize=4)))


def render(thing: Thing) -> np.ndarray:
    """The sprite of one thing, `[4, SIDE, SIDE]`."""
    # The first rendering finds where the drawing lies; the second has the resolution that is kept, so that nothing is enlarged.
    left, top, right, bottom = drawn(rasterise(thing, 128))
    extent = max(right - left, bottom - top)
    inner = SIDE - 2 * MARGIN
    whole = rasterise(thing, round(128 * inner / extent))
    box = drawn(whole)
    cut = Image.fromarray(whole).crop(box)
    if max(cut.size) > inner:
        # One pixel too many by rounding: shave it off rather than resample everything.
        cut = cut.crop((0, 0, min(cut.width, inner), min(cut.height, inner)))
    canvas = Image.new("RGBa", (SIDE, SIDE))
    canvas.paste(cut.convert("RGBa"), ((SIDE - cut.width) // 2, (SIDE - cut.height) // 2))
    return np.asarray(canvas).transpose(2, 0, 1)


def rasterise(thing: Thing, side: int) -> np.ndarray:
    # Imported here: who trains on sprites that are rendered already needs no renderer.
    import resvg_py

    png = resvg_py.svg_to_bytes(svg_string=thing.svg, width=side, height=side, skip_system_fonts=True)
    return np.asarray(Image.open(io.BytesIO(bytes(png))).convert("RGBA"))


def drawn(image: np.ndarray) -> tuple[int, int, int, int]:
    """Left, top, right and bottom of what is not transparent."""
    rows = np.flatnonzero((image[..., 3] > 8).any(axis=1))
    columns = np.flatnonzero((image[..., 3] > 8).any(axis=0))
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def main() -> None:
    things_path, output = map(Path, sys.argv[1:])
    partial = output.with_suffix(".partial.npy")
    np.save(partial, render_all(load(things_path)))
    partial.rename(output)


if __name__ == "__main__":
    main()
