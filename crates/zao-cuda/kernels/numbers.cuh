// Element types and how they become f32 and back: bf16, int8 and fp8 e4m3 without CUDA's own headers,
// which the build does not have. Rounding is to nearest, ties to even.
#pragma once

/// The upper half of an f32.
struct bf16 {
    unsigned short bits;
};

__device__ __forceinline__ float to_f32(float x) {
    return x;
}

__device__ __forceinline__ float to_f32(bf16 x) {
    return __uint_as_float(static_cast<unsigned>(x.bits) << 16);
}

/// The first of two neighbours in a word.
__device__ __forceinline__ float low_bf16(unsigned pair) {
    return __uint_as_float(pair << 16);
}

/// The second of two neighbours in a word.
__device__ __forceinline__ float high_bf16(unsigned pair) {
    return __uint_as_float(pair & 0xffff0000u);
}

/// Two values rounded into a word, `low` first in memory.
__device__ __forceinline__ unsigned pack_bf16(float low, float high) {
    unsigned pair;
    asm("cvt.rn.bf16x2.f32 %0, %1, %2;\n" : "=r"(pair) : "f"(high), "f"(low));
    return pair;
}

__device__ __forceinline__ bf16 to_bf16(float x) {
    return bf16{static_cast<unsigned short>(pack_bf16(x, 0.0f))};
}

/// An e4m3 byte on every architecture: its exponent and mantissa moved to where f16 has them are the
/// value over 256.
__device__ __forceinline__ float e4m3_to_f32(unsigned byte) {
    unsigned magnitude = byte & 0x7fu;
    unsigned short half = static_cast<unsigned short>((byte & 0x80u) << 8 | magnitude << 7);
    float value;
    asm("cvt.f32.f16 %0, %1;\n" : "=f"(value) : "h"(half));
    return magnitude == 0x7fu ? __uint_as_float(0x7fc00000u) : value * 256.0f;
}

__device__ __forceinline__ float silu(float x) {
    return x / (1.0f + expf(-x));
}

/// With an error of a few units in the last place of f32, for results that are rounded to bf16.
__device__ __forceinline__ float fast_silu(float x) {
    float power, part;
    asm("ex2.approx.ftz.f32 %0, %1;\n" : "=f"(power) : "f"(x * -1.4426950408889634f));
    asm("rcp.approx.ftz.f32 %0, %1;\n" : "=f"(part) : "f"(1.0f + power));
    return x * part;
}
