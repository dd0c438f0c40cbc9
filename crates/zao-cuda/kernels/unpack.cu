// Packed rows of a weight to rows that are multiplied, before each product: at the speed of memory, so that what a
// product reads is written but once, and never as a whole for all weights.
//
// Launch: blocks of THREADS, at most one a tile of THREADS * EACH * GROUP values; with fewer a block unpacks several, and the
// next are on their way meanwhile. In the order of the stream or overlapping it.
#include "async_copy.cuh"
#include "blocks.cuh"
#include "overlap.cuh"
#include "row.cuh"

constexpr int THREADS = 256;
// Blocks that a multiprocessor holds.
constexpr int BLOCKS = 6;
// Groups of a thread in a tile.
constexpr int EACH = 2;
// Tiles that are on their way or worked on.
constexpr int STAGES = 3;

// 16 values, to an address divisible by 16.
__device__ __forceinline__ void store_group(float* to, const float (&v)[GROUP]) { store(to, v); }
__device__ __forceinline__ void store_group(bf16* to, const float (&v)[GROUP]) { store(to, v); }
__device__ __forceinline__ void store_group(e4m3* to, const float (&v)[GROUP]) {
    unsigned w[4];
#pragma unroll
    for (int i = 0; i < 4; i++) {
        w[i] = e4m3_pair(v[4 * i], v[4 * i + 1]) | (unsigned)e4m3_pair(v[4 * i + 2], v[4 * i + 3]) << 16;
    }
    *reinterpret_cast<uint4*>(to) = make_uint4(w[0], w[1], w[2], w[3]);
}
__device__ __forceinline__ void store_group(int8* to, const float (&v)[GROUP]) {
    unsigned w[4];
#pragma unroll
    for (int i = 0; i < 4; i++) {
        w[i] = int8_of(v[4 * i]) | int8_of(v[4 * i + 1]) << 8 | int8_of(v[4 * i + 2]) << 16 | int8_of(v[4 * i + 3]) << 24;
    }
    *reinterpret_cast<uint4*>(to) = make_uint4(w[0], w[1], w[2], w[3]);
}

// Row i of from, [rows, width] packed, becomes row first + i * step of to; width is a multiple of 16. `from` may begin
// anywhere that is even; what shares 16 bytes with its ends can be read. `scales` f32 [rows]: what a format has beside
// its bytes, else for 8-bit OUT what its elements will be multiplied with, which goes to `to_scales` in the order of
// `to`. `factors` f32 [rows], for 8-bit OUT: what values are multiplied with to use its range.
template <class Format, class Out>
__device__ __forceinline__ void unpack(const unsigned char* from, const float* scales, const float* factors, Out* to,
                                       float* to_scales, int width, int rows, int first, int step) {
    constexpr int TILE = THREADS * EACH, TILE_BYTES = TILE * GROUP / Format::VALUES * Format::BYTES;
    static_assert(TILE * GROUP % Format::VALUES == 0 && TILE_BYTES % 16 == 0, "tiles are whole blocks, and begin alike");
    __shared__ alignas(16) unsigned char ring[STAGES][TILE_BYTES + 16];
    const unsigned per_row = (unsigned)width / GROUP, groups = per_row * (unsigned)rows;
    const float inverse = 1.0f / (float)per_row;
    const int skip = (int)((unsigned long long)from & 15);
    auto fetch = [&](long long tile, int stage) {
        const long long begin = tile * TILE;
        if (begin < groups) {
            const int here = min((unsigned)TILE, groups - (unsigned)begin);
            const int bytes = skip + here * GROUP / Format::VALUES * Format::BYTES;
            const unsigned char* source = from - skip + tile * TILE_BYTES;
            for (int i = threadIdx.x * 16; i < bytes; i += THREADS * 16) copy_async_16(shared_address(ring[stage] + i), source + i, 16);
        }
        copy_async_commit();
    };
    // Weights do not change while kernels run, so they can come before it is this one's turn.
#pragma unroll
    for (int stage = 0; stage < STAGES - 1; stage++) fetch(blockIdx.x + (long long)stage * gridDim.x, stage);
    join_stream();
    int stage = 0;
    for (long long tile = blockIdx.x; tile * TILE < groups; tile += gridDim.x) {
        copy_async_wait<STAGES - 2>();
        __syncthreads();
        fetch(tile + (long long)(STAGES - 1) * gridDim.x, stage == 0 ? STAGES - 1 : stage - 1);
        const unsigned begin = (unsigned)tile * TILE, here = min((unsigned)TILE, groups - begin);
        const unsigned first_row = begin / per_row, before = begin - first_row * per_row;
#pragma unroll
        for (int e = 0; e < EACH; e++) {
            const unsigned group = e * THREADS + threadIdx.x;
            if (group >= here) break;
            // Exact: a tile's and a row's groups have far fewer bits than an f32.
            const unsigned rows_on = (unsigned)(((float)(before + group) + 0.5f) * inverse);
            const unsigned row = first_row + rows_on, column = before + group - rows_on * per_row;
            const long long at = first + (long long)row * step;
            float v[GROUP];
            constexpr int GROUPS = Format::VALUES / GROUP;
            const float scale = Format::SCALED || is_8bit<Out>::value ? scales[row] : 1.0f;
            Format::group(ring[stage] + skip + group / GROUPS * Format::BYTES, group % GROUPS, scale, v);
            if constexpr (is_8bit<Out>::value) {
                const float factor = factors[row];
#pragma unroll
                for (int i = 0; i < GROUP; i++) v[i] *= factor;
                if (column == 0) to_scales[at] = scale;
            }
            store_group(to + at * width + column * GROUP, v);
        }
        stage = stage == STAGES - 1 ? 0 : stage + 1;
    }
}

#define UNPACK(NAME, FORMAT, OUT)                                                                         \
    extern "C" __global__ void __launch_bounds__(THREADS, BLOCKS)                                                 \
        NAME(const unsigned char* from, const float* scales, const float* factors, OUT* to,               \
             float* to_scales, int width, int rows, int first, int step) {                                \
        unpack<FORMAT, OUT>(from, scales, factors, to, to_scales, width, rows, first, step);              \
    }

#define UNPACK_BLOCKS(NAME, FORMAT)                                                                       \
    UNPACK(NAME##_f32, FORMAT, float)                                                                     \
    UNPACK(NAME##_bf16, FORMAT, bf16)                                                                     \
    UNPACK(NAME##_fp8, FORMAT, e4m3)                                                                      \
    UNPACK(NAME##_int8, FORMAT, int8)

UNPACK_BLOCKS(q4_0, Q4_0)
UNPACK_BLOCKS(q4_1, Q4_1)
UNPACK_BLOCKS(q5_0, Q5_0)
UNPACK_BLOCKS(q5_1, Q5_1)
UNPACK(q8_0_f32, Q8_0, float)
UNPACK(q8_0_bf16, Q8_0, bf16)
UNPACK_BLOCKS(q2_k, Q2_K)
UNPACK_BLOCKS(q3_k, Q3_K)
UNPACK_BLOCKS(q4_k, Q4_K)
UNPACK_BLOCKS(q5_k, Q5_K)
UNPACK_BLOCKS(q6_k, Q6_K)
UNPACK_BLOCKS(int4, Int4)
UNPACK(e4m3_f32, ScaledE4m3, float)
UNPACK(e4m3_bf16, ScaledE4m3, bf16)
UNPACK(e5m2_f32, ScaledE5m2, float)
UNPACK(e5m2_bf16, ScaledE5m2, bf16)
UNPACK(int8_f32, ScaledInt8, float)
UNPACK(int8_bf16, ScaledInt8, bf16)
