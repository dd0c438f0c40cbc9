"""Time as the training spends it: a share of a budget that goes on counting after a restart, and a rate of learning that follows it."""

import math
import time


class Clock:
    """`spent` seconds of `budget` are gone already, from before a restart."""

    def __init__(self, budget: float, spent: float = 0.0):
        self.budget = budget
        self.started = time.monotonic() - spent

    def spent(self) -> float:
        return time.monotonic() - self.started

    def share(self) -> float:
        return min(1.0, self.spent() / self.budget)


def cosine(share: float, warm: float = 0.02, last: float = 0.01) -> float:
    """Up in a straight line, then down along a cosine to `last` of the highest."""
    if share < warm:
        return share / warm
    return last + (1 - last) * 0.5 * (1 + math.cos(math.pi * (share - warm) / (1 - warm)))
