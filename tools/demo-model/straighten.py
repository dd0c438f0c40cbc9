"""The last phase: teaches the model to go straight to where its own fine steps lead, so that four steps and nine give much the same picture.

A frozen copy follows the flow from a noised latent to the end in several small steps; the model learns the direct way there. Half of what it learns from is
still the data itself, which keeps the endpoints honest. Goes on where a stopped run was; does not begin from nothing: it needs flow.pt.
"""

import argparse
from pathlib import Path

import torch

import train_flow
from clock import cosine
from export import SHIFT
from text_encoder import TextEncoder
from train_flow import Replay, Training
from transformer import Transformer

STEPS = 5
"""Small steps of the frozen copy."""


def main() -> None:
    parser = argparse.ArgumentParser()
    train_flow.add_arguments(parser)
    arguments = parser.parse_args()
    train_flow.launch(arguments, Straightening)


class Straightening(Training):
    CHECKPOINT = "straight.pt"

    def __init__(self, arguments, device: torch.device, rank: int, world: int):
        self.teacher: dict[tuple, Teacher] = {}
        super().__init__(arguments, device, rank, world)

    def begin(self) -> float:
        """From the averaged weights of flow.pt; or where an earlier run of this phase stopped."""
        flow = torch.load(self.arguments.folder / "flow.pt", map_location=self.device)
        self.frozen = (Transformer().to(self.device), TextEncoder().to(self.device))
        self.frozen[0].load_state_dict(flow["transformer"])
        self.frozen[1].load_state_dict(flow["text"])
        if self.path.exists():
            return super().begin()
        self.flat.values.copy_(flow["average"])
        self.flat.average.copy_(flow["average"])
        return 0.0

    def share_of_rate(self, share: float) -> float:
        return cosine(share, warm=0.05)

    def step(self, shelf, rate: float) -> torch.Tensor:
        if self.steps % 2:
            return super().step(shelf, rate)
        bucket = shelf.bucket
        key = (bucket.rows, bucket.tokens, bucket.batch)
        if key not in self.teacher:
            self.teacher[key] = Teacher(self, self.graphs[key])
        return super().step(shelf, rate, self.teacher[key].run)


class Teacher:
    """Replaces what a `Replay` was filled with: the picture becomes the frozen copy's endpoint, and the noise what leads straight to it."""

    def __init__(self, training: Straightening, replay: Replay):
        self.training, self.replay = training, replay
        self.run = self.plain
        if training.arguments.graphs:
            kept = [tensor.clone() for tensor in (replay.patches, replay.noise)]
            side = torch.cuda.Stream()
            side.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(side):
                self.plain()
            torch.cuda.current_stream().wait_stream(side)
            graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(graph, pool=training.pool):
                self.plain()
            for tensor, value in zip((replay.patches, replay.noise), kept):
                tensor.copy_(value)
            self.run = graph.replay

    @torch.no_grad()
    def plain(self) -> None:
        replay, (transformer, text) = self.replay, self.training.frozen
        level = replay.level[:, None, None]
        begun = (1 - level) * replay.patches + level * replay.noise
        # Even steps of the schedule's own time, from where this sample is.
        time = replay.level / (SHIFT - (SHIFT - 1) * replay.level)
        x, at = begun, replay.level
        with torch.autocast(begun.device.type, torch.bfloat16):
            caption = text(replay.ids)
            for index in range(STEPS):
                following = time * (1 - (index + 1) / STEPS)
                following = SHIFT * following / (1 + (SHIFT - 1) * following)
                direction = transformer(x, 1 - at, caption, replay.real, replay.picture_real, replay.rope).float()
                x = x + (at - following)[:, None, None] * direction
                at = following
        replay.patches.copy_(x)
        # The end of the line through `begun` that starts at the endpoint.
        replay.noise.copy_((begun - (1 - level) * x) / level.clamp_min(1e-3))


if __name__ == "__main__":
    main()
