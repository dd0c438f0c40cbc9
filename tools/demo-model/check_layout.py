"""Compares the parts written out here with diffusers' and transformers' own, on random weights, through the files that `export.py` writes.

    python check_layout.py FOLDER_FOR_FILES

Fails when a part differs by more than rounding. Needs diffusers and transformers; says nothing of trained weights.
"""

import sys
from pathlib import Path

import torch
from diffusers import AutoencoderKL, ZImageTransformer2DModel
from transformers import Qwen3Model

import export
from text_encoder import TextEncoder
from train_flow import initialise
from transformer import Transformer, padded, patchify, rope_of, unpatchify
from vae import Vae

LARGEST = 2e-5


@torch.no_grad()
def main() -> None:
    folder = Path(sys.argv[1])
    torch.manual_seed(0)
    transformer, text, vae = Transformer(), TextEncoder(), Vae()
    initialise(transformer, text)
    torch.nn.init.normal_(transformer.all_final_layer["2-1"].linear.weight, std=0.1)
    for module in (transformer, text, vae):
        for parameter in module.parameters():
            # What the files hold, so that both sides have the same values.
            parameter.copy_(parameter.to(torch.bfloat16))
    export.write_transformer(folder, transformer.state_dict(), transformer.shape)
    export.write_text_encoder(folder, text.state_dict(), text.shape)
    export.write_vae(folder, vae.state_dict(), vae.shape, 1.0, 0.0)
    worst = {
        "vae": compare_vae(folder, vae),
        "text encoder": compare_text(folder, text),
        "transformer": max(compare_transformer(folder, transformer, *case) for case in [(32, 32, 20), (24, 24, 32), (24, 40, 45)]),
    }
    for name, error in worst.items():
        print(f"{name}: {error:.1e}")
    if max(worst.values()) > LARGEST:
        raise SystemExit(f"a part differs from the reference by more than {LARGEST}")


def relative(ours: torch.Tensor, theirs: torch.Tensor) -> float:
    return float((ours - theirs).norm() / theirs.norm())


def compare_vae(folder: Path, ours: Vae) -> float:
    theirs = AutoencoderKL.from_pretrained(folder / "vae", torch_dtype=torch.float32)
    pixels = torch.rand(1, 3, 64, 96) * 2 - 1
    mean, _ = ours.encode(pixels)
    return max(
        relative(mean, theirs.encode(pixels).latent_dist.mean),
        relative(ours.decode(mean), theirs.decode(mean).sample),
    )


def compare_text(folder: Path, ours: TextEncoder) -> float:
    theirs = Qwen3Model.from_pretrained(folder / "text_encoder", dtype=torch.float32)
    ids = torch.randint(5, ours.shape.words, (2, 20))
    return relative(ours(ids), theirs(ids, output_hidden_states=True).hidden_states[-2])


def compare_transformer(folder: Path, ours: Transformer, height: int, width: int, tokens: int) -> float:
    theirs = ZImageTransformer2DModel.from_pretrained(folder / "transformer", torch_dtype=torch.float32)
    latents, caption, t = torch.randn(1, 16, height, width), torch.randn(1, tokens, ours.shape.caption), torch.tensor([0.3])
    expected = theirs([latents[0][:, None]], t, [caption[0]]).sample[0][:, 0]
    room = padded(tokens)
    padding = torch.zeros(1, room - tokens, ours.shape.caption)
    patches = patchify(latents)
    real = (torch.arange(room) < tokens)[None, :, None]
    picture_real = (torch.arange(patches.shape[1]) < height * width // 4)[:, None]
    rope = rope_of(ours.shape, height // 2, width // 2, room)
    output = ours(patches, t, torch.cat((caption, padding), 1), real, picture_real, rope)
    return relative(unpatchify(output, height, width)[0], expected)


if __name__ == "__main__":
    main()
