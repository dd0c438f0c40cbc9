"""Times PyTorch and diffusers on the CPU with the architecture of Z-Image-Turbo and random weights, as a peer of zao.

    python tools/peers/torch_cpu.py forward --size 512 --tokens 64 --threads 2 --repeat 3 --dtype bf16
    python tools/peers/torch_cpu.py vae --size 512
    python tools/peers/torch_cpu.py text --tokens 64

Prints one JSON object. It reads no checkpoint and draws no picture: how long a product takes does not depend on what is
multiplied, but whether a picture is right does, and that is for the goldens.
"""

import argparse
import json
import os
import platform
import resource
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

# Set before the libraries are imported: nothing here may reach for the network.
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
os.environ.setdefault("DIFFUSERS_VERBOSITY", "error")

import diffusers
import torch
import transformers
from torch.utils.flop_counter import FlopCounterMode

import architecture

DTYPES = {"bf16": torch.bfloat16, "f32": torch.float32}
# What activations and the libraries themselves need beside the weights.
HEADROOM = 2 * 10**9


def main() -> None:
    arguments = parse()
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(0)
    model = PARTS[arguments.part].skeleton(arguments).to(DTYPES[arguments.dtype])
    require_memory(sum(tensor.nbytes for tensor in model.parameters()))
    started = time.perf_counter()
    model = architecture.fill(model)
    filled = time.perf_counter() - started
    with torch.inference_mode():
        run = PARTS[arguments.part].runner(model, arguments)
        # The counter leaves out attention on the CPU unless it is told.
        attention = {torch.ops.aten._scaled_dot_product_flash_attention_for_cpu: attention_flop}
        with FlopCounterMode(display=False, custom_mapping=attention) as counter:
            if not run().isfinite().all():
                raise SystemExit("the output is not finite, so its time may not be what finite numbers take")
        seconds = [timed(run) for _ in range(arguments.repeat)]
    print(json.dumps(report(arguments, model, seconds, filled, counter.get_total_flops() / 1e12), indent=2))


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Times PyTorch and diffusers on the CPU with random weights.")
    parts = parser.add_subparsers(dest="part", required=True)
    for name, part in PARTS.items():
        command = parts.add_parser(name, help=part.summary)
        if "size" in part.options:
            command.add_argument("--size", type=int, default=512, help="side of the picture in pixels")
        if "tokens" in part.options:
            command.add_argument("--tokens", type=int, default=64, help="tokens of the prompt")
        if "layers" in part.options:
            command.add_argument("--layers", type=int, help="fewer layers than the real model, for a quick trial")
        command.add_argument("--dtype", choices=DTYPES, default="bf16")
        command.add_argument("--threads", type=int, default=os.cpu_count())
        command.add_argument("--repeat", type=int, default=3, help="timed runs after the warm-up")
    arguments = parser.parse_args()
    if arguments.repeat < 1 or arguments.threads < 1:
        parser.error("--repeat and --threads are at least 1")
    if getattr(arguments, "size", 16) % 16:
        parser.error("--size is a multiple of 16")
    return arguments


@dataclass(frozen=True)
class Part:
    """One part of the model: how its skeleton without weights is made, and what one timed run of it is."""

    summary: str
    options: set[str]
    skeleton: Callable
    runner: Callable


def forward_runner(model: torch.nn.Module, arguments: argparse.Namespace) -> Callable[[], torch.Tensor]:
    side = arguments.size // 8
    latents = [torch.randn(model.in_channels, 1, side, side).to(model.dtype)]
    caption = [torch.randn(arguments.tokens, model.config.cap_feat_dim).to(model.dtype)]
    t = torch.tensor([0.5])
    return lambda: model(latents, t, caption, return_dict=False)[0][0]


def vae_runner(model: torch.nn.Module, arguments: argparse.Namespace) -> Callable[[], torch.Tensor]:
    side = arguments.size // 8
    latents = torch.randn(1, model.config.latent_channels, side, side).to(model.dtype)
    return lambda: model.decode(latents, return_dict=False)[0]


def text_runner(model: torch.nn.Module, arguments: argparse.Namespace) -> Callable[[], torch.Tensor]:
    ids = torch.randint(model.config.vocab_size, (1, arguments.tokens))
    # As ZImagePipeline asks for it: every layer is computed, and the states before the last are taken.
    options = {"attention_mask": torch.ones_like(ids), "output_hidden_states": True}
    return lambda: model(input_ids=ids, **options).hidden_states[-2]


PARTS = {
    "forward": Part(
        "one forward of the transformer, caption refiner included",
        {"size", "tokens", "layers"},
        lambda arguments: architecture.transformer(arguments.layers),
        forward_runner,
    ),
    "vae": Part("one decode of latents to pixels", {"size"}, lambda _: architecture.vae(), vae_runner),
    "text": Part(
        "one run of the text encoder over a prompt without padding",
        {"tokens", "layers"},
        lambda arguments: architecture.text_encoder(arguments.layers),
        text_runner,
    ),
}


def attention_flop(query: torch.Size, key: torch.Size, *_args, **_options) -> int:
    """4 * queries * keys * width of a head, for each head; what a causal mask hides is counted too."""
    batch, heads, queries, width = query
    return 4 * batch * heads * queries * key[2] * width


def timed(run: Callable[[], torch.Tensor]) -> float:
    started = time.perf_counter()
    run()
    return time.perf_counter() - started


def require_memory(weights: int) -> None:
    """Stops before the kernel's out-of-memory killer would stop something else."""
    lines = dict(line.split(":") for line in Path("/proc/meminfo").read_text().splitlines())
    available = int(lines["MemAvailable"].split()[0]) * 1024
    if weights + HEADROOM > available:
        needed = f"{(weights + HEADROOM) / 1e9:.1f} GB are needed and {available / 1e9:.1f} GB available"
        raise SystemExit(f"{needed}; end other programs, or try --dtype bf16 or --layers")


def report(
    arguments: argparse.Namespace, model: torch.nn.Module, seconds: list[float], filled: float, tflop: float
) -> dict:
    median = statistics.median(seconds)
    return {
        "peer": "torch",
        **vars(arguments),
        "parameters": sum(tensor.numel() for tensor in model.parameters()),
        "seconds": {"median": median, "min": min(seconds), "max": max(seconds), "n": len(seconds)},
        "tflop": tflop,
        "tflops": tflop / median,
        "fill_seconds": filled,
        "peak_rss_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        "cpu": cpu(),
        "versions": {
            "python": platform.python_version(),
            **{library.__name__: library.__version__ for library in (torch, diffusers, transformers)},
        },
    }


def cpu() -> dict:
    """The processor's name and which of the instructions that decide about bf16 it offers."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    fields = {name.strip(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    flags = fields.get("flags", "").split()
    asked = ("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "amx_bf16", "amx_int8")
    offered = [flag for flag in asked if flag in flags]
    return {"model": fields.get("model name", "unknown"), "cores": os.cpu_count(), "instructions": offered}


if __name__ == "__main__":
    main()
