// Attention for any head width up to 512, in f32 arithmetic: f32 rows, which are for checking, and bf16
// heads of widths that no fast kernel has. A warp has four queries, its lanes have the columns of a head.
//
// qkv [tokens, (queries + 2 keys) * dim], out [tokens, queries * dim], of one type.
// Launch `attention_<type>_<full|causal>_<widest>`: dim <= widest; grid = (sum over segments of length / 32
// rounded up, queries), 256 threads.
#include "attention_tiles.cuh"
#include "element.cuh"

constexpr int QUERIES = 4, HEIGHT = 8 * QUERIES;

// PARTS columns a lane.
template <class T, int PARTS, bool CAUSAL>
__device__ __forceinline__ void attention_any(const T* qkv, T* out, const AttentionShape& shape) {
    QueryTile tile = query_tile(shape, blockIdx.x, HEIGHT);
    int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
    int first = tile.first + QUERIES * warp;
    if (first >= tile.length) return;
    int dim = shape.dim, head = blockIdx.y, shared_head = head / (shape.queries / shape.keys);
    long long stride = (long long)(shape.queries + 2 * shape.keys) * dim;
    const T* rows = qkv + tile.segment_start * stride;
    const T* k = rows + (shape.queries + shared_head) * dim;
    const T* v = rows + (shape.queries + shape.keys + shared_head) * dim;

    float q[QUERIES][PARTS], sums[QUERIES][PARTS], largest[QUERIES], total[QUERIES];
#pragma unroll
    for (int i = 0; i < QUERIES; i++) {
        largest[i] = __int_as_float(0xff800000)  /* -infinity */;
        total[i] = 0.0f;
        // Queries past the segment repeat its last one and are not stored.
        const T* from = rows + min(first + i, tile.length - 1) * stride + head * dim;
#pragma unroll
        for (int p = 0; p < PARTS; p++) {
            int column = lane + 32 * p;
            q[i][p] = column < dim ? widen(from[column]) : 0.0f;
            sums[i][p] = 0.0f;
        }
    }

    int seen = CAUSAL ? min(tile.length, first + QUERIES) : tile.length;
    for (int key = 0; key < seen; key++) {
        float keys[PARTS], values[PARTS];
#pragma unroll
        for (int p = 0; p < PARTS; p++) {
            int column = lane + 32 * p;
            keys[p] = column < dim ? widen(k[key * stride + column]) : 0.0f;
            values[p] = column < dim ? widen(v[key * stride + column]) : 0.0f;
        }
        float scores[QUERIES];
#pragma unroll
        for (int i = 0; i < QUERIES; i++) {
            scores[i] = 0.0f;
#pragma unroll
            for (int p = 0; p < PARTS; p++) scores[i] += q[i][p] * keys[p];
        }
#pragma unroll
        for (int step = 16; step > 0; step /= 2) {
#pragma unroll
            for (int i = 0; i < QUERIES; i++) scores[i] += __shfl_xor_sync(~0u, scores[i], step);
        }
#pragma unroll
        for (int i = 0; i < QUERIES; i++) {
            if (CAUSAL && key > first + i) continue;
            float score = scores[i] * shape.scale;
            if (score > largest[i]) {
                // The first score of a query multiplies sums of zero by zero.
                float shrink = expf(largest[i] - score);
                largest[i] = score;
                total[i] *= shrink;
#pragma unroll
                for (int p = 0; p < PARTS; p++) sums[i][p] *= shrink;
            }
            float weight = expf(score - largest[i]);
            total[i] += weight;
#pragma unroll
            for (int p = 0; p < PARTS; p++) sums[i][p] += weight * values[p];
        }
    }

#pragma unroll
    for (int i = 0; i < QUERIES; i++) {
        if (first + i >= tile.length) break;
        T* to = out + ((long long)(tile.segment_start + first + i) * shape.queries + head) * dim;
#pragma unroll
        for (int p = 0; p < PARTS; p++) {
            int column = lane + 32 * p;
            if (column < dim) to[column] = narrow<T>(sums[i][p] / total[i]);
        }
    }
}

#define ATTENTION_ANY(NAME, T, PARTS)                                                                     \
    extern "C" __global__ void __launch_bounds__(256)                                                     \
        NAME##_full_##PARTS(const T* qkv, T* out, AttentionShape shape) {                                 \
        attention_any<T, PARTS / 32, false>(qkv, out, shape);                                             \
    }                                                                                                     \
    extern "C" __global__ void __launch_bounds__(256)                                                     \
        NAME##_causal_##PARTS(const T* qkv, T* out, AttentionShape shape) {                               \
        attention_any<T, PARTS / 32, true>(qkv, out, shape);                                              \
    }
ATTENTION_ANY(attention_f32, float, 64)
ATTENTION_ANY(attention_f32, float, 128)
ATTENTION_ANY(attention_f32, float, 512)
ATTENTION_ANY(attention_bf16, bf16, 64)
ATTENTION_ANY(attention_bf16, bf16, 128)
ATTENTION_ANY(attention_bf16, bf16, 512)
