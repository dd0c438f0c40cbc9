// Normalisations over the width of a token, with the modulation of adaLN. A row is read once and written
// once (`_any`: read twice or more); a block has several, and fetches one while it works on the other.
//
// Launch: grid = rows, or as many blocks as run at once if those are fewer. `<name>`: width % 8 == 0 and width
// <= 8192; threads = width / 8 / HELD rounded up to a multiple of 32. `<name>_any`: 256 threads, any width.
// Names: <operation>_<type of x>_<type of out>, types f32, bf16, fp8, int8. f32 stays f32: it is the
// precision for checking.
#include "activation.cuh"
#include "modulation.cuh"
#include "overlap.cuh"
#include "row.cuh"

// Runs of a row that a thread holds, and threads for the widest row.
constexpr int HELD = 2, MOST_THREADS = 512;

__device__ __forceinline__ float square(float v) { return v * v; }

// 1 / sqrt(squares / width + eps).
__device__ __forceinline__ float root_mean_square_inverse(float squares, int width, float eps) {
    return rsqrtf(squares / width + eps);
}

// weight * (1 + scale), or the weight if there is no scale.
template <int N>
__device__ __forceinline__ void scaled_weight(const float* weight, const Modulator& scale, int column,
                                              float (&to)[N]) {
    load(weight + column, to);
    if (scale.present()) {
        float s[N];
        scale.get(column, s);
#pragma unroll
        for (int i = 0; i < N; i++) to[i] *= 1.0f + s[i];
    }
}

// weight * tanh(gate), or the weight if there is no gate.
template <class T, int N>
__device__ __forceinline__ void gated_weight(const float* weight, const Modulator& gate, int column,
                                             float (&to)[N]) {
    load(weight + column, to);
    if (gate.present()) {
        float g[N];
        gate.get(column, g);
#pragma unroll
        for (int i = 0; i < N; i++) to[i] *= tanh_for<T>(g[i]);
    }
}

// A vector of columns that `fill` makes, in the form that suits a kind of row.
template <class Row, class Fill>
__device__ __forceinline__ auto columns_of(Fill fill) {
    return typename Row::template Columns<Fill>(fill);
}

// Reductions of one row must not overtake those of the row before: two rows' worth of memory.
template <int REDUCTIONS>
struct Shared {
    float sums[2][REDUCTIONS][32];

    __device__ __forceinline__ float* of(int row, int reduction) { return sums[row % 2][reduction]; }
};

template <int N>
__device__ __forceinline__ void multiply(float (&v)[N], const float (&by)[N]) {
#pragma unroll
    for (int i = 0; i < N; i++) v[i] *= by[i];
}

// Stores row / root mean square * weight. `shared` holds 64 floats.
template <class Row, class Columns, class Out>
__device__ __forceinline__ void finish_rms(Row& row, const Columns& weight, RowOut<Out> out, int width,
                                           float eps, float* shared) {
    if constexpr (is_8bit<Out>::value) {
        // 8 bits show the row relative to its peak, so the division by the root is left to the scale, and
        // one reduction gives both.
        float squares = 0.0f, more_squares = 0.0f, peak = Peak::identity();
        row.each([&](int slot, int column, auto& v) {
            constexpr int N = sizeof(v) / sizeof(float);
            float w[N];
            weight.get(slot, column, w);
#pragma unroll
            for (int i = 0; i < N; i++) (i % 2 ? more_squares : squares) += square(v[i]);
            multiply(v, w);
#pragma unroll
            for (int i = 0; i < N; i++) peak = Peak::of(peak, fabsf(v[i]));
        });
        squares += more_squares;
        reduce_both(squares, peak, shared);
        float factor = to_range<Out>(peak);
        row.each([&](int slot, int column, auto& v) {
            constexpr int N = sizeof(v) / sizeof(float);
            if constexpr (!Row::KEEPS) {
                float w[N];
                weight.get(slot, column, w);
                multiply(v, w);
            }
#pragma unroll
            for (int i = 0; i < N; i++) v[i] *= factor;
            store(out.values + column, v);
        });
        if (threadIdx.x == 0) {
            *out.scale = peak / largest<Out>::value * root_mean_square_inverse(squares, width, eps);
        }
    } else {
        float squares = row.template reduced<Sum>(shared, square);
        float inverse = root_mean_square_inverse(squares, width, eps);
        row.finish(out, shared, [&](int slot, int column, auto& v) {
            constexpr int N = sizeof(v) / sizeof(float);
            float w[N];
            weight.get(slot, column, w);
#pragma unroll
            for (int i = 0; i < N; i++) v[i] *= inverse;
            multiply(v, w);
        });
    }
}

// What a norm multiplies by, before the kernel may read it: it comes nearer while the kernel before this one ends.
__device__ __forceinline__ void bring_nearer(const float* weight, const Modulation& modulation, int width) {
    for (int column = 32 * threadIdx.x; column < width; column += 32 * blockDim.x) {
        if (weight != nullptr) prefetch_line(weight + column);
        modulation.bring_nearer(column);
    }
}

template <class Row, class T, class Out>
__device__ __forceinline__ void rms_norm(const T* x, const float* weight, const Modulation& modulation,
                                         Out* out, float* out_scales, int rows, int width, float eps) {
    __shared__ Shared<2> shared;
    bring_nearer(weight, modulation, width);
    join_stream();
    RowRange range(rows);
    typename Row::Raw next(x + (long long)range.first * width, width);
    Modulator scale(modulation);
    auto weights = columns_of<Row>(
        [&](int column, auto& to) { scaled_weight(weight, scale, column, to); });
    for (int r = range.first; r < range.end; r++) {
        Row row(next, width);
        if (r + 1 < range.end) next = typename Row::Raw(x + (r + 1ll) * width, width);
        if (scale.moves_to(r)) weights.refresh(width);
        finish_rms(row, weights, row_out(out, out_scales, r, width), width, eps, shared.of(r, 0));
    }
}

template <class Row, class T, class Out>
__device__ __forceinline__ void layer_norm_scale(const T* x, const Modulation& modulation, Out* out,
                                                 float* out_scales, int rows, int width, float eps) {
    __shared__ Shared<3> shared;
    bring_nearer(nullptr, modulation, width);
    join_stream();
    RowRange range(rows);
    typename Row::Raw next(x + (long long)range.first * width, width);
    Modulator scale(modulation);
    auto weights = columns_of<Row>([&](int column, auto& to) {
        scale.get(column, to);
#pragma unroll
        for (int i = 0; i < sizeof(to) / sizeof(float); i++) to[i] += 1.0f;
    });
    for (int r = range.first; r < range.end; r++) {
        Row row(next, width);
        if (r + 1 < range.end) next = typename Row::Raw(x + (r + 1ll) * width, width);
        if (scale.moves_to(r)) weights.refresh(width);
        float mean = row.template reduced<Sum>(shared.of(r, 0), [](float v) { return v; }) / width;
        float squares =
            row.template reduced<Sum>(shared.of(r, 1), [&](float v) { return square(v - mean); });
        float inverse = root_mean_square_inverse(squares, width, eps);
        row.finish(row_out(out, out_scales, r, width), shared.of(r, 2), [&](int slot, int column, auto& v) {
            constexpr int N = sizeof(v) / sizeof(float);
            float w[N];
            weights.get(slot, column, w);
#pragma unroll
            for (int i = 0; i < N; i++) v[i] = (v[i] - mean) * inverse;
            multiply(v, w);
        });
    }
}

// x += norm of branch, stored at `to`; `x` then holds the sum as it is stored.
template <class Row, class Columns, class T>
__device__ __forceinline__ void add_norm(Row& x, T* to, Row& branch, const Columns& weights, int width,
                                         float eps, float* shared) {
    float inverse = root_mean_square_inverse(branch.template reduced<Sum>(shared, square), width, eps);
    x.replace(to, [&](int slot, int column, auto& v) {
        constexpr int N = sizeof(v) / sizeof(float);
        float b[N], w[N];
        branch.get(slot, column, b);
        weights.get(slot, column, w);
#pragma unroll
        for (int i = 0; i < N; i++) v[i] += b[i] * inverse * w[i];
    });
}

template <class Row, class T>
__device__ __forceinline__ void gated_residual(T* x, const T* y, const float* weight,
                                               const Modulation& modulation, int rows, int width,
                                               float eps) {
    __shared__ Shared<1> shared;
    bring_nearer(weight, modulation, width);
    join_stream();
    RowRange range(rows);
    typename Row::Raw next_y(y + (long long)range.first * width, width);
    typename Row::Raw next_x(x + (long long)range.first * width, width);
    Modulator gate(modulation);
    auto weights = columns_of<Row>(
        [&](int column, auto& to) { gated_weight<T>(weight, gate, column, to); });
    for (int r = range.first; r < range.end; r++) {
        Row branch(next_y, width), row(next_x, width);
        if (r + 1 < range.end) {
            next_y = typename Row::Raw(y + (r + 1ll) * width, width);
            next_x = typename Row::Raw(x + (r + 1ll) * width, width);
        }
        if (gate.moves_to(r)) weights.refresh(width);
        add_norm(row, x + (long long)r * width, branch, weights, width, eps, shared.of(r, 0));
    }
}

template <class Row, class T, class Out>
__device__ __forceinline__ void gated_residual_norm(T* x, const T* y, const float* weight,
                                                    const Modulation& modulation, float eps,
                                                    const float* next_weight,
                                                    const Modulation& next_modulation, float next_eps, Out* out,
                                                    float* out_scales, int rows, int width) {
    __shared__ Shared<3> shared;
    bring_nearer(next_weight, next_modulation, width);
    bring_nearer(weight, modulation, width);
    join_stream();
    RowRange range(rows);
    typename Row::Raw next_y(y + (long long)range.first * width, width);
    typename Row::Raw next_x(x + (long long)range.first * width, width);
    Modulator gate(modulation), scale(next_modulation);
    auto gates = columns_of<Row>(
        [&](int column, auto& to) { gated_weight<T>(weight, gate, column, to); });
    auto weights = columns_of<Row>(
        [&](int column, auto& to) { scaled_weight(next_weight, scale, column, to); });
    for (int r = range.first; r < range.end; r++) {
        Row branch(next_y, width), row(next_x, width);
        if (r + 1 < range.end) {
            next_y = typename Row::Raw(y + (r + 1ll) * width, width);
            next_x = typename Row::Raw(x + (r + 1ll) * width, width);
        }
        if (gate.moves_to(r)) gates.refresh(width);
        if (scale.moves_to(r)) weights.refresh(width);
        add_norm(row, x + (long long)r * width, branch, gates, width, eps, shared.of(r, 0));
        finish_rms(row, weights, row_out(out, out_scales, r, width), width, next_eps, shared.of(r, 1));
    }
}

// x [rows, width], weight f32 [width], out [rows, width]; out_scales f32 [rows], for 8-bit outputs only.
#define RMS_NORM(NAME, ROW, T, OUT)                                                               \
    extern "C" __global__ void __launch_bounds__(MOST_THREADS)                                            \
        NAME(const T* x, const float* weight, Modulation scale, OUT* out, float* out_scales, int rows,    \
             int width, float eps) {                                                                      \
        rms_norm<ROW>(x, weight, scale, out, out_scales, rows, width, eps);                               \
    }

// The same without a weight; the modulation must be there.
#define LAYER_NORM_SCALE(NAME, ROW, T, OUT)                                                       \
    extern "C" __global__ void __launch_bounds__(MOST_THREADS)                                            \
        NAME(const T* x, Modulation scale, OUT* out, float* out_scales, int rows, int width,              \
             float eps) {                                                                                 \
        layer_norm_scale<ROW>(x, scale, out, out_scales, rows, width, eps);                               \
    }

// x [rows, width] in place, y [rows, width], weight f32 [width].
#define GATED_RESIDUAL(NAME, ROW, T)                                                              \
    extern "C" __global__ void __launch_bounds__(MOST_THREADS)                                            \
        NAME(T* x, const T* y, const float* weight, Modulation gate, int rows, int width, float eps) {    \
        gated_residual<ROW>(x, y, weight, gate, rows, width, eps);                                        \
    }

// Both in one pass, bit for bit what they give one after the other: x as above, then out, which is the norm of x as it
// is stored.
#define GATED_RESIDUAL_NORM(NAME, ROW, T, OUT)                                                            \
    extern "C" __global__ void __launch_bounds__(MOST_THREADS)                                            \
        NAME(T* x, const T* y, const float* weight, Modulation gate, float eps, const float* next_weight, \
             Modulation next_scale, float next_eps, OUT* out, float* out_scales, int rows, int width) {   \
        gated_residual_norm<ROW>(x, y, weight, gate, eps, next_weight, next_scale, next_eps, out,         \
                                 out_scales, rows, width);                                                \
    }

// A macro cannot be given a type with a comma in it.
typedef HeldRow<float, HELD> HeldF32;
typedef HeldRow<bf16, HELD> HeldBf16;

#define EACH_TYPE(MACRO, NAME)                              \
    MACRO(NAME##_f32_f32, HeldF32, float, float)            \
    MACRO(NAME##_f32_f32_any, ReadRow<float>, float, float) \
    MACRO(NAME##_bf16_bf16, HeldBf16, bf16, bf16)           \
    MACRO(NAME##_bf16_bf16_any, ReadRow<bf16>, bf16, bf16)  \
    MACRO(NAME##_bf16_fp8, HeldBf16, bf16, e4m3)            \
    MACRO(NAME##_bf16_fp8_any, ReadRow<bf16>, bf16, e4m3)   \
    MACRO(NAME##_bf16_int8, HeldBf16, bf16, int8)           \
    MACRO(NAME##_bf16_int8_any, ReadRow<bf16>, bf16, int8)

EACH_TYPE(RMS_NORM, rms_norm)
EACH_TYPE(LAYER_NORM_SCALE, layer_norm_scale)
EACH_TYPE(GATED_RESIDUAL_NORM, gated_residual_norm)

GATED_RESIDUAL(gated_residual_f32, HeldF32, float)
GATED_RESIDUAL(gated_residual_f32_any, ReadRow<float>, float)
GATED_RESIDUAL(gated_residual_bf16, HeldBf16, bf16)
GATED_RESIDUAL(gated_residual_bf16_any, ReadRow<bf16>, bf16)
