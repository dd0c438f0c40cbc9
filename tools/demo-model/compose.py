"""Scenes as pixels, on the device, a batch at a time: sprites sampled through a pyramid and laid over a background. Does not say where things stand;
that is `scenes.py`."""

import numpy as np
import torch
import torch.nn.functional as F

from scenes import BACKGROUNDS, CELLS, MONOCHROME, PIXELS, Boxes, Scenes
from sprites import MARGIN, SIDE

PALETTE = np.array([*BACKGROUNDS.values(), BACKGROUNDS["white"]], np.float32) / 255
"""One row a background; the last is for captions that name none."""
TEXELS = 3
"""Texels a side of a cell of pixel art in the atlas, so that its middle is found in half precision too."""


CELLS_TOP = SIDE * 3 // 4
"""Row of the atlas where cells begin, under the quarters."""


class Stage:
    """All sprites on one device, each with its halves and quarters beside it, so that small ones are sampled without flicker, and with its cells."""

    def __init__(self, sprites: np.ndarray, device: torch.device):
        self.device = device
        self.dtype = torch.float16 if device.type == "cuda" else torch.float32
        side = SIDE
        atlas = torch.zeros(len(sprites), 4, SIDE, SIDE * 3 // 2, dtype=torch.uint8)
        level = torch.from_numpy(sprites).float()
        top = 0
        for index in range(3):
            left = 0 if index == 0 else SIDE
            atlas[:, :, top : top + side, left : left + side] = level.round().to(torch.uint8)
            top += side if index > 0 else 0
            level, side = F.avg_pool2d(level, 2), side // 2
        coarse = cells(torch.from_numpy(sprites)).repeat_interleave(TEXELS, 2).repeat_interleave(TEXELS, 3)
        atlas[:, :, CELLS_TOP : CELLS_TOP + CELLS * TEXELS, SIDE : SIDE + CELLS * TEXELS] = coarse
        self.atlas = atlas.to(device)
        self.palette = torch.from_numpy(PALETTE).to(device)

    def backgrounds(self, scenes: Scenes, random: np.random.Generator | None) -> torch.Tensor:
        """RGB from 0 to 1, `[scenes, 3]`; with `random`, each a shade off."""
        colours = self.palette[torch.from_numpy(scenes.background).to(self.device)]
        if random is None:
            return colours
        # White stays white, or every picture would come out a little dirty.
        off = random.uniform(-0.02, 0.02, (len(scenes), 1)) * (PALETTE[scenes.background].min(axis=1, keepdims=True) < 1)
        return colours + torch.from_numpy(off.astype(np.float32)).to(self.device)

    @torch.no_grad()
    def compose(self, boxes: Boxes, backgrounds: torch.Tensor, style: np.ndarray, height: int, width: int) -> torch.Tensor:
        """Pictures in [-1, 1], `[scenes, 3, height, width]`; `style` `[scenes]` changes the things, not the background."""
        canvas = backgrounds.to(self.dtype)[:, :, None, None].expand(-1, -1, height, width).clone()
        grey = torch.from_numpy(style == MONOCHROME).to(self.device)
        coarse = style == PIXELS
        for slot in range(boxes.thing.shape[1]):
            rows = np.flatnonzero(boxes.thing[:, slot] >= 0)
            if len(rows) == 0:
                continue
            where = torch.from_numpy(rows).to(self.device)
            layer = self.layer(boxes, slot, rows, coarse, height, width)
            colour, opacity = layer[:, :3], layer[:, 3:]
            luma = (colour * colour.new_tensor([0.299, 0.587, 0.114])[:, None, None]).sum(1, keepdim=True)
            colour = torch.where(grey[where][:, None, None, None], luma.expand_as(colour), colour)
            canvas[where] = canvas[where] * (1 - opacity) + colour
        return (canvas * 2 - 1).clamp(-1, 1)

    def layer(self, boxes: Boxes, slot: int, rows: np.ndarray, coarse: np.ndarray, height: int, width: int) -> torch.Tensor:
        """One sprite a scene on a transparent canvas, `[rows, 4, height, width]`, colours multiplied by opacity; `coarse` `[scenes]` are pixel art."""

        def column(values: np.ndarray) -> torch.Tensor:
            return torch.from_numpy(values[rows, slot].astype(np.float32)).to(self.device)[:, None, None]

        x, y, side, angle = (column(values) for values in (boxes.x, boxes.y, boxes.side, boxes.angle))
        # Twice the resolution, averaged at the end: edges come out smooth.
        down = (torch.arange(2 * height, device=self.device) + 0.5)[None, :, None] / 2 - y
        across = (torch.arange(2 * width, device=self.device) + 0.5)[None, None, :] / 2 - x
        cos, sin = angle.cos(), angle.sin()
        u, v = (cos * across + sin * down) / side + 0.5, (cos * down - sin * across) / side + 0.5
        inside = ((u > 0) & (u < 1) & (v > 0) & (v < 1))[:, None]
        # The smallest level that still has a pixel for each of the doubled canvas.
        level = torch.floor(torch.log2(SIDE / (2 * side)).clamp(0, 2))
        texels = SIDE / 2**level
        left = torch.where(level > 0, float(SIDE), 0.0)
        top = torch.where(level > 1, float(SIDE // 2), 0.0)
        in_cells = torch.from_numpy(coarse[rows]).to(self.device)[:, None, None]
        texels = torch.where(in_cells, float(CELLS * TEXELS), texels)
        left, top = torch.where(in_cells, float(SIDE), left), torch.where(in_cells, float(CELLS_TOP), top)
        u, v = (torch.where(in_cells, ((at * CELLS).floor() + 0.5) / CELLS, at) for at in (u, v))
        grid = torch.stack(
            ((left + u * texels) / (SIDE * 1.5) * 2 - 1, (top + v * texels) / SIDE * 2 - 1),
            dim=-1,
        )
        sprites = self.atlas[torch.from_numpy(boxes.thing[rows, slot]).to(self.device)].to(self.dtype) / 255
        sampled = F.grid_sample(sprites, grid.to(self.dtype), mode="bilinear", align_corners=False)
        return F.avg_pool2d(sampled * inside, 2)

    def pictures(self, scenes: Scenes, boxes: Boxes, height: int, width: int, random: np.random.Generator | None) -> torch.Tensor:
        """What captions of `scenes` are about."""
        return self.compose(boxes, self.backgrounds(scenes, random), scenes.style, height, width)


def cells(sprites: torch.Tensor) -> torch.Tensor:
    """Sprites `[things, 4, SIDE, SIDE]` as pixel art `[things, 4, CELLS, CELLS]`, in bytes: the mean of each cell, which is there or not there."""
    means = F.avg_pool2d(sprites[:, :, MARGIN:-MARGIN, MARGIN:-MARGIN].float(), (SIDE - 2 * MARGIN) // CELLS)
    opacity = means[:, 3:]
    colour = (means[:, :3] / opacity.clamp_min(1) * 255).clamp(0, 255)
    return (torch.cat((colour, torch.full_like(opacity, 255)), 1) * (opacity > 127)).round().to(torch.uint8)
