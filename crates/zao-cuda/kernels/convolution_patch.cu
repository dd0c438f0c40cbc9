// Convolutions of side 3 on tensor cores, bf16, stride one or half, channels a multiple of 8.
//
// A block computes a patch of results. For 64 channels at a time it holds every cell that the patch sees
// in shared memory, so each is read, and normalised, once instead of nine times; the nine taps are
// multiplied from there at shifted addresses while the cells of the next channels arrive through registers
// and weights through a ring of stages (cp.async). Sums run over groups of 64 channels, then taps, then
// channels, whatever the size of the patch.

#include "convolution_arguments.cuh"
#include "warp_tile.cuh"

/// Cells of a row of a patch: the rows of one fragment.
constexpr int PATCH_WIDTH = 16;
constexpr int TAPS = 9;

template <int PATCH_HEIGHT, int TILE_N, int WARPS_M, int WARPS_N, int STAGES, bool QUARTER, bool NORM>
struct Patch {
    static constexpr int ROW_BYTES = 128;
    static constexpr int STEPS = ROW_BYTES / STEP_BYTES;
    static constexpr int CHUNKS = ROW_BYTES / 16;
    static constexpr int THREADS = WARPS_M * WARPS_N * 32;
    /// What a patch sees.
    static constexpr int SEEN_WIDTH = QUARTER ? PATCH_WIDTH / 2 + 2 : PATCH_WIDTH + 2;
    static constexpr int SEEN_HEIGHT = QUARTER ? PATCH_HEIGHT / 2 + 2 : PATCH_HEIGHT + 2;
    static constexpr int SEEN = SEEN_WIDTH * SEEN_HEIGHT;
    static constexpr int SEEN_BYTES = (SEEN * ROW_BYTES + 1023) / 1024 * 1024;
    /// Chunks that a thread fetches while one tap is multiplied, at most.
    static constexpr int FETCHES = (SEEN * CHUNKS + TAPS * THREADS - 1) / (TAPS * THREADS);

    /// Whether any thread fetches a chunk in round `tap + f * TAPS`. A branch costs less than rounds without
    /// chunks, but more than none where each tap has some; with a norm it always paid.
    static __device__ __forceinline__ bool wanted(int tap, int f) {
        if (!NORM && (f + 1) * TAPS * THREADS <= SEEN * CHUNKS) {
            return true;
        }
        return (tap + f * TAPS) * THREADS < SEEN * CHUNKS;
    }

    static constexpr int WEIGHT_ROWS = THREADS / CHUNKS;
    static constexpr int WEIGHT_PASSES = (TILE_N + WEIGHT_ROWS - 1) / WEIGHT_ROWS;
    static constexpr int STAGE_BYTES = TILE_N * ROW_BYTES;
    /// Channels whose cells are in shared memory at a time.
    static constexpr int GROUP = ROW_BYTES / 2;
    static constexpr int NORM_AT = 2 * SEEN_BYTES + STAGES * STAGE_BYTES;
    static constexpr int MEMORY = NORM_AT + (NORM ? 2 * GROUP * 8 : 0);
    using Tile = WarpTile<Bf16Operands, PATCH_HEIGHT * PATCH_WIDTH / WARPS_M, TILE_N / WARPS_N>;
    static_assert(WEIGHT_ROWS % 8 == 0, "whole passes");
    static_assert(WARPS_M * WARPS_N * Tile::SLAB_BYTES <= MEMORY, "slabs fit");

    static __device__ __forceinline__ void run(
        const ConvolutionArguments& arguments, unsigned char* memory) {
        const Picture& picture = arguments.picture;
        const ResultRows& rows = arguments.rows;
        const int thread = threadIdx.x, lane = thread & 31, warp = thread >> 5;
        const int warp_m = warp / WARPS_N, warp_n = warp % WARPS_N;
        const int tiles_n = (arguments.outputs + TILE_N - 1) / TILE_N;
        const int patches = (rows.width + PATCH_WIDTH - 1) / PATCH_WIDTH;
        const int left = blockIdx.x % tiles_n * TILE_N;
        const int patch = blockIdx.x / tiles_n;
        const int patch_x = patch % patches * PATCH_WIDTH;
        const int patch_y = rows.first + patch / patches * PATCH_HEIGHT;
        // The first cell that is seen, in memory's cells.
        const int seen_x = QUARTER ? (patch_x - 1) >> 1 : patch_x - 1;
        const int seen_y = QUARTER ? (patch_y - 1) >> 1 : patch_y - 1;

        const int channels = picture.channels;
        const int groups = (channels + GROUP - 1) / GROUP;
        const bf16* x = static_cast<const bf16*>(picture.x);
        const unsigned seen_at = shared_address(memory);
        const unsigned stages = seen_at + 2 * SEEN_BYTES;

        // Chunk `index` of what is seen of the channels `first ..`; whether it is of a cell at all.
        auto fetch = [&](int index, int first, uint4& chunk) {
            const int cell = index / CHUNKS;
            const int y = seen_y + cell / SEEN_WIDTH, x_of = seen_x + cell % SEEN_WIDTH;
            const int channel = first + index % CHUNKS * 8;
            const bool inside = index < SEEN * CHUNKS &&
                static_cast<unsigned>(y - picture.held_top) < static_cast<unsigned>(picture.held_height) &&
                static_cast<unsigned>(x_of) < static_cast<unsigned>(picture.held_width) &&
                channel < channels;
            chunk = make_uint4(0, 0, 0, 0);
            if (inside) {
                const size_t held =
                    static_cast<size_t>(y - picture.held_top) * picture.held_width + x_of;
                chunk = __ldg(reinterpret_cast<const uint4*>(x + held * channels + channel));
            }
            return inside;
        };
        // What the norm does to the channels `first ..`, for when their cells are placed.
        float2* norms = reinterpret_cast<float2*>(memory + NORM_AT);
        auto fold = [&](int first, int buffer) {
            if (NORM && thread < GROUP && first + thread < channels) {
                norms[buffer * GROUP + thread] = folded_norm(picture.norm, channels, first + thread);
            }
        };
        const Activation activation(picture.silu != 0);
        auto place = [&](int index, int buffer, uint4 chunk, bool inside) {
            if constexpr (NORM) {
                const float2* folded = norms + buffer * GROUP + index % CHUNKS * 8;
                const uint4 normed = normalised_chunk(folded, activation, chunk);
                chunk = inside ? normed : make_uint4(0, 0, 0, 0);
            }
            if (index < SEEN * CHUNKS) {
                *reinterpret_cast<uint4*>(
                    memory + buffer * SEEN_BYTES + swizzled<ROW_BYTES>(index / CHUNKS, index % CHUNKS)) =
                    chunk;
            }
        };

        const int weight_row = thread / CHUNKS, weight_chunk = thread % CHUNKS;
        const int last_n = arguments.outputs - 1 - left;
        const bf16* w = static_cast<const bf16*>(arguments.weight) +
            static_cast<size_t>(left) * TAPS * channels;
        const unsigned weight_target = stages + swizzled<ROW_BYTES>(weight_row, weight_chunk);
        int weight_tap = 0, weight_channel = weight_chunk * 8;
        auto copy_weights = [&](int stage) {
            const bool inside = weight_channel < channels;
            const int column = inside ? weight_tap * channels + weight_channel : 0;
#pragma unroll
            for (int i = 0; i < WEIGHT_PASSES; ++i) {
                if (TILE_N % WEIGHT_ROWS == 0 || weight_row + i * WEIGHT_ROWS < TILE_N) {
                    const int source = min(weight_row + i * WEIGHT_ROWS, last_n);
                    copy_async_16(
                        weight_target + stage * STAGE_BYTES + i * WEIGHT_ROWS * ROW_BYTES,
                        w + (source * TAPS * channels + column),
                        inside ? 16 : 0);
                }
            }
            if (++weight_tap == TAPS) {
                weight_tap = 0;
                weight_channel += GROUP;
            }
        };

        const int count = groups * TAPS;
#pragma unroll
        for (int i = 0; i < STAGES - 1; ++i) {
            copy_weights(i);
            copy_async_commit();
        }
        fold(0, 0);
        fold(GROUP, 1);
        if constexpr (NORM) {
            __syncthreads();
        }
#pragma unroll 1
        for (int index = thread; index < SEEN * CHUNKS; index += THREADS) {
            uint4 chunk;
            const bool inside = fetch(index, 0, chunk);
            place(index, 0, chunk, inside);
        }

        Tile tile;
        tile.clear();
        typename Tile::Fragments fragments[2];
        const unsigned b_at =
            swizzled<ROW_BYTES>(warp_n * (TILE_N / WARPS_N) + Tile::b_row(lane), Tile::b_chunk(lane));
        // This lane's addresses of the first step of a tap.
        unsigned a_at[Tile::DOWN];
        auto aim = [&](int down, int across, int buffer) {
#pragma unroll
            for (int i = 0; i < Tile::DOWN; ++i) {
                int y = warp_m * Tile::DOWN + i + down, x_of = Tile::a_row(lane) + across;
                if constexpr (QUARTER) {
                    y = ((patch_y + y - 1) >> 1) - seen_y;
                    x_of = (x_of + 1) >> 1;
                }
                a_at[i] = seen_at + buffer * SEEN_BYTES +
                    swizzled<ROW_BYTES>(y * SEEN_WIDTH + x_of, Tile::a_chunk(lane));
            }
        };
        auto load = [&](typename Tile::Fragments& into, unsigned base, unsigned turn) {
#pragma unroll
            for (int i = 0; i < Tile::DOWN; ++i) {
                load_blocks(into.a[i], a_at[i] ^ turn);
            }
            Tile::template load_b<ROW_BYTES>(into, (base + b_at) ^ turn);
        };

        int stage = 0, next = STAGES - 1, buffer = 0, tap = 0, down = 0, across = 0, first = 0;
        unsigned base = stages;
        copy_async_wait<STAGES - 2>();
        __syncthreads();
        aim(0, 0, 0);
        load(fragments[0], base, 0);
        uint4 fetched[FETCHES];
        bool inside[FETCHES];
#pragma unroll 1
        for (int i = 0; i < count; ++i) {
#pragma unroll
            for (int step = 0; step < STEPS; ++step) {
                if (step == STEPS - 1) {
                    // The next weights have arrived, and nobody reads these any more.
                    copy_async_wait<STAGES - 2>();
                    __syncthreads();
                    stage = stage + 1 == STAGES ? 0 : stage + 1;
                    base = stages + stage * STAGE_BYTES;
                    ++tap;
                    if (++across == 3) {
                        across = 0;
                        if (++down == 3) {
                            down = 0;
                            tap = 0;
                            buffer ^= 1;
                            first += GROUP;
                        }
                    }
                    aim(down, across, buffer);
                }
                load(fragments[(step + 1) % 2], base, (step + 1) % STEPS * STEP_BYTES);
                if (step == 0) {
                    if (i + STAGES - 1 < count) {
                        copy_weights(next);
                    }
                    copy_async_commit();
                    next = next + 1 == STAGES ? 0 : next + 1;
#pragma unroll
                    for (int f = 0; f < FETCHES; ++f) {
                        if (wanted(tap, f)) {
                            const int index = (tap + f * TAPS) * THREADS + thread;
                            inside[f] = fetch(index, first + GROUP, fetched[f]);
                        }
                    }
                    if (NORM && tap == 0) {
                        fold(first + 2 * GROUP, buffer);
                    }
                }
                if (step == STEPS - 2) {
                    // After the last channels these are zeros that nobody reads.
#pragma unroll
                    for (int f = 0; f < FETCHES; ++f) {
                        if (wanted(tap, f)) {
                            const int index = (tap + f * TAPS) * THREADS + thread;
                            place(index, buffer ^ 1, fetched[f], inside[f]);
                        }
                    }
                }
                tile.multiply(fragments[step % 2]);
            }
        }

        copy_async_wait<0>();
        __syncthreads();
        float* slab = reinterpret_cast<float*>(memory + warp * Tile::SLAB_BYTES);
        tile.end(
            arguments.ending,
            slab,
            lane,
            left + warp_n * (TILE_N / WARPS_N),
            arguments.outputs,
            [&](int i) {
                const int y = patch_y - rows.first + warp_m * Tile::DOWN + i / PATCH_WIDTH;
                const int column = patch_x + i % PATCH_WIDTH;
                return y < rows.count && column < rows.width ? y * rows.width + column : -1;
            });
    }
};

extern __shared__ __align__(1024) unsigned char shared_memory[];

// Launch: ceil(rows.count / PATCH_HEIGHT) * ceil(rows.width / 16) * ceil(outputs / TILE_N) blocks of
// WARPS_M * WARPS_N * 32 threads, with `Patch::MEMORY` bytes of dynamic shared memory.
#define PATCH(NAME, PATCH_HEIGHT, TILE_N, WARPS_M, WARPS_N, STAGES, BLOCKS, QUARTER, NORM)           \
    extern "C" __global__ void __launch_bounds__(WARPS_M * WARPS_N * 32, BLOCKS)                     \
        NAME(const __grid_constant__ ConvolutionArguments arguments) {                              \
        Patch<PATCH_HEIGHT, TILE_N, WARPS_M, WARPS_N, STAGES, QUARTER, NORM>::run(                   \
            arguments, shared_memory);                                                              \
    }

#define PATCHES(NAME, PATCH_HEIGHT, TILE_N, WARPS_M, WARPS_N, STAGES, BLOCKS)                        \
    PATCH(NAME, PATCH_HEIGHT, TILE_N, WARPS_M, WARPS_N, STAGES, BLOCKS, false, false)                \
    PATCH(NAME##_norm, PATCH_HEIGHT, TILE_N, WARPS_M, WARPS_N, STAGES, BLOCKS, false, true)          \
    PATCH(NAME##_half, PATCH_HEIGHT, TILE_N, WARPS_M, WARPS_N, STAGES, BLOCKS, true, false)          \
    PATCH(NAME##_half_norm, PATCH_HEIGHT, TILE_N, WARPS_M, WARPS_N, STAGES, BLOCKS, true, true)

PATCHES(convolution_patch_256, 8, 256, 2, 4, 3, 1)
PATCHES(convolution_patch_tall_128, 16, 128, 4, 2, 3, 1)
PATCHES(convolution_patch_128, 8, 128, 2, 4, 3, 1)
PATCHES(convolution_patch_64, 8, 64, 4, 2, 3, 1)
PATCHES(convolution_patch_16, 8, 16, 8, 1, 3, 3)
