// Moments of group norms, a row of a picture at a time, and what a norm with these moments does to each
// channel. Applying it is in image.cu.
//
// A thread sums distances from the first value it met, in f32, so that a mean that is large beside the
// deviation costs no digits; every few values, and at last threads, are put together in f64, in an order
// that depends on the extents of the row alone.
#include "element.cuh"

// Values a thread has met: the young ones in f32, the older ones in f64.
struct Partial {
    float pivot = 0.0f;
    float sum = 0.0f;      // of distances from the pivot
    float squares = 0.0f;  // of their squares
    double old_sum = 0.0;
    double old_squares = 0.0;
    int count = 0;

    __device__ __forceinline__ void add(float v) {
        float distance = v - pivot;
        sum += distance;
        squares += distance * distance;
    }

    // After at most some dozens of values: a longer sum in f32 would lose digits.
    __device__ __forceinline__ void age() {
        old_sum += sum;
        old_squares += squares;
        sum = squares = 0.0f;
    }
};

// The same as mean and squared differences from it.
struct Moments {
    double mean;
    double squares;
    double count;
};

__device__ __forceinline__ Moments moments_of(Partial& p) {
    if (p.count == 0) return Moments{0.0, 0.0, 0.0};
    p.age();
    double sum = p.old_sum, count = p.count;
    double squares = p.old_squares - sum * sum / count;
    return Moments{p.pivot + sum / count, squares < 0.0 ? 0.0 : squares, count};
}

// moments f32 [rows of the picture, 3 * groups] = means; what rounding took from them; squares.
__device__ __forceinline__ void write_moments(float* moments, int row, int group, int groups,
                                              const Moments& m) {
    float* out = moments + (long long)row * 3 * groups;
    float mean = (float)m.mean;
    out[group] = mean;
    out[groups + group] = (float)(m.mean - mean);
    out[2 * groups + group] = (float)m.squares;
}

// Threads of a block, consecutive channels of a thread, and cells that it has on their way.
constexpr int THREADS = 256, RUN = 4, IN_FLIGHT = 8;

// x [rows * width, channels], rows of the picture from `top` on; channels / groups a multiple of 4.
// Grid = (rows, channels / 128 rounded up to what holds whole groups: see `slice`), 256 threads. A block
// treats `slice` channels of a row, whole groups, at most 128, a multiple of 4.
template <class T>
__device__ __forceinline__ void group_moments(const T* x, float* moments, int top, int width, int channels,
                                              int groups, int slice) {
    __shared__ double mean[THREADS], squares[THREADS];
    __shared__ int count[THREADS];
    int each = channels / groups;
    int first = blockIdx.y * slice, here = min(slice, channels - first);
    int runs = here / RUN;
    int lanes = THREADS / runs;
    int run = threadIdx.x % runs, lane = threadIdx.x / runs;
    const T* row = x + (long long)blockIdx.x * width * channels + first + RUN * run;

    Partial partial;
    if (lane < lanes && lane < width) {
        partial.pivot = widen(row[(long long)lane * channels]);
        for (int cell = lane; cell < width; cell += lanes * IN_FLIGHT) {
            float v[IN_FLIGHT][RUN];
#pragma unroll
            for (int i = 0; i < IN_FLIGHT; i++) {
                int at = cell + i * lanes;
                if (at < width) load(row + (long long)at * channels, v[i]);
            }
#pragma unroll
            for (int i = 0; i < IN_FLIGHT; i++) {
                if (cell + i * lanes < width) {
#pragma unroll
                    for (int j = 0; j < RUN; j++) partial.add(v[i][j]);
                    partial.count += RUN;
                }
            }
            partial.age();
        }
    }
    Moments own = moments_of(partial);
    mean[threadIdx.x] = own.mean;
    squares[threadIdx.x] = own.squares;
    count[threadIdx.x] = partial.count;
    __syncthreads();

    int runs_each = each / RUN;
    if (threadIdx.x < here / each) {
        double sum = 0.0;
        for (int l = 0; l < lanes; l++) {
            for (int r = 0; r < runs_each; r++) {
                int t = l * runs + threadIdx.x * runs_each + r;
                sum += mean[t] * count[t];
            }
        }
        Moments all{sum / ((double)width * each), 0.0, 0.0};
        for (int l = 0; l < lanes; l++) {
            for (int r = 0; r < runs_each; r++) {
                int t = l * runs + threadIdx.x * runs_each + r;
                double distance = mean[t] - all.mean;
                if (count[t] > 0) all.squares += squares[t] + count[t] * distance * distance;
            }
        }
        write_moments(moments, top + blockIdx.x, first / each + threadIdx.x, groups, all);
    }
}

__device__ __forceinline__ double warp_sum(double value) {
#pragma unroll
    for (int step = 16; step > 0; step /= 2) value += __shfl_xor_sync(~0u, value, step);
    return value;
}

// Every thread of the block gets the sum of all. `shared` has room for a value of each warp.
__device__ __forceinline__ double block_sum(double value, double* shared) {
    value = warp_sum(value);
    if (threadIdx.x % 32 == 0) shared[threadIdx.x / 32] = value;
    __syncthreads();
    value = 0.0;
#pragma unroll
    for (int warp = 0; warp < THREADS / 32; warp++) value += shared[warp];
    return value;
}

// Any channels. Grid = (rows, groups), 32 threads.
template <class T>
__device__ __forceinline__ void group_moments_any(const T* x, float* moments, int top, int width,
                                                  int channels, int groups) {
    int each = channels / groups, group = blockIdx.y;
    const T* row = x + (long long)blockIdx.x * width * channels + group * each;
    Partial partial;
    long long total = (long long)width * each;
    for (long long i = threadIdx.x; i < total; i += 32) {
        float v = widen(row[i / each * channels + i % each]);
        if (partial.count == 0) partial.pivot = v;
        partial.add(v);
        partial.count++;
        if (partial.count % 32 == 0) partial.age();
    }
    Moments own = moments_of(partial);
    Moments all{warp_sum(own.mean * own.count) / (double)total, 0.0, 0.0};
    double distance = own.mean - all.mean;
    all.squares = warp_sum(own.count > 0.0 ? own.squares + own.count * distance * distance : 0.0);
    if (threadIdx.x == 0) write_moments(moments, top + blockIdx.x, group, groups, all);
}

// moments f32 [height, 3 * groups], weight and bias f32 [channels], out f32 [3, channels] = means; factors;
// shifts. `width` is cells of a row. Grid = groups, 256 threads.
extern "C" __global__ void __launch_bounds__(THREADS)
    group_factors_f32(const float* moments, const float* weight, const float* bias, float* out, int height,
                      int width, int channels, int groups, float eps) {
    __shared__ double shared[2][THREADS / 32];
    int group = blockIdx.x, each = channels / groups;
    auto mean_of = [&](int y) {
        const float* row = moments + (long long)y * 3 * groups;
        return (double)row[group] + row[groups + group];
    };
    double sum = 0.0;
    for (int y = threadIdx.x; y < height; y += THREADS) sum += mean_of(y);
    double mean = block_sum(sum, shared[0]) / height;
    double count = (double)width * each, squares = 0.0;
    for (int y = threadIdx.x; y < height; y += THREADS) {
        double distance = mean_of(y) - mean;
        squares += moments[(long long)y * 3 * groups + 2 * groups + group] + count * distance * distance;
    }
    double variance = block_sum(squares, shared[1]) / (height * count);
    double inverse = 1.0 / sqrt(variance + (double)eps);
    double lost = mean - (float)mean;
    for (int c = group * each + threadIdx.x; c < (group + 1) * each; c += THREADS) {
        double factor = weight[c] * inverse;
        out[c] = (float)mean;
        out[channels + c] = (float)factor;
        out[2 * channels + c] = (float)(bias[c] - lost * factor);
    }
}

#define GROUP_MOMENTS(NAME, T)                                                                            \
    extern "C" __global__ void __launch_bounds__(THREADS, 4)                                              \
        NAME(const T* x, float* moments, int top, int width, int channels, int groups, int slice) {       \
        group_moments(x, moments, top, width, channels, groups, slice);                                   \
    }                                                                                                     \
    extern "C" __global__ void __launch_bounds__(32)                                                      \
        NAME##_any(const T* x, float* moments, int top, int width, int channels, int groups) {            \
        group_moments_any(x, moments, top, width, channels, groups);                                      \
    }
GROUP_MOMENTS(group_moments_f32, float)
GROUP_MOMENTS(group_moments_bf16, bf16)
