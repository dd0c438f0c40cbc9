// The part of a matrix multiply that one warp does: fragments from swizzled shared memory, the products
// of a step, and the sums laid out as rows again for their ending. How tiles get into shared memory
// is not here.
#pragma once

#include "async_copy.cuh"
#include "ending.cuh"
#include "mma.cuh"

/// Bytes of the summed dimension that one multiply takes.
constexpr int STEP_BYTES = 32;

/// Where chunk `chunk` (16 bytes) of row `row` stands in a tile of rows of `ROW_BYTES` bytes (64 or 128),
/// so that eight consecutive rows have the same chunk in all 32 banks.
template <int ROW_BYTES>
__device__ __forceinline__ int swizzled(int row, int chunk) {
    static_assert(ROW_BYTES == 64 || ROW_BYTES == 128, "rows of a tile");
    const int turn = ROW_BYTES == 128 ? row & 7 : (row >> 1) & 3;
    return row * ROW_BYTES + ((chunk ^ turn) << 4);
}

/// Floats between two rows of a slab; conflict-free when lanes store pairs.
constexpr int slab_stride(int columns) {
    return columns + 8;
}

/// The sums of `ROWS x COLUMNS` results.
template <typename Operands, int ROWS, int COLUMNS>
struct WarpTile {
    static constexpr int DOWN = ROWS / 16;
    static constexpr int ACROSS = COLUMNS / 8;
    static_assert(ROWS % 16 == 0 && COLUMNS % 16 == 0, "whole fragments");
    /// Bytes of shared memory that `end` needs for each warp.
    static constexpr int SLAB_BYTES = 16 * slab_stride(COLUMNS) * 4;

    /// Operands of one step.
    struct Fragments {
        unsigned a[DOWN][4];
        unsigned b[ACROSS / 2][4];
    };

    typename Operands::Sum sums[DOWN][ACROSS][4];

    __device__ __forceinline__ void clear() {
#pragma unroll
        for (int i = 0; i < DOWN; ++i) {
#pragma unroll
            for (int j = 0; j < ACROSS; ++j) {
#pragma unroll
                for (int v = 0; v < 4; ++v) {
                    sums[i][j][v] = 0;
                }
            }
        }
    }

    /// Row of `a` whose address a lane gives, and its chunk within a step.
    static __device__ __forceinline__ int a_row(int lane) {
        return lane & 15;
    }
    static __device__ __forceinline__ int a_chunk(int lane) {
        return lane >> 4;
    }
    static __device__ __forceinline__ int b_row(int lane) {
        return (lane & 7) + ((lane >> 4) << 3);
    }
    static __device__ __forceinline__ int b_chunk(int lane) {
        return (lane >> 3) & 1;
    }

    template <int ROW_BYTES>
    static __device__ __forceinline__ void load_b(Fragments& fragments, unsigned b) {
#pragma unroll
        for (int j = 0; j < ACROSS / 2; ++j) {
            load_blocks(fragments.b[j], b + j * 16 * ROW_BYTES);
        }
    }

    /// `a` and `b` are this lane's swizzled addresses of the step in the first fragment.
    template <int ROW_BYTES>
    static __device__ __forceinline__ void load(Fragments& fragments, unsigned a, unsigned b) {
#pragma unroll
        for (int i = 0; i < DOWN; ++i) {
            load_blocks(fragments.a[i], a + i * 16 * ROW_BYTES);
        }
        load_b<ROW_BYTES>(fragments, b);
    }

    __device__ __forceinline__ void multiply(const Fragments& fragments) {
#pragma unroll
        for (int i = 0; i < DOWN; ++i) {
#pragma unroll
            for (int j = 0; j < ACROSS; ++j) {
                // Back and forth, so that neighbours share an operand.
                const int across = i % 2 ? ACROSS - 1 - j : j;
                const unsigned(&b)[4] = fragments.b[across / 2];
                Operands::multiply(
                    sums[i][across], fragments.a[i], b[across % 2 * 2], b[across % 2 * 2 + 1]);
            }
        }
    }

    /// Calls `row_of(i)` for the row of the result that row `i` of this tile is, negative if there is none, and
    /// ends the rows from column `column` on. `slab` is this warp's own part of shared memory.
    template <typename RowOf>
    __device__ __forceinline__ void end(
        const Ending& ending, float* slab, int lane, int column, int columns, RowOf row_of) {
        constexpr int STRIDE = slab_stride(COLUMNS);
        constexpr int LANES = COLUMNS / 8;
        constexpr int ROWS_AT_ONCE = 32 / LANES;
        const int group = lane >> 2, member = lane & 3;
        constexpr int PASSES = 16 / ROWS_AT_ONCE;
        const EndingColumns<8> ends(ending, column + lane % LANES * 8, columns);
        // Rolled, so that the ending stands in a kernel once: what it takes moves up instead.
#pragma unroll 1
        for (int i = 0; i < DOWN; ++i) {
            EndingRow<8> rows[PASSES];
#pragma unroll
            for (int pass = 0; pass < PASSES; ++pass) {
                rows[pass].fetch(ending, ends, row_of(i * 16 + pass * ROWS_AT_ONCE + lane / LANES));
            }
            __syncwarp();
#pragma unroll
            for (int j = 0; j < ACROSS; ++j) {
                float* at = slab + group * STRIDE + j * 8 + member * 2;
                const auto(&sum)[4] = sums[0][j];
                *reinterpret_cast<float2*>(at) =
                    make_float2(static_cast<float>(sum[0]), static_cast<float>(sum[1]));
                *reinterpret_cast<float2*>(at + 8 * STRIDE) =
                    make_float2(static_cast<float>(sum[2]), static_cast<float>(sum[3]));
#pragma unroll
                for (int k = 1; k < DOWN; ++k) {
#pragma unroll
                    for (int v = 0; v < 4; ++v) {
                        sums[k - 1][j][v] = sums[k][j][v];
                    }
                }
            }
            __syncwarp();
            const float* from = slab + lane / LANES * STRIDE + lane % LANES * 8;
#pragma unroll 1
            for (int pass = 0; pass < PASSES; ++pass) {
                alignas(16) float values[8];
                read_f32(values, from);
                from += ROWS_AT_ONCE * STRIDE;
                finish(ending, ends, rows[0], values);
#pragma unroll
                for (int later = 1; later < PASSES; ++later) {
                    rows[later - 1] = rows[later];
                }
            }
        }
    }
};
