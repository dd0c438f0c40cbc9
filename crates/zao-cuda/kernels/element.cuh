// The element types of tensors, and how runs of them become f32 in registers and back.
// Nothing here knows an operation. 8-bit elements are bare: their scales are the business of row.cuh.
#pragma once
#include "numbers.cuh"

struct e4m3 {
    unsigned char bits;
};
typedef signed char int8;

template <class T>
struct is_8bit {
    static constexpr bool value = sizeof(T) == 1;
};

// The largest finite value, which the largest element of a row is scaled to.
template <class T>
struct largest {
    static constexpr float value = 127.0f;
};
template <>
struct largest<e4m3> {
    static constexpr float value = 448.0f;
};

// N elements in memory, aligned to their size: one access, if N * sizeof(T) is at most 16 bytes.
template <class T, int N>
struct alignas(sizeof(T) * N) Run {
    T at[N];
};

__device__ __forceinline__ float widen(float x) { return x; }
__device__ __forceinline__ float widen(bf16 x) { return to_f32(x); }
__device__ __forceinline__ float widen(int8 x) { return (float)x; }
__device__ __forceinline__ float widen(e4m3 x) { return e4m3_to_f32(x.bits); }

// Two e4m3, rounded to nearest even and saturating.
__device__ __forceinline__ unsigned short e4m3_pair(float low, float high) {
#if __CUDA_ARCH__ >= 890
    unsigned short pair;
    asm("cvt.rn.satfinite.e4m3x2.f32 %0, %1, %2;" : "=h"(pair) : "f"(high), "f"(low));
    return pair;
#else
    auto encode = [](float x) -> unsigned {
        unsigned sign = (__float_as_uint(x) >> 24) & 0x80;
        float magnitude = fabsf(x);
        if (!(magnitude == magnitude)) return sign | 0x7f;
        if (magnitude >= 448.0f) return sign | 0x7e;
        // Below 2^-6 the step is constant: adding 2^14 lets the f32 adder round to multiples of 2^-9.
        if (magnitude < 0x1p-6f) {
            return sign | (__float_as_uint(magnitude + 0x1p14f) - __float_as_uint(0x1p14f));
        }
        unsigned bits = __float_as_uint(magnitude);
        bits += 0x7ffff + ((bits >> 20) & 1);
        return sign | ((bits >> 20) - (120 << 3));
    };
    return (unsigned short)(encode(low) | encode(high) << 8);
#endif
}

__device__ __forceinline__ unsigned int8_of(float x) {
    int q;
    asm("cvt.rni.s32.f32 %0, %1;" : "=r"(q) : "f"(x));
    return (unsigned)(min(max(q, -127), 127) & 0xff);
}

template <class T>
__device__ __forceinline__ T narrow(float x);
template <>
__device__ __forceinline__ float narrow<float>(float x) { return x; }
template <>
__device__ __forceinline__ bf16 narrow<bf16>(float x) { return to_bf16(x); }
template <>
__device__ __forceinline__ int8 narrow<int8>(float x) { return (int8)int8_of(x); }
template <>
__device__ __forceinline__ e4m3 narrow<e4m3>(float x) { return e4m3{(unsigned char)e4m3_pair(x, 0.0f)}; }

// `x` as it will be read back from a tensor of T.
template <class T>
__device__ __forceinline__ float rounded(float x) {
    return widen(narrow<T>(x));
}

// N elements from an address aligned to N elements or 16 bytes.
template <class T, int N>
__device__ __forceinline__ void load(const T* from, float (&to)[N]) {
    constexpr int AT_ONCE = N * sizeof(T) > 16 ? 16 / sizeof(T) : N;
#pragma unroll
    for (int i = 0; i < N; i += AT_ONCE) {
        if constexpr (AT_ONCE * sizeof(T) == 16) {
            uint4 words = *reinterpret_cast<const uint4*>(from + i);
            const T* values = reinterpret_cast<const T*>(&words);
#pragma unroll
            for (int j = 0; j < AT_ONCE; j++) to[i + j] = widen(values[j]);
        } else if constexpr (AT_ONCE * sizeof(T) == 8) {
            uint2 words = *reinterpret_cast<const uint2*>(from + i);
            const T* values = reinterpret_cast<const T*>(&words);
#pragma unroll
            for (int j = 0; j < AT_ONCE; j++) to[i + j] = widen(values[j]);
        } else {
            Run<T, AT_ONCE> run = *reinterpret_cast<const Run<T, AT_ONCE>*>(from + i);
#pragma unroll
            for (int j = 0; j < AT_ONCE; j++) to[i + j] = widen(run.at[j]);
        }
    }
}

// N elements from anywhere.
template <class T, int N>
__device__ __forceinline__ void load_unaligned(const T* from, float (&to)[N]) {
    if (N * sizeof(T) > 1 && ((unsigned long long)from & ((N * sizeof(T) > 16 ? 16 : N * sizeof(T)) - 1))) {
#pragma unroll
        for (int i = 0; i < N; i++) to[i] = widen(from[i]);
    } else {
        load(from, to);
    }
}

// N elements to an address aligned to N elements or 16 bytes.
template <int N>
__device__ __forceinline__ void store(float* to, const float (&from)[N]) {
    if constexpr (N % 4 == 0) {
#pragma unroll
        for (int i = 0; i < N; i += 4) {
            *reinterpret_cast<float4*>(to + i) = make_float4(from[i], from[i + 1], from[i + 2], from[i + 3]);
        }
    } else {
#pragma unroll
        for (int i = 0; i < N; i++) to[i] = from[i];
    }
}

template <int N>
__device__ __forceinline__ void store(bf16* to, const float (&from)[N]) {
    if constexpr (N % 8 == 0) {
#pragma unroll
        for (int i = 0; i < N; i += 8) {
            *reinterpret_cast<uint4*>(to + i) =
                make_uint4(pack_bf16(from[i], from[i + 1]), pack_bf16(from[i + 2], from[i + 3]),
                           pack_bf16(from[i + 4], from[i + 5]), pack_bf16(from[i + 6], from[i + 7]));
        }
    } else if constexpr (N == 4) {
        *reinterpret_cast<uint2*>(to) = make_uint2(pack_bf16(from[0], from[1]), pack_bf16(from[2], from[3]));
    } else {
#pragma unroll
        for (int i = 0; i < N; i++) to[i] = narrow<bf16>(from[i]);
    }
}

template <int N>
__device__ __forceinline__ void store(e4m3* to, const float (&from)[N]) {
    if constexpr (N == 8) {
        unsigned words[2];
#pragma unroll
        for (int i = 0; i < 2; i++) {
            words[i] = e4m3_pair(from[4 * i], from[4 * i + 1]) |
                       (unsigned)e4m3_pair(from[4 * i + 2], from[4 * i + 3]) << 16;
        }
        *reinterpret_cast<uint2*>(to) = make_uint2(words[0], words[1]);
    } else {
#pragma unroll
        for (int i = 0; i < N; i++) to[i] = narrow<e4m3>(from[i]);
    }
}

template <int N>
__device__ __forceinline__ void store(int8* to, const float (&from)[N]) {
    if constexpr (N == 8) {
        unsigned words[2];
#pragma unroll
        for (int i = 0; i < 2; i++) {
            words[i] = int8_of(from[4 * i]) | int8_of(from[4 * i + 1]) << 8 |
                       int8_of(from[4 * i + 2]) << 16 | int8_of(from[4 * i + 3]) << 24;
        }
        *reinterpret_cast<uint2*>(to) = make_uint2(words[0], words[1]);
    } else {
#pragma unroll
        for (int i = 0; i < N; i++) to[i] = narrow<int8>(from[i]);
    }
}
