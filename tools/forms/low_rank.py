"""Whether a low-rank part beside int4 pays: W ~ L1 L2 + int4(W - L1 L2), without data.

For some matrices of the demo model and some that are made up: the relative error of int4 alone, the error with L1 L2 of rank 16
and 32 in bf16 over that, and what the same bytes would divide it by as more bits (a bit halves the error). It pays where the first
ratio is the smaller one.

    python3 tools/forms/low_rank.py assets/demo-model      # numpy is all it needs; some minutes
"""

import json
import struct
import sys

import numpy as np

STEPS = [5.0, 5.2, 5.4, 5.6, 5.8, 6.0, 6.15, 6.3, 6.45, 6.6, 6.75, 6.9, 7.0, 7.15, 7.3, 7.45, 7.6, 7.75, 7.9, 8.0, 8.15, 8.3, 8.5, 8.7]
DEMO = {
    "transformer/diffusion_pytorch_model": ["layers.3.attention.to_q", "layers.3.attention.to_v", "layers.3.feed_forward.w1"],
    "text_encoder/model": ["layers.1.self_attn.q_proj", "layers.1.mlp.gate_proj", "layers.1.mlp.down_proj"],
}


def int4(w):
    """The values of `w` after the search of crates/zao-backend/src/blocks/int4.rs."""
    x = w.reshape(-1, 64)
    largest = np.abs(x).max(1, keepdims=True)
    largest[largest == 0] = 1
    best, scale = np.zeros(len(x)), np.zeros((len(x), 1), np.float32)
    for inverse in [sign * steps / largest for steps in STEPS for sign in (1, -1)]:
        q = np.clip(np.round(x * inverse), -8, 7)
        with_values, with_themselves = (x * q).sum(1), np.maximum((q * q).sum(1), 1)
        gained = with_values**2 / with_themselves
        better = gained > best
        best[better] = gained[better]
        scale[better, 0] = (with_values / with_themselves)[better]
    scale = scale.astype(np.float16).astype(np.float32)
    q = np.clip(np.round(x / np.where(scale == 0, 1, scale)), -8, 7)
    return (q * scale).reshape(w.shape)


def bf16(w):
    bits = w.astype(np.float32).view(np.uint32)
    return ((bits + 0x7FFF + (bits >> 16 & 1)) & 0xFFFF0000).astype(np.uint32).view(np.float32)


def error(w, other):
    return np.sqrt(((w - other) ** 2).sum() / (w**2).sum())


def report(name, w):
    rows, columns = w.shape
    alone = error(w, int4(w))
    u, s, v = np.linalg.svd(w, full_matrices=False)
    line = f"| {name} | {rows}x{columns} | {100 * alone:.2f} % |"
    for rank in (16, 32):
        up, down = bf16(u[:, :rank] * np.sqrt(s[:rank])), bf16(np.sqrt(s[:rank])[:, None] * v[:rank])
        low_rank = up @ down
        ratio = error(w, low_rank + int4(w - low_rank)) / alone
        bits = 16 * rank * (rows + columns) / (rows * columns)
        line += f" {ratio:.2f} | {2**-bits:.2f} |"
    print(line, flush=True)


def tensors(path, names):
    with open(path, "rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))

        def read(name, dtype):
            start, end = header[name]["data_offsets"]
            file.seek(8 + length + start)
            return np.frombuffer(file.read(end - start), dtype).reshape(header[name]["shape"])

        for name in names:
            matrix = f"{name}.weight"
            if header[matrix]["dtype"] == "F8_E4M3":
                yield name, widened(read(matrix, np.uint8)) * read(f"{matrix}_scale", np.float32)[:, None]
            else:
                yield name, (read(matrix, np.uint16).astype(np.uint32) << 16).view(np.float32)


def widened(e4m3):
    """What bytes stand for: four bits of exponent, three of fraction."""
    exponent, fraction = e4m3 >> 3 & 15, e4m3 & 7
    size = np.where(exponent == 0, fraction / 8, 1 + fraction / 8) * 2.0 ** (np.maximum(exponent, 1).astype(int) - 7)
    return np.where(e4m3 & 128, -size, size).astype(np.float32)


def made_up(side=1024):
    random = np.random.default_rng(0)
    normal = lambda *shape: random.standard_normal(shape).astype(np.float32)
    yield "normal", normal(side, side)
    yield "normal", normal(2 * side, 2 * side)
    yield "Student's t, 4 degrees", random.standard_t(4, (side, side)).astype(np.float32)
    for power in (0.3, 0.5, 0.7):
        u, v = (np.linalg.qr(normal(side, side))[0] for _ in range(2))
        yield f"singular values i^-{power}", (u * (np.arange(side) + 1.0) ** -power @ v.T).astype(np.float32)
    inputs = normal(side, side)
    inputs[:, random.choice(side, 8, replace=False)] *= 20
    yield "8 inputs 20 times as large", inputs


def main(model):
    print("| matrix | | int4 alone | rank 16 | same bytes | rank 32 | same bytes |\n|---|---|---|---|---|---|---|")
    for file, names in DEMO.items():
        for name, w in tensors(f"{model}/{file}.safetensors", names):
            report(name, w)
    for name, w in made_up():
        report(name, w)


if __name__ == "__main__":
    main(sys.argv[1])
