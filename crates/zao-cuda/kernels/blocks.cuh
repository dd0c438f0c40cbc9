// How matrices are packed in files: sixteen neighbouring values of a row at a time, in the order of operations of
// zao-backend's `blocks/unpack.rs` and `scaled.rs`, so that they are the same bit for bit. There each layout is told.
//
// A format has BYTES a block of VALUES values, is SCALED where a row has a scale beside its bytes, and `group(block, g, scale, v)`: the values 16 g .. 16 g + 15 of
// the block at `block`, whose address is even; nothing is read but the words of four bytes that it has a part in. `scale`
// is the row's, for formats that have one beside their bytes.
#pragma once
#include "element.cuh"

// Values of a group.
constexpr int GROUP = 16;

__device__ __forceinline__ float half_to_f32(unsigned bits) {
    float value;
    asm("cvt.f32.f16 %0, %1;" : "=f"(value) : "h"((unsigned short)bits));
    return value;
}

// The f16 at an even address.
__device__ __forceinline__ float half_at(const unsigned char* at) {
    return half_to_f32(*reinterpret_cast<const unsigned short*>(at));
}

// 16 bytes from anywhere.
__device__ __forceinline__ void words_at(unsigned (&words)[4], const unsigned char* at) {
    const unsigned long long address = (unsigned long long)at;
    const unsigned* from = reinterpret_cast<const unsigned*>(at - (address & 3));
    const unsigned shift = (unsigned)(address & 3) * 8;
    unsigned before = from[0];
#pragma unroll
    for (int i = 0; i < 4; i++) {
        const unsigned after = i < 3 || shift != 0 ? from[i + 1] : 0;
        words[i] = __funnelshift_r(before, after, shift);
        before = after;
    }
}

// Byte `i` of a word, less `bias`: 2^23 more is a number of f32 whose last bits are the byte.
__device__ __forceinline__ float byte_less(unsigned word, int i, float bias) {
    return __uint_as_float(__byte_perm(word, 0x4b000000u, 0x7440u + i)) - (8388608.0f + bias);
}

// v[i] = scale * (byte i - bias)
__device__ __forceinline__ void scaled_bytes(float (&v)[GROUP], const unsigned (&words)[4], float bias, float scale) {
#pragma unroll
    for (int i = 0; i < GROUP; i++) v[i] = scale * byte_less(words[i / 4], i % 4, bias);
}

// v[i] = scale * byte i + added; the products are exact, so that nothing is rounded twice.
__device__ __forceinline__ void affine_bytes(float (&v)[GROUP], const unsigned (&words)[4], float scale, float added) {
#pragma unroll
    for (int i = 0; i < GROUP; i++) v[i] = __fmaf_rn(scale, byte_less(words[i / 4], i % 4, 0.0f), added);
}

// `bits` bits of each byte from `shift` on.
__device__ __forceinline__ void mask_bytes(unsigned (&words)[4], int shift, unsigned mask) {
#pragma unroll
    for (int i = 0; i < 4; i++) words[i] = words[i] >> shift & mask;
}

// Bit i of `bits` to where byte i has the bits of `place`.
__device__ __forceinline__ void add_bits(unsigned (&words)[4], unsigned bits, int place) {
#pragma unroll
    for (int i = 0; i < 4; i++) words[i] |= ((bits >> 4 * i & 15) * 0x00204081u & 0x01010101u) << place;
}

// 32 or 64 values of four bits after one or two factors of f16.
template <int SIZE, int HEAD>
__device__ __forceinline__ void halves(unsigned (&words)[4], const unsigned char* block, int g) {
    constexpr int AROUND = SIZE / 2 / GROUP;
    words_at(words, block + HEAD + GROUP * (g % AROUND));
    mask_bytes(words, 4 * (g / AROUND), 0x0f0f0f0fu);
}

struct Q4_0 {
    static constexpr int BYTES = 18, VALUES = 32;
    static constexpr bool SCALED = false;
    static __device__ __forceinline__ void group(const unsigned char* block, int g, float, float (&v)[GROUP]) {
        unsigned q[4];
        halves<32, 2>(q, block, g);
        scaled_bytes(v, q, 8.0f, half_at(block));
    }
};

struct Int4 {
    static constexpr int BYTES = 34, VALUES = 64;
    static constexpr bool SCALED = false;
    static __device__ __forceinline__ void group(const unsigned char* block, int g, float, float (&v)[GROUP]) {
        unsigned q[4];
        halves<64, 2>(q, block, g);
        scaled_bytes(v, q, 8.0f, half_at(block));
    }
};

struct Q4_1 {
    static constexpr int BYTES = 20, VALUES = 32;
    static constexpr bool SCALED = false;
    static __device__ __forceinline__ void group(const unsigned char* block, int g, float, float (&v)[GROUP]) {
        unsigned q[4];
        halves<32, 4>(q, block, g);
        affine_bytes(v, q, half_at(block), half_at(block + 2));
    }
};

// The fifth bits of group `g`, bit `i` of value `i`.
__device__ __forceinline__ unsigned fifth_bits(const unsigned char* at, int g) {
    return *reinterpret_cast<const unsigned short*>(at + 2 * g);
}

struct Q5_0 {
    static constexpr int BYTES = 22, VALUES = 32;
    static constexpr bool SCALED = false;
    static __device__ __forceinline__ void group(const unsigned char* block, int g, float, float (&v)[GROUP]) {
        unsigned q[4];
        halves<32, 6>(q, block, g);
        add_bits(q, fifth_bits(block + 2, g), 4);
        scaled_bytes(v, q, 16.0f, half_at(block));
    }
};

struct Q5_1 {
    static constexpr int BYTES = 24, VALUES = 32;
    static constexpr bool SCALED = false;
    static __device__ __forceinline__ void group(const unsigned char* block, int g, float, float (&v)[GROUP]) {
        unsigned q[4];
        halves<32, 8>(q, block, g);
        add_bits(q, fifth_bits(block + 4, g), 4);
        affine_bytes(v, q, half_at(block), half_at(block + 2));
    }
};

// Signed bytes, times a scale.
__device__ __forceinline__ void signed_bytes(float (&v)[GROUP], const unsigned char* at, float scale) {
    unsigned q[4];
    words_at(q, at);
#pragma unroll
    for (int i = 0; i < 4; i++) q[i] ^= 0x80808080u;
    scaled_bytes(v, q, 128.0f, scale);
}

struct Q8_0 {
    static constexpr int BYTES = 34, VALUES = 32;
    static constexpr bool SCALED = false;
    static __device__ __forceinline__ void group(const unsigned char* block, int g, float, float (&v)[GROUP]) {
        signed_bytes(v, block + 2 + GROUP * g, half_at(block));
    }
};

// Where the pairs of bits of group `g` of 256 values lie, and how far up.
__device__ __forceinline__ int pairs_at(int g) { return 32 * (g / 8) + GROUP * (g % 2); }
__device__ __forceinline__ int pairs_shift(int g) { return 2 * (g / 2 % 4); }

struct Q2_K {
    static constexpr int BYTES = 84, VALUES = 256;
    static constexpr bool SCALED = false;
    static __device__ __forceinline__ void group(const unsigned char* block, int g, float, float (&v)[GROUP]) {
        unsigned q[4];
        words_at(q, block + 16 + pairs_at(g));
        mask_bytes(q, pairs_shift(g), 0x03030303u);
        const unsigned factors = block[g];
        affine_bytes(v, q, half_at(block + 80) * (float)(factors & 15), -(half_at(block + 82) * (float)(factors >> 4)));
    }
};

struct Q3_K {
    static constexpr int BYTES = 110, VALUES = 256;
    static constexpr bool SCALED = false;
    static __device__ __forceinline__ void group(const unsigned char* block, int g, float, float (&v)[GROUP]) {
        unsigned q[4], third[4];
        words_at(q, block + 32 + pairs_at(g));
        mask_bytes(q, pairs_shift(g), 0x03030303u);
        words_at(third, block + GROUP * (g % 2));
        mask_bytes(third, g / 2, 0x01010101u);
#pragma unroll
        for (int i = 0; i < 4; i++) q[i] |= third[i] << 2;
        const unsigned low = block[96 + g % 8] >> 4 * (g / 8) & 15, high = block[104 + g % 4] >> 2 * (g / 4) & 3;
        scaled_bytes(v, q, 4.0f, half_at(block + 108) * (float)((int)(low | high << 4) - 32));
    }
};

// The scale and the minimum, less than zero, of the `pair`th 32 values of Q4_K and Q5_K.
__device__ __forceinline__ float2 six_bits(const unsigned char* block, int pair) {
    const unsigned char* const s = block + 4;
    unsigned scale, minimum;
    if (pair < 4) {
        scale = s[pair] & 63;
        minimum = s[pair + 4] & 63;
    } else {
        const unsigned low = s[pair + 4];
        scale = (low & 15) | s[pair - 4] >> 6 << 4;
        minimum = low >> 4 | s[pair] >> 6 << 4;
    }
    return make_float2(half_at(block) * (float)scale, -(half_at(block + 2) * (float)minimum));
}

struct Q4_K {
    static constexpr int BYTES = 144, VALUES = 256;
    static constexpr bool SCALED = false;
    static __device__ __forceinline__ void group(const unsigned char* block, int g, float, float (&v)[GROUP]) {
        unsigned q[4];
        words_at(q, block + 16 + 32 * (g / 4) + GROUP * (g % 2));
        mask_bytes(q, 4 * (g / 2 % 2), 0x0f0f0f0fu);
        const float2 factors = six_bits(block, g / 2);
        affine_bytes(v, q, factors.x, factors.y);
    }
};

struct Q5_K {
    static constexpr int BYTES = 176, VALUES = 256;
    static constexpr bool SCALED = false;
    static __device__ __forceinline__ void group(const unsigned char* block, int g, float, float (&v)[GROUP]) {
        unsigned q[4], fifth[4];
        words_at(q, block + 48 + 32 * (g / 4) + GROUP * (g % 2));
        mask_bytes(q, 4 * (g / 2 % 2), 0x0f0f0f0fu);
        words_at(fifth, block + 16 + GROUP * (g % 2));
        mask_bytes(fifth, g / 2, 0x01010101u);
#pragma unroll
        for (int i = 0; i < 4; i++) q[i] |= fifth[i] << 4;
        const float2 factors = six_bits(block, g / 2);
        affine_bytes(v, q, factors.x, factors.y);
    }
};

struct Q6_K {
    static constexpr int BYTES = 210, VALUES = 256;
    static constexpr bool SCALED = false;
    static __device__ __forceinline__ void group(const unsigned char* block, int g, float, float (&v)[GROUP]) {
        unsigned q[4], high[4];
        words_at(q, block + 64 * (g / 8) + GROUP * (g % 4));
        mask_bytes(q, 4 * (g / 4 % 2), 0x0f0f0f0fu);
        words_at(high, block + 128 + pairs_at(g));
        mask_bytes(high, pairs_shift(g), 0x03030303u);
#pragma unroll
        for (int i = 0; i < 4; i++) q[i] |= high[i] << 4;
        scaled_bytes(v, q, 32.0f, half_at(block + 208) * (float)(signed char)block[192 + g]);
    }
};

struct ScaledE4m3 {
    static constexpr int BYTES = 16, VALUES = 16;
    static constexpr bool SCALED = true;
    static __device__ __forceinline__ void group(const unsigned char* block, int, float scale, float (&v)[GROUP]) {
        unsigned q[4];
        words_at(q, block);
#pragma unroll
        for (int i = 0; i < GROUP; i++) v[i] = e4m3_to_f32(q[i / 4] >> 8 * (i % 4) & 0xff) * scale;
    }
};

// The upper half of an f16.
struct ScaledE5m2 {
    static constexpr int BYTES = 16, VALUES = 16;
    static constexpr bool SCALED = true;
    static __device__ __forceinline__ void group(const unsigned char* block, int, float scale, float (&v)[GROUP]) {
        unsigned q[4];
        words_at(q, block);
#pragma unroll
        for (int i = 0; i < GROUP; i++) v[i] = half_to_f32((q[i / 4] >> 8 * (i % 4) & 0xff) << 8) * scale;
    }
};

struct ScaledInt8 {
    static constexpr int BYTES = 16, VALUES = 16;
    static constexpr bool SCALED = true;
    static __device__ __forceinline__ void group(const unsigned char* block, int, float scale, float (&v)[GROUP]) {
        signed_bytes(v, block, scale);
    }
};
