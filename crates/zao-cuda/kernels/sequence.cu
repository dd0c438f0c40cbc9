// What makes, marks and moves tokens: time, pad tokens, row copies. All are bound by memory
// or by their launch.
//
// Launch: 256 threads; grid as said at each kernel.
#include "element.cuh"

__device__ __forceinline__ long long thread_index() {
    return (long long)blockIdx.x * blockDim.x + threadIdx.x;
}

// out f32 [times, width] = cosines, then sines, of times[row] * exp(-ln(10000) j / half), the half-width
// being `half`. Grid = rows.
extern "C" __global__ void timestep_embedding_f32(const float* times, float* out, int width) {
    // ln(10000) rounded to f32, and one rounding for each operation, as PyTorch does it.
    const float rate = -9.210340371976184f;
    int half = width / 2;
    float time = times[blockIdx.x];
    float* row = out + (long long)blockIdx.x * width;
    for (int j = threadIdx.x; j < half; j += blockDim.x) {
        float frequency = expf(__fdiv_rn(__fmul_rn(rate, (float)j), (float)half));
        float angle = __fmul_rn(time, frequency);
        row[j] = cosf(angle);
        row[half + j] = sinf(angle);
    }
}

// Writes vector f32 [width] over the rows from first_row on. Grid = number of rows to write.
template <class T>
__device__ __forceinline__ void fill_rows(T* x, const float* vector, int first_row, int width) {
    T* row = x + (long long)(first_row + blockIdx.x) * width;
    if (width % 8 == 0) {
        for (int column = 8 * threadIdx.x; column < width; column += 8 * blockDim.x) {
            float v[8];
            load(vector + column, v);
            store(row + column, v);
        }
    } else {
        for (int column = threadIdx.x; column < width; column += blockDim.x) {
            row[column] = narrow<T>(vector[column]);
        }
    }
}

// `count` elements in a row, converted. `from` and `to` point at the first row of each. Grid = count / 2048
// rounded up. Bytes of 8-bit tensors and tensors of one type are moved as bytes by `copy_bytes`.
template <class T, class Out>
__device__ __forceinline__ void copy_elements(const T* from, Out* to, long long count) {
    long long start = 8 * thread_index();
    bool aligned = (((unsigned long long)from | (unsigned long long)to) & 15) == 0;
    if (aligned && start + 8 <= count) {
        float v[8];
        load(from + start, v);
        store(to + start, v);
    } else {
        for (long long i = start; i < start + 8 && i < count; i++) to[i] = narrow<Out>(widen(from[i]));
    }
}

// `count` bytes, from and to anywhere. Grid = count / 4096 rounded up.
extern "C" __global__ void copy_bytes(const unsigned char* from, unsigned char* to, long long count) {
    long long start = 16 * thread_index();
    bool aligned = (((unsigned long long)from | (unsigned long long)to) & 15) == 0;
    if (aligned && start + 16 <= count) {
        *reinterpret_cast<uint4*>(to + start) = *reinterpret_cast<const uint4*>(from + start);
    } else {
        // Neighbouring threads take neighbouring bytes, for the addresses that no wider access fits.
        long long block = 16ll * blockDim.x * blockIdx.x;
        if (aligned) {
            for (long long i = start; i < count && i < start + 16; i++) to[i] = from[i];
        } else {
            for (int i = 0; i < 16; i++) {
                long long at = block + i * (long long)blockDim.x + threadIdx.x;
                if (at < count) to[at] = from[at];
            }
        }
    }
}

// Rows of an 8-bit tensor widened: `values` and `scales` point at the first row of each. Grid = rows.
template <class T, class Out>
__device__ __forceinline__ void dequantise(const T* values, const float* scales, Out* to, int width) {
    const T* row = values + (long long)blockIdx.x * width;
    Out* out = to + (long long)blockIdx.x * width;
    float scale = scales[blockIdx.x];
    for (int column = threadIdx.x; column < width; column += blockDim.x) {
        out[column] = narrow<Out>(widen(row[column]) * scale);
    }
}

#define FILL_ROWS(NAME, T)                                                                                \
    extern "C" __global__ void NAME(T* x, const float* vector, int first_row, int width) {                \
        fill_rows(x, vector, first_row, width);                                                           \
    }
FILL_ROWS(fill_rows_f32, float)
FILL_ROWS(fill_rows_bf16, bf16)

#define COPY(NAME, T, OUT)                                                                                \
    extern "C" __global__ void NAME(const T* from, OUT* to, long long count) {                            \
        copy_elements(from, to, count);                                                                   \
    }
COPY(copy_f32_bf16, float, bf16)
COPY(copy_bf16_f32, bf16, float)

#define DEQUANTISE(NAME, T, OUT)                                                                          \
    extern "C" __global__ void NAME(const T* values, const float* scales, OUT* to, int width) {           \
        dequantise(values, scales, to, width);                                                            \
    }
DEQUANTISE(dequantise_fp8_f32, e4m3, float)
DEQUANTISE(dequantise_fp8_bf16, e4m3, bf16)
DEQUANTISE(dequantise_int8_f32, int8, float)
DEQUANTISE(dequantise_int8_bf16, int8, bf16)
