"""Trains the autoencoder on random compositions, for a given time; goes on where a stopped run was. Knows nothing of captions."""

import argparse
import os
import time
from pathlib import Path

import numpy as np
import torch
import torch.distributed as dist

import scenes
from clock import Clock, cosine
from compose import Stage
from optimiser import Flat, Optimiser
from scenes import SLOTS, Boxes
from vae import Vae, parameters, psnr

NOISE = 0.06
"""The most noise that the decoder is taught to see through, as a share of a latent's spread: denoisers leave some."""
KL = 2e-4
CROP = 192
"""Pixels a side of what is learned from: half of a picture of 256x256, so more of it is drawing and less is background."""
PICTURE = 256
WILD_STYLES = (0.83, 0.05, 0.12)
"""How often crowds are in colour, in black and white, and pixel art."""


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("sprites", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--minutes", type=float, default=4.5)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--rate", type=float, default=3e-3)
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--save-every", type=float, default=45, help="seconds between checkpoints")
    parser.add_argument("--measured", type=int, default=256, help="pictures that the quality is measured on")
    arguments = parser.parse_args()
    rank, world = int(os.environ.get("RANK", 0)), int(os.environ.get("WORLD_SIZE", 1))
    cuda = torch.cuda.is_available()
    device = torch.device("cuda", rank) if cuda else torch.device("cpu")
    if cuda:
        torch.cuda.set_device(device)
    if world > 1:
        dist.init_process_group("nccl" if cuda else "gloo")
    torch.manual_seed(0)
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = True
    torch.backends.cudnn.benchmark = True
    training = Training(arguments, device, rank, world)
    if training.finished:
        print("vae: finished before", flush=True)
    else:
        training.run()
    if world > 1:
        dist.destroy_process_group()


class Training:
    def __init__(self, arguments, device: torch.device, rank: int, world: int):
        self.arguments, self.device, self.rank, self.world = arguments, device, rank, world
        self.path = arguments.folder / "vae.pt"
        arguments.folder.mkdir(parents=True, exist_ok=True)
        saved = torch.load(self.path, map_location=device) if self.path.exists() else None
        self.finished = saved is not None and saved["spent"] >= arguments.minutes * 60
        if self.finished:
            return
        self.stage = Stage(np.load(arguments.sprites), device)
        self.things = len(self.stage.atlas)
        self.model = Vae().to(device)
        self.flat = Flat([self.model])
        self.optimiser = Optimiser(self.flat, arguments.rate)
        self.steps, spent = 0, 0.0
        if saved is not None:
            self.flat.values.copy_(saved["values"])
            self.flat.average.copy_(saved["means"])
            self.optimiser.load_state_dict(saved["optimiser"])
            self.steps, spent = saved["steps"], saved["spent"]
            self.report(f"vae: going on after {self.steps} steps, {spent:.0f} s")
        self.random = np.random.default_rng([7, self.steps, rank])
        if arguments.compile:
            torch._dynamo.config.recompile_limit = 64
            for module in self.model.modules():
                if type(module).__name__ == "Resnet":
                    module.compile(dynamic=False)
        # Compiling is not training: what it takes is not counted.
        started = time.monotonic()
        self.step(0.0)
        self.step(0.0)
        self.report(f"vae: ready after {time.monotonic() - started:.1f} s")
        self.clock = Clock(arguments.minutes * 60, spent)

    def run(self) -> None:
        saved_at = reported_at = time.monotonic()
        reported = self.steps
        share = self.agreed(self.clock.share())
        while True:
            share = self.agreed(self.clock.share()) if self.steps % 8 == 0 else share
            if share >= 1:
                break
            loss = self.step(cosine(share, warm=0.03))
            self.steps += 1
            now = time.monotonic()
            if now - reported_at > 10:
                rate = (self.steps - reported) / (now - reported_at)
                self.report(f"vae: step {self.steps}, {rate:.1f} steps/s, loss {float(loss):.4f}")
                reported, reported_at = self.steps, now
            if now - saved_at > self.arguments.save_every:
                self.save()
                saved_at = now
        self.save()
        self.report(f"vae: done, {parameters(self.model)} parameters, {self.steps} steps, {self.measure()}")

    def agreed(self, share: float) -> float:
        """The first device's share of the time, so that all stop after the same step."""
        if self.world == 1:
            return share
        value = torch.tensor([share], device=self.device)
        dist.broadcast(value, 0)
        return float(value)

    def step(self, rate: float) -> torch.Tensor:
        pixels = self.batch().contiguous(memory_format=torch.channels_last)
        self.flat.gradients.zero_()
        with torch.autocast(self.device.type, torch.bfloat16):
            loss = self.loss(pixels)
        loss.backward()
        if self.world > 1:
            dist.all_reduce(self.flat.gradients)
            self.flat.gradients.div_(self.world)
        self.optimiser.schedule(rate, self.steps)
        self.optimiser.step()
        return loss.detach()

    def loss(self, pixels: torch.Tensor) -> torch.Tensor:
        mean, logvar = self.model.encode(pixels)
        mean, logvar = mean.float(), logvar.float()
        kl = 0.5 * (mean.square() + logvar.exp() - 1 - logvar).mean()
        latents = mean + (0.5 * logvar).exp() * torch.randn_like(mean)
        # Half of the pictures are decoded from latents that are somewhat off, as those of a denoiser are.
        off = torch.rand(len(mean), 1, 1, 1, device=mean.device)
        latents = latents + (2 * off - 1).clamp_min(0) * NOISE * mean.detach().std() * torch.randn_like(mean)
        error = self.model.decode(latents).float() - pixels.float()
        # Differences between neighbours count on their own, so that edges stay edges.
        edges = (error[..., 1:] - error[..., :-1]).abs().mean() + (error[..., 1:, :] - error[..., :-1, :]).abs().mean()
        return error.abs().mean() + 10 * error.square().mean() + 0.5 * edges + KL * kl

    def batch(self) -> torch.Tensor:
        """Half the pictures are cut from what captions describe, half have things anywhere, at any size, over any colour."""
        number, random = self.arguments.batch, self.random
        half = number // 2
        drawn = scenes.draw(random, half, self.things)
        boxes = scenes.arrange(drawn, PICTURE, PICTURE, random)
        boxes.x -= random.integers(0, PICTURE - CROP + 1, (half, 1))
        boxes.y -= random.integers(0, PICTURE - CROP + 1, (half, 1))
        usual = self.stage.pictures(drawn, boxes, CROP, CROP, random)
        colours = torch.from_numpy(random.random((number - half, 3), np.float32)).to(self.device)
        boxes = crowd(random, number - half, self.things, CROP)
        style = random.choice(3, number - half, p=WILD_STYLES)
        scenes.on_grid(boxes, np.flatnonzero(style == scenes.PIXELS), 0.5)
        wild = self.stage.compose(boxes, colours, style, CROP, CROP)
        return torch.cat((usual, wild)).float()

    @torch.no_grad()
    def measure(self) -> str:
        """PSNR of the averaged weights, rounded to bf16 as they are stored, on scenes that are never trained on."""
        model = Vae().to(self.device).eval()
        model.load_state_dict({name: value.to(torch.bfloat16).float() for name, value in self.flat.state_dicts(self.flat.average)[0].items()})
        random = np.random.default_rng(99)
        values, latents = [], []
        for _ in range(0, self.arguments.measured, 32):
            drawn = scenes.draw(random, 32, self.things, examined=True)
            pixels = self.stage.pictures(drawn, scenes.arrange(drawn, PICTURE, PICTURE, random), PICTURE, PICTURE, random).float()
            mean, _ = model.encode(pixels)
            values.append(psnr(model.decode(mean), pixels))
            latents.append(mean)
        values, latents = torch.cat(values), torch.cat(latents)
        spread = latents.std(dim=(0, 2, 3))
        return (
            f"PSNR {values.mean():.2f} dB (least {values.min():.2f}), latents {latents.mean():.3f} ± {latents.std():.3f}, "
            f"channels ± {spread.min():.2f} to {spread.max():.2f}"
        )

    def save(self) -> None:
        if self.rank != 0:
            return
        state = {
            "values": self.flat.values,
            "means": self.flat.average,
            "average": self.flat.state_dicts(self.flat.average)[0],
            "optimiser": self.optimiser.state_dict(),
            "steps": self.steps,
            "spent": self.clock.spent(),
        }
        partial = self.path.with_suffix(".partial")
        torch.save(state, partial)
        partial.rename(self.path)

    def report(self, text: str) -> None:
        if self.rank == 0:
            print(text, flush=True)


def crowd(random: np.random.Generator, number: int, things: int, side: int) -> Boxes:
    """Three things a picture, over and beside each other."""
    shape = (number, SLOTS - 1)
    return Boxes(
        random.integers(things, size=shape),
        random.uniform(0, side, shape),
        random.uniform(0, side, shape),
        random.uniform(0.3, 1.2, shape) * side,
        random.uniform(-0.5, 0.5, shape),
    )


def load(path: Path, device: torch.device) -> Vae:
    """The averaged weights of a checkpoint."""
    model = Vae().to(device, memory_format=torch.channels_last).eval()
    model.load_state_dict(torch.load(path, map_location=device)["average"])
    return model


if __name__ == "__main__":
    main()
