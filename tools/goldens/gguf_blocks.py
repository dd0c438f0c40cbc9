"""A GGUF file with a matrix in every kind of block, and the values that the `gguf` package reads from it.

The blocks are random bytes, so every integer, scale and sign occurs; only the f16 scales are made finite.
"""

from pathlib import Path

import gguf
import numpy
import safetensors.numpy
from gguf import GGMLQuantizationType as Type

SHAPE = (3, 512)
# Of each kind: where in a block the f16 numbers are.
KINDS = {
    Type.Q4_0: [0],
    Type.Q4_1: [0, 2],
    Type.Q5_0: [0],
    Type.Q5_1: [0, 2],
    Type.Q8_0: [0],
    Type.Q2_K: [80, 82],
    Type.Q3_K: [108],
    Type.Q4_K: [0, 2],
    Type.Q5_K: [0, 2],
    Type.Q6_K: [208],
}
DENSE = {Type.F32: numpy.float32, Type.F16: numpy.float16}


def blocks(random: numpy.random.Generator, kind: Type) -> numpy.ndarray:
    values, size = gguf.GGML_QUANT_SIZES[kind]
    made = random.integers(0, 256, (SHAPE[0], SHAPE[1] // values, size), dtype=numpy.uint8)
    for place in KINDS[kind]:
        # An exponent of 31 would be infinite or no number: take its highest bit away.
        high = made[..., place + 1]
        made[..., place + 1] = numpy.where(high & 0x7C == 0x7C, high & 0xBF, high)
    return made.reshape(SHAPE[0], -1)


def make(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    random = numpy.random.Generator(numpy.random.PCG64(5))
    writer = gguf.GGUFWriter(folder / "blocks.gguf", "lumina2")
    writer.add_string("general.name", "every kind of block")
    writer.add_array("tokenizer.ggml.tokens", ["a", "bc", "déf"])
    writer.add_array("tokenizer.ggml.token_type", [1, 2, 3])
    writer.add_float32("some.float", 0.5)
    writer.add_bool("some.bool", True)
    expected = {}
    for kind in KINDS:
        data = blocks(random, kind)
        writer.add_tensor(kind.name, data, raw_dtype=kind)
        expected[kind.name] = gguf.quants.dequantize(data, kind)
    for kind, dtype in DENSE.items():
        data = random.standard_normal(SHAPE).astype(dtype)
        writer.add_tensor(kind.name, data)
        expected[kind.name] = data.astype(numpy.float32)
    data = gguf.quants.quantize(random.standard_normal(SHAPE).astype(numpy.float32), Type.BF16)
    writer.add_tensor("BF16", data, raw_dtype=Type.BF16)
    expected["BF16"] = gguf.quants.dequantize(data, Type.BF16)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    safetensors.numpy.save_file(expected, folder / "blocks.safetensors")


if __name__ == "__main__":
    make(Path(__file__).resolve().parents[2] / "crates/zao-weights/tests/goldens")
