// Online softmax over a tile of scores that lies in the registers of a warpgroup as wgmma leaves it:
// thread of lane l in warp w holds rows 16 w + l / 4 + {0, 8}, columns 8 j + 2 (l % 4) + {0, 1} in
// s[4 j + 2 {row} + {column}]. Four neighbouring lanes share a row. No memory is touched here.
#pragma once

#define MINUS_INFINITY (-__int_as_float(0x7f800000))

__device__ __forceinline__ float exp2_approximate(float x) {
    float y;
    asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
    return y;
}

__device__ __forceinline__ unsigned pack_bf16(float low, float high) {
    unsigned packed;
    asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(packed) : "f"(high), "f"(low));
    return packed;
}

// The state of the two rows of a thread. `largest` is the score that exponents are taken against, the
// same in all four lanes; `sum` is this lane's share.
struct SoftmaxRows {
    float largest[2], sum[2];

    __device__ __forceinline__ void start() {
        largest[0] = largest[1] = MINUS_INFINITY;
        sum[0] = sum[1] = 0.f;
    }

    // Takes a tile's scores into `largest`; `keep` receives what sums of earlier tiles must be multiplied by.
    // SEEN: no row can have been all masked so far. SLACK > 0 leaves `largest` alone until it is exceeded
    // by so many powers of two, so that most tiles need no rescaling; the decision is each row's own.
    template <int COUNT, bool SEEN, int SLACK>
    __device__ __forceinline__ void look(const float (&s)[COUNT], float scale, float (&keep)[2]) {
#pragma unroll
        for (int i = 0; i < 2; i++) {
            float a = s[2 * i], b = s[2 * i + 1];
#pragma unroll
            for (int j = 4; j < COUNT; j += 4) {
                a = fmaxf(a, s[j + 2 * i]);
                b = fmaxf(b, s[j + 2 * i + 1]);
            }
            a = fmaxf(a, b);
            a = fmaxf(a, __shfl_xor_sync(~0u, a, 1));
            a = fmaxf(a, __shfl_xor_sync(~0u, a, 2));
            const float before = largest[i];
            if (SLACK > 0)
                largest[i] = (a - before) * scale > (float)SLACK ? a : before;
            else
                largest[i] = fmaxf(a, before);
            keep[i] = exp2_approximate((before - base<SEEN>(i)) * scale);
        }
    }

    // Row i of s becomes exp2((s - largest) * scale) and is summed.
    template <int COUNT, bool SEEN>
    __device__ __forceinline__ void exponents(float (&s)[COUNT], float scale, const float (&keep)[2], int i) {
        const float offset = base<SEEN>(i) * scale;
        float x = 0.f, y = 0.f;
#pragma unroll
        for (int j = 0; j < COUNT; j += 4) {
            s[j + 2 * i] = exp2_approximate(fmaf(s[j + 2 * i], scale, -offset));
            s[j + 2 * i + 1] = exp2_approximate(fmaf(s[j + 2 * i + 1], scale, -offset));
            x += s[j + 2 * i];
            y += s[j + 2 * i + 1];
        }
        sum[i] = fmaf(sum[i], keep[i], x + y);
    }

    template <bool SEEN>
    __device__ __forceinline__ float base(int i) const {
        return !SEEN && largest[i] == MINUS_INFINITY ? 0.f : largest[i];
    }

    // 1 / the whole row's sum.
    __device__ __forceinline__ float inverse(int i) const {
        float all = sum[i];
        all += __shfl_xor_sync(~0u, all, 1);
        all += __shfl_xor_sync(~0u, all, 2);
        return 1.f / all;
    }
};

// Scores in the order in which wgmma takes its left operand from registers, rounded to bf16.
template <int COUNT>
__device__ __forceinline__ void probabilities(const float (&s)[COUNT], unsigned (&p)[COUNT / 2]) {
#pragma unroll
    for (int i = 0; i < COUNT / 2; i++) p[i] = pack_bf16(s[2 * i], s[2 * i + 1]);
}

// Columns at or beyond each row's limit vanish, NaN included. `column`: the thread's first.
template <int COUNT>
__device__ __forceinline__ void mask_columns(float (&s)[COUNT], int column, int limit_low, int limit_high) {
#pragma unroll
    for (int j = 0; j < COUNT / 4; j++)
#pragma unroll
        for (int c = 0; c < 2; c++) {
            if (8 * j + column + c >= limit_low) s[4 * j + c] = MINUS_INFINITY;
            if (8 * j + column + c >= limit_high) s[4 * j + 2 + c] = MINUS_INFINITY;
        }
}

// Four lanes hold pairs of columns of four 8-column groups; afterwards each lane holds one whole group.
__device__ __forceinline__ void gather_groups(unsigned (&r)[4], int lane) {
    const bool odd = lane & 1, upper = lane & 2;
#pragma unroll
    for (int k = 0; k < 4; k += 2) {
        const unsigned got = __shfl_xor_sync(~0u, odd ? r[k] : r[k + 1], 1);
        (odd ? r[k] : r[k + 1]) = got;
    }
#pragma unroll
    for (int k = 0; k < 2; k++) {
        const unsigned got = __shfl_xor_sync(~0u, upper ? r[k] : r[k + 2], 2);
        (upper ? r[k] : r[k + 2]) = got;
    }
}
