// The autoencoder's operations on pictures but for convolutions: norms whose factors are known, and
// bytes. Pictures are [cells, channels] (NHWC). The moments of group norms are in
// group_norm.cu.
#include "activation.cuh"
#include "row.cuh"

// Cells that a thread of `normalise` has on their way, and its blocks on a multiprocessor.
constexpr int CELLS_IN_FLIGHT = 2, NORMALISE_BLOCKS = 4;

// (x - mean) * factor + shift, and silu of that.
template <bool SILU, class Out>
__device__ __forceinline__ float normalised(float x, float mean, float factor, float shift) {
    float y = (x - mean) * factor + shift;
    return SILU ? silu_for<Out>(y) : y;
}

// x [cells, channels], factors f32 [3, channels] = means; factors; shifts; out [cells, channels].
//
// channels % 8 == 0 and channels <= 2048. A thread stays with its 8 channels and walks over cells, so
// the factors are read once: threads = channels / 8 * cells_at_once, about 256; each block treats
// cells_at_once * CELLS_IN_FLIGHT * rounds consecutive cells. Grid = cells / that, rounded up.
template <bool SILU, class T, class Out>
__device__ __forceinline__ void normalise(const T* x, const float* factors, Out* out, long long cells,
                                          int channels, int cells_at_once, int rounds) {
    int runs = channels / VECTOR;
    int column = threadIdx.x % runs * VECTOR, place = threadIdx.x / runs;
    if (place >= cells_at_once) return;
    float mean[VECTOR], factor[VECTOR], shift[VECTOR];
    load(factors + column, mean);
    load(factors + channels + column, factor);
    load(factors + 2 * channels + column, shift);
    // Cells of the round after this one are on their way while this one is worked on.
    constexpr int WORDS = VECTOR * sizeof(T) / sizeof(uint4);
    uint4 next[CELLS_IN_FLIGHT][WORDS];
    long long cell = (long long)blockIdx.x * cells_at_once * CELLS_IN_FLIGHT * rounds + place;
    auto fetch = [&](long long cell) {
#pragma unroll
        for (int i = 0; i < CELLS_IN_FLIGHT; i++) {
            long long at = cell + i * cells_at_once;
            if (at < cells) {
#pragma unroll
                for (int w = 0; w < WORDS; w++) {
                    next[i][w] = reinterpret_cast<const uint4*>(x + at * channels + column)[w];
                }
            }
        }
    };
    fetch(cell);
    for (int round = 0; round < rounds; round++, cell += cells_at_once * CELLS_IN_FLIGHT) {
        float v[CELLS_IN_FLIGHT][VECTOR];
#pragma unroll
        for (int i = 0; i < CELLS_IN_FLIGHT; i++) {
            const T* elements = reinterpret_cast<const T*>(next[i]);
#pragma unroll
            for (int j = 0; j < VECTOR; j++) v[i][j] = widen(elements[j]);
        }
        if (round + 1 < rounds) fetch(cell + cells_at_once * CELLS_IN_FLIGHT);
#pragma unroll
        for (int i = 0; i < CELLS_IN_FLIGHT; i++) {
            long long at = cell + i * cells_at_once;
            if (at < cells) {
#pragma unroll
                for (int j = 0; j < VECTOR; j++) {
                    v[i][j] = normalised<SILU, Out>(v[i][j], mean[j], factor[j], shift[j]);
                }
                store(out + at * channels + column, v[i]);
            }
        }
    }
}

// The same for any number of channels. Grid = elements / 256 rounded up, 256 threads.
template <bool SILU, class T, class Out>
__device__ __forceinline__ void normalise_any(const T* x, const float* factors, Out* out, long long cells,
                                              int channels) {
    long long index = (long long)blockIdx.x * blockDim.x + threadIdx.x;
    if (index >= cells * channels) return;
    int c = (int)(index % channels);
    float y = normalised<SILU, Out>(widen(x[index]), factors[c], factors[channels + c], factors[2 * channels + c]);
    out[index] = narrow<Out>(y);
}

// The same into 8 bits, a scale for each cell. Grid = cells, 256 threads.
template <bool SILU, class T, class Out>
__device__ __forceinline__ void normalise_quantised(const T* x, const float* factors, Out* out,
                                                    float* out_scales, int channels) {
    __shared__ float shared[32];
    ReadRow<T> row(x + (long long)blockIdx.x * channels, channels);
    row.finish(row_out(out, out_scales, blockIdx.x, channels), shared, [&](int, int c, float(&v)[1]) {
        v[0] = normalised<SILU, Out>(v[0], factors[c], factors[channels + c], factors[2 * channels + c]);
    });
}

// out u8 = round(255 * clamp(x / 2 + 0.5, 0, 1)), ties to even. Grid = count / 2048 rounded up, 256 threads.
template <class T>
__device__ __forceinline__ void to_rgb8(const T* x, unsigned char* out, long long count) {
    auto byte = [](float v) -> unsigned {
        float unit = fminf(fmaxf(v * 0.5f + 0.5f, 0.0f), 1.0f);
        return (unsigned)__float2int_rn(__fmul_rn(unit, 255.0f));
    };
    long long start = 8 * ((long long)blockIdx.x * blockDim.x + threadIdx.x);
    if (start + 8 <= count) {
        float v[8];
        load(x + start, v);
        unsigned words[2] = {};
#pragma unroll
        for (int i = 0; i < 8; i++) words[i / 4] |= byte(v[i]) << 8 * (i % 4);
        *reinterpret_cast<uint2*>(out + start) = make_uint2(words[0], words[1]);
    } else {
        for (long long i = start; i < count; i++) out[i] = (unsigned char)byte(widen(x[i]));
    }
}

#define NORMALISE(NAME, SILU, T, OUT)                                                                     \
    extern "C" __global__ void __launch_bounds__(256, NORMALISE_BLOCKS)                                   \
        NAME(const T* x, const float* factors, OUT* out, long long cells, int channels,                   \
             int cells_at_once, int rounds) {                                                             \
        normalise<SILU>(x, factors, out, cells, channels, cells_at_once, rounds);                         \
    }                                                                                                     \
    extern "C" __global__ void __launch_bounds__(256)                                                     \
        NAME##_any(const T* x, const float* factors, OUT* out, long long cells, int channels) {           \
        normalise_any<SILU>(x, factors, out, cells, channels);                                            \
    }
NORMALISE(normalise_f32_f32, false, float, float)
NORMALISE(normalise_silu_f32_f32, true, float, float)
NORMALISE(normalise_bf16_bf16, false, bf16, bf16)
NORMALISE(normalise_silu_bf16_bf16, true, bf16, bf16)

#define NORMALISE_QUANTISED(NAME, SILU, T, OUT)                                                           \
    extern "C" __global__ void __launch_bounds__(256)                                                     \
        NAME(const T* x, const float* factors, OUT* out, float* out_scales, int channels) {               \
        normalise_quantised<SILU>(x, factors, out, out_scales, channels);                                 \
    }
NORMALISE_QUANTISED(normalise_bf16_fp8, false, bf16, e4m3)
NORMALISE_QUANTISED(normalise_silu_bf16_fp8, true, bf16, e4m3)
NORMALISE_QUANTISED(normalise_bf16_int8, false, bf16, int8)
NORMALISE_QUANTISED(normalise_silu_bf16_int8, true, bf16, int8)

#define TO_RGB8(NAME, T)                                                                                  \
    extern "C" __global__ void NAME(const T* x, unsigned char* out, long long count) {                    \
        to_rgb8(x, out, count);                                                                           \
    }
TO_RGB8(to_rgb8_f32, float)
TO_RGB8(to_rgb8_bf16, bf16)
