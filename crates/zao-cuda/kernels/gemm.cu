// Matrix multiplies on tensor cores that every card since Ampere has: out = ending(A W^T), A `[m, k]` and
// W `[n, k]` row-major, both bf16, both int8 or both fp8 e4m3 (sm_89 and newer).
//
// Tiles travel through a ring of stages in shared memory (cp.async), in rows of `ROW_BYTES` bytes. Sums
// over k run in the same order in every tile, so that the choice of a tile does not change a bit.
// Rows must be whole chunks of 16 bytes; anything else is for gemm_f32.cu.

#include "warp_tile.cuh"

struct GemmArguments {
    /// `[m, k]`.
    const void* a;
    /// `[n, k]`.
    const void* w;
    Ending ending;
    int m;
    int n;
    /// Bytes of a row of `a` and of `w`, a multiple of 16.
    int row_bytes;
    /// Tiles of rows that are worked on together, so that what they read stays in L2.
    int group;
};

template <
    typename Operands,
    int TILE_M,
    int TILE_N,
    int WARPS_M,
    int WARPS_N,
    int ROW_BYTES,
    int STAGES>
struct Gemm {
    static constexpr int THREADS = WARPS_M * WARPS_N * 32;
    static constexpr int CHUNKS = ROW_BYTES / 16;
    /// Rows that all threads copy at once.
    static constexpr int ROWS = THREADS / CHUNKS;
    static constexpr int A_BYTES = TILE_M * ROW_BYTES;
    static constexpr int STAGE_BYTES = A_BYTES + TILE_N * ROW_BYTES;
    static constexpr int STEPS = ROW_BYTES / STEP_BYTES;
    using Tile = WarpTile<Operands, TILE_M / WARPS_M, TILE_N / WARPS_N>;
    static_assert(ROWS % 8 == 0 && TILE_M % ROWS == 0 && TILE_N % ROWS == 0, "whole passes");
    static_assert(WARPS_M * WARPS_N * Tile::SLAB_BYTES <= STAGES * STAGE_BYTES, "slabs fit");

    static __device__ __forceinline__ void run(const GemmArguments& arguments, unsigned char* memory) {
        const int thread = threadIdx.x, lane = thread & 31, warp = thread >> 5;
        const int warp_m = warp / WARPS_N, warp_n = warp % WARPS_N;

        // Groups of tiles of rows one after the other, and within a group column by column.
        const int tiles_m = (arguments.m + TILE_M - 1) / TILE_M;
        const int tiles_n = (arguments.n + TILE_N - 1) / TILE_N;
        const int in_group = arguments.group * tiles_n;
        const int first = blockIdx.x / in_group * arguments.group;
        const int height = min(tiles_m - first, arguments.group);
        const int within = blockIdx.x % in_group;
        const int top = (first + within % height) * TILE_M, left = within / height * TILE_N;

        // What this thread copies: one chunk of every `ROWS`th row.
        const int row_bytes = arguments.row_bytes;
        const int row = thread / CHUNKS, chunk = thread % CHUNKS;
        const unsigned stages = shared_address(memory);
        const unsigned target = stages + swizzled<ROW_BYTES>(row, chunk);
        const unsigned char* a = static_cast<const unsigned char*>(arguments.a);
        const unsigned char* w = static_cast<const unsigned char*>(arguments.w);
        const int last_m = arguments.m - 1 - top, last_n = arguments.n - 1 - left;
        a += static_cast<size_t>(top) * row_bytes;
        w += static_cast<size_t>(left) * row_bytes;
        int column = chunk * 16;
        auto copy = [&](int stage) {
            const unsigned at = target + stage * STAGE_BYTES;
            // Past the end of a row zeros; past the last row the last one again, never written.
            const int bytes = column < row_bytes ? 16 : 0;
            const int from = column < row_bytes ? column : 0;
#pragma unroll
            for (int i = 0; i < TILE_M / ROWS; ++i) {
                const int source = min(row + i * ROWS, last_m);
                copy_async_16(
                    at + i * ROWS * ROW_BYTES, a + static_cast<size_t>(source) * row_bytes + from, bytes);
            }
#pragma unroll
            for (int i = 0; i < TILE_N / ROWS; ++i) {
                const int source = min(row + i * ROWS, last_n);
                copy_async_16(
                    at + A_BYTES + i * ROWS * ROW_BYTES,
                    w + static_cast<size_t>(source) * row_bytes + from,
                    bytes);
            }
            column += ROW_BYTES;
        };

        const int count = (row_bytes + ROW_BYTES - 1) / ROW_BYTES;
#pragma unroll
        for (int i = 0; i < STAGES - 1; ++i) {
            if (i < count) {
                copy(i);
            }
            copy_async_commit();
        }

        Tile tile;
        tile.clear();
        typename Tile::Fragments fragments[2];
        const unsigned a_at = swizzled<ROW_BYTES>(
            warp_m * (TILE_M / WARPS_M) + Tile::a_row(lane), Tile::a_chunk(lane));
        const unsigned b_at = A_BYTES +
            swizzled<ROW_BYTES>(warp_n * (TILE_N / WARPS_N) + Tile::b_row(lane), Tile::b_chunk(lane));
        int stage = 0, next = STAGES - 1;
        unsigned base = stages;
        copy_async_wait<STAGES - 2>();
        __syncthreads();
        Tile::template load<ROW_BYTES>(fragments[0], base + a_at, base + b_at);
        for (int i = 0; i < count; ++i) {
#pragma unroll
            for (int step = 0; step < STEPS; ++step) {
                if (step == STEPS - 1) {
                    // The next tile has arrived, and nobody reads this one any more.
                    copy_async_wait<STAGES - 2>();
                    __syncthreads();
                    stage = stage + 1 == STAGES ? 0 : stage + 1;
                    base = stages + stage * STAGE_BYTES;
                }
                const unsigned turn = (step + 1) % STEPS * STEP_BYTES;
                Tile::template load<ROW_BYTES>(
                    fragments[(step + 1) % 2], (base + a_at) ^ turn, (base + b_at) ^ turn);
                if (step == 0) {
                    if (i + STAGES - 1 < count) {
                        copy(next);
                    }
                    copy_async_commit();
                    next = next + 1 == STAGES ? 0 : next + 1;
                }
                tile.multiply(fragments[step % 2]);
            }
        }

        copy_async_wait<0>();
        __syncthreads();
        float* slab = reinterpret_cast<float*>(memory + warp * Tile::SLAB_BYTES);
        const int first_row = top + warp_m * (TILE_M / WARPS_M);
        tile.end(
            arguments.ending,
            slab,
            lane,
            left + warp_n * (TILE_N / WARPS_N),
            arguments.n,
            [&](int i) { return first_row + i < arguments.m ? first_row + i : -1; });
    }
};

extern __shared__ __align__(1024) unsigned char shared_memory[];

// A kernel for each operand type and tile. Launch: ceil(m / TILE_M) * ceil(n / TILE_N) blocks of
// WARPS_M * WARPS_N * 32 threads, STAGES * (TILE_M + TILE_N) * ROW_BYTES bytes of dynamic shared memory.
#define GEMM(NAME, OPERANDS, TILE_M, TILE_N, WARPS_M, WARPS_N, ROW_BYTES, STAGES, BLOCKS)            \
    extern "C" __global__ void __launch_bounds__(WARPS_M * WARPS_N * 32, BLOCKS)                     \
        NAME(const __grid_constant__ GemmArguments arguments) {                                     \
        Gemm<OPERANDS, TILE_M, TILE_N, WARPS_M, WARPS_N, ROW_BYTES, STAGES>::run(                    \
            arguments, shared_memory);                                                              \
    }

#define GEMM_TILES(TYPE, OPERANDS)                                                                  \
    GEMM(gemm_128x256_##TYPE, OPERANDS, 128, 256, 2, 4, 64, 4, 1)                                   \
    GEMM(gemm_128x128_##TYPE, OPERANDS, 128, 128, 2, 2, 64, 3, 2)                                   \
    GEMM(gemm_64x256_##TYPE, OPERANDS, 64, 256, 1, 4, 64, 4, 2)                                     \
    GEMM(gemm_64x128_##TYPE, OPERANDS, 64, 128, 2, 2, 128, 3, 2)                                    \
    GEMM(gemm_64x64_##TYPE, OPERANDS, 64, 64, 2, 2, 128, 4, 3)                                      \
    GEMM(gemm_64x32_##TYPE, OPERANDS, 64, 32, 2, 2, 128, 6, 2)

GEMM_TILES(bf16, Bf16Operands)
GEMM_TILES(int8, Int8Operands)
#if __CUDA_ARCH__ >= 890
GEMM_TILES(fp8, Fp8Operands)
#endif
