"""Trains the transformer and the text encoder together by flow matching on the latents of the bank, for a given time; goes on where a stopped run was.

One device or several: each holds its part of the bank, gradients are summed once a step. Does not train the autoencoder.
"""

import argparse
import copy
import os
import time
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
import torch.distributed as dist

import train_vae
from bank import Shelf, fill, measure_scale
from buckets import BUCKETS, scaled
from clock import Clock, cosine
from compose import Stage
from export import SHIFT
from optimiser import Flat, Optimiser
from text_encoder import TextEncoder
from transformer import Transformer, rope_of


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("corpus", type=Path)
    parser.add_argument("sprites", type=Path)
    parser.add_argument("folder", type=Path, help="has vae.pt, gets flow.pt")
    parser.add_argument("--minutes", type=float, default=14)
    parser.add_argument("--rate", type=float, default=5e-3)
    parser.add_argument("--adam", action="store_true", help="AdamW for all, to compare")
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--graphs", action="store_true", help="replay steps as CUDA graphs")
    parser.add_argument("--scale", type=float, default=1.0, help="share of the scenes, to try things out")
    parser.add_argument("--batch", type=int, help="for all sizes, to try things out")
    parser.add_argument("--warm", action="store_true", help="compile for all sizes on random numbers, and end")
    parser.add_argument("--save-every", type=float, default=60, help="seconds between checkpoints")
    parser.add_argument("--until", type=float, help="seconds since 1970 when it has to be over; shortens --minutes")
    arguments = parser.parse_args()
    rank, world = int(os.environ.get("RANK", 0)), int(os.environ.get("WORLD_SIZE", 1))
    cuda = torch.cuda.is_available()
    device = torch.device("cuda", rank) if cuda else torch.device("cpu")
    if cuda:
        torch.cuda.set_device(device)
    if world > 1:
        dist.init_process_group("nccl" if cuda else "gloo")
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = True
    torch.manual_seed(0)
    training = Training(arguments, device, rank, world)
    if arguments.warm:
        training.prepare()
    else:
        training.run()
    if world > 1:
        dist.destroy_process_group()


class Training:
    def __init__(self, arguments, device: torch.device, rank: int, world: int):
        self.arguments, self.device, self.rank, self.world = arguments, device, rank, world
        self.buckets = scaled(BUCKETS, arguments.scale, 8, arguments.batch)
        self.transformer, self.text = Transformer().to(device), TextEncoder().to(device)
        initialise(self.transformer, self.text)
        self.flat = Flat([self.transformer, self.text])
        self.optimiser = Optimiser(self.flat, arguments.rate, muon=not arguments.adam)
        if arguments.compile:
            torch._dynamo.config.recompile_limit = 128
            blocks = [*self.transformer.layers, *self.transformer.noise_refiner, *self.transformer.context_refiner, *self.text.layers]
            for block in [*blocks, self.transformer.all_final_layer["2-1"]]:
                block.compile(dynamic=False)
        self.path = arguments.folder / "flow.pt"
        self.steps = 0
        self.graphs: dict[tuple, Replay] = {}
        self.pool = None
        if arguments.warm:
            return
        vae_path = arguments.folder / "vae.pt"
        stage, vae = Stage(np.load(arguments.sprites), device), train_vae.load(vae_path, device)
        self.scale = measure_scale(vae, stage, 1024 if device.type == "cuda" else 64)
        if rank == 0:
            print(f"flow: latents scaled by {self.scale}", flush=True)
        self.shelves = [fill(bucket, arguments.corpus, stage, vae, self.scale, rank, world) for bucket in self.buckets]
        spent = self.begin()
        # Which size comes next is the same on all devices, what is taken from it is not.
        self.order = np.random.default_rng([11, self.steps])
        self.generator = torch.Generator(device).manual_seed(1000 + self.steps * 16 + rank)
        self.prepare()
        self.shelves = [s for s in self.shelves if (s.bucket.rows, s.bucket.tokens, s.bucket.batch) in self.graphs]
        seconds = arguments.minutes * 60
        if arguments.until:
            # All devices take the first one's word.
            left = max(0.0, arguments.until - time.time())
            seconds = self.agreed(min(seconds, left + spent))
        self.report(f"flow: {seconds:.0f} s, of which {spent:.0f} are spent")
        self.clock = Clock(max(seconds, 1.0), spent)

    def begin(self) -> float:
        """Reads a checkpoint, where there is one; seconds that were spent on it."""
        if not self.path.exists():
            return 0.0
        saved = torch.load(self.path, map_location=self.device)
        self.flat.values.copy_(saved["values"])
        self.flat.average.copy_(saved["average"])
        self.optimiser.load_state_dict(saved["optimiser"])
        self.steps = saved["steps"]
        self.report(f"{self.path.name}: going on after {self.steps} steps, {saved['spent']:.0f} s")
        return saved["spent"]

    def prepare(self) -> None:
        """Compiles and captures every size before the clock starts; the weights stay as they are."""
        kept = self.flat.values.clone()
        started = time.monotonic()
        for bucket in self.buckets:
            key = (bucket.rows, bucket.tokens, bucket.batch)
            if key in self.graphs:
                continue
            try:
                self.graphs[key] = Replay(self, *key)
                self.report(f"flow: {key} ready after {time.monotonic() - started:.1f} s")
            except torch.OutOfMemoryError:
                # The other sizes are worth more than this one.
                self.report(f"flow: no memory for {key}, left out")
        self.flat.values.copy_(kept)
        try:
            self.update = self.capture_update()
        except RuntimeError as error:
            self.report(f"flow: the update is not captured: {error}")
            self.update = self.optimiser.step
        self.flat.gradients.zero_()

    def capture_update(self):
        if not self.arguments.graphs:
            return self.optimiser.step
        state = [buffer.clone() for buffer in (self.flat.values, self.flat.average)]
        saved = copy.deepcopy(self.optimiser.state_dict())
        self.optimiser.schedule(0.0, self.steps)
        self.flat.gradients.zero_()
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(2):
                self.optimiser.step()
        torch.cuda.current_stream().wait_stream(side)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            self.optimiser.step()
        for buffer, value in zip((self.flat.values, self.flat.average), state):
            buffer.copy_(value)
        self.optimiser.restore(saved)
        return graph.replay

    def run(self) -> None:
        saved_at = reported_at = time.monotonic()
        reported = self.steps
        losses = torch.zeros((), device=self.device)
        share = self.agreed(self.clock.share())
        while True:
            # Whether time is up has to be the same on all devices.
            share = self.agreed(self.clock.share()) if self.steps % 16 == 0 else share
            if share >= 1:
                break
            shelf = self.next_shelf()
            losses += self.step(shelf, cosine(share))
            self.steps += 1
            if self.steps % 200 == 0:
                value = float(losses) / 200
                losses.zero_()
                now = time.monotonic()
                self.report(f"flow: step {self.steps}, {(self.steps - reported) / (now - reported_at):.1f} steps/s, loss {value:.4f}")
                reported, reported_at = self.steps, now
                if now - saved_at > self.arguments.save_every:
                    self.save()
                    saved_at = now
        self.save()
        self.report(f"flow: done after {self.steps} steps")

    def next_shelf(self) -> Shelf:
        shares = np.array([shelf.bucket.share for shelf in self.shelves])
        return self.shelves[self.order.choice(len(shares), p=shares / shares.sum())]

    def agreed(self, share: float) -> float:
        if self.world == 1:
            return share
        value = torch.tensor([share], device=self.device)
        dist.broadcast(value, 0)
        return float(value)

    def step(self, shelf: Shelf, rate: float) -> torch.Tensor:
        bucket = shelf.bucket
        replay = self.graphs[bucket.rows, bucket.tokens, bucket.batch]
        chosen = torch.randint(len(shelf.patches), (bucket.batch,), device=self.device, generator=self.generator)
        variant = torch.randint(shelf.ids.shape[1], (bucket.batch,), device=self.device, generator=self.generator)
        replay.take(bucket, shelf.patches[chosen], shelf.ids[chosen, variant], shelf.lengths[chosen, variant], self.generator)
        replay.run()
        if self.world > 1:
            dist.all_reduce(self.flat.gradients)
            self.flat.gradients.div_(self.world)
        self.optimiser.schedule(rate, self.steps)
        self.update()
        return replay.loss

    def save(self) -> None:
        if self.rank != 0:
            return
        state = {
            "values": self.flat.values,
            "average": self.flat.average,
            "transformer": self.flat.state_dicts(self.flat.average)[0],
            "text": self.flat.state_dicts(self.flat.average)[1],
            "optimiser": self.optimiser.state_dict(),
            "scale": asdict(self.scale),
            "steps": self.steps,
            "spent": self.clock.spent(),
        }
        partial = self.path.with_suffix(".partial")
        torch.save(state, partial)
        partial.rename(self.path)

    def report(self, text: str) -> None:
        if self.rank == 0:
            print(text, flush=True)


class Replay:
    """Forward and backward of one size: fixed tensors that are filled, and a graph (or plain calls) that reads them and adds to the gradients."""

    def __init__(self, training: Training, rows: int, tokens: int, batch: int):
        self.training = training
        device = training.device
        patch = 4 * training.transformer.shape.latent
        self.noise = torch.randn(batch, rows, patch, device=device)
        self.patches = torch.randn(batch, rows, patch, device=device)
        self.level = torch.rand(batch, device=device)
        self.ids = torch.ones(batch, tokens, dtype=torch.int64, device=device)
        self.real = torch.ones(batch, tokens, 1, dtype=torch.bool, device=device)
        self.picture_real = torch.ones(rows, 1, dtype=torch.bool, device=device)
        head = training.transformer.shape.dim // training.transformer.shape.heads
        self.rope = tuple(torch.zeros(rows + tokens, head // 2, device=device) for _ in range(2))
        self.tables: dict[str, tuple] = {}
        self.loss = torch.zeros((), device=device)
        self.run = self.plain
        if training.arguments.graphs:
            self.run = self.captured()
        elif training.arguments.compile:
            self.plain()

    def plain(self) -> None:
        training = self.training
        training.flat.gradients.zero_()
        with torch.autocast(training.device.type, torch.bfloat16):
            level = self.level[:, None, None]
            noised = (1 - level) * self.patches + level * self.noise
            caption = training.text(self.ids)
            direction = training.transformer(noised, 1 - self.level, caption, self.real, self.picture_real, self.rope)
        error = (direction.float() - (self.patches - self.noise)).square() * self.picture_real
        loss = error.sum() / (self.picture_real.sum() * error.shape[0] * error.shape[2])
        loss.backward()
        self.loss.copy_(loss.detach())

    def captured(self):
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(2):
                self.plain()
        torch.cuda.current_stream().wait_stream(side)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, pool=self.training.pool):
            self.plain()
        self.training.pool = graph.pool()
        return graph.replay

    def take(self, bucket, patches, ids, lengths, generator) -> None:
        if bucket.name not in self.tables:
            shape = self.training.transformer.shape
            rope = rope_of(shape, bucket.height // 16, bucket.width // 16, bucket.tokens)
            real = torch.arange(bucket.rows) < bucket.height * bucket.width // 256
            self.tables[bucket.name] = (*(table.to(self.training.device) for table in rope), real[:, None].to(self.training.device))
        cos, sin, picture_real = self.tables[bucket.name]
        self.rope[0].copy_(cos)
        self.rope[1].copy_(sin)
        self.picture_real.copy_(picture_real)
        self.patches.copy_(patches)
        self.ids.copy_(ids)
        self.real.copy_((torch.arange(bucket.tokens, device=ids.device) < lengths[:, None])[..., None])
        self.noise.normal_(generator=generator)
        # The schedule's own curve: times come as often as steps take them.
        self.level.uniform_(generator=generator)
        self.level.copy_(SHIFT * self.level / (1 + (SHIFT - 1) * self.level))


@torch.no_grad()
def initialise(transformer: Transformer, text: TextEncoder) -> None:
    """Matrices with spread 1 / sqrt(inputs); what modulates begins weak, gates begin a little open."""
    for module in [*transformer.modules(), *text.modules()]:
        if isinstance(module, torch.nn.Linear):
            torch.nn.init.normal_(module.weight, std=module.in_features**-0.5)
            if module.bias is not None:
                torch.nn.init.zeros_(module.bias)
    for name, parameter in transformer.named_parameters():
        if "adaLN" in name:
            parameter.mul_(0.1)
        if "adaLN" in name and name.endswith("bias") and "final" not in name:
            # Scale and gate of attention, scale and gate of what follows it.
            parameter.view(4, -1)[1::2] = 0.2
    transformer.all_final_layer["2-1"].linear.weight.zero_()
    for token in (transformer.x_pad_token, transformer.cap_pad_token):
        torch.nn.init.normal_(token, std=0.02)


if __name__ == "__main__":
    main()
