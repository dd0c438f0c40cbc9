"""Pictures that follow adapters: LoRA files under every name that trainers use, LoHa, LoKr and DoRA.

The same adapter under other names gives the same picture. diffusers loads what names it knows, and has to agree; of
LoHa, LoKr and DoRA the picture is that of PEFT's own layers.
"""

import copy
import json
from dataclasses import asdict
from pathlib import Path

import numpy
import peft
import torch
from diffusers import ZImagePipeline
from safetensors.torch import save_file

import pipeline
from golden import Random, versions
from models import DEMO
from pipeline import Run

RANK = 2
RUN = Run("a red apple on a blue background", seed=42, steps=4, height=128, width=128)
TINY_RUN = Run("a cat", seed=7, steps=3, height=24, width=20)
BLOCKS = ["noise_refiner.0", "context_refiner.0", "layers.1", "layers.4", "layers.6"]
TARGETS = ["attention.to_q", "attention.to_k", "attention.to_v", "attention.to_out.0", "feed_forward.w1", "feed_forward.w2"]
# How far the factors of a random adapter are from zero: pictures change, and are still pictures.
STRENGTH = 0.5


def layers(pipe: ZImagePipeline) -> dict[str, torch.nn.Linear]:
    """The linear layers that the adapters of the demo model change."""
    modules = dict(pipe.transformer.named_modules())
    return {f"{block}.{target}": modules[f"{block}.{target}"] for block in BLOCKS for target in TARGETS}


def random_pairs(linears: dict[str, torch.nn.Linear], seed: int) -> dict[str, tuple[torch.Tensor, torch.Tensor]]:
    """`(down, up)` for each layer, in values that bf16 holds."""
    random = Random(seed)
    pairs = {}
    for name, linear in linears.items():
        out, inner = linear.weight.shape
        size = linear.weight.std().item() * STRENGTH * inner**0.5
        down = random.normal(RANK, inner, std=inner**-0.5).bfloat16()
        pairs[name] = (down, random.normal(out, RANK, std=size / RANK**0.5).bfloat16())
    return pairs


def named(pairs, prefix: str, down: str, up: str, rename=lambda name: name, alpha: float | None = None):
    """The tensors of a file that calls layers and factors so."""
    tensors = {}
    for name, (a, b) in pairs.items():
        tensors[f"{prefix}{rename(name)}{down}"] = a
        tensors[f"{prefix}{rename(name)}{up}"] = b
        if alpha is not None:
            tensors[f"{prefix}{rename(name)}.alpha"] = torch.tensor(alpha)
    return tensors


def first_release(name: str) -> str:
    return name.replace("attention.to_out.0", "attention.out")


def fused(pairs):
    """Queries, keys and values of a block in one: their ranks beside each other."""
    merged = {}
    for name, pair in pairs.items():
        if name.endswith("attention.to_q"):
            three = [pairs[name.replace("to_q", part)] for part in ("to_q", "to_k", "to_v")]
            down = torch.cat([a for a, _ in three])
            up = torch.block_diag(*[b.float() for _, b in three]).bfloat16()
            merged[name.replace("to_q", "qkv")] = (down, up)
        elif not name.endswith(("to_k", "to_v")):
            merged[name] = pair
    return merged


def spellings(pairs) -> dict[str, tuple[dict[str, torch.Tensor], dict[str, str], bool]]:
    """Files of one adapter at twice its strength: tensors, metadata, and whether diffusers reads them too."""
    doubled = {name: (a, 2 * b) for name, (a, b) in pairs.items()}
    flat = lambda name: name.replace(".", "_")
    described = {"transformer.r": RANK, "transformer.lora_alpha": 2 * RANK, "transformer.target_modules": sorted(pairs)}
    copies = {name: pair for name, pair in fused(doubled).items() if name.endswith((".qkv", ".to_out.0"))}
    peft_names = (".lora_A.weight", ".lora_B.weight")
    kohya_names = (".lora_down.weight", ".lora_up.weight")
    return {
        "diffusers": (named(doubled, "transformer.", *peft_names), {}, True),
        "described": (named(pairs, "transformer.", *peft_names), {"lora_adapter_metadata": json.dumps(described)}, True),
        "bare": (named(pairs, "", *peft_names, alpha=2.0 * RANK), {}, False),
        "comfyui": (named(pairs, "diffusion_model.", *peft_names, alpha=2.0 * RANK), {}, True),
        "first-release": (named(fused(doubled), "diffusion_model.", *peft_names, first_release), {}, False),
        "default": (named(doubled, "", ".lora_A.default.weight", ".lora_B.default.weight"), {}, True),
        "peft": (named(doubled, "base_model.model.transformer.", *peft_names), {}, False),
        "kohya": (named(pairs, "lora_unet_", *kohya_names, flat, 2.0 * RANK), {}, True),
        "musubi": (named(pairs, "lora_unet__", *kohya_names, flat, 2.0 * RANK), {}, False),
        "dots": (named(pairs, "", ".lora.down.weight", ".lora.up.weight", alpha=2.0 * RANK), {}, True),
        "dots-twice": (
            named(pairs, "", ".lora.down.weight", ".lora.up.weight", alpha=2.0 * RANK)
            | named(copies, "", ".lora.down.weight", ".lora.up.weight", first_release),
            {},
            True,
        ),
    }


def picture(pipe: ZImagePipeline, run: Run = RUN):
    return pipeline.call(pipe, run, "pil")


def psnr(a, b) -> float:
    error = numpy.mean((numpy.asarray(a, dtype=float) - numpy.asarray(b, dtype=float)) ** 2)
    return 10 * numpy.log10(255.0**2 / error) if error else numpy.inf


class Folder:
    """The goldens in the making: files, pictures, and which picture belongs to which files."""

    def __init__(self, path: Path):
        self.path = path
        self.pictures: list[dict] = []
        path.mkdir(parents=True, exist_ok=True)

    def adapter(self, name: str, tensors: dict[str, torch.Tensor], metadata: dict[str, str] | None = None) -> str:
        tensors = {key: value.detach().contiguous().clone() for key, value in tensors.items()}
        path = self.path / f"{name}.safetensors"
        save_file(tensors, path, metadata=metadata or None)
        path.chmod(0o644)
        return f"{name}.safetensors"

    def picture(self, name: str, image, stacks: list[list[tuple[str, float]]], run: Run, model: str = DEMO) -> None:
        """`image` is what each of `stacks` gives."""
        image.save(self.path / f"{name}.png", optimize=True)
        stacks = [[{"file": file, "scale": scale} for file, scale in stack] for stack in stacks]
        self.pictures.append({"file": f"{name}.png", "model": model, "stacks": stacks, **asdict(run)})


def lora(folder: Folder, checkpoint: Path) -> None:
    pipe = pipeline.load(checkpoint)
    plain = picture(pipe)
    pairs, others = random_pairs(layers(pipe), 1), random_pairs(layers(pipe), 2)
    expected = None
    stacks = []
    for name, (tensors, metadata, known) in spellings(pairs).items():
        file = folder.adapter(name, tensors, metadata)
        stacks.append([(file, 1.0)])
        if not known:
            continue
        pipe.load_lora_weights(folder.path, weight_name=file, adapter_name="golden")
        image = picture(pipe)
        pipe.unload_lora_weights()
        expected = expected or image
        assert psnr(image, expected) > 50, f"{name} is another picture: {psnr(image, expected):.1f} dB"
    assert psnr(expected, plain) < 30, f"the adapter changes nothing: {psnr(expected, plain):.1f} dB"
    folder.picture("lora", expected, stacks, RUN)

    second = folder.adapter("second", named(others, "transformer.", ".lora_A.weight", ".lora_B.weight"))
    for name, file in {"first": "diffusers.safetensors", "second": second}.items():
        pipe.load_lora_weights(folder.path, weight_name=file, adapter_name=name)
    pipe.set_adapters(["first", "second"], [0.7, -0.5])
    folder.picture("stack", picture(pipe), [[("diffusers.safetensors", 0.7), (second, -0.5)]], RUN)


def by_peft(folder: Folder, pipe: ZImagePipeline, name: str, config, run: Run, model: str) -> None:
    """A random adapter of PEFT's layers, saved under LyCORIS' names, and its picture."""
    random = Random(len(name))
    plain = picture(pipe, run)
    pipe.transformer = peft.inject_adapter_in_model(config, pipe.transformer)
    tensors = {}
    for key, value in pipe.transformer.named_parameters():
        path = next((part for part in ("lora_A", "lora_B", "lora_magnitude", "hada_", "lokr_") if f".{part}" in key), None)
        if path is None:
            continue
        layer, factor = key.split(f".{path}", 1)
        factor = (path + factor).replace(".default", "")
        base = dict(pipe.transformer.named_modules())[layer].base_layer.weight
        if path == "lora_magnitude":
            values = base.norm(dim=1) * (1 + random.normal(base.shape[0], std=0.1))
            value.data.copy_(values)
            tensors[f"lycoris_{layer.replace('.', '_')}.dora_scale"] = value.data[:, None].clone()
            continue
        # Products of two, three or four factors shall all be about as large.
        count = 4 if path == "hada_" else 3 if path == "lokr_" and "_a" in "".join(tensors) else 2
        size = (base.std().item() * STRENGTH) ** (1 / count)
        inner = value.shape[1]
        value.data.copy_(random.normal(*value.shape, std=size if path != "lora_A" else inner**-0.5).bfloat16())
        name_of = {"lora_A.weight": "lora_down.weight", "lora_B.weight": "lora_up.weight"}
        tensors[f"lycoris_{layer.replace('.', '_')}.{name_of.get(factor, factor)}"] = value.data.bfloat16()
        alpha = getattr(config, "lora_alpha", None) or config.alpha
        tensors[f"lycoris_{layer.replace('.', '_')}.alpha"] = torch.tensor(float(alpha))
    image = picture(pipe, run)
    assert psnr(image, plain) < 34, f"{name} changes nothing: {psnr(image, plain):.1f} dB"
    print(f"{name}: {psnr(image, plain):.1f} dB from the picture without it")
    folder.picture(name, image, [[(folder.adapter(name, tensors), 1.0)]], run, model)


def make(path: Path, demo: Path, tiny: Path, tiny_name: str) -> None:
    folder = Folder(path)
    lora(folder, demo)
    names = [f"{block}.{target}" for block in BLOCKS for target in TARGETS]
    kinds = {
        "dora": peft.LoraConfig(r=RANK, lora_alpha=RANK, target_modules=names, use_dora=True),
        "loha": peft.LoHaConfig(r=RANK, alpha=RANK, target_modules=names),
        "lokr": peft.LoKrConfig(r=RANK, alpha=RANK, target_modules=names),
    }
    for name, config in kinds.items():
        by_peft(folder, pipeline.load(demo), name, config, RUN, DEMO)
    pipe = pipeline.load(tiny)
    every = [name for name, module in pipe.transformer.named_modules() if isinstance(module, torch.nn.Linear)]
    config = peft.LoraConfig(r=RANK, lora_alpha=2 * RANK, target_modules=every)
    by_peft(folder, pipe, "every-layer", config, TINY_RUN, tiny_name)
    description = {
        "command": "python tools/goldens/make.py adapters",
        "dtype": "float32",
        "generator": "torch.Generator('cpu')",
        "versions": {**versions(), "peft": peft.__version__},
        "pictures": folder.pictures,
    }
    (path / "adapters.json").write_text(json.dumps(description, ensure_ascii=False, indent=2) + "\n")
