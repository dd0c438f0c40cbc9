"""The diffusion transformer: its parts one by one, then whole forwards."""

from dataclasses import dataclass

import torch
from diffusers import ZImageTransformer2DModel

from golden import Golden, Random


@dataclass(frozen=True)
class Forward:
    """One whole forward: latent height and width, caption tokens, model time."""

    height: int
    width: int
    caption: int
    t: float

    @property
    def name(self) -> str:
        return f"{self.height}x{self.width}-c{self.caption}-t{self.t}"


@torch.no_grad()
def add_time(golden: Golden, model: ZImageTransformer2DModel) -> None:
    """`t_embedder/*`: the sinusoids and the embedding for several model times (before the factor 1000)."""
    t = golden.add("t_embedder/t", torch.tensor([0.0, 0.1, 0.25, 0.7, 0.9, 1.0]))
    embedder = model.t_embedder
    scaled = t * model.t_scale
    golden.add("t_embedder/sinusoids", embedder.timestep_embedding(scaled, embedder.frequency_embedding_size))
    golden.add("t_embedder/output", embedder(scaled))


def add_rope(golden: Golden, model: ZImageTransformer2DModel) -> None:
    """`rope/*`: cosines and sines of all pairs of one head for a few (caption, row, column) positions."""
    lens = model.axes_lens
    positions = torch.tensor([[0, 0, 0], [1, 0, 0], [33, 0, 0], [33, 5, 9], [lens[0] - 1, lens[1] - 1, lens[2] - 1]])
    rope = model.rope_embedder(golden.add("rope/positions", positions))
    golden.add("rope/cos", rope.real)
    golden.add("rope/sin", rope.imag)


@torch.no_grad()
def add_block(golden: Golden, model: ZImageTransformer2DModel, name: str, tokens: int, random: Random) -> None:
    """`block/NAME/*`: one block alone, on random tokens at image-like positions."""
    block = model.get_submodule(name)
    x = golden.add(f"block/{name}/x", random.normal(1, tokens, model.dim)[0])
    grid = [[33 + index % 2, index // 7, index % 7] for index in range(tokens)]
    positions = golden.add(f"block/{name}/positions", torch.tensor(grid))
    adaln = None
    if block.modulation:
        width = block.adaLN_modulation[0].in_features
        adaln = golden.add(f"block/{name}/adaln_input", random.normal(width))[None]
    output = block(x[None], None, model.rope_embedder(positions)[None], adaln)
    golden.add(f"block/{name}/output", output[0])


@torch.no_grad()
def add_stages(golden: Golden, model: ZImageTransformer2DModel, case: Forward, random: Random) -> None:
    """`stages/*`: what every part hands on during one forward, to find where a difference begins."""
    parts = {
        "x_embedder": model.all_x_embedder["2-1"],
        "cap_embedder": model.cap_embedder,
        **{f"noise_refiner.{i}": block for i, block in enumerate(model.noise_refiner)},
        **{f"context_refiner.{i}": block for i, block in enumerate(model.context_refiner)},
        **{f"layers.{i}": block for i, block in enumerate(model.layers)},
        "final_layer": model.all_final_layer["2-1"],
    }
    # diffusers embeds repeats of the last token where pad tokens will stand; those rows mean nothing.
    real_rows = {"x_embedder": case.height * case.width // 4, "cap_embedder": case.caption}

    def keep(name: str):
        def hook(_module, _inputs, output: torch.Tensor) -> None:
            golden.add(f"stages/{name}", output.flatten(0, -2)[: real_rows.get(name)])

        return hook

    hooks = [module.register_forward_hook(keep(name)) for name, module in parts.items()]
    add_forward(golden, model, None, case, random, prefix="stages")
    for hook in hooks:
        hook.remove()


@torch.no_grad()
def add_forward(
    golden: Golden,
    model: ZImageTransformer2DModel,
    narrow: ZImageTransformer2DModel | None,
    case: Forward,
    random: Random,
    prefix: str | None = None,
) -> None:
    """`forward/CASE/*`: latents, caption features and time in, the raw (not negated) output out, in f32 and in bf16."""
    prefix = prefix or f"forward/{case.name}"
    latents = golden.add(f"{prefix}/latents", random.normal(model.in_channels, case.height, case.width))
    caption = golden.add(f"{prefix}/caption", random.normal(case.caption, model.config.cap_feat_dim))
    t = golden.add(f"{prefix}/t", torch.tensor([case.t]))
    golden.add(f"{prefix}/output", run(model, [latents], t, [caption])[0])
    if narrow is not None:
        golden.add(f"{prefix}/output_bf16", run(narrow, [latents], t, [caption])[0])


@torch.no_grad()
def add_batch(golden: Golden, model: ZImageTransformer2DModel, cases: list[Forward], random: Random) -> None:
    """`batch/INDEX/*`: one forward over items of mixed sizes, caption lengths and times."""
    latents = [random.normal(model.in_channels, case.height, case.width) for case in cases]
    captions = [random.normal(case.caption, model.config.cap_feat_dim) for case in cases]
    t = torch.tensor([case.t for case in cases])
    outputs = run(model, latents, t, captions)
    for index in range(len(cases)):
        golden.add(f"batch/{index}/latents", latents[index])
        golden.add(f"batch/{index}/caption", captions[index])
        golden.add(f"batch/{index}/t", t[index : index + 1])
        golden.add(f"batch/{index}/output", outputs[index])


def run(
    model: ZImageTransformer2DModel, latents: list[torch.Tensor], t: torch.Tensor, captions: list[torch.Tensor]
) -> list[torch.Tensor]:
    """The model on [channels, height, width] latents; the time stays f32, as in the pipeline."""
    frames = [item.to(model.dtype).unsqueeze(1) for item in latents]
    outputs = model(frames, t, [item.to(model.dtype) for item in captions], return_dict=False)[0]
    return [item.squeeze(1) for item in outputs]
