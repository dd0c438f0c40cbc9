// Packed rows on their way into a weight: those that take less memory as rows that are multiplied, how large the rest is,
// and rows that are multiplied as they are packed. One block of 256 threads a row, grid = rows.
#include "blocks.cuh"
#include "row.cuh"

// Values of a group here.
constexpr int GROUP = 16;

// Hands the values of a row of whole blocks to `each(column, v)`, a group at a time.
template <class Format, class Each>
__device__ __forceinline__ void each_group(const unsigned char* blocks, float scale, int width, Each each) {
    using Places = Units<Format, GROUP>;
    constexpr int GROUPS = groups_of<Format>::value;
    for (int i = threadIdx.x; i < width / (GROUP * GROUPS); i += blockDim.x) {
        const int number = i / Places::IN_BLOCK, unit = i % Places::IN_BLOCK;
        const unsigned char* block = blocks + number * Format::BYTES;
        Bits<GROUP> bits;
        Format::read(bits, block, unit);
#pragma unroll
        for (int g = 0; g < GROUPS; g++) {
            float v[GROUP];
            Format::group(v, bits, block, unit, g, scale);
#pragma unroll
            for (int k = 0; k < GROUP; k++) v[k] *= Format::LESS;
            each(number * Format::VALUES + Places::place(unit, g), v);
        }
    }
}

// Row i of `from` as values in shared memory, `row`, of `width`.
template <class Format>
struct Grouped {
    static __device__ __forceinline__ void fill(float* row, const unsigned char* from, const float* scales, int i,
                                                int width, int) {
        const unsigned char* blocks = from + (long long)i * (width / Format::VALUES) * Format::BYTES;
        const float scale = Format::SCALED ? scales[i] : 1.0f;
        each_group<Format>(blocks, scale, width, [&](int column, const auto& v) { store(row + column, v); });
        __syncthreads();
    }
};

// Integers whose rows were multiplied, `size` at a time, with the Hadamard matrix that is a Kronecker power; that undoes
// itself (`rotate` of zao-backend's scaled.rs).
struct Rotated {
    static __device__ __forceinline__ void fill(float* row, const unsigned char* from, const float* scales, int i,
                                                int width, int size) {
        Grouped<ScaledInt8>::fill(row, from, scales, i, width, size);
        for (int stride = 1; stride < size; stride *= 4) {
            for (int quad = threadIdx.x; quad < width / 4; quad += blockDim.x) {
                float* at = row + quad / stride * 4 * stride + quad % stride;
                const float a = at[0], b = at[stride], c = at[2 * stride], d = at[3 * stride];
                const float half = 0.5f * __fadd_rn(__fadd_rn(__fadd_rn(a, b), c), d);
                at[0] = half - d;
                at[stride] = half - c;
                at[2 * stride] = half - b;
                at[3 * stride] = half - a;
            }
            __syncthreads();
        }
    }
};

// The signs that zao-cpu flips before it rotates 512 values, a bit each: set for a minus.
__constant__ unsigned SIGNS[16] = {0x660db2ccu, 0x905313eau, 0x0d67c733u, 0x4d73e113u, 0x1099dbe1u, 0xa2be5747u,
                                   0xab24d055u, 0x5fecaec0u, 0xf959a558u, 0xe3753275u, 0x9abf9174u, 0x1a4699f9u,
                                   0xb81aedbbu, 0x6b6ceef2u, 0x8d28ff79u, 0xefbbabf7u};

// Sums and differences of `count` values, `size` (a power of two) at a time.
__device__ __forceinline__ void transform(float* values, int count, int size) {
    for (int step = 1; step < size; step *= 2) {
        for (int pair = threadIdx.x; pair < count / 2; pair += blockDim.x) {
            float* at = values + pair / step * 2 * step + pair % step;
            const float a = at[0], b = at[step];
            at[0] = a + b;
            at[step] = a - b;
        }
        __syncthreads();
    }
    const float factor = 1.0f / sqrtf((float)size);
    for (int i = threadIdx.x; i < count; i += blockDim.x) values[i] *= factor;
    __syncthreads();
}

// zao's int8 as processors multiply it (zao-backend's int8_panels.rs): panels of 32 rows, words of four inputs, 128 more
// than the integers, rotated 512 at a time and the rest by powers of two.
struct Panels {
    static __device__ __forceinline__ void fill(float* row, const unsigned char* from, const float* scales, int i,
                                                int width, int) {
        const int words = (width + 3) / 4;
        const unsigned* word = reinterpret_cast<const unsigned*>(from) + (long long)(i / 32) * words * 32 + i % 32;
        const float scale = scales[i];
        for (int w = threadIdx.x; w < words; w += blockDim.x) {
            const unsigned four = word[w * 32];
            for (int k = 0; k < 4 && 4 * w + k < width; k++) row[4 * w + k] = scale * byte_less(four >> 8 * k, 0, 128.0f);
        }
        __syncthreads();
        constexpr int WHOLE = 512;
        int done = width / WHOLE * WHOLE;
        transform(row, done, WHOLE);
        for (int power = WHOLE / 2; power > 0; power /= 2) {
            if ((width - done) & power) {
                transform(row + done, power, power);
                done += power;
            }
        }
        for (int c = threadIdx.x; c < width; c += blockDim.x) {
            if (SIGNS[c % WHOLE / 32] >> c % 32 & 1) row[c] = -row[c];
        }
        __syncthreads();
    }
};

// Row i of from becomes row first + i * step of to, [.., width], and of to_scales where OUT is 8-bit. `scales` f32
// [rows] are those that a format has beside its bytes. Shared memory: width floats.
template <class Source, class Out>
__device__ __forceinline__ void convert(const unsigned char* from, const float* scales, Out* to, float* to_scales,
                                        int width, int size, int first, int step) {
    extern __shared__ float row[];
    __shared__ float shared[32];
    Source::fill(row, from, scales, blockIdx.x, width, size);
    const long long at = first + (long long)blockIdx.x * step;
    ReadRow<float>(row, width).finish(row_out(to, to_scales, at, width), shared, [](int, int, auto&) {});
}

#define CONVERT(NAME, SOURCE, OUT)                                                                        \
    extern "C" __global__ void __launch_bounds__(256)                                                     \
        NAME(const unsigned char* from, const float* scales, OUT* to, float* to_scales, int width,        \
             int size, int first, int step) {                                                             \
        convert<SOURCE, OUT>(from, scales, to, to_scales, width, size, first, step);                      \
    }

CONVERT(q8_0_fp8, Grouped<Q8_0>, e4m3)
CONVERT(q8_0_int8, Grouped<Q8_0>, int8)
CONVERT(e4m3_int8, Grouped<ScaledE4m3>, int8)
CONVERT(e5m2_fp8, Grouped<ScaledE5m2>, e4m3)
CONVERT(e5m2_int8, Grouped<ScaledE5m2>, int8)
CONVERT(int8_fp8, Grouped<ScaledInt8>, e4m3)
CONVERT(rotated_f32, Rotated, float)
CONVERT(rotated_bf16, Rotated, bf16)
CONVERT(rotated_fp8, Rotated, e4m3)
CONVERT(rotated_int8, Rotated, int8)
CONVERT(panels_f32, Panels, float)
CONVERT(panels_bf16, Panels, bf16)
CONVERT(panels_fp8, Panels, e4m3)
CONVERT(panels_int8, Panels, int8)

// The same for rows that are multiplied as they come, of `width` bytes, a multiple of 16. `scales` may be null.
extern "C" __global__ void __launch_bounds__(256)
    same(const unsigned char* from, const float* scales, unsigned char* to, float* to_scales, int width, int, int first,
         int step) {
    const long long at = first + (long long)blockIdx.x * step;
    const uint4* source = reinterpret_cast<const uint4*>(from + (long long)blockIdx.x * width);
    uint4* out = reinterpret_cast<uint4*>(to + at * width);
    for (int i = threadIdx.x; i < width / 16; i += blockDim.x) out[i] = source[i];
    if (threadIdx.x == 0 && scales) to_scales[at] = scales[blockIdx.x];
}

// What rows that stay packed will be multiplied with to use the range of OUT, and what their elements are multiplied
// with then: factors and scales, f32 [rows].
template <class Format, class Out>
__device__ __forceinline__ void measure(const unsigned char* from, float* scales, float* factors, int width) {
    __shared__ float shared[32];
    const unsigned char* blocks = from + (long long)blockIdx.x * (width / Format::VALUES) * Format::BYTES;
    float peak = Peak::identity();
    each_group<Format>(blocks, 1.0f, width, [&](int, const auto& v) {
#pragma unroll
        for (int i = 0; i < GROUP; i++) peak = Peak::of(peak, fabsf(v[i]));
    });
    peak = reduce<Peak>(peak, shared);
    if (threadIdx.x == 0) {
        scales[blockIdx.x] = peak / largest<Out>::value;
        factors[blockIdx.x] = to_range<Out>(peak);
    }
}

#define MEASURE_AS(NAME, FORMAT, OUT)                                                                     \
    extern "C" __global__ void __launch_bounds__(256)                                                     \
        NAME(const unsigned char* from, float* scales, float* factors, int width) {                       \
        measure<FORMAT, OUT>(from, scales, factors, width);                                               \
    }
#define MEASURE(NAME, FORMAT)                                                                             \
    MEASURE_AS(measure_##NAME##_fp8, FORMAT, e4m3)                                                        \
    MEASURE_AS(measure_##NAME##_int8, FORMAT, int8)

MEASURE(q4_0, Q4_0)
MEASURE(q4_1, Q4_1)
MEASURE(q5_0, Q5_0)
MEASURE(q5_1, Q5_1)
MEASURE(q2_k, Q2_K)
MEASURE(q3_k, Q3_K)
MEASURE(q4_k, Q4_K)
MEASURE(q5_k, Q5_K)
MEASURE(q6_k, Q6_K)
MEASURE(int4, Int4)
