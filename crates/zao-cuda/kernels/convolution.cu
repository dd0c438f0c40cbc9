// Convolutions on tensor cores as matrix multiplies whose left operand is gathered from the picture: any
// kernel, any stride, bf16, channels a multiple of 8. Kernels of side 3 that see each cell many times are
// faster in convolution_patch.cu; other types and channel counts are for convolution_f32.cu.
//
// A chunk of 8 channels belongs to one cell, so the gather copies chunks as a plain multiply does. With a
// norm each thread normalises the chunks that it copied itself, when they have arrived: there is no
// barrier for that, and the zeros around a picture stay zeros.

#include "convolution_arguments.cuh"
#include "warp_tile.cuh"

template <int TILE_M, int TILE_N, int WARPS_M, int WARPS_N, int STAGES, bool NORM>
struct Gathered {
    static constexpr int ROW_BYTES = 128;
    static constexpr int THREADS = WARPS_M * WARPS_N * 32;
    static constexpr int CHUNKS = ROW_BYTES / 16;
    static constexpr int ROWS = THREADS / CHUNKS;
    static constexpr int A_PASSES = TILE_M / ROWS;
    static constexpr int W_PASSES = (TILE_N + ROWS - 1) / ROWS;
    static constexpr int A_BYTES = TILE_M * ROW_BYTES;
    static constexpr int STAGE_BYTES = A_BYTES + TILE_N * ROW_BYTES;
    static constexpr int STEPS = ROW_BYTES / STEP_BYTES;
    using Tile = WarpTile<Bf16Operands, TILE_M / WARPS_M, TILE_N / WARPS_N>;
    static_assert(ROWS % 8 == 0 && TILE_M % ROWS == 0, "whole passes");
    static_assert(WARPS_M * WARPS_N * Tile::SLAB_BYTES <= STAGES * STAGE_BYTES, "slabs fit");

    /// Where a thread stands in the summed dimension: a tap and its own 8 channels.
    struct Place {
        int tap;
        int channel;

        __device__ __forceinline__ void advance(int channels) {
            channel += ROW_BYTES / 2;
            while (channel >= channels) {
                channel -= channels;
                ++tap;
            }
        }
    };

    static __device__ __forceinline__ void run(
        const ConvolutionArguments& arguments, unsigned char* memory) {
        const Picture& picture = arguments.picture;
        const ResultRows& rows = arguments.rows;
        const int thread = threadIdx.x, lane = thread & 31, warp = thread >> 5;
        const int warp_m = warp / WARPS_N, warp_n = warp % WARPS_N;
        const int cells = rows.count * rows.width;
        const int tiles_n = (arguments.outputs + TILE_N - 1) / TILE_N;
        const int top = blockIdx.x / tiles_n * TILE_M, left = blockIdx.x % tiles_n * TILE_N;

        const int channels = picture.channels, taps = picture.side * picture.side;
        const int row = thread / CHUNKS, chunk = thread % CHUNKS;
        const unsigned stages = shared_address(memory);
        const int target = swizzled<ROW_BYTES>(row, chunk);
        // Rows and columns of the results whose cells this thread copies.
        int ys[A_PASSES], xs[A_PASSES];
#pragma unroll
        for (int i = 0; i < A_PASSES; ++i) {
            const int cell = min(top + row + i * ROWS, cells - 1);
            ys[i] = rows.first + cell / rows.width;
            xs[i] = cell % rows.width;
        }
        const bf16* x = static_cast<const bf16*>(picture.x);
        const bf16* w = static_cast<const bf16*>(arguments.weight);
        const int last_n = arguments.outputs - 1 - left;
        w += static_cast<size_t>(left) * taps * channels;
        Place begin{0, chunk * 8};
        while (begin.channel >= channels) {
            begin.channel -= channels;
            ++begin.tap;
        }
        Place place = begin;
        auto copy = [&](int stage) {
            const unsigned at = stages + target + stage * STAGE_BYTES;
            const bool inside = place.tap < taps;
#pragma unroll
            for (int i = 0; i < A_PASSES; ++i) {
                const int cell = inside ? seen_cell(picture, ys[i], xs[i], place.tap) : -1;
                const size_t from =
                    cell < 0 ? 0 : static_cast<size_t>(cell) * channels + place.channel;
                copy_async_16(at + i * ROWS * ROW_BYTES, x + from, cell < 0 ? 0 : 16);
            }
            const int column = inside ? place.tap * channels + place.channel : 0;
#pragma unroll
            for (int i = 0; i < W_PASSES; ++i) {
                if (TILE_N % ROWS == 0 || row + i * ROWS < TILE_N) {
                    const int source = min(row + i * ROWS, last_n);
                    copy_async_16(
                        at + A_BYTES + i * ROWS * ROW_BYTES,
                        w + static_cast<size_t>(source) * taps * channels + column,
                        inside ? 16 : 0);
                }
            }
            place.advance(channels);
        };
        Place arrived = begin;
        const Activation activation(picture.silu != 0);
        auto normalise = [&](int stage) {
            if (arrived.tap < taps) {
                alignas(16) float2 folded[8];
#pragma unroll
                for (int i = 0; i < 8; ++i) {
                    folded[i] = folded_norm(picture.norm, channels, arrived.channel + i);
                }
#pragma unroll
                for (int i = 0; i < A_PASSES; ++i) {
                    if (seen_cell(picture, ys[i], xs[i], arrived.tap) >= 0) {
                        uint4* at = reinterpret_cast<uint4*>(
                            memory + stage * STAGE_BYTES + target + i * ROWS * ROW_BYTES);
                        *at = normalised_chunk(folded, activation, *at);
                    }
                }
            }
            arrived.advance(channels);
        };

        const int count = (taps * channels * 2 + ROW_BYTES - 1) / ROW_BYTES;
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
        if constexpr (NORM) {
            normalise(0);
        }
        __syncthreads();
        Tile::template load<ROW_BYTES>(fragments[0], base + a_at, base + b_at);
        for (int i = 0; i < count; ++i) {
#pragma unroll
            for (int step = 0; step < STEPS; ++step) {
                if (step == STEPS - 1) {
                    // The next tile has arrived, and nobody reads the one before any more.
                    copy_async_wait<STAGES - 2>();
                    stage = stage + 1 == STAGES ? 0 : stage + 1;
                    if constexpr (NORM) {
                        if (i + 1 < count) {
                            normalise(stage);
                        }
                    }
                    __syncthreads();
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
        const int first_cell = top + warp_m * (TILE_M / WARPS_M);
        tile.end(
            arguments.ending,
            slab,
            lane,
            left + warp_n * (TILE_N / WARPS_N),
            arguments.outputs,
            [&](int i) { return first_cell + i < cells ? first_cell + i : -1; });
    }
};

extern __shared__ __align__(1024) unsigned char shared_memory[];

// Launch: ceil(cells / TILE_M) * ceil(outputs / TILE_N) blocks of WARPS_M * WARPS_N * 32 threads,
// STAGES * (TILE_M + TILE_N) * 128 bytes of dynamic shared memory.
#define GATHERED(NAME, TILE_M, TILE_N, WARPS_M, WARPS_N, STAGES, BLOCKS, NORM)                       \
    extern "C" __global__ void __launch_bounds__(WARPS_M * WARPS_N * 32, BLOCKS)                     \
        NAME(const __grid_constant__ ConvolutionArguments arguments) {                              \
        Gathered<TILE_M, TILE_N, WARPS_M, WARPS_N, STAGES, NORM>::run(arguments, shared_memory);     \
    }

GATHERED(convolution_128x128, 128, 128, 2, 4, 3, 1, false)
GATHERED(convolution_128x128_norm, 128, 128, 2, 4, 3, 1, true)
GATHERED(convolution_128x64, 128, 64, 4, 2, 3, 1, false)
GATHERED(convolution_128x64_norm, 128, 64, 4, 2, 3, 1, true)
GATHERED(convolution_128x16, 128, 16, 8, 1, 4, 2, false)
GATHERED(convolution_128x16_norm, 128, 16, 8, 1, 4, 2, true)
