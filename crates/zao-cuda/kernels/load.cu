// Weights on their way from a file's form to the one that kernels read: rows converted or quantised, rows of
// two matrices interleaved, taps of a convolution brought outside. Speed is that of the bus at least; one
// block of 256 threads a row, grid = rows.
#include "row.cuh"

// IEEE half precision, which only files hold.
struct f16 {
    unsigned short bits;
};

__device__ __forceinline__ float widen(f16 x) {
    float value;
    asm("cvt.f32.f16 %0, %1;" : "=f"(value) : "h"(x.bits));
    return value;
}

// from [rows, width]; row i becomes row first + i * step of to [.., width], and of scales where OUT is 8-bit.
#define ROWS(NAME, T, OUT)                                                                                \
    extern "C" __global__ void __launch_bounds__(256)                                                     \
        NAME(const T* from, OUT* to, float* scales, int width, int first, int step) {                     \
        __shared__ float shared[32];                                                                      \
        ReadRow<T> row(from + (long long)blockIdx.x * width, width);                                      \
        long long at = first + (long long)blockIdx.x * step;                                              \
        row.finish(row_out(to, scales, at, width), shared, [](int, int, auto&) {});                       \
    }

// from [rows, channels, taps], to [rows, taps, channels].
#define TAPS(NAME, T, OUT)                                                                                \
    extern "C" __global__ void __launch_bounds__(256)                                                     \
        NAME(const T* from, OUT* to, int channels, int taps) {                                            \
        long long row = (long long)blockIdx.x * channels * taps;                                          \
        for (int i = threadIdx.x; i < channels * taps; i += blockDim.x) {                                 \
            int tap = i / channels, channel = i % channels;                                               \
            to[row + i] = narrow<OUT>(widen(from[row + channel * taps + tap]));                           \
        }                                                                                                 \
    }

#define FROM(NAME, T)                                                                                     \
    ROWS(rows_##NAME##_f32, T, float)                                                                     \
    ROWS(rows_##NAME##_bf16, T, bf16)                                                                     \
    ROWS(rows_##NAME##_fp8, T, e4m3)                                                                      \
    ROWS(rows_##NAME##_int8, T, int8)                                                                     \
    TAPS(taps_##NAME##_f32, T, float)                                                                     \
    TAPS(taps_##NAME##_bf16, T, bf16)

FROM(f32, float)
FROM(f16, f16)
FROM(bf16, bf16)
