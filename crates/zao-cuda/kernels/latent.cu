// Latents: to tokens and back, one step of the solver, guidance, and the way into the decoder.
// A latent is f32 [channels, height * width]. All are small; the launch is most of their time.
//
// Launch: 256 threads; grid = elements of the result / 256 rounded up, unless said otherwise.
#include "row.cuh"

__device__ __forceinline__ long long thread_index() {
    return (long long)blockIdx.x * blockDim.x + threadIdx.x;
}

// How a latent is cut: its extents are multiples of the side of a patch.
struct Patches {
    int channels;
    int grid_height;
    int grid_width;
    int patch;

    __device__ __forceinline__ int tokens() const { return grid_height / patch * (grid_width / patch); }

    // Where the element `column` of a token stands in the latent.
    __device__ __forceinline__ long long in_latent(int token, int column) const {
        int across = grid_width / patch;
        int channel = column % channels, in_patch = column / channels;
        int y = token / across * patch + in_patch / patch;
        int x = token % across * patch + in_patch % patch;
        return ((long long)channel * grid_height + y) * grid_width + x;
    }
};

// The elements of one token of a latent, or zeros past the last.
struct PatchRow {
    const float* latent;
    Patches patches;
    int token;

    __device__ __forceinline__ float at(int column) const {
        return token < patches.tokens() ? latent[patches.in_latent(token, column)] : 0.0f;
    }
};

// out [rows, patch * patch * channels]; rows past the patches become zero.
template <class Out>
__device__ __forceinline__ void patchify(const float* latent, Patches patches, Out* out, long long rows) {
    int width = patches.patch * patches.patch * patches.channels;
    long long index = thread_index();
    if (index >= rows * width) return;
    PatchRow row{latent, patches, (int)(index / width)};
    out[index] = narrow<Out>(row.at((int)(index % width)));
}

// The same into 8 bits. Grid = rows, 32 threads.
template <class Out>
__device__ __forceinline__ void patchify_quantised(const float* latent, Patches patches, Out* out,
                                                   float* out_scales) {
    int width = patches.patch * patches.patch * patches.channels;
    PatchRow row{latent, patches, (int)blockIdx.x};
    float peak = Peak::identity();
    for (int column = threadIdx.x; column < width; column += 32) peak = Peak::of(peak, fabsf(row.at(column)));
    peak = reduce<Peak>(peak, nullptr);
    float factor = to_range<Out>(peak);
    RowOut<Out> to = row_out(out, out_scales, blockIdx.x, width);
    for (int column = threadIdx.x; column < width; column += 32) {
        to.values[column] = narrow<Out>(row.at(column) * factor);
    }
    if (threadIdx.x == 0) *to.scale = peak / largest<Out>::value;
}

// x [rows, patch * patch * channels], out f32 [channels, cells]: the inverse, from row first_row on.
template <class T>
__device__ __forceinline__ void unpatchify(const T* x, int first_row, Patches patches, float* out) {
    int width = patches.patch * patches.patch * patches.channels;
    long long index = thread_index();
    if (index >= (long long)patches.tokens() * width) return;
    int token = (int)(index / width), column = (int)(index % width);
    out[patches.in_latent(token, column)] = widen(x[(long long)first_row * width + index]);
}

// latent += delta * velocity.
extern "C" __global__ void euler_step_f32(float* latent, const float* velocity, float delta, long long count) {
    long long index = thread_index();
    if (index < count) latent[index] += delta * velocity[index];
}

// Sums of squares of the positive prediction and of the guided one, by block.
constexpr int PARTS = 128;
__device__ double squares[2][PARTS];

__device__ __forceinline__ float guided(float positive, float negative, float guidance) {
    return positive + guidance * (positive - negative);
}

// Threads of a block to the sum of all, in a fixed order; valid in thread 0. `shared` holds 8 doubles.
__device__ __forceinline__ double block_sum(double value, double* shared) {
#pragma unroll
    for (int step = 16; step > 0; step /= 2) value += __shfl_xor_sync(~0u, value, step);
    __syncthreads();
    if (threadIdx.x % 32 == 0) shared[threadIdx.x / 32] = value;
    __syncthreads();
    value = 0.0;
    for (int warp = 0; warp < 8; warp++) value += shared[warp];
    return value;
}

// Before cfg_combine_limited_f32, on the same stream. Grid = 128. Summed in f64: a whole latent is too
// long a sum for f32.
extern "C" __global__ void __launch_bounds__(256)
    cfg_squares_f32(const float* positive, const float* negative, float guidance, long long count) {
    __shared__ double shared[8];
    double of_positive = 0.0, of_guided = 0.0;
    for (long long i = thread_index(); i < count; i += PARTS * 256) {
        double p = positive[i], g = guided(positive[i], negative[i], guidance);
        of_positive += p * p;
        of_guided += g * g;
    }
    of_positive = block_sum(of_positive, shared);
    of_guided = block_sum(of_guided, shared);
    if (threadIdx.x == 0) {
        squares[0][blockIdx.x] = of_positive;
        squares[1][blockIdx.x] = of_guided;
    }
}

// out = positive + guidance * (positive - negative), scaled down to `limit` times the norm of the positive
// prediction if it is longer.
extern "C" __global__ void __launch_bounds__(256)
    cfg_combine_limited_f32(const float* positive, const float* negative, float* out, float guidance,
                            float limit, long long count) {
    __shared__ double shared[8];
    bool mine = threadIdx.x < PARTS;
    double of_positive = block_sum(mine ? squares[0][threadIdx.x] : 0.0, shared);
    double of_guided = block_sum(mine ? squares[1][threadIdx.x] : 0.0, shared);
    double allowed = limit * sqrt(of_positive), reached = sqrt(of_guided);
    float factor = reached > allowed ? (float)(allowed / reached) : 1.0f;
    long long index = thread_index();
    if (index < count) out[index] = guided(positive[index], negative[index], guidance) * factor;
}

// The same without a limit.
extern "C" __global__ void cfg_combine_f32(const float* positive, const float* negative, float* out,
                                           float guidance, long long count) {
    long long index = thread_index();
    if (index < count) out[index] = guided(positive[index], negative[index], guidance);
}

// latent f32 [channels, cells], out [cells, channels] = latent / scale + shift.
template <class Out>
__device__ __forceinline__ void latent_to_image(const float* latent, Out* out, float scale, float shift,
                                                int channels, int cells) {
    // Neighbouring threads read neighbouring cells; the writes of a warp fall into one stretch.
    long long index = thread_index();
    if (index >= (long long)channels * cells) return;
    long long cell = index % cells, channel = index / cells;
    out[cell * channels + channel] = narrow<Out>(latent[index] / scale + shift);
}

#define PATCHIFY(NAME, OUT)                                                                               \
    extern "C" __global__ void NAME(const float* latent, Patches patches, OUT* out, long long rows) {     \
        patchify(latent, patches, out, rows);                                                             \
    }
PATCHIFY(patchify_f32, float)
PATCHIFY(patchify_bf16, bf16)

#define PATCHIFY_QUANTISED(NAME, OUT)                                                                     \
    extern "C" __global__ void __launch_bounds__(32)                                                      \
        NAME(const float* latent, Patches patches, OUT* out, float* out_scales) {                         \
        patchify_quantised(latent, patches, out, out_scales);                                             \
    }
PATCHIFY_QUANTISED(patchify_fp8, e4m3)
PATCHIFY_QUANTISED(patchify_int8, int8)

#define UNPATCHIFY(NAME, T)                                                                               \
    extern "C" __global__ void NAME(const T* x, int first_row, Patches patches, float* out) {             \
        unpatchify(x, first_row, patches, out);                                                           \
    }
UNPATCHIFY(unpatchify_f32, float)
UNPATCHIFY(unpatchify_bf16, bf16)

#define LATENT_TO_IMAGE(NAME, OUT)                                                                        \
    extern "C" __global__ void NAME(const float* latent, OUT* out, float scale, float shift,              \
                                    int channels, int cells) {                                            \
        latent_to_image(latent, out, scale, shift, channels, cells);                                      \
    }
LATENT_TO_IMAGE(latent_to_image_f32, float)
LATENT_TO_IMAGE(latent_to_image_bf16, bf16)
