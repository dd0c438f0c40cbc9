// A block's tile of a matrix multiply in f32 arithmetic, from operands of any type and any size, fetched
// by whoever knows where they are. Every sum is one chain of fused multiply-adds in ascending order, the
// same in tiles of all sizes.
#pragma once

#include "ending.cuh"

/// How elements are stored.
enum Stored {
    STORED_F32 = 0,
    STORED_BF16 = 1,
    STORED_INT8 = 2,
    STORED_FP8 = 3,
};

/// Four neighbouring elements as they are in memory, so that they can travel while others are multiplied.
using Four = uint4;

__device__ __forceinline__ Four four_values(float4 values) {
    return make_uint4(
        __float_as_uint(values.x),
        __float_as_uint(values.y),
        __float_as_uint(values.z),
        __float_as_uint(values.w));
}

__device__ __forceinline__ float4 values_of(Four four, int type) {
    switch (type) {
        case STORED_F32:
            return make_float4(
                __uint_as_float(four.x),
                __uint_as_float(four.y),
                __uint_as_float(four.z),
                __uint_as_float(four.w));
        case STORED_BF16:
            return make_float4(
                low_bf16(four.x), high_bf16(four.x), low_bf16(four.y), high_bf16(four.y));
        case STORED_INT8: {
            const int word = static_cast<int>(four.x);
            return make_float4(
                static_cast<float>(word << 24 >> 24),
                static_cast<float>(word << 16 >> 24),
                static_cast<float>(word << 8 >> 24),
                static_cast<float>(word >> 24));
        }
        default:
            return make_float4(
                e4m3_to_f32(four.x & 0xff),
                e4m3_to_f32(four.x >> 8 & 0xff),
                e4m3_to_f32(four.x >> 16 & 0xff),
                e4m3_to_f32(four.x >> 24));
    }
}

__device__ __forceinline__ float stored_value(const void* x, int type, size_t at) {
    switch (type) {
        case STORED_F32: return static_cast<const float*>(x)[at];
        case STORED_BF16: return to_f32(static_cast<const bf16*>(x)[at]);
        case STORED_INT8: return static_cast<float>(static_cast<const signed char*>(x)[at]);
        default: return e4m3_to_f32(static_cast<const unsigned char*>(x)[at]);
    }
}

/// The four elements from `at` on, `at` divisible by 4.
__device__ __forceinline__ Four stored_four(const void* x, int type, size_t at) {
    if (type == STORED_F32) {
        return *reinterpret_cast<const uint4*>(static_cast<const float*>(x) + at);
    }
    if (type == STORED_BF16) {
        const uint2 pair = *reinterpret_cast<const uint2*>(static_cast<const bf16*>(x) + at);
        return make_uint4(pair.x, pair.y, 0, 0);
    }
    const unsigned char* bytes = static_cast<const unsigned char*>(x) + at;
    return make_uint4(*reinterpret_cast<const unsigned*>(bytes), 0, 0, 0);
}

/// A row-major matrix.
struct Dense {
    const void* x;
    int type;
    int rows;
    int k;

    /// How `fetch` gives elements: as they are stored where four are one access, as f32 otherwise.
    __device__ __forceinline__ int fetched_type() const {
        return k % 4 == 0 ? type : STORED_F32;
    }

    /// Elements `at ..` of a row; zeros beyond the matrix.
    __device__ __forceinline__ Four fetch(int row, int at) const {
        if (row >= rows || at >= k) {
            return make_uint4(0, 0, 0, 0);
        }
        const size_t first = static_cast<size_t>(row) * k + at;
        if (k % 4 == 0) {
            return stored_four(x, type, first);
        }
        float values[4];
#pragma unroll
        for (int i = 0; i < 4; ++i) {
            values[i] = at + i < k ? stored_value(x, type, first + i) : 0.0f;
        }
        return four_values(make_float4(values[0], values[1], values[2], values[3]));
    }
};

/// `TILE_M x TILE_N` results, `EACH_M x EACH_N` for each thread.
template <int TILE_M, int TILE_N, int EACH_M, int EACH_N>
struct PlainTile {
    static constexpr int THREADS = TILE_M / EACH_M * (TILE_N / EACH_N);
    static constexpr int TILE_K = 16;
    /// Four floats more than a row: fewer conflicts when columns are written.
    static constexpr int A_STRIDE = TILE_M + 4;
    static constexpr int W_STRIDE = TILE_N + 4;
    static constexpr int A_FOURS = (TILE_M * TILE_K / 4 + THREADS - 1) / THREADS;
    static constexpr int W_FOURS = (TILE_N * TILE_K / 4 + THREADS - 1) / THREADS;
    /// Neighbouring rows of a thread; its other rows are half a tile further.
    static constexpr int BLOCK_M = EACH_M < 4 ? EACH_M : 4;
    static_assert(EACH_N % 4 == 0 && EACH_M % BLOCK_M == 0, "vectors");

    struct Memory {
        alignas(16) float a[2][TILE_K][A_STRIDE];
        alignas(16) float w[2][TILE_K][W_STRIDE];
    };

    /// `fetch_a(i, row, k)` and `fetch_w(row, k)` give four elements of a row of the tile, stored as
    /// `a_type` and `w_type`; `i` numbers the rows that this thread fetches.
    template <typename FetchA, typename FetchW>
    static __device__ __forceinline__ void run(
        Memory& memory,
        const Ending& ending,
        int top,
        int left,
        int rows,
        int columns,
        int k,
        int a_type,
        int w_type,
        FetchA fetch_a,
        FetchW fetch_w) {
        const int thread = threadIdx.x;
        Four a_next[A_FOURS], w_next[W_FOURS];
        auto fetch = [&](int from) {
#pragma unroll
            for (int i = 0; i < A_FOURS; ++i) {
                const int index = thread + i * THREADS;
                if (TILE_M * TILE_K / 4 % THREADS == 0 || index < TILE_M * TILE_K / 4) {
                    a_next[i] = fetch_a(i, index / 4, from + index % 4 * 4);
                }
            }
#pragma unroll
            for (int i = 0; i < W_FOURS; ++i) {
                const int index = thread + i * THREADS;
                if (TILE_N * TILE_K / 4 % THREADS == 0 || index < TILE_N * TILE_K / 4) {
                    w_next[i] = fetch_w(index / 4, from + index % 4 * 4);
                }
            }
        };
        auto place = [&](int buffer) {
#pragma unroll
            for (int i = 0; i < A_FOURS; ++i) {
                const int index = thread + i * THREADS;
                if (TILE_M * TILE_K / 4 % THREADS == 0 || index < TILE_M * TILE_K / 4) {
                    const float4 values = values_of(a_next[i], a_type);
                    float* at = &memory.a[buffer][index % 4 * 4][index / 4];
                    at[0] = values.x;
                    at[A_STRIDE] = values.y;
                    at[2 * A_STRIDE] = values.z;
                    at[3 * A_STRIDE] = values.w;
                }
            }
#pragma unroll
            for (int i = 0; i < W_FOURS; ++i) {
                const int index = thread + i * THREADS;
                if (TILE_N * TILE_K / 4 % THREADS == 0 || index < TILE_N * TILE_K / 4) {
                    const float4 values = values_of(w_next[i], w_type);
                    float* at = &memory.w[buffer][index % 4 * 4][index / 4];
                    at[0] = values.x;
                    at[W_STRIDE] = values.y;
                    at[2 * W_STRIDE] = values.z;
                    at[3 * W_STRIDE] = values.w;
                }
            }
        };
        const int across = thread % (TILE_N / EACH_N), down = thread / (TILE_N / EACH_N);
        constexpr int JUMP_M = TILE_M / (EACH_M / BLOCK_M), JUMP_N = TILE_N / (EACH_N / 4);
        float sums[EACH_M][EACH_N];
#pragma unroll
        for (int i = 0; i < EACH_M; ++i) {
#pragma unroll
            for (int j = 0; j < EACH_N; ++j) {
                sums[i][j] = 0.0f;
            }
        }
        fetch(0);
        place(0);
        __syncthreads();
        int buffer = 0;
        for (int from = 0; from < k; from += TILE_K) {
            const bool more = from + TILE_K < k;
            if (more) {
                fetch(from + TILE_K);
            }
#pragma unroll
            for (int step = 0; step < TILE_K; ++step) {
                float a[EACH_M], w[EACH_N];
#pragma unroll
                for (int i = 0; i < EACH_M; i += BLOCK_M) {
                    const float* at = &memory.a[buffer][step][i / BLOCK_M * JUMP_M + down * BLOCK_M];
                    if constexpr (BLOCK_M == 4) {
                        const float4 values = *reinterpret_cast<const float4*>(at);
                        a[i] = values.x, a[i + 1] = values.y, a[i + 2] = values.z, a[i + 3] = values.w;
                    } else {
#pragma unroll
                        for (int b = 0; b < BLOCK_M; ++b) {
                            a[i + b] = at[b];
                        }
                    }
                }
#pragma unroll
                for (int j = 0; j < EACH_N; j += 4) {
                    const float4 values = *reinterpret_cast<const float4*>(
                        &memory.w[buffer][step][j / 4 * JUMP_N + across * 4]);
                    w[j] = values.x, w[j + 1] = values.y, w[j + 2] = values.z, w[j + 3] = values.w;
                }
#pragma unroll
                for (int i = 0; i < EACH_M; ++i) {
#pragma unroll
                    for (int j = 0; j < EACH_N; ++j) {
                        sums[i][j] = fmaf(a[i], w[j], sums[i][j]);
                    }
                }
            }
            if (more) {
                place(buffer ^ 1);
                __syncthreads();
                buffer ^= 1;
            }
        }
        // Rolled, so that the ending stands in a kernel once: the sums move up instead.
#pragma unroll 1
        for (int i = 0; i < EACH_M; ++i) {
            const int row = top + i / BLOCK_M * JUMP_M + down * BLOCK_M + i % BLOCK_M;
#pragma unroll 1
            for (int j = 0; j < EACH_N; j += 4) {
                const int column = left + j / 4 * JUMP_N + across * 4;
                alignas(16) float four[4] = {sums[0][0], sums[0][1], sums[0][2], sums[0][3]};
#pragma unroll
                for (int at = 0; at + 4 < EACH_M * EACH_N; ++at) {
                    sums[at / EACH_N][at % EACH_N] = sums[(at + 4) / EACH_N][(at + 4) % EACH_N];
                }
                const EndingColumns<4> ends(ending, column, columns);
                EndingRow<4> end;
                end.fetch(ending, ends, row < rows ? row : -1);
                finish(ending, ends, end, four);
            }
        }
    }
};
