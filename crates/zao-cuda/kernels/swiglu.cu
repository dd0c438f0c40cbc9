// The second half of a SwiGLU layer, for products that a library made: libraries know no pairs.
//
// Launch: 256 threads; grid = count / 2048 rounded up.
#include "activation.cuh"
#include "overlap.cuh"

// out[i] = silu(sums[2i]) * sums[2i + 1]. sums bf16 [2 count], out bf16 [count], both on boundaries of 16
// bytes; count is a multiple of 8.
extern "C" __global__ void __launch_bounds__(256)
    swiglu_bf16(const bf16* sums, bf16* out, long long count) {
    join_stream();
    long long start = 8 * ((long long)blockIdx.x * blockDim.x + threadIdx.x);
    if (start >= count) return;
    float pairs[16], results[8];
    load(sums + 2 * start, pairs);
#pragma unroll
    for (int i = 0; i < 8; i++) results[i] = silu_for<bf16>(pairs[2 * i]) * pairs[2 * i + 1];
    store(out + start, results);
}
