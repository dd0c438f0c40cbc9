// What adapters do to the sums of a linear layer, which lie in memory as f32 in between: they are scaled, products
// are added to them (by the multiplies themselves, or here for Kronecker products), and then they are ended as those
// of any multiply. Of a SwiGLU pair the columns 2 i and 2 i + 1 are sums i of the first and of the second matrix.
//
// Launch: 256 threads; a thread for each element, or for four in end_sums.
#include "ending.cuh"

// The column of sum `sum` of `columns`.
__device__ __forceinline__ int column_of(int sum, int columns, int pair) {
    const int half = columns / 2;
    return !pair ? sum : sum < half ? 2 * sum : 2 * (sum - half) + 1;
}

// The sum in column `column` of `columns`.
__device__ __forceinline__ int sum_of(int column, int columns, int pair) {
    return pair ? column / 2 + (column & 1) * (columns / 2) : column;
}

// sums[rows, columns] *= gain[columns], the latter in the order of sums.
extern "C" __global__ void __launch_bounds__(256)
    gain_sums(float* sums, const float* gain, int columns, int pair, long long count) {
    const long long at = (long long)blockIdx.x * blockDim.x + threadIdx.x;
    if (at >= count) return;
    sums[at] = __fmul_rn(sums[at], gain[sum_of(int(at % columns), columns, pair)]);
}

// to[count] = scale * from[count].
template <class T>
__device__ __forceinline__ void scale_values(const T* from, T* to, float scale, long long count);
template <>
__device__ __forceinline__ void scale_values(const float* from, float* to, float scale, long long count) {
    const long long at = (long long)blockIdx.x * blockDim.x + threadIdx.x;
    if (at < count) to[at] = __fmul_rn(scale, from[at]);
}
template <>
__device__ __forceinline__ void scale_values(const bf16* from, bf16* to, float scale, long long count) {
    const long long at = (long long)blockIdx.x * blockDim.x + threadIdx.x;
    if (at < count) to[at] = to_bf16(__fmul_rn(scale, to_f32(from[at])));
}

struct Kronecker {
    // [rows, columns].
    float* sums;
    // [rows, i1, o2], f32 or bf16.
    const void* input;
    // [o1, i1].
    const float* left;
    float scale;
    int columns;
    int pair;
    // The first sum that is changed.
    int first;
    int o1;
    int i1;
    int o2;
    int rows;
};

// sums[row, first + a o2 + c] += scale * sum over b of left[a, b] * input[row, b, c].
template <class T>
__device__ __forceinline__ void add_kronecker(const Kronecker& k) {
    const long long at = (long long)blockIdx.x * blockDim.x + threadIdx.x;
    const int width = k.o1 * k.o2;
    if (at >= (long long)k.rows * width) return;
    const long long row = at / width;
    const int sum = int(at % width), a = sum / k.o2, c = sum % k.o2;
    const T* const input = static_cast<const T*>(k.input) + row * k.i1 * k.o2 + c;
    const float* const left = k.left + a * k.i1;
    float mixed = 0.0f;
    for (int b = 0; b < k.i1; ++b) mixed = fmaf(left[b], to_f32(input[(long long)b * k.o2]), mixed);
    float* const to = k.sums + row * k.columns + column_of(k.first + sum, k.columns, k.pair);
    *to = fmaf(k.scale, mixed, *to);
}

#define FOR_TYPE(T, SUFFIX)                                                                                            \
    extern "C" __global__ void __launch_bounds__(256)                                                                  \
        scale_##SUFFIX(const T* from, T* to, float scale, long long count) {                                           \
        scale_values<T>(from, to, scale, count);                                                                       \
    }                                                                                                                  \
    extern "C" __global__ void __launch_bounds__(256) kronecker_##SUFFIX(Kronecker k) { add_kronecker<T>(k); }

FOR_TYPE(float, f32)
FOR_TYPE(bf16, bf16)

// Ends sums[rows, columns] as `ending` says.
extern "C" __global__ void __launch_bounds__(256) end_sums(const float* sums, Ending ending, int rows, int columns) {
    const long long at = (long long)blockIdx.x * blockDim.x + threadIdx.x;
    const int pieces = (columns + 3) / 4;
    if (at >= (long long)rows * pieces) return;
    const int row = int(at / pieces), first = 4 * int(at % pieces);
    const EndingColumns<4> known(ending, first, columns);
    EndingRow<4> before;
    before.fetch(ending, known, row);
    const float* const from = sums + (long long)row * columns + first;
    float values[4];
#pragma unroll
    for (int i = 0; i < 4; ++i) values[i] = first + i < columns ? from[i] : 0.0f;
    finish<4>(ending, known, before, values);
}
