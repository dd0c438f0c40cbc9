"""Times PyTorch and diffusers on one NVIDIA card with the architecture of Z-Image-Turbo and random weights, as a peer of zao.

    python tools/peers/torch_gpu.py --modes eager compiled fp8 --sizes 1024 512 --repeat 10

Prints one JSON object: milliseconds of a forward of the transformer in each mode and size, of a decode, of the text encoder,
and of a whole warm picture, each with its median and range. `compiled` is `compile_repeated_blocks`, `fp8` is that over
torchao's rows of e4m3. It reads no checkpoint and judges no picture.
"""

import argparse
import io
import json
import os
import platform
import statistics
import time
from collections.abc import Callable

# Set before the libraries are imported: nothing here may reach for the network.
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
os.environ.setdefault("DIFFUSERS_VERBOSITY", "error")

import diffusers
import torch
import transformers
from PIL import Image

import architecture

STEPS = 8
WARM_UP = 3


def main() -> None:
    arguments = parse()
    torch.manual_seed(0)
    report = {"peer": "torch", "card": torch.cuda.get_device_name(), "versions": versions(), "tokens": arguments.tokens}
    with torch.inference_mode():
        vae = filled(architecture.vae())
        text = filled(architecture.text_encoder(None))
        report["vae"] = {size: timed(decode(vae, size), arguments.repeat) for size in arguments.sizes}
        report["text"] = timed(encode(text, arguments.tokens), arguments.repeat)
        report["forward"], report["picture"] = {}, {}
        for mode in arguments.modes:
            transformer, seconds = prepared(mode)
            report["forward"][mode] = {"prepare_seconds": seconds}
            report["picture"][mode] = {}
            for size in arguments.sizes:
                started = time.perf_counter()
                forward = step(transformer, size, arguments.tokens)
                forward()
                torch.cuda.synchronize()
                first = time.perf_counter() - started
                times = timed(forward, arguments.repeat)
                report["forward"][mode][size] = {"first_call_seconds": first, **times}
                picture = draw(transformer, vae, text, size, arguments.tokens)
                report["picture"][mode][size] = timed(picture, max(arguments.repeat // 3, 2))
            report["forward"][mode]["peak_bytes"] = torch.cuda.max_memory_allocated()
            del transformer, forward, picture
            torch.compiler.reset()
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats()
    print(json.dumps(report, indent=2))


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Times PyTorch and diffusers on a card with random weights.")
    parser.add_argument("--modes", nargs="+", choices=("eager", "compiled", "fp8"), default=["eager", "compiled", "fp8"])
    parser.add_argument("--sizes", nargs="+", type=int, default=[1024, 512], help="sides of pictures in pixels")
    parser.add_argument("--tokens", type=int, default=64, help="tokens of the caption")
    parser.add_argument("--repeat", type=int, default=10, help="timed runs after the warm-up")
    arguments = parser.parse_args()
    if any(size % 16 for size in arguments.sizes):
        parser.error("--sizes are multiples of 16")
    return arguments


def filled(model: torch.nn.Module) -> torch.nn.Module:
    return architecture.fill(model.to(torch.bfloat16), "cuda")


def prepared(mode: str) -> tuple[torch.nn.Module, float]:
    """The transformer as `mode` runs it, and how long that took beside filling it; compiling happens at its first call."""
    transformer = filled(architecture.transformer(None))
    started = time.perf_counter()
    if mode == "fp8":
        from torchao.quantization import Float8DynamicActivationFloat8WeightConfig, PerRow, quantize_

        blocks = [transformer.layers, transformer.noise_refiner, transformer.context_refiner]
        for block in blocks:
            linear = lambda module, name: isinstance(module, torch.nn.Linear) and "adaLN" not in name
            quantize_(block, Float8DynamicActivationFloat8WeightConfig(granularity=PerRow()), filter_fn=linear)
    if mode != "eager":
        transformer.compile_repeated_blocks(fullgraph=False)
    return transformer, time.perf_counter() - started


def step(model: torch.nn.Module, size: int, tokens: int) -> Callable[[], torch.Tensor]:
    side = size // 8
    latents = [torch.randn(model.in_channels, 1, side, side, device="cuda", dtype=torch.bfloat16)]
    caption = [torch.randn(tokens, model.config.cap_feat_dim, device="cuda", dtype=torch.bfloat16)]
    t = torch.tensor([0.5], device="cuda")
    return lambda: model(latents, t, caption, return_dict=False)[0][0]


def decode(model: torch.nn.Module, size: int) -> Callable[[], torch.Tensor]:
    side = size // 8
    latents = torch.randn(1, model.config.latent_channels, side, side, device="cuda", dtype=torch.bfloat16)
    return lambda: model.decode(latents, return_dict=False)[0]


def encode(model: torch.nn.Module, tokens: int) -> Callable[[], torch.Tensor]:
    ids = torch.randint(model.config.vocab_size, (1, tokens), device="cuda")
    options = {"attention_mask": torch.ones_like(ids), "output_hidden_states": True}
    return lambda: model(input_ids=ids, **options).hidden_states[-2]


def draw(
    transformer: torch.nn.Module, vae: torch.nn.Module, text: torch.nn.Module, size: int, tokens: int
) -> Callable[[], bytes]:
    """Text, eight steps with their Euler updates, decode, PNG: what a pipeline does between a prompt and a file."""
    side = size // 8
    encoded, sigmas = encode(text, tokens), torch.linspace(1, 0, STEPS + 1).tolist()

    def picture() -> bytes:
        caption = [encoded()[0]]
        latent = torch.randn(16, 1, side, side, device="cuda", dtype=torch.float32)
        for now, after in zip(sigmas, sigmas[1:]):
            t = torch.tensor([1 - now], device="cuda")
            velocity = transformer([latent.to(torch.bfloat16)], t, caption, return_dict=False)[0][0]
            latent = latent - (after - now) * velocity.float()
        pixels = vae.decode(latent[:, 0][None].to(torch.bfloat16), return_dict=False)[0]
        pixels = ((pixels[0].float() / 2 + 0.5).clamp(0, 1) * 255).round().to(torch.uint8)
        file = io.BytesIO()
        Image.fromarray(pixels.permute(1, 2, 0).cpu().numpy()).save(file, "PNG")
        return file.getvalue()

    return picture


def timed(run: Callable[[], object], repeat: int) -> dict:
    for _ in range(min(WARM_UP, repeat)):
        run()
    torch.cuda.synchronize()
    milliseconds = []
    for _ in range(repeat):
        started = time.perf_counter()
        run()
        torch.cuda.synchronize()
        milliseconds.append(1e3 * (time.perf_counter() - started))
    return {
        "median_ms": statistics.median(milliseconds),
        "min_ms": min(milliseconds),
        "max_ms": max(milliseconds),
        "n": repeat,
    }


def versions() -> dict:
    libraries = {library.__name__: library.__version__ for library in (torch, diffusers, transformers)}
    return {"python": platform.python_version(), "cuda": torch.version.cuda, **libraries}


if __name__ == "__main__":
    main()
