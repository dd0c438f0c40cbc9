// How matrices are packed in files: a few neighbouring values of a row at a time, in the order of operations of
// zao-backend's `blocks/unpack.rs` and `scaled.rs`, so that they are the same bit for bit but for the sign of zeros.
// There each layout is told.
//
// A format has BYTES a block of VALUES values, at addresses divisible by ALIGNED, and is SCALED where a row has a scale
// beside its bytes. Groups of N values (4, 8 or 16) that lie in the same bytes, APART values from each other, make a
// unit of two, which share what `read` finds; APART is 0 where a unit is one group. `group` makes the values of one of
// them, divided by LESS. `scale` is the row's, for formats that have one beside their bytes. Nothing is read but the words of four
// bytes that a block has a part in.
#pragma once
#include "element.cuh"

__device__ __forceinline__ float half_to_f32(unsigned bits) {
    float value;
    asm("cvt.f32.f16 %0, %1;" : "=f"(value) : "h"((unsigned short)bits));
    return value;
}

// The f16 at an even address.
__device__ __forceinline__ float half_at(const unsigned char* at) {
    return half_to_f32(*reinterpret_cast<const unsigned short*>(at));
}

// Groups of a unit.
template <class Format>
struct groups_of {
    static constexpr int value = Format::APART > 0 ? 2 : 1;
};

// Units of a block, and the first value of a group.
template <class Format, int N>
struct Units {
    static constexpr int IN_BLOCK = Format::VALUES / (N * groups_of<Format>::value);
    static __device__ __forceinline__ int place(int unit, int half) {
        if constexpr (Format::APART == 0) return N * unit;
        constexpr int BESIDE = Format::APART > 0 ? Format::APART / N : 1;
        return unit / BESIDE * (2 * Format::APART) + unit % BESIDE * N + half * Format::APART;
    }
};

// What the groups of a unit have in common.
template <int N>
struct Bits {
    static_assert(N == 4 || N == 8 || N == 16, "whole words, of at most 16 bytes");
    unsigned low[N / 4], high[N / 4];
};

// N bytes from an address divisible by ALIGNED.
template <int ALIGNED, int COUNT>
__device__ __forceinline__ void words_at(unsigned (&words)[COUNT], const unsigned char* at) {
    if constexpr (ALIGNED >= 16 && COUNT == 4) {
        const uint4 all = *reinterpret_cast<const uint4*>(at);
        words[0] = all.x, words[1] = all.y, words[2] = all.z, words[3] = all.w;
    } else if constexpr (ALIGNED >= 8 && COUNT >= 2) {
#pragma unroll
        for (int i = 0; i < COUNT; i += 2) {
            const uint2 two = *reinterpret_cast<const uint2*>(at + 4 * i);
            words[i] = two.x, words[i + 1] = two.y;
        }
    } else if constexpr (ALIGNED >= 4) {
#pragma unroll
        for (int i = 0; i < COUNT; i++) words[i] = reinterpret_cast<const unsigned*>(at)[i];
    } else {
        const unsigned off = (unsigned)(unsigned long long)at & 3, shift = off * 8;
        const unsigned* from = reinterpret_cast<const unsigned*>(at - off);
        unsigned before = from[0];
#pragma unroll
        for (int i = 0; i < COUNT; i++) {
            const unsigned after = i < COUNT - 1 || shift != 0 ? from[i + 1] : 0;
            words[i] = __funnelshift_r(before, after, shift);
            before = after;
        }
    }
}

// Bytes below 128 are factors as they are: at bits 16 to 22 of an f32 they stand for themselves times 2^-133. What they are
// multiplied with is 2^105 times too large then, and what they become 2^28 times too small: neither leaves
// the range of f32, whatever an f16 times a byte is.
constexpr float LESS = 0x1p28f, FACTOR = 0x1p105f;

// v[i] = (scale * byte i + added) / LESS; the products are exact, so that nothing is rounded twice.
template <int N>
__device__ __forceinline__ void affine_bytes(float (&v)[N], const unsigned (&words)[N / 4], float scale, float added) {
    const float factor = scale * FACTOR, rest = added * (1.0f / LESS);
#pragma unroll
    for (int i = 0; i < N; i++) {
        v[i] = __fmaf_rn(__uint_as_float(__byte_perm(words[i / 4], 0, 0x4044u + (i % 4 << 8))), factor, rest);
    }
}

// v[i] = scale * (byte i - bias) / LESS for a power of two, by which the scale is multiplied without rounding it.
template <int N>
__device__ __forceinline__ void scaled_bytes(float (&v)[N], const unsigned (&words)[N / 4], float bias, float scale) {
    affine_bytes(v, words, scale, -bias * scale);
}

// Byte `i` of a word, less `bias`: 2^23 more is a number of f32 whose last bits are the byte.
__device__ __forceinline__ float byte_less(unsigned word, int i, float bias) {
    return __uint_as_float(__byte_perm(word, 0x4b000000u, 0x7440u + i)) - (8388608.0f + bias);
}

// Signed bytes, times a scale.
template <int N>
__device__ __forceinline__ void signed_bytes(float (&v)[N], const unsigned (&words)[N / 4], float scale) {
#pragma unroll
    for (int i = 0; i < N; i++) v[i] = scale * byte_less(words[i / 4] ^ 0x80808080u, i % 4, 128.0f);
}

// `mask` of each byte from bit `shift` on.
template <int COUNT>
__device__ __forceinline__ void mask_bytes(unsigned (&to)[COUNT], const unsigned (&from)[COUNT], int shift, unsigned mask) {
#pragma unroll
    for (int i = 0; i < COUNT; i++) to[i] = from[i] >> shift & mask;
}

// The bits of each byte that begin at `from`, to where `mask` wants them from `to` on.
template <int COUNT>
__device__ __forceinline__ void add_bits(unsigned (&words)[COUNT], const unsigned (&bits)[COUNT], int from, int to, unsigned mask) {
#pragma unroll
    for (int i = 0; i < COUNT; i++) words[i] |= __funnelshift_l(bits[i], bits[i], to - from) & mask;
}

// Bit i of `bits` to bit 4 of byte i.
template <int COUNT>
__device__ __forceinline__ void add_fifth_bits(unsigned (&words)[COUNT], unsigned bits) {
#pragma unroll
    for (int i = 0; i < COUNT; i++) words[i] |= (bits >> 4 * i & 15) * 0x02040810u & 0x10101010u;
}

// Formats of which a byte holds four bits of two values; HEAD bytes are before.
template <int SIZE, int HEAD, int COUNT, int DISTANCE, int BOUNDARY>
struct Halves {
    static constexpr int BYTES = SIZE, VALUES = COUNT, APART = DISTANCE, ALIGNED = BOUNDARY;
    static constexpr bool SCALED = false;
    static constexpr float LESS = ::LESS;
    template <int N>
    static __device__ __forceinline__ void read(Bits<N>& bits, const unsigned char* block, int unit) {
        words_at<ALIGNED>(bits.low, block + HEAD + N * unit);
    }
    template <int N>
    static __device__ __forceinline__ void integers(unsigned (&q)[N / 4], const Bits<N>& bits, int half) {
        mask_bytes(q, bits.low, 4 * half, 0x0f0f0f0fu);
    }
};

// Four bits and one factor.
template <int SIZE, int COUNT, int DISTANCE>
struct SymmetricHalves : Halves<SIZE, 2, COUNT, DISTANCE, 2> {
    template <int N>
    static __device__ __forceinline__ void group(float (&v)[N], const Bits<N>& bits, const unsigned char* block, int, int half, float) {
        unsigned q[N / 4];
        Halves<SIZE, 2, COUNT, DISTANCE, 2>::integers(q, bits, half);
        scaled_bytes(v, q, 8.0f, half_at(block));
    }
};
typedef SymmetricHalves<18, 32, 16> Q4_0;
typedef SymmetricHalves<34, 64, 32> Int4;

struct Q4_1 : Halves<20, 4, 32, 16, 4> {
    template <int N>
    static __device__ __forceinline__ void group(float (&v)[N], const Bits<N>& bits, const unsigned char* block, int, int half, float) {
        unsigned q[N / 4];
        integers(q, bits, half);
        affine_bytes(v, q, half_at(block), half_at(block + 2));
    }
};

// The fifth bits of a block of 32 from a value on, at an even address.
__device__ __forceinline__ unsigned fifth_bits(const unsigned char* at, int value) {
    return *reinterpret_cast<const unsigned short*>(at + value / 16 * 2) >> value % 16;
}

struct Q5_0 : Halves<22, 6, 32, 16, 2> {
    template <int N>
    static __device__ __forceinline__ void group(float (&v)[N], const Bits<N>& bits, const unsigned char* block, int unit, int half, float) {
        unsigned q[N / 4];
        integers(q, bits, half);
        add_fifth_bits(q, fifth_bits(block + 2, Units<Q5_0, N>::place(unit, half)));
        scaled_bytes(v, q, 16.0f, half_at(block));
    }
};

struct Q5_1 : Halves<24, 8, 32, 16, 8> {
    template <int N>
    static __device__ __forceinline__ void group(float (&v)[N], const Bits<N>& bits, const unsigned char* block, int unit, int half, float) {
        unsigned q[N / 4];
        integers(q, bits, half);
        add_fifth_bits(q, fifth_bits(block + 4, Units<Q5_1, N>::place(unit, half)));
        affine_bytes(v, q, half_at(block), half_at(block + 2));
    }
};

// What values of Q4_K and Q5_K are multiplied with and what is added then: six bits each of 32 values, beside factors.
struct SixBits {
    float scale, added;

    // Those of group `half` of the `pair`th 64 values.
    __device__ __forceinline__ SixBits(const unsigned char* block, int pair, int half) {
        unsigned head[4];
        words_at<16>(head, block);
        const bool first = pair < 2;
        const unsigned scales = first ? head[1] & 0x3f3f3f3fu : (head[3] & 0x0f0f0f0fu) | (head[1] >> 2 & 0x30303030u);
        const unsigned minima = first ? head[2] & 0x3f3f3f3fu : (head[3] >> 4 & 0x0f0f0f0fu) | (head[2] >> 2 & 0x30303030u);
        const int shift = 16 * (pair % 2) + 8 * half;
        scale = half_to_f32(head[0]) * (float)(scales >> shift & 63);
        added = -(half_to_f32(head[0] >> 16) * (float)(minima >> shift & 63));
    }
};

struct Q4_K : Halves<144, 16, 256, 32, 16> {
    template <int N>
    static __device__ __forceinline__ void group(float (&v)[N], const Bits<N>& bits, const unsigned char* block, int unit, int half, float) {
        unsigned q[N / 4];
        integers(q, bits, half);
        const SixBits factors(block, unit / (APART / N), half);
        affine_bytes(v, q, factors.scale, factors.added);
    }
};

struct Q5_K : Halves<176, 48, 256, 32, 16> {
    template <int N>
    static __device__ __forceinline__ void read(Bits<N>& bits, const unsigned char* block, int unit) {
        words_at<ALIGNED>(bits.low, block + 48 + N * unit);
        words_at<ALIGNED>(bits.high, block + 16 + N * (unit % (APART / N)));
    }
    template <int N>
    static __device__ __forceinline__ void group(float (&v)[N], const Bits<N>& bits, const unsigned char* block, int unit, int half, float) {
        unsigned q[N / 4];
        integers(q, bits, half);
        const int pair = unit / (APART / N);
        add_bits(q, bits.high, 2 * pair + half, 4, 0x10101010u);
        const SixBits factors(block, pair, half);
        affine_bytes(v, q, factors.scale, factors.added);
    }
};

// Formats of which a byte holds two bits of four values, HEAD bytes into a block.
template <int SIZE, int HEAD, int BOUNDARY>
struct Quarters {
    static constexpr int BYTES = SIZE, VALUES = 256, APART = 32, ALIGNED = BOUNDARY;
    static constexpr bool SCALED = false;
    static constexpr float LESS = ::LESS;
    template <int N>
    static __device__ __forceinline__ void read(Bits<N>& bits, const unsigned char* block, int unit) {
        constexpr int BESIDE = APART / N;
        words_at<ALIGNED>(bits.low, block + HEAD + 32 * (unit / (2 * BESIDE)) + N * (unit % BESIDE));
    }
    template <int N>
    static __device__ __forceinline__ void integers(unsigned (&q)[N / 4], const Bits<N>& bits, int unit, int half) {
        mask_bytes(q, bits.low, 4 * (unit / (APART / N) % 2) + 2 * half, 0x03030303u);
    }
};

struct Q2_K : Quarters<84, 16, 4> {
    template <int N>
    static __device__ __forceinline__ void group(float (&v)[N], const Bits<N>& bits, const unsigned char* block, int unit, int half, float) {
        unsigned q[N / 4];
        integers(q, bits, unit, half);
        const unsigned factors = block[Units<Q2_K, N>::place(unit, half) / 16];
        affine_bytes(v, q, half_at(block + 80) * (float)(factors & 15), -(half_at(block + 82) * (float)(factors >> 4)));
    }
};

struct Q3_K : Quarters<110, 32, 2> {
    template <int N>
    static __device__ __forceinline__ void read(Bits<N>& bits, const unsigned char* block, int unit) {
        Quarters<110, 32, 2>::read(bits, block, unit);
        words_at<ALIGNED>(bits.high, block + N * (unit % (APART / N)));
    }
    template <int N>
    static __device__ __forceinline__ void group(float (&v)[N], const Bits<N>& bits, const unsigned char* block, int unit, int half, float) {
        unsigned q[N / 4];
        integers(q, bits, unit, half);
        add_bits(q, bits.high, 2 * (unit / (APART / N)) + half, 2, 0x04040404u);
        const int g = Units<Q3_K, N>::place(unit, half) / 16;
        const unsigned low = block[96 + g % 8] >> 4 * (g / 8) & 15, high = block[104 + g % 4] >> 2 * (g / 4) & 3;
        scaled_bytes(v, q, 4.0f, half_at(block + 108) * (float)((int)(low | high << 4) - 32));
    }
};

struct Q6_K : Halves<210, 0, 256, 64, 2> {
    template <int N>
    static __device__ __forceinline__ void read(Bits<N>& bits, const unsigned char* block, int unit) {
        words_at<ALIGNED>(bits.low, block + N * unit);
        words_at<ALIGNED>(bits.high, block + 128 + 32 * (unit / (64 / N)) + N * (unit % (32 / N)));
    }
    template <int N>
    static __device__ __forceinline__ void group(float (&v)[N], const Bits<N>& bits, const unsigned char* block, int unit, int half, float) {
        unsigned q[N / 4];
        integers(q, bits, half);
        add_bits(q, bits.high, 2 * (unit / (32 / N) % 2) + 4 * half, 4, 0x30303030u);
        const signed char scale = (signed char)block[192 + Units<Q6_K, N>::place(unit, half) / 16];
        scaled_bytes(v, q, 32.0f, half_at(block + 208) * (float)scale);
    }
};

// Formats of which a byte holds a value, HEAD bytes into a block.
template <int SIZE, int HEAD, int COUNT, bool BESIDE, int BOUNDARY>
struct Bytes {
    static constexpr int BYTES = SIZE, VALUES = COUNT, APART = 0, ALIGNED = BOUNDARY;
    static constexpr bool SCALED = BESIDE;
    static constexpr float LESS = 1.0f;
    template <int N>
    static __device__ __forceinline__ void read(Bits<N>& bits, const unsigned char* block, int unit) {
        words_at<ALIGNED>(bits.low, block + HEAD + N * unit);
    }
};

struct Q8_0 : Bytes<34, 2, 32, false, 2> {
    template <int N>
    static __device__ __forceinline__ void group(float (&v)[N], const Bits<N>& bits, const unsigned char* block, int, int, float) {
        signed_bytes(v, bits.low, half_at(block));
    }
};

struct ScaledE4m3 : Bytes<16, 0, 16, true, 16> {
    template <int N>
    static __device__ __forceinline__ void group(float (&v)[N], const Bits<N>& bits, const unsigned char*, int, int, float scale) {
#pragma unroll
        for (int i = 0; i < N; i++) v[i] = e4m3_to_f32(bits.low[i / 4] >> 8 * (i % 4) & 0xff) * scale;
    }
};

// The upper half of an f16.
struct ScaledE5m2 : Bytes<16, 0, 16, true, 16> {
    template <int N>
    static __device__ __forceinline__ void group(float (&v)[N], const Bits<N>& bits, const unsigned char*, int, int, float scale) {
#pragma unroll
        for (int i = 0; i < N; i++) v[i] = half_to_f32((bits.low[i / 4] >> 8 * (i % 4) & 0xff) << 8) * scale;
    }
};

struct ScaledInt8 : Bytes<16, 0, 16, true, 16> {
    template <int N>
    static __device__ __forceinline__ void group(float (&v)[N], const Bits<N>& bits, const unsigned char*, int, int, float scale) {
        signed_bytes(v, bits.low, scale);
    }
};
