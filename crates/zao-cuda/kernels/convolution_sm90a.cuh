// 3x3 convolution for Hopper over a bf16 picture `[height * width, channels]` that is already normalised, as a
// matrix multiply without a matrix: out = ending(sum over taps and channels of picture * W), W
// `[outputs][3][3][channels]`. Channels and outputs are multiples of 8. Stride one, and the picture read as
// if each cell were 2x2 cells; other strides and kernels are for convolution.cu.
//
// A tile of the result is a patch of cells by N outputs. For 64 channels and a column of the kernel the copy
// engine brings the patch once, shifted sideways and with a row above and one below; the three taps of the
// column read it at different rows. What lies outside of the picture arrives as zeros. Where cells are
// quartered, a patch holds the results of one parity in each direction: these see whole cells, too.
//
// A sum runs over channels by 64, within these over columns of the kernel, within these over its rows.
#pragma once

#include "overlap.cuh"
#include "sm90a_ending.cuh"
#include "sm90a_ring.cuh"
#include "sm90a_tma.cuh"

struct Sm90aConvolution {
    // `[held rows, width, channels]` in boxes of `PATCH_ROWS + 2`, `PATCH_COLUMNS`, 64, and
    // `[outputs, 9, channels]` in boxes of `W_BOX`, 1, 64, both in the 128-byte swizzle.
    TensorMap picture;
    TensorMap w;
    Ending ending;
    int channels;
    int outputs;
    // Row of the picture that is held first.
    int held_top;
    // Cells of a row of the picture.
    int width;
    // Rows of the result, from `first_row` to before `end_row`.
    int first_row;
    int end_row;
    // 1 where a cell of the picture is 2x2 cells.
    int quarter;
    // Patches that are worked on together, counted in clusters.
    int group;
};
static_assert(sizeof(Sm90aConvolution) == 384, "as src/convolution/hopper.rs has it");

template <int GROUPS, int ROWS, int PATCH_COLUMNS, int N, int CLUSTER, int PATCH_STAGES, int W_STAGES>
struct Sm90aConvolve {
    static constexpr int FRAGMENTS = ROWS / 64;
    static constexpr int PATCH_ROWS = GROUPS * ROWS / PATCH_COLUMNS;
    static constexpr int W_BOX = N / CLUSTER;
    static constexpr unsigned LINE_BYTES = PATCH_COLUMNS * 128;
    static constexpr unsigned PATCH_BYTES = (PATCH_ROWS + 2) * LINE_BYTES;
    static constexpr unsigned W_BYTES = N * 128;
    using PatchRing = Sm90aRing<PATCH_STAGES, PATCH_BYTES>;
    using WRing = Sm90aRing<W_STAGES, W_BYTES>;
    static constexpr unsigned SHARED_BYTES =
        1024 + PatchRing::BYTES + WRing::BYTES + PatchRing::BARRIER_BYTES + WRing::BARRIER_BYTES;
    static_assert(PATCH_COLUMNS % 8 == 0 && ROWS % PATCH_COLUMNS == 0, "a row of a patch is whole swizzle atoms");
    static_assert(SHARED_BYTES <= 232448, "shared memory of a block");

    // Tiles in the order in which clusters take them: a group of patches, then the same with other outputs.
    struct Tiles {
        const Sm90aConvolution& arguments;
        int top, down, across, patches, columns, at, step;

        __device__ __forceinline__ explicit Tiles(const Sm90aConvolution& arguments) : arguments(arguments) {
            const int quarter = arguments.quarter;
            top = arguments.first_row >> quarter;
            const int rows = ((arguments.end_row + quarter) >> quarter) - top;
            down = (rows + PATCH_ROWS - 1) / PATCH_ROWS;
            across = (arguments.width + PATCH_COLUMNS - 1) / PATCH_COLUMNS;
            patches = ((down * across << 2 * quarter) + CLUSTER - 1) / CLUSTER;
            columns = (arguments.outputs + N - 1) / N;
            at = blockIdx.x / CLUSTER;
            step = gridDim.x / CLUSTER;
        }
        __device__ __forceinline__ bool more() const { return at < patches * columns; }
        __device__ __forceinline__ void next() { at += step; }
    };

    struct Place {
        // First cell of the patch, in cells of the picture.
        int y, x;
        // Which of the results in a cell, each 0 or 1.
        int lower, right;
        // First output.
        int left;

        __device__ __forceinline__ Place(const Tiles& tiles, unsigned rank) {
            const int in_group = tiles.arguments.group * tiles.columns, first = tiles.at / in_group * tiles.arguments.group;
            const int height = min(tiles.patches - first, tiles.arguments.group), within = tiles.at % in_group;
            int patch = (first + within % height) * CLUSTER + rank;
            left = within / height * N;
            lower = right = 0;
            if (tiles.arguments.quarter) {
                right = patch & 1;
                lower = patch >> 1 & 1;
                patch >>= 2;
            }
            // One that is past the last patch lies below the picture: it reads zeros and writes nothing.
            y = tiles.top + patch / tiles.across * PATCH_ROWS;
            x = patch % tiles.across * PATCH_COLUMNS;
        }
    };

    // How far a tap at `tap` of 3 looks, in cells, from a result that is the first or the second in its cell.
    static __device__ __forceinline__ int shift(int tap, int second, int quarter) {
        return (tap - 1 + second) >> quarter;
    }

    static __device__ __forceinline__ void run(const Sm90aConvolution& arguments) {
        extern __shared__ unsigned char memory[];
        const unsigned start = (shared_address(memory) + 1023) & ~1023u;
        const unsigned barriers = start + PatchRing::BYTES + WRing::BYTES;
        PatchRing patches(start, barriers);
        WRing weights(start + PatchRing::BYTES, barriers + PatchRing::BARRIER_BYTES);
        if (threadIdx.x == 0) {
            patches.initialise(GROUPS * 4);
            weights.initialise(CLUSTER * GROUPS * 4);
            barrier_init_done();
        }
        if constexpr (CLUSTER > 1) {
            cluster_sync();
        } else {
            __syncthreads();
        }
        const int group = threadIdx.x / 128;
        const unsigned rank = CLUSTER == 1 ? 0 : cluster_rank();
        if (group == GROUPS) {
            asm volatile("setmaxnreg.dec.sync.aligned.u32 40;");
            if (threadIdx.x == GROUPS * 128) load(arguments, patches, weights, rank);
        } else {
            asm volatile("setmaxnreg.inc.sync.aligned.u32 232;");
            multiply(arguments, patches, weights, group, rank);
        }
        __syncwarp();
        // A block that others still send to, or whose barriers they tell, must not end.
        if constexpr (CLUSTER > 1) cluster_sync();
    }

  private:
    static __device__ __forceinline__ void load(const Sm90aConvolution& arguments, PatchRing patches, WRing weights,
                                                unsigned rank) {
        prefetch_map(&arguments.picture);
        prefetch_map(&arguments.w);
        await_kernel_before();
        for (Tiles tiles(arguments); tiles.more(); tiles.next()) {
            const Place place(tiles, rank);
            for (int channel = 0; channel < arguments.channels; channel += 64) {
                for (int dx = 0; dx < 3; ++dx) {
                    patches.claim(PATCH_BYTES);
                    load_box(patches.stage(), &arguments.picture, channel,
                             place.x + shift(dx, place.right, arguments.quarter), place.y - 1 - arguments.held_top,
                             patches.full());
                    patches.advance();
                    for (int dy = 0; dy < 3; ++dy) {
                        weights.claim(W_BYTES);
                        const unsigned to = weights.stage() + rank * W_BOX * 128;
                        const int output = place.left + rank * W_BOX;
                        if constexpr (CLUSTER > 1) {
                            load_box_to((1 << CLUSTER) - 1, to, &arguments.w, channel, 3 * dy + dx, output,
                                        weights.full());
                        } else {
                            load_box(to, &arguments.w, channel, 3 * dy + dx, output, weights.full());
                        }
                        weights.advance();
                    }
                }
            }
        }
        admit_kernel_after();
    }

    static __device__ __forceinline__ void multiply(const Sm90aConvolution& arguments, PatchRing patches, WRing weights,
                                                    int group, unsigned rank) {
        const int quarter = arguments.quarter;
        float sums[FRAGMENTS][N / 2];
        await_kernel_before();
        for (Tiles tiles(arguments); tiles.more(); tiles.next()) {
            const Place place(tiles, rank);
#pragma unroll
            for (int f = 0; f < FRAGMENTS; ++f) ending(arguments, place, group, f).prefetch();
            // Stages that the instructions still in flight read.
            unsigned patch_before = 0, w_before = 0;
            int accumulate = 0;
            for (int channel = 0; channel < arguments.channels; channel += 64) {
                for (int dx = 0; dx < 3; ++dx) {
                    patches.await();
                    const unsigned lines = patches.stage() + group * ROWS * 128 + LINE_BYTES;
#pragma unroll
                    for (int dy = 0; dy < 3; ++dy) {
                        weights.await();
                        const u64 a = operand_descriptor(lines + shift(dy, place.lower, quarter) * int(LINE_BYTES));
                        const u64 w = operand_descriptor(weights.stage());
                        wgmma_fence();
#pragma unroll
                        for (int i = 0; i < 4; ++i) {
#pragma unroll
                            for (int f = 0; f < FRAGMENTS; ++f) {
                                Wgmma<Bf16, N>::issue(sums[f], a + f * (64 * 128 >> 4) + 2 * i, w + 2 * i, accumulate);
                            }
                            accumulate = 1;
                        }
                        wgmma_commit();
                        wgmma_wait<1>();
                        if (w_before) release_stage<CLUSTER>(w_before);
                        if (dy == 0 && patch_before) release_stage<1>(patch_before);
                        w_before = weights.empty();
                        weights.advance();
                    }
                    patch_before = patches.empty();
                    patches.advance();
                }
            }
            wgmma_wait<0>();
            release_stage<CLUSTER>(w_before);
            release_stage<1>(patch_before);
#pragma unroll
            for (int f = 0; f < FRAGMENTS; ++f) {
#pragma unroll
                for (int i = 0; i < N / 2; ++i) pin(sums[f][i]);
            }
#pragma unroll
            for (int f = 0; f < FRAGMENTS; ++f) ending(arguments, place, group, f).write(sums[f]);
        }
    }

    // Where this thread's sums of a fragment of 64 cells go.
    static __device__ __forceinline__ Sm90aEnding<Bf16, N> ending(const Sm90aConvolution& arguments, const Place& place,
                                                                  int group, int fragment) {
        const int thread = threadIdx.x & 127;
        const int cell = group * ROWS + fragment * 64 + thread / 32 * 16 + thread % 32 / 4;
        return Sm90aEnding<Bf16, N>(arguments.ending, row_of(arguments, place, cell),
                                    row_of(arguments, place, cell + 8), place.left, arguments.outputs);
    }

    // Row of the result that belongs to a cell of the patch, or -1.
    static __device__ __forceinline__ int row_of(const Sm90aConvolution& arguments, const Place& place, int cell) {
        const int quarter = arguments.quarter, column = place.x + cell % PATCH_COLUMNS;
        const int y = ((place.y + cell / PATCH_COLUMNS) << quarter) + place.lower;
        const int x = (column << quarter) + place.right;
        if (column >= arguments.width || y < arguments.first_row || y >= arguments.end_row) return -1;
        return (y - arguments.first_row) * (arguments.width << quarter) + x;
    }
};

#define SM90A_CONVOLUTION(name, GROUPS, ROWS, PATCH_COLUMNS, N, CLUSTER, PATCH_STAGES, W_STAGES)          \
    extern "C" __global__ void __cluster_dims__(CLUSTER, 1, 1) __launch_bounds__((GROUPS + 1) * 128, 1)   \
        name(const __grid_constant__ Sm90aConvolution arguments) {                                        \
        Sm90aConvolve<GROUPS, ROWS, PATCH_COLUMNS, N, CLUSTER, PATCH_STAGES, W_STAGES>::run(arguments);   \
    }
