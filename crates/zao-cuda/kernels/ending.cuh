// What happens to sums before they are written: scales of 8-bit operands, bias, and the epilogues of
// matrix multiplies and convolutions. Kernels hand over neighbouring columns of one row, whatever way
// they summed them.
#pragma once

#include "numbers.cuh"

enum EndingKind {
    ENDING_STORE = 0,
    ENDING_SILU = 1,
    ENDING_ACCUMULATE = 2,
    /// Columns `2 i` and `2 i + 1` become column `i`: `silu(first) * second`.
    ENDING_SWIGLU = 3,
};

struct Ending {
    /// `[rows, columns]`, for SwiGLU `[rows, columns / 2]`; bf16 or f32. Rows begin `out_width` elements apart.
    void* out;
    /// `[columns]`, or null.
    const float* bias;
    /// `[rows]`, or null.
    const float* row_scale;
    /// `[columns]`, or null.
    const float* column_scale;
    /// An `EndingKind`.
    int kind;
    /// Whether `out` is f32.
    int out_f32;
    /// Elements of a row of which these columns are all or some.
    int out_width;
};

/// Writes `COUNT` values to `at`, all of them within the tensor and `at` divisible by `COUNT`.
template <int COUNT>
__device__ __forceinline__ void write_bf16(bf16* at, const float (&values)[COUNT]) {
    static_assert(COUNT == 2 || COUNT == 4 || COUNT == 8, "one access");
    alignas(16) unsigned words[COUNT / 2];
#pragma unroll
    for (int i = 0; i < COUNT / 2; ++i) {
        words[i] = pack_bf16(values[2 * i], values[2 * i + 1]);
    }
    if constexpr (COUNT == 8) {
        *reinterpret_cast<uint4*>(at) = *reinterpret_cast<const uint4*>(words);
    } else if constexpr (COUNT == 4) {
        *reinterpret_cast<uint2*>(at) = *reinterpret_cast<const uint2*>(words);
    } else {
        *reinterpret_cast<unsigned*>(at) = words[0];
    }
}

/// Reads or writes in the largest pieces that `COUNT` floats allow.
template <int COUNT>
__device__ __forceinline__ void read_f32(float (&values)[COUNT], const float* at) {
    if constexpr (COUNT % 4 == 0) {
#pragma unroll
        for (int i = 0; i < COUNT; i += 4) {
            *reinterpret_cast<float4*>(values + i) = *reinterpret_cast<const float4*>(at + i);
        }
    } else {
        *reinterpret_cast<float2*>(values) = *reinterpret_cast<const float2*>(at);
    }
}

template <int COUNT>
__device__ __forceinline__ void write_f32(float* at, const float (&values)[COUNT]) {
    if constexpr (COUNT % 4 == 0) {
#pragma unroll
        for (int i = 0; i < COUNT; i += 4) {
            *reinterpret_cast<float4*>(at + i) = *reinterpret_cast<const float4*>(values + i);
        }
    } else {
        *reinterpret_cast<float2*>(at) = *reinterpret_cast<const float2*>(values);
    }
}

/// What a thread knows of the columns it ends, for all rows: the columns `first ..` of `count`, of which the
/// last ones may be beyond the end.
template <int COUNT>
struct EndingColumns {
    int first;
    int count;
    /// Whether all are there and can be written at once.
    bool whole;
    float scale[COUNT];
    float bias[COUNT];

    __device__ __forceinline__ EndingColumns(const Ending& ending, int first, int count) :
        first(first), count(count),
        whole(first + COUNT <= count && count % COUNT == 0 &&
              (ending.kind == ENDING_SWIGLU ? 2 * ending.out_width : ending.out_width) % COUNT == 0) {
#pragma unroll
        for (int i = 0; i < COUNT; ++i) {
            const bool there = first + i < count;
            scale[i] = there && ending.column_scale != nullptr ? ending.column_scale[first + i] : 1.0f;
            bias[i] = there && ending.bias != nullptr ? ending.bias[first + i] : 0.0f;
        }
    }
};

/// What is read for one row, so that it can be on its way while others are ended.
template <int COUNT>
struct EndingRow {
    /// Negative for none.
    int row;
    float scale;
    /// What is accumulated to, as it is in memory.
    uint4 before[COUNT / 4];

    __device__ __forceinline__ void fetch(
        const Ending& ending, const EndingColumns<COUNT>& columns, int of) {
        row = columns.first < columns.count ? of : -1;
        scale = row >= 0 && ending.row_scale != nullptr ? ending.row_scale[row] : 1.0f;
        if (row >= 0 && columns.whole && ending.kind == ENDING_ACCUMULATE) {
            const size_t at = static_cast<size_t>(row) * ending.out_width + columns.first;
            if (ending.out_f32) {
#pragma unroll
                for (int i = 0; i < COUNT / 4; ++i) {
                    before[i] = reinterpret_cast<const uint4*>(static_cast<float*>(ending.out) + at)[i];
                }
            } else if constexpr (COUNT == 8) {
                before[0] = *reinterpret_cast<const uint4*>(static_cast<bf16*>(ending.out) + at);
            } else {
                const uint2 half = *reinterpret_cast<const uint2*>(static_cast<bf16*>(ending.out) + at);
                before[0] = make_uint4(half.x, half.y, 0, 0);
            }
        }
    }
};

/// `sums[..COUNT]` (4 or 8) become the columns of a row.
///
/// A value must not depend on which kernel finishes it: every operation stands here once, and none is
/// contracted differently for whole and for cut vectors.
template <int COUNT>
__device__ __forceinline__ void finish(
    const Ending& ending,
    const EndingColumns<COUNT>& columns,
    const EndingRow<COUNT>& row,
    float (&sums)[COUNT]) {
    if (row.row < 0) {
        return;
    }
#pragma unroll
    for (int i = 0; i < COUNT; ++i) {
        const float scaled = __fmul_rn(__fmul_rn(sums[i], row.scale), columns.scale[i]);
        sums[i] = __fadd_rn(scaled, columns.bias[i]);
    }
    if (ending.kind == ENDING_SWIGLU) {
        alignas(16) float halves[COUNT / 2];
#pragma unroll
        for (int i = 0; i < COUNT / 2; ++i) {
            const float gate = sums[2 * i];
            halves[i] = __fmul_rn(ending.out_f32 ? silu(gate) : fast_silu(gate), sums[2 * i + 1]);
        }
        const size_t at = static_cast<size_t>(row.row) * ending.out_width + columns.first / 2;
        float* out_f32 = static_cast<float*>(ending.out) + at;
        bf16* out_bf16 = static_cast<bf16*>(ending.out) + at;
        if (columns.whole) {
            if (ending.out_f32) {
                write_f32(out_f32, halves);
            } else {
                write_bf16(out_bf16, halves);
            }
            return;
        }
#pragma unroll
        for (int i = 0; i < COUNT / 2; ++i) {
            if (columns.first + 2 * i < columns.count) {
                if (ending.out_f32) {
                    out_f32[i] = halves[i];
                } else {
                    out_bf16[i] = to_bf16(halves[i]);
                }
            }
        }
        return;
    }
    if (ending.kind == ENDING_SILU) {
#pragma unroll
        for (int i = 0; i < COUNT; ++i) {
            sums[i] = ending.out_f32 ? silu(sums[i]) : fast_silu(sums[i]);
        }
    }
    const bool accumulate = ending.kind == ENDING_ACCUMULATE;
    const size_t at = static_cast<size_t>(row.row) * ending.out_width + columns.first;
    float* out_f32 = static_cast<float*>(ending.out) + at;
    bf16* out_bf16 = static_cast<bf16*>(ending.out) + at;
    if (columns.whole) {
        if (accumulate) {
            const unsigned* before = reinterpret_cast<const unsigned*>(row.before);
#pragma unroll
            for (int i = 0; i < COUNT; ++i) {
                const unsigned pair = before[i / 2];
                const float narrow = i % 2 ? high_bf16(pair) : low_bf16(pair);
                const float old = ending.out_f32 ? __uint_as_float(before[i]) : narrow;
                sums[i] = __fadd_rn(old, sums[i]);
            }
        }
        if (ending.out_f32) {
            write_f32(out_f32, sums);
        } else {
            write_bf16(out_bf16, sums);
        }
        return;
    }
#pragma unroll
    for (int i = 0; i < COUNT; ++i) {
        if (columns.first + i < columns.count) {
            if (ending.out_f32) {
                out_f32[i] = accumulate ? __fadd_rn(out_f32[i], sums[i]) : sums[i];
            } else {
                out_bf16[i] = to_bf16(accumulate ? __fadd_rn(to_f32(out_bf16[i]), sums[i]) : sums[i]);
            }
        }
    }
}
