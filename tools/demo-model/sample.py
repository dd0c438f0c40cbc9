"""Pictures from captions with trained parts in PyTorch, with the pipeline's schedule; without guidance. Does not need diffusers."""

import numpy as np
import torch
from tokenizers import Tokenizer

import tokens
from bank import Scale
from export import SHIFT
from text_encoder import TextEncoder
from transformer import ROWS, Transformer, rope_of, unpatchify
from vae import Vae


def schedule(steps: int) -> np.ndarray:
    """Noise levels of ZImagePipeline, `[steps + 1]`: the one before the last is 0 too, so that N steps call the model N - 1 times."""
    even = np.linspace(1, 0, steps)
    return np.append(SHIFT * even / (1 + (SHIFT - 1) * even), 0.0)


@torch.no_grad()
def latents_of(
    transformer: Transformer, text: TextEncoder, ids: torch.Tensor, lengths: torch.Tensor, height: int, width: int, steps: int, noise: torch.Tensor
) -> torch.Tensor:
    """`[captions, channels, height / 8, width / 8]` at unit spread; `ids` `[captions, tokens]` padded to a multiple of 32, `noise` in patches."""
    device, tokens_room = ids.device, ids.shape[1]
    rope = tuple(table.to(device) for table in rope_of(transformer.shape, height // 16, width // 16, tokens_room))
    real = (torch.arange(tokens_room, device=device) < lengths[:, None])[..., None]
    picture_real = (torch.arange(noise.shape[1], device=device) < height * width // 256)[:, None]
    levels = schedule(steps)
    x = noise.float()
    with torch.autocast(device.type, torch.bfloat16):
        caption = text(ids)
        for level, following in zip(levels[:-1], levels[1:]):
            if level == following:
                continue
            t = torch.full((len(ids),), 1 - level, device=device, dtype=torch.float32)
            x = x + (level - following) * transformer(x, t, caption, real, picture_real, rope).float()
    return unpatchify(x, height // 8, width // 8)


@torch.no_grad()
def pixels_of(vae: Vae, latents: torch.Tensor, scale: Scale) -> torch.Tensor:
    """`[pictures, height, width, 3]`, 8 bits, on the CPU."""
    decoded = torch.cat([vae.decode(part) for part in (latents / scale.scaling + scale.shift).split(32)])
    return ((decoded / 2 + 0.5).clamp(0, 1) * 255).round().to(torch.uint8).permute(0, 2, 3, 1).cpu()


def draw(parts, tokenizer: Tokenizer, captions: list[str], height: int, width: int, steps: int, seed: int, batch: int = 128) -> np.ndarray:
    """Pictures of `captions`, `[captions, height, width, 3]`; `parts` are transformer, text encoder, VAE and scale."""
    transformer, text, vae, scale = parts
    device = next(vae.parameters()).device
    ids, lengths = tokens.encode(tokenizer, captions, 512)
    # A caption sees as many pads as its own length asks for, so captions of different lengths are drawn apart.
    rooms = np.minimum(512, -(-lengths // ROWS) * ROWS)
    generator = torch.Generator(device.type).manual_seed(seed)
    pictures = np.empty((len(captions), height, width, 3), np.uint8)
    for room in np.unique(rooms):
        rows = np.flatnonzero(rooms == room)
        for start in range(0, len(rows), batch):
            some = rows[start : start + batch]
            shape = (len(some), transformer_rows(height, width), 4 * vae.shape.latent)
            noise = torch.randn(shape, generator=generator, device=device)
            latents = latents_of(
                transformer,
                text,
                torch.from_numpy(ids[some, :room].astype(np.int64)).to(device),
                torch.from_numpy(lengths[some].astype(np.int64)).to(device),
                height,
                width,
                steps,
                noise,
            )
            pictures[some] = pixels_of(vae, latents, scale).numpy()
    return pictures


def transformer_rows(height: int, width: int) -> int:
    rows = height * width // 256
    return rows + (-rows) % ROWS
