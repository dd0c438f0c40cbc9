// What the attention kernels on mma.sync share: swizzled tiles of bf16 rows in shared memory, how they
// are filled and how their fragments are read, and the exponential of the softmax.
#pragma once
#include "async_copy.cuh"
#include "mma.cuh"

constexpr float LOG2_E = 1.4426950408889634f;

__device__ __forceinline__ float negative_infinity() {
    return __int_as_float(0xff800000);
}

// 2^x, 0 for -infinity.
__device__ __forceinline__ float exp2_fast(float x) {
    float y;
    asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
    return y;
}

// Like load_blocks, each 8x8 block transposed.
__device__ __forceinline__ void load_blocks_transposed(unsigned (&blocks)[4], unsigned address) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];\n"
                 : "=r"(blocks[0]), "=r"(blocks[1]), "=r"(blocks[2]), "=r"(blocks[3])
                 : "r"(address)
                 : "memory");
}

// Rows of WIDTH bf16 in shared memory, 64 or 128, aligned to 1024 bytes. The 16-byte chunk c of row r
// stands where chunk c ^ (r % 8) would, so that eight rows of one chunk lie in different banks.
template <int WIDTH>
struct Tile {
    static constexpr int CHUNKS = WIDTH / 8, ROW_BYTES = WIDTH * 2;

    static __device__ __forceinline__ unsigned offset(int row, int chunk) {
        return row * ROW_BYTES + ((chunk ^ (row % 8)) * 16);
    }

    // Rows first .. first + ROWS of a matrix whose row r begins at source + r * stride; rows from `end`
    // on become zeros and are not read. By THREADS threads. end * stride < 2^31.
    template <int ROWS, int THREADS>
    static __device__ __forceinline__ void fill(unsigned tile, const bf16* source, int stride,
                                                int first, int end) {
        static_assert(ROWS * CHUNKS % THREADS == 0 && THREADS % (8 * CHUNKS) == 0, "whole rounds");
        int row = threadIdx.x / CHUNKS, chunk = threadIdx.x % CHUNKS;
        unsigned target = tile + offset(row, chunk);
        const bf16* from = source + chunk * 8;
#pragma unroll
        for (int round = 0; round < ROWS * CHUNKS / THREADS; round++) {
            int at = row + round * (THREADS / CHUNKS);
            bool inside = first + at < end;
            copy_async_16(target + round * (THREADS / CHUNKS) * ROW_BYTES,
                          inside ? from + (first + at) * stride : source, inside ? 16 : 0);
        }
    }

    // The address from which this lane reads fragments of 16x16 elements, for the first 16 rows and
    // columns; 16 k columns on it is at `^ 32 k`, 16 k rows on at `+ 16 k ROW_BYTES`.
    // A: 16 rows of a left operand. Also a right operand [sum, column] through transposed blocks.
    static __device__ __forceinline__ unsigned rows_by_lane(unsigned tile) {
        int lane = threadIdx.x % 32;
        return tile + offset(lane % 16, lane / 16);
    }
    // B: a right operand stored [column, sum]: registers 0, 1 are columns 0 to 7, 2, 3 are 8 to 15.
    static __device__ __forceinline__ unsigned columns_by_lane(unsigned tile) {
        int lane = threadIdx.x % 32;
        return tile + offset(lane / 16 * 8 + lane % 8, lane / 8 % 2);
    }
};

__device__ __forceinline__ float max_of_quad(float v) {
    v = fmaxf(v, __shfl_xor_sync(~0u, v, 1));
    return fmaxf(v, __shfl_xor_sync(~0u, v, 2));
}

__device__ __forceinline__ float sum_of_quad(float v) {
    v += __shfl_xor_sync(~0u, v, 1);
    return v + __shfl_xor_sync(~0u, v, 2);
}
