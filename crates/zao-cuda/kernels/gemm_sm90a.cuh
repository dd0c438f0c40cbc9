// Matrix multiply for Hopper: out = ending(A W^T), A `[m, k]` and W `[n, k]` row-major, both bf16, both e4m3
// or both int8. Rows are whole multiples of 16 bytes; other widths are for another kernel.
//
// A persistent block walks over tiles of the result. One warp has the copy engine fill a ring of stages of
// `DEPTH` times 128 bytes of k; each of `GROUPS` warpgroups multiplies `ROWS` of the tile's rows by all its columns, with
// sums in registers. A warpgroup that is through with its tile writes it while the others still multiply
// and while the copies run ahead into the next tile. The blocks of a cluster work on neighbouring tiles
// and share what these have in common: each loads a part of it and sends it to all.
//
// An element is summed over k in the same order whatever the tile, and whatever m is.
//
// Kernels that are adapted go on where these end: sums are scaled, and then short products of bf16 are added to
// them, whose operands pass through the same ring.
#pragma once

#include "overlap.cuh"
#include "sm90a_ending.cuh"
#include "sm90a_ring.cuh"
#include "sm90a_tma.cuh"

struct Sm90aArguments {
    // Boxes of 128 bytes by `Gemm::A_BOX` rows and by `Gemm::W_BOX` rows, in the 128-byte swizzle.
    TensorMap a;
    TensorMap w;
    // L2 cache policies.
    u64 a_hint;
    u64 w_hint;
    Ending ending;
    int m;
    int n;
    int k;
    // Rows of tiles, counted in clusters, that are worked on together, so that what they read stays in L2.
    int group;
};
static_assert(sizeof(Sm90aArguments) == 384, "as src/linear/hopper.rs has it");

// Products of bf16 that are added to scaled sums, in their order.
struct Sm90aAddends {
    static constexpr bool THERE = true;
    static constexpr int MOST = 4;
    // As `a` and `w`: A `[m, k]` and W `[n, k]` of each.
    TensorMap a[MOST];
    TensorMap w[MOST];
    // `[n]`, what sums are multiplied with first, or null; for SwiGLU those of the first matrix, then of the second.
    const float* gain;
    int k[MOST];
    int count;
};
static_assert(sizeof(Sm90aAddends) == 1088, "as src/linear/hopper/adapted.rs has it");

// Of a kernel that is not adapted.
struct NoAddends {
    static constexpr bool THERE = false;
};

template <class Operand, int GROUPS, int ROWS, int N, int CLUSTER_M, int CLUSTER_N, int DEPTH, int STAGES>
struct Sm90aGemm {
    using Sum = typename Operand::Sum;
    static constexpr int M = GROUPS * ROWS;
    static constexpr int FRAGMENTS = ROWS / 64;
    static constexpr int CLUSTER = CLUSTER_M * CLUSTER_N;
    static constexpr int THREADS = (GROUPS + 1) * 128;
    // What a block loads of the tile's operands; the others of its cluster load the rest.
    static constexpr int A_BOX = M / CLUSTER_N;
    static constexpr int W_BOX = N / CLUSTER_M;
    // Of 128 bytes of k. A stage has its parts of A, then its parts of W.
    static constexpr unsigned A_BYTES = M * 128;
    static constexpr unsigned W_BYTES = N * 128;
    static constexpr unsigned STAGE_BYTES = DEPTH * (A_BYTES + W_BYTES);
    using Ring = Sm90aRing<STAGES, STAGE_BYTES>;
    static constexpr unsigned SHARED_BYTES = 1024 + Ring::BYTES + Ring::BARRIER_BYTES;
    static_assert(A_BOX % 8 == 0 && W_BOX % 8 == 0 && A_BOX <= 256 && W_BOX <= 256, "boxes of whole swizzle atoms");
    static_assert(SHARED_BYTES <= 232448, "shared memory of a block");

    // Tiles in the order in which clusters take them: down a group of rows, then on to the next column.
    struct Tiles {
        const Sm90aArguments& arguments;
        int down, across, at, step;

        __device__ __forceinline__ explicit Tiles(const Sm90aArguments& arguments) : arguments(arguments) {
            down = (arguments.m + M * CLUSTER_M - 1) / (M * CLUSTER_M);
            across = (arguments.n + N * CLUSTER_N - 1) / (N * CLUSTER_N);
            at = blockIdx.x / CLUSTER;
            step = gridDim.x / CLUSTER;
        }
        __device__ __forceinline__ bool more() const { return at < down * across; }
        __device__ __forceinline__ void next() { at += step; }
        // First row and column of the tile of the block `rank_m`, `rank_n` in the cluster.
        __device__ __forceinline__ int2 place(int rank_m, int rank_n) const {
            const int in_group = arguments.group * across, first = at / in_group * arguments.group;
            const int height = min(down - first, arguments.group), within = at % in_group;
            const int row = first + within % height, column = within / height;
            return {(row * CLUSTER_M + rank_m) * M, (column * CLUSTER_N + rank_n) * N};
        }
    };

    template <class Addends>
    static __device__ __forceinline__ void run(const Sm90aArguments& arguments, const Addends& addends) {
        extern __shared__ unsigned char memory[];
        // The swizzle begins anew every 1024 bytes, and shared memory need not begin at such a boundary.
        const unsigned start = (shared_address(memory) + 1023) & ~1023u;
        Ring ring(start, start + Ring::BYTES);
        if (threadIdx.x == 0) {
            ring.initialise(CLUSTER * GROUPS * 4);
            barrier_init_done();
        }
        sync_all();

        const int group = threadIdx.x / 128;
        const unsigned rank = CLUSTER == 1 ? 0 : cluster_rank();
        const int rank_m = rank / CLUSTER_N, rank_n = rank % CLUSTER_N;
        const int steps = (arguments.k + DEPTH * Operand::WIDTH - 1) / (DEPTH * Operand::WIDTH);
        if (group == GROUPS) {
            if constexpr (GROUPS == 2) asm volatile("setmaxnreg.dec.sync.aligned.u32 40;");
            if constexpr (GROUPS == 3) asm volatile("setmaxnreg.dec.sync.aligned.u32 32;");
            if (threadIdx.x == GROUPS * 128) load(arguments, addends, ring, steps, rank_m, rank_n);
        } else {
            if constexpr (GROUPS == 2) asm volatile("setmaxnreg.inc.sync.aligned.u32 232;");
            if constexpr (GROUPS == 3) asm volatile("setmaxnreg.inc.sync.aligned.u32 160;");
            multiply(arguments, addends, ring, steps, group, rank_m, rank_n);
        }
        __syncwarp();
        // A block that others still send to, or whose barriers they tell, must not end.
        if constexpr (CLUSTER > 1) cluster_sync();
    }

  private:
    // Scaled sums are held where the sums were, or the registers of both would be too many.
    static __device__ __forceinline__ float (&as_floats(Sum (&sums)[FRAGMENTS][N / 2]))[FRAGMENTS][N / 2] {
        return reinterpret_cast<float(&)[FRAGMENTS][N / 2]>(sums);
    }

    static __device__ __forceinline__ void sync_all() {
        if constexpr (CLUSTER > 1) {
            cluster_sync();
        } else {
            __syncthreads();
        }
    }

    template <class Addends>
    static __device__ __forceinline__ void load(const Sm90aArguments& arguments, const Addends& addends, Ring ring,
                                                int steps, int rank_m, int rank_n) {
        prefetch_map(&arguments.a);
        prefetch_map(&arguments.w);
        const int2 begin = Tiles(arguments).place(rank_m, rank_n);
        // Nobody writes weights while a kernel runs, so they can come nearer already.
        for (int part = 0; part < DEPTH * min(STAGES, steps); ++part) {
            prefetch_box(&arguments.w, part * Operand::WIDTH, begin.y + rank_m * W_BOX);
        }
        await_kernel_before();
        for (Tiles tiles(arguments); tiles.more(); tiles.next()) {
            const int2 place = tiles.place(rank_m, rank_n);
            const Operands operands = {&arguments.a, &arguments.w, arguments.a_hint, arguments.w_hint};
            load_steps(operands, ring, steps, Operand::WIDTH, place, rank_m, rank_n);
            if constexpr (Addends::THERE) {
                for (int i = 0; i < addends.count; ++i) {
                    const Operands added = {&addends.a[i], &addends.w[i], arguments.a_hint, arguments.a_hint};
                    load_steps(added, ring, steps_of(addends.k[i]), Bf16::WIDTH, place, rank_m, rank_n);
                }
            }
        }
        admit_kernel_after();
    }

    // Stages that so many terms of a sum of bf16 take.
    static __device__ __forceinline__ int steps_of(int k) {
        return (k + DEPTH * Bf16::WIDTH - 1) / (DEPTH * Bf16::WIDTH);
    }

    struct Operands {
        const TensorMap* a;
        const TensorMap* w;
        u64 a_hint;
        u64 w_hint;
    };

    // `steps` stages of operands, of whose elements 128 bytes hold `width`.
    static __device__ __forceinline__ void load_steps(const Operands& operands, Ring& ring, int steps, int width,
                                                      int2 place, int rank_m, int rank_n) {
        for (int step = 0; step < steps; ++step) {
            ring.claim(STAGE_BYTES);
#pragma unroll
            for (int d = 0; d < DEPTH; ++d) {
                load_part(operands, ring.full(), (step * DEPTH + d) * width, place, ring.stage() + d * A_BYTES,
                          ring.stage() + DEPTH * A_BYTES + d * W_BYTES, rank_m, rank_n);
            }
            ring.advance();
        }
    }

    // This block's share of 128 bytes of k from `x` on, to where all of it belongs.
    static __device__ __forceinline__ void load_part(const Operands& operands, unsigned full, int x, int2 place,
                                                     unsigned a, unsigned w, int rank_m, int rank_n) {
        a += rank_n * A_BOX * 128;
        w += rank_m * W_BOX * 128;
        const int a_row = place.x + rank_n * A_BOX, w_row = place.y + rank_m * W_BOX;
        if constexpr (CLUSTER_N > 1) {
            const unsigned short blocks = ((1 << CLUSTER_N) - 1) << rank_m * CLUSTER_N;
            load_box_to(blocks, a, operands.a, x, a_row, full, operands.a_hint);
        } else {
            load_box(a, operands.a, x, a_row, full, operands.a_hint);
        }
        if constexpr (CLUSTER_M > 1) {
            unsigned short blocks = 0;
            for (int i = 0; i < CLUSTER_M; ++i) blocks |= 1 << (i * CLUSTER_N + rank_n);
            load_box_to(blocks, w, operands.w, x, w_row, full, operands.w_hint);
        } else {
            load_box(w, operands.w, x, w_row, full, operands.w_hint);
        }
    }

    template <class Addends>
    static __device__ __forceinline__ void multiply(const Sm90aArguments& arguments, const Addends& addends, Ring ring,
                                                    int steps, int group, int rank_m, int rank_n) {
        await_kernel_before();
        for (Tiles tiles(arguments); tiles.more(); tiles.next()) {
            const int2 place = tiles.place(rank_m, rank_n);
            Sum sums[FRAGMENTS][N / 2];
            ending<Operand>(arguments, place, group, 0).prefetch();
            sum<Operand>(sums, ring, steps, group, 0);
            if constexpr (Addends::THERE) {
                float(&scaled)[FRAGMENTS][N / 2] = as_floats(sums);
#pragma unroll
                for (int f = 0; f < FRAGMENTS; ++f) {
                    ending<Operand>(arguments, place, group, f).scale(scaled[f], sums[f], addends.gain);
                }
                for (int i = 0; i < addends.count; ++i) sum<Bf16>(scaled, ring, steps_of(addends.k[i]), group, 1);
#pragma unroll
                for (int f = 0; f < FRAGMENTS; ++f) ending<Bf16>(arguments, place, group, f).write(scaled[f]);
            } else {
#pragma unroll
                for (int f = 0; f < FRAGMENTS; ++f) ending<Operand>(arguments, place, group, f).write(sums[f]);
            }
        }
    }

    // Products of `steps` stages, one at least, in place of what `sums` holds or, if `more` is not zero, added to it.
    template <class Type>
    static __device__ __forceinline__ void sum(typename Type::Sum (&sums)[FRAGMENTS][N / 2], Ring& ring, int steps,
                                               int group, int more) {
        unsigned previous = 0;
        for (int step = 0; step < steps; ++step) {
            ring.await();
            const u64 a = operand_descriptor(ring.stage() + group * ROWS * 128);
            const u64 w = operand_descriptor(ring.stage() + DEPTH * A_BYTES);
            wgmma_fence();
#pragma unroll
            for (int i = 0; i < 4 * DEPTH; ++i) {
                const unsigned a_at = (i / 4 * A_BYTES >> 4) + i % 4 * 2, w_at = (i / 4 * W_BYTES >> 4) + i % 4 * 2;
#pragma unroll
                for (int f = 0; f < FRAGMENTS; ++f) {
                    Wgmma<Type, N>::issue(sums[f], a + a_at + f * (64 * 128 >> 4), w + w_at, more + step + i);
                }
            }
            wgmma_commit();
            // The instructions of the step before are through, so its stage is free.
            wgmma_wait<1>();
            if (step > 0) release_stage<CLUSTER>(previous);
            previous = ring.empty();
            ring.advance();
        }
        wgmma_wait<0>();
        release_stage<CLUSTER>(previous);
#pragma unroll
        for (int f = 0; f < FRAGMENTS; ++f) {
#pragma unroll
            for (int i = 0; i < N / 2; ++i) pin(sums[f][i]);
        }
    }

    // Where this thread's sums of a fragment of 64 rows go.
    template <class Type>
    static __device__ __forceinline__ Sm90aEnding<Type, N> ending(const Sm90aArguments& arguments, int2 place,
                                                                  int group, int fragment) {
        const int thread = threadIdx.x & 127;
        const int first = place.x + group * ROWS + fragment * 64 + thread / 32 * 16 + thread % 32 / 4;
        const int second = first + 8;
        return Sm90aEnding<Type, N>(arguments.ending, first < arguments.m ? first : -1,
                                    second < arguments.m ? second : -1, place.y, arguments.n);
    }
};

#define SM90A_GEMM(name, Operand, GROUPS, ROWS, N, CLUSTER_M, CLUSTER_N, DEPTH, STAGES)                              \
    extern "C" __global__ void __cluster_dims__(CLUSTER_M* CLUSTER_N, 1, 1) __launch_bounds__((GROUPS + 1) * 128, 1) \
        name(const __grid_constant__ Sm90aArguments arguments) {                                                     \
        Sm90aGemm<Operand, GROUPS, ROWS, N, CLUSTER_M, CLUSTER_N, DEPTH, STAGES>::run(arguments, NoAddends());       \
    }

#define SM90A_ADAPTED(name, Operand, GROUPS, ROWS, N, CLUSTER_M, CLUSTER_N, DEPTH, STAGES)                            \
    extern "C" __global__ void __cluster_dims__(CLUSTER_M* CLUSTER_N, 1, 1) __launch_bounds__((GROUPS + 1) * 128, 1) \
        name(const __grid_constant__ Sm90aArguments arguments, const __grid_constant__ Sm90aAddends addends) {       \
        Sm90aGemm<Operand, GROUPS, ROWS, N, CLUSTER_M, CLUSTER_N, DEPTH, STAGES>::run(arguments, addends);           \
    }
