// RMSNorm of every query and key head of fused qkv rows, then rotation by position, in place.
// The values behind them are not touched.
//
// qkv [tokens, (queries + 2 keys) * dim]; rope f32 [tokens, dim]: cosines of the dim / 2 pairs, then
// their sines; query_weight, key_weight f32 [dim], both null for no norm.
// Launch: `qk_norm_rope_<type>_<pairing>_128`: dim 128, grid = tokens, 256 threads.
// `qk_norm_rope_<type>_<pairing>`: any even dim, 256 threads, grid = tokens * (queries + keys) / 8 rounded
// up.
#include "element.cuh"
#include "overlap.cuh"

struct Interleaved {
    // Where the pairs 4 i .. 4 i + 3 stand in a head, two runs of 4 elements, as pairs (first, second).
    static __device__ __forceinline__ int run(int half, int lane, int) { return 8 * lane + 4 * half; }
    static __device__ __forceinline__ int first(int pair) { return 2 * pair; }
    static __device__ __forceinline__ int second(int pair, int) { return 2 * pair + 1; }
    // The elements of pair i of 4 among the 8 of a lane.
    static constexpr int FIRST = 2, SECOND_AFTER = 1;
};

struct Halves {
    static __device__ __forceinline__ int run(int half, int lane, int dim) { return 4 * lane + half * dim / 2; }
    static __device__ __forceinline__ int first(int pair) { return pair; }
    static __device__ __forceinline__ int second(int pair, int dim) { return pair + dim / 2; }
    static constexpr int FIRST = 1, SECOND_AFTER = 4;
};

// Half a warp a head, four heads in flight a thread; a lane has the elements of four pairs.
template <class Pairing, class T>
__device__ __forceinline__ void qk_norm_rope_128(T* qkv, const float* query_weight,
                                                 const float* key_weight, const float* rope, int queries,
                                                 int keys, float eps) {
    constexpr int DIM = 128, IN_FLIGHT = 4, GROUPS = 256 / 16;
    int lane = threadIdx.x % 16, group = threadIdx.x / 16;
    long long token = blockIdx.x;
    T* row = qkv + token * (queries + 2 * keys) * DIM;
    int heads = queries + keys;
    join_stream();

    // Rounds that all threads make, for the shuffles.
    for (int start = 0; start < heads; start += GROUPS * IN_FLIGHT) {
        float v[IN_FLIGHT][8];
#pragma unroll
        for (int i = 0; i < IN_FLIGHT; i++) {
            int head = start + i * GROUPS + group;
            float low[4] = {}, high[4] = {};
            if (head < heads) {
                load(row + head * DIM + Pairing::run(0, lane, DIM), low);
                load(row + head * DIM + Pairing::run(1, lane, DIM), high);
            }
#pragma unroll
            for (int j = 0; j < 4; j++) {
                v[i][j] = low[j];
                v[i][4 + j] = high[j];
            }
        }
        float cosines[4], sines[4];
        load(rope + token * DIM + 4 * lane, cosines);
        load(rope + token * DIM + DIM / 2 + 4 * lane, sines);
#pragma unroll
        for (int i = 0; i < IN_FLIGHT; i++) {
            int head = start + i * GROUPS + group;
            if (query_weight != nullptr) {
                float squares = 0.0f;
#pragma unroll
                for (int j = 0; j < 8; j++) squares += v[i][j] * v[i][j];
#pragma unroll
                for (int step = 8; step > 0; step /= 2) squares += __shfl_xor_sync(~0u, squares, step);
                float inverse = 1.0f / sqrtf(squares / DIM + eps);
                const float* weight = head < queries ? query_weight : key_weight;
                float low[4], high[4];
                load(weight + Pairing::run(0, lane, DIM), low);
                load(weight + Pairing::run(1, lane, DIM), high);
#pragma unroll
                for (int j = 0; j < 4; j++) {
                    v[i][j] *= inverse * low[j];
                    v[i][4 + j] *= inverse * high[j];
                }
            }
            if (head >= heads) continue;
#pragma unroll
            for (int j = 0; j < 4; j++) {
                float& a = v[i][Pairing::FIRST * j];
                float& b = v[i][Pairing::FIRST * j + Pairing::SECOND_AFTER];
                float turned = a * cosines[j] - b * sines[j];
                b = a * sines[j] + b * cosines[j];
                a = turned;
            }
            float low[4], high[4];
#pragma unroll
            for (int j = 0; j < 4; j++) {
                low[j] = v[i][j];
                high[j] = v[i][4 + j];
            }
            store(row + head * DIM + Pairing::run(0, lane, DIM), low);
            store(row + head * DIM + Pairing::run(1, lane, DIM), high);
        }
    }
}

// A warp a head.
template <class Pairing, class T>
__device__ __forceinline__ void qk_norm_rope(T* qkv, const float* query_weight, const float* key_weight,
                                             const float* rope, int tokens, int queries, int keys,
                                             int dim, float eps) {
    join_stream();
    int lane = threadIdx.x % 32;
    long long index = (long long)blockIdx.x * (blockDim.x / 32) + threadIdx.x / 32;
    long long token = index / (queries + keys);
    int h = (int)(index % (queries + keys));
    if (token >= tokens) return;
    T* head = qkv + (token * (queries + 2 * keys) + h) * dim;
    const float* cosines = rope + token * dim;
    const float* weight = query_weight == nullptr ? nullptr : h < queries ? query_weight : key_weight;
    float inverse = 1.0f;
    if (weight != nullptr) {
        float squares = 0.0f;
        for (int i = lane; i < dim; i += 32) {
            float v = widen(head[i]);
            squares += v * v;
        }
#pragma unroll
        for (int step = 16; step > 0; step /= 2) squares += __shfl_xor_sync(~0u, squares, step);
        inverse = 1.0f / sqrtf(squares / dim + eps);
    }
    for (int pair = lane; pair < dim / 2; pair += 32) {
        int first = Pairing::first(pair), second = Pairing::second(pair, dim);
        float a = widen(head[first]), b = widen(head[second]);
        if (weight != nullptr) {
            a *= inverse * weight[first];
            b *= inverse * weight[second];
        }
        float c = cosines[pair], s = cosines[dim / 2 + pair];
        head[first] = narrow<T>(a * c - b * s);
        head[second] = narrow<T>(a * s + b * c);
    }
}

#define QK_NORM_ROPE(NAME, PAIRING, T)                                                                    \
    extern "C" __global__ void __launch_bounds__(256)                                                     \
        NAME##_128(T* qkv, const float* query_weight, const float* key_weight, const float* rope,         \
                   int queries, int keys, float eps) {                                                    \
        qk_norm_rope_128<PAIRING>(qkv, query_weight, key_weight, rope, queries, keys, eps);               \
    }                                                                                                     \
    extern "C" __global__ void __launch_bounds__(256)                                                     \
        NAME(T* qkv, const float* query_weight, const float* key_weight, const float* rope, int tokens,   \
             int queries, int keys, int dim, float eps) {                                                 \
        qk_norm_rope<PAIRING>(qkv, query_weight, key_weight, rope, tokens, queries, keys, dim, eps);      \
    }

QK_NORM_ROPE(qk_norm_rope_f32_interleaved, Interleaved, float)
QK_NORM_ROPE(qk_norm_rope_f32_halves, Halves, float)
QK_NORM_ROPE(qk_norm_rope_bf16_interleaved, Interleaved, bf16)
QK_NORM_ROPE(qk_norm_rope_bf16_halves, Halves, bf16)
