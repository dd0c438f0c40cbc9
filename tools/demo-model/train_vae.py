"""Trains the autoencoder on random compositions, for a given time; goes on where a stopped run was. Knows nothing of captions."""

import argparse
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

import scenes
from clock import Clock, cosine
from compose import Stage
from scenes import SLOTS, Boxes
from vae import Vae, parameters, psnr

NOISE = 0.12
"""The most noise that the decoder is taught to see through, as a share of a latent's spread: denoisers leave some."""
KL = 1e-3


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("sprites", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--minutes", type=float, default=4.5)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--save-every", type=float, default=45, help="seconds between checkpoints")
    parser.add_argument("--measured", type=int, default=256, help="pictures that the quality is measured on")
    arguments = parser.parse_args()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    torch.manual_seed(0)
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = True
    torch.backends.cudnn.benchmark = True
    training = Training(arguments, device)
    if training.finished:
        print("vae: finished before", flush=True)
        return
    training.run()


class Training:
    def __init__(self, arguments, device: torch.device):
        self.arguments, self.device = arguments, device
        self.stage = Stage(np.load(arguments.sprites), device)
        self.things = len(self.stage.atlas)
        self.model = Vae().to(device, memory_format=torch.channels_last)
        self.average = {name: value.detach().clone() for name, value in self.model.state_dict().items()}
        self.optimiser = torch.optim.AdamW(self.model.parameters(), arguments.rate, betas=(0.9, 0.99), weight_decay=1e-3, fused=device.type == "cuda")
        self.path = arguments.folder / "vae.pt"
        arguments.folder.mkdir(parents=True, exist_ok=True)
        self.steps, spent, self.finished = 0, 0.0, False
        if self.path.exists():
            saved = torch.load(self.path, map_location=device)
            self.model.load_state_dict(saved["model"])
            self.average = saved["average"]
            self.optimiser.load_state_dict(saved["optimiser"])
            self.steps, spent = saved["steps"], saved["spent"]
            self.finished = spent >= arguments.minutes * 60
            print(f"vae: going on after {self.steps} steps, {spent:.0f} s", flush=True)
        if self.finished:
            return
        self.random = np.random.default_rng([7, self.steps])
        if arguments.compile:
            for module in [*self.model.encoder.modules(), *self.model.decoder.modules()]:
                if type(module).__name__ == "Resnet":
                    module.compile()
            torch._dynamo.config.recompile_limit = 64
        # Compiling is not training: what it takes is not counted.
        self.step(0.0)
        self.clock = Clock(arguments.minutes * 60, spent)

    def run(self) -> None:
        saved_at = reported_at = time.monotonic()
        reported = self.steps
        while self.clock.share() < 1:
            loss = self.step(cosine(self.clock.share()))
            self.steps += 1
            now = time.monotonic()
            if now - reported_at > 10:
                rate = (self.steps - reported) / (now - reported_at)
                print(f"vae: step {self.steps}, {rate:.1f} steps/s, loss {float(loss):.4f}", flush=True)
                reported, reported_at = self.steps, now
            if now - saved_at > self.arguments.save_every:
                self.save()
                print(f"vae: {self.measure()}", flush=True)
                saved_at = time.monotonic()
        self.save(finished=True)
        print(f"vae: done, {parameters(self.model)} parameters, {self.steps} steps, {self.measure()}", flush=True)

    def step(self, rate: float) -> torch.Tensor:
        for group in self.optimiser.param_groups:
            group["lr"] = self.arguments.rate * rate
        pixels = self.batch().to(memory_format=torch.channels_last)
        with torch.autocast(self.device.type, torch.bfloat16):
            loss = self.loss(pixels)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimiser.step()
        with torch.no_grad():
            decay = min(0.999, (1 + self.steps) / (10 + self.steps))
            torch._foreach_lerp_(list(self.average.values()), list(self.model.state_dict().values()), 1 - decay)
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
        return error.abs().mean() + 6 * error.square().mean() + 0.5 * edges + KL * kl

    def batch(self) -> torch.Tensor:
        """Half the pictures as captions will describe them, half with things anywhere, at any size, over any colour."""
        number, random = self.arguments.batch, self.random
        half = number // 2
        drawn = scenes.draw(random, half, self.things)
        usual = self.stage.pictures(drawn, scenes.arrange(drawn, 256, 256, random), 256, 256, random)
        boxes = crowd(random, number - half, self.things, 256)
        colours = torch.from_numpy(random.random((number - half, 3), np.float32)).to(self.device)
        wild = self.stage.compose(boxes, colours, random.random(number - half) < 0.05, 256, 256)
        return torch.cat((usual, wild)).float()

    @torch.no_grad()
    def measure(self) -> str:
        """PSNR of the averaged weights on scenes that are never trained on."""
        model = Vae().to(self.device, memory_format=torch.channels_last).eval()
        model.load_state_dict(self.average)
        random = np.random.default_rng(99)
        values, latents = [], []
        for _ in range(0, self.arguments.measured, 32):
            drawn = scenes.draw(random, 32, self.things, examined=True)
            pixels = self.stage.pictures(drawn, scenes.arrange(drawn, 256, 256, random), 256, 256, random).float()
            mean, _ = model.encode(pixels)
            values.append(psnr(model.decode(mean), pixels))
            latents.append(mean)
        values, latents = torch.cat(values), torch.cat(latents)
        spread = latents.std(dim=(0, 2, 3))
        return (
            f"PSNR {values.mean():.2f} dB (least {values.min():.2f}), latents {latents.mean():.3f} ± {latents.std():.3f}, "
            f"channels ± {spread.min():.2f} to {spread.max():.2f}"
        )

    def save(self, finished: bool = False) -> None:
        state = {
            "model": self.model.state_dict(),
            "average": self.average,
            "optimiser": self.optimiser.state_dict(),
            "steps": self.steps,
            "spent": self.clock.spent(),
            "finished": finished,
        }
        partial = self.path.with_suffix(".partial")
        torch.save(state, partial)
        partial.rename(self.path)


def crowd(random: np.random.Generator, number: int, things: int, side: int) -> Boxes:
    shape = (number, SLOTS)
    return Boxes(
        random.integers(things, size=shape),
        random.uniform(0, side, shape),
        random.uniform(0, side, shape),
        random.uniform(0.25, 0.9, shape) * side,
        random.uniform(-0.5, 0.5, shape),
    )


def load(path: Path, device: torch.device) -> Vae:
    """The averaged weights of a checkpoint."""
    model = Vae().to(device, memory_format=torch.channels_last).eval()
    model.load_state_dict(torch.load(path, map_location=device)["average"])
    return model


if __name__ == "__main__":
    main()
