// Rows into 8 bits with a scale each. Also `silu` of rows, whatever the result's type. One block a row, read
// once and written once (`_any`: read again).
//
// Launch as in norm.cu: grid = rows; `<name>`: width % 8 == 0 and width <= 16384, threads = width / 8 / 2
// rounded up to a multiple of 32; `<name>_any`: 256 threads, any width. out_scales f32 [rows] is for 8-bit
// results only.
#include "activation.cuh"
#include "overlap.cuh"
#include "row.cuh"

// Runs of a row that a thread holds.
constexpr int HELD = 2;

struct Same {
    static __device__ __forceinline__ float of(float x) { return x; }
};
template <class Out>
struct WithSilu {
    static __device__ __forceinline__ float of(float x) { return silu_for<Out>(x); }
};

template <class Row, class Function, class T, class Out>
__device__ __forceinline__ void map_row(const T* x, Out* out, float* out_scales, int width) {
    __shared__ float shared[32];
    join_stream();
    Row row(x + (long long)blockIdx.x * width, width);
    row.finish(row_out(out, out_scales, blockIdx.x, width), shared, [](int, int, auto& v) {
#pragma unroll
        for (int i = 0; i < sizeof(v) / sizeof(float); i++) v[i] = Function::of(v[i]);
    });
}

// out = f(x), both [rows, width].
#define MAP(NAME, FUNCTION, T, OUT)                                                                       \
    extern "C" __global__ void __launch_bounds__(1024)                                                    \
        NAME(const T* x, OUT* out, float* out_scales, int width) {                                        \
        map_row<HeldRow<T, HELD>, FUNCTION>(x, out, out_scales, width);                                   \
    }                                                                                                     \
    extern "C" __global__ void __launch_bounds__(256)                                                     \
        NAME##_any(const T* x, OUT* out, float* out_scales, int width) {                                  \
        map_row<ReadRow<T>, FUNCTION>(x, out, out_scales, width);                                         \
    }

MAP(quantise_f32_fp8, Same, float, e4m3)
MAP(quantise_f32_int8, Same, float, int8)
MAP(quantise_bf16_fp8, Same, bf16, e4m3)
MAP(quantise_bf16_int8, Same, bf16, int8)

MAP(silu_f32_f32, WithSilu<float>, float, float)
MAP(silu_f32_bf16, WithSilu<bf16>, float, bf16)
MAP(silu_f32_fp8, WithSilu<e4m3>, float, e4m3)
MAP(silu_f32_int8, WithSilu<int8>, float, int8)
MAP(silu_bf16_f32, WithSilu<float>, bf16, float)
MAP(silu_bf16_bf16, WithSilu<bf16>, bf16, bf16)
MAP(silu_bf16_fp8, WithSilu<e4m3>, bf16, e4m3)
MAP(silu_bf16_int8, WithSilu<int8>, bf16, int8)
