"""Which sizes of pictures and captions are trained on, how many scenes of each there are, and how often each is taken."""

from dataclasses import dataclass

from transformer import padded


@dataclass(frozen=True)
class Bucket:
    """Scenes of one size; `share` of the steps take theirs from it."""

    height: int
    width: int
    tokens: int
    """Rows that captions are padded to; captions have more than the next smaller size, or no less than nothing."""
    scenes: int
    batch: int
    share: float

    @property
    def name(self) -> str:
        return f"{self.height}x{self.width}c{self.tokens}"

    @property
    def rows(self) -> int:
        """Rows of a picture, with pads."""
        return padded(self.height // 16 * (self.width // 16))


BUCKETS = [
    Bucket(256, 256, 32, 114_688, 256, 0.62),
    Bucket(192, 320, 32, 6144, 256, 0.04),
    Bucket(320, 192, 32, 6144, 256, 0.04),
    Bucket(256, 384, 32, 8192, 160, 0.05),
    Bucket(384, 256, 32, 8192, 160, 0.05),
    Bucket(256, 256, 64, 8192, 256, 0.03),
    Bucket(192, 192, 32, 6144, 256, 0.05),
    Bucket(384, 384, 32, 6144, 112, 0.05),
    Bucket(320, 320, 32, 6144, 144, 0.03),
    Bucket(192, 256, 32, 4096, 256, 0.02),
    Bucket(256, 192, 32, 4096, 256, 0.02),
]
"""The first is what most people ask for and what the model is examined on; the others keep it from falling apart at other sizes. Each number of rows
costs a compilation, so sizes with the same number (192x320 is padded to the rows of 256x256) come cheap."""


def scaled(buckets: list[Bucket], factor: float, least: int, batch: int | None = None) -> list[Bucket]:
    """The same sizes with fewer scenes, and smaller batches, to try things out."""
    return [
        Bucket(b.height, b.width, b.tokens, max(least, int(b.scenes * factor)), batch or b.batch, b.share) for b in buckets
    ]
