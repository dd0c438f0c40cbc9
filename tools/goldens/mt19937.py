"""torch.randn on the CPU, written out in plain Python: what the Rust noise has to do."""

import math

import numpy

STATE = 624
BLOCK = 16


class Mt19937:
    """The Mersenne Twister as torch seeds it: with the low 32 bits of the seed only."""

    def __init__(self, seed: int):
        self.state = [seed & 0xFFFFFFFF]
        for index in range(1, STATE):
            last = self.state[-1]
            self.state.append((1812433253 * (last ^ (last >> 30)) + index) & 0xFFFFFFFF)
        self.next = STATE

    def _refill(self) -> None:
        state = self.state
        for index in range(STATE):
            mixed = (state[index] & 0x80000000) | (state[(index + 1) % STATE] & 0x7FFFFFFF)
            state[index] = state[(index + 397) % STATE] ^ (mixed >> 1) ^ (0x9908B0DF if mixed & 1 else 0)
        self.next = 0

    def u32(self) -> int:
        if self.next == STATE:
            self._refill()
        value = self.state[self.next]
        self.next += 1
        value ^= value >> 11
        value ^= (value << 7) & 0x9D2C5680
        value ^= (value << 15) & 0xEFC60000
        return value ^ (value >> 18)

    def u64(self) -> int:
        high = self.u32()
        return high << 32 | self.u32()

    def uniform_f32(self) -> numpy.float32:
        return numpy.float32((self.u32() & 0xFFFFFF) * 2.0**-24)

    def uniform_f64(self) -> float:
        return (self.u64() & ((1 << 53) - 1)) * 2.0**-53


class TorchNormal:
    """A torch.Generator seen from torch.randn (f32, contiguous)."""

    def __init__(self, seed: int):
        self.engine = Mt19937(seed)
        self.cached: float | None = None

    def randn(self, count: int) -> numpy.ndarray:
        if count < BLOCK:
            return numpy.array([self._scalar() for _ in range(count)], dtype=numpy.float64).astype(numpy.float32)
        return self._blocks(count)

    def _scalar(self) -> float:
        """Box-Muller in f64; the second sample waits in the generator for the next short call."""
        if self.cached is not None:
            sample, self.cached = self.cached, None
            return sample
        turn = self.engine.uniform_f64()
        radius = math.sqrt(-2.0 * math.log1p(-self.engine.uniform_f64()))
        self.cached = radius * math.sin(2.0 * math.pi * turn)
        return radius * math.cos(2.0 * math.pi * turn)

    def _blocks(self, count: int) -> numpy.ndarray:
        """Uniforms first, for everything; then Box-Muller block by block, element j with element j + 8."""
        values = numpy.array([self.engine.uniform_f32() for _ in range(count)], dtype=numpy.float32)
        for start in range(0, count - BLOCK + 1, BLOCK):
            values[start : start + BLOCK] = box_muller(values[start : start + BLOCK])
        if count % BLOCK:
            # The last 16 values overlap the last whole block: they are drawn again, from new uniforms.
            fresh = numpy.array([self.engine.uniform_f32() for _ in range(BLOCK)], dtype=numpy.float32)
            values[count - BLOCK :] = box_muller(fresh)
        return values


def box_muller(uniform: numpy.ndarray) -> numpy.ndarray:
    """16 uniforms to 16 normals. The angle is rounded to f32 as torch does, the functions are evaluated in f64."""
    inverse = (numpy.float32(1.0) - uniform[:8]).astype(numpy.float64)
    radius = numpy.sqrt(-2.0 * numpy.log(inverse))
    angle = (numpy.float32(2.0 * math.pi) * uniform[8:]).astype(numpy.float64)
    return numpy.concatenate([radius * numpy.cos(angle), radius * numpy.sin(angle)]).astype(numpy.float32)
