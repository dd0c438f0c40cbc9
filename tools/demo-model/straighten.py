"""The last phase: teaches the model to go straight to where its own fine steps lead, so that four steps and nine give much the same picture.

A frozen copy follows the flow from a noised latent to the end in several small steps; the model learns the direct way there. Half of the steps still
learn from the data itself, which keeps the endpoints honest. Goes on where a stopped run was. Runs after `train_flow.py`, in its process.
"""

import time

import numpy as np
import torch

from clock import Clock, cosine
from export import SHIFT
from text_encoder import TextEncoder
from transformer import Transformer

STEPS = 5
"""Small steps of the frozen copy."""
TAUGHT = (256, 32)
"""Rows of the picture and of the caption for which there is a teacher: the most frequent size. The others learn from data only."""


class Straightening:
    """`training` is what `train_flow.py` ended with; its weights become `straight.pt`, `flow.pt` stays."""

    def __init__(self, training, minutes: float, rate: float):
        self.training = training
        flat = training.flat
        training.optimiser.highest = rate
        training.optimiser.forget()
        training.path = training.arguments.folder / "straight.pt"
        training.steps = 0
        flat.values.copy_(flat.average)
        # Made before an earlier run of this phase is read: the teacher is what the phase began with.
        self.teachers = teachers_of(training)
        spent = training.begin()
        training.order = np.random.default_rng([13, training.steps])
        training.clock = self.clock = Clock(minutes * 60, spent)

    def run(self) -> None:
        training = self.training
        saved_at = reported_at = time.monotonic()
        reported = training.steps
        share = training.agreed(self.clock.share())
        while True:
            share = training.agreed(self.clock.share()) if training.steps % 16 == 0 else share
            if share >= 1:
                break
            shelf = training.next_shelf()
            bucket = shelf.bucket
            teacher = self.teachers.get((bucket.rows, bucket.tokens, bucket.batch)) if training.steps % 2 else None
            training.step(shelf, cosine(share, warm=0.05), teacher.run if teacher else None)
            training.steps += 1
            now = time.monotonic()
            if now - saved_at > training.arguments.save_every:
                training.report(f"straight: step {training.steps}, {(training.steps - reported) / (now - reported_at):.1f} steps/s")
                training.save()
                reported, saved_at, reported_at = training.steps, now, now
        training.save()
        training.report(f"straight: done after {training.steps} steps")


def teachers_of(training) -> dict[tuple, "Teacher"]:
    """A frozen copy of the averaged weights, for each batch size that is taught."""
    device, flat = training.device, training.flat
    frozen = (Transformer().to(device), TextEncoder().to(device))
    for module, state in zip(frozen, flat.state_dicts(flat.average)):
        module.load_state_dict(state)
    if training.arguments.compile:
        transformer, text = frozen
        for block in [*transformer.layers, *transformer.noise_refiner, *transformer.context_refiner, *text.layers]:
            block.compile(dynamic=False)
    return {key: Teacher(training, replay, frozen) for key, replay in training.graphs.items() if key[:2] == TAUGHT}


class Teacher:
    """Replaces what a `Replay` was filled with: the picture becomes the frozen copy's endpoint, and the noise what leads straight to it."""

    def __init__(self, training, replay, frozen: tuple[Transformer, TextEncoder]):
        self.replay, self.frozen = replay, frozen
        self.run = self.plain
        if training.arguments.graphs:
            side = torch.cuda.Stream()
            side.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(side):
                self.plain()
            torch.cuda.current_stream().wait_stream(side)
            graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(graph, pool=training.pool):
                self.plain()
            self.run = graph.replay

    @torch.no_grad()
    def plain(self) -> None:
        replay, (transformer, text) = self.replay, self.frozen
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
        # The noise is the end of the line through `begun` that starts at the endpoint.
        replay.noise.copy_((begun - (1 - level) * x) / level.clamp_min(1e-3))
        replay.patches.copy_(x)
