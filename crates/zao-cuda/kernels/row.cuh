// A row of a tensor as a thread block holds it: its sums, its largest element, and its way into memory
// as f32, bf16 or 8 bits with a scale.
//
// Two forms with one interface. `HeldRow` keeps the row in registers, so that it is read once: widths
// that are multiples of 8. `ReadRow` reads it again for each pass: any width. In both, which thread adds
// what depends on the width alone, so a row has the same bits wherever it stands.
#pragma once
#include "element.cuh"

// Elements that a thread treats together.
constexpr int VECTOR = 8;

struct Sum {
    static __device__ __forceinline__ float identity() { return 0.0f; }
    static __device__ __forceinline__ float of(float a, float b) { return a + b; }
};

// The larger magnitude; NaN if any is, so that a spoilt row is not stored as zeros.
struct Peak {
    static __device__ __forceinline__ float identity() { return 0.0f; }
    static __device__ __forceinline__ float of(float a, float b) {
        float larger;
        asm("max.NaN.f32 %0, %1, %2;" : "=f"(larger) : "f"(a), "f"(b));
        return larger;
    }
};

// Every thread of the block gets the reduction of all. `shared` holds 32 floats that no other reduction
// of the kernel uses, which saves a barrier.
template <class By>
__device__ __forceinline__ float reduce(float value, float* shared) {
#pragma unroll
    for (int step = 16; step > 0; step /= 2) {
        value = By::of(value, __shfl_xor_sync(~0u, value, step));
    }
    int warps = blockDim.x / 32;
    if (warps == 1) return value;
    int lane = threadIdx.x % 32;
    if (lane == 0) shared[threadIdx.x / 32] = value;
    __syncthreads();
    value = lane < warps ? shared[lane] : By::identity();
#pragma unroll
    for (int step = 16; step > 0; step /= 2) {
        value = By::of(value, __shfl_xor_sync(~0u, value, step));
    }
    return value;
}

// The same for a sum and a peak at once. `shared` holds 64 floats.
__device__ __forceinline__ void reduce_both(float& sum, float& peak, float* shared) {
#pragma unroll
    for (int step = 16; step > 0; step /= 2) {
        sum += __shfl_xor_sync(~0u, sum, step);
        peak = Peak::of(peak, __shfl_xor_sync(~0u, peak, step));
    }
    int warps = blockDim.x / 32;
    if (warps == 1) return;
    int lane = threadIdx.x % 32;
    if (lane == 0) {
        shared[threadIdx.x / 32] = sum;
        shared[32 + threadIdx.x / 32] = peak;
    }
    __syncthreads();
    sum = lane < warps ? shared[lane] : 0.0f;
    peak = lane < warps ? shared[32 + lane] : Peak::identity();
#pragma unroll
    for (int step = 16; step > 0; step /= 2) {
        sum += __shfl_xor_sync(~0u, sum, step);
        peak = Peak::of(peak, __shfl_xor_sync(~0u, peak, step));
    }
}

// Where a row goes in memory: a row of T, and for 8-bit T its scale.
template <class T>
struct RowOut {
    T* values;
    float* scale;
};

template <class T>
__device__ __forceinline__ RowOut<T> row_out(T* values, float* scales, long long row, int width) {
    return RowOut<T>{values + row * width, is_8bit<T>::value ? scales + row : nullptr};
}

// What a row whose largest magnitude is `peak` is multiplied with to use the whole range of an 8-bit T.
template <class T>
__device__ __forceinline__ float to_range(float peak) {
    // Below this the quotient would overflow; such a row is zero in any 8-bit form. NaN stays NaN.
    return peak < 1e-35f ? 0.0f : largest<T>::value / peak;
}

// The rows of a block: as many as of any other block, give or take one, and next to each other.
struct RowRange {
    int first;
    int end;

    explicit __device__ __forceinline__ RowRange(int rows)
        : first((int)((long long)rows * blockIdx.x / gridDim.x)),
          end((int)((long long)rows * (blockIdx.x + 1) / gridDim.x)) {}
};

// V runs of VECTOR elements a thread. At least width / VECTOR / V threads, a multiple of 32.
template <class T, int V>
struct HeldRow {
    // A row on its way from memory.
    struct Raw {
        static constexpr int WORDS = VECTOR * sizeof(T) / sizeof(uint4);
        uint4 words[V][WORDS];

        __device__ __forceinline__ Raw(const T* row, int width) {
#pragma unroll
            for (int slot = 0; slot < V; slot++) {
                if (column(slot) < width) {
#pragma unroll
                    for (int i = 0; i < WORDS; i++) {
                        words[slot][i] = reinterpret_cast<const uint4*>(row + column(slot))[i];
                    }
                }
            }
        }
    };

    // fill(column, values) for all columns of this thread, kept until `refresh`.
    template <class Fill>
    struct Columns {
        Fill fill;
        float values[V][VECTOR];

        explicit __device__ __forceinline__ Columns(Fill fill) : fill(fill) {}

        __device__ __forceinline__ void refresh(int width) {
#pragma unroll
            for (int slot = 0; slot < V; slot++) {
                if (column(slot) < width) fill(column(slot), values[slot]);
            }
        }

        __device__ __forceinline__ void get(int slot, int, float (&to)[VECTOR]) const {
#pragma unroll
            for (int i = 0; i < VECTOR; i++) to[i] = values[slot][i];
        }
    };

    // What `each` leaves in the values is there the next time.
    static constexpr bool KEEPS = true;

    float values[V][VECTOR];
    int width;

    // A row still to be filled, by `each`.
    explicit __device__ __forceinline__ HeldRow(int width) : width(width) {}

    __device__ __forceinline__ HeldRow(const T* row, int width) : HeldRow(Raw(row, width), width) {}

    __device__ __forceinline__ HeldRow(const Raw& raw, int width) : width(width) {
#pragma unroll
        for (int slot = 0; slot < V; slot++) {
            const T* elements = reinterpret_cast<const T*>(raw.words[slot]);
#pragma unroll
            for (int i = 0; i < VECTOR; i++) values[slot][i] = widen(elements[i]);
        }
    }

    static __device__ __forceinline__ int column(int slot) {
        return (slot * (int)blockDim.x + (int)threadIdx.x) * VECTOR;
    }

    // visit(slot, column, values) for every run of this thread; values may be changed.
    template <class Visit>
    __device__ __forceinline__ void each(Visit visit) {
#pragma unroll
        for (int slot = 0; slot < V; slot++) {
            if (column(slot) < width) visit(slot, column(slot), values[slot]);
        }
    }

    template <class By, class Of>
    __device__ __forceinline__ float reduced(float* shared, Of of) {
        // Two sums that do not wait for each other.
        float even = By::identity(), odd = By::identity();
        each([&](int, int, float(&v)[VECTOR]) {
#pragma unroll
            for (int i = 0; i < VECTOR; i += 2) {
                even = By::of(even, of(v[i]));
                odd = By::of(odd, of(v[i + 1]));
            }
        });
        return reduce<By>(By::of(even, odd), shared);
    }

    // The elements of `slot`, which begin at `column`.
    template <int N>
    __device__ __forceinline__ void get(int slot, int, float (&to)[N]) const {
#pragma unroll
        for (int i = 0; i < N; i++) to[i] = values[slot][i];
    }

    // Maps all elements and keeps the results, as a tensor of T would.
    template <class Map>
    __device__ __forceinline__ void replace(T* row, Map map) {
        each([&](int slot, int column, float(&v)[VECTOR]) {
            map(slot, column, v);
            store(row + column, v);
#pragma unroll
            for (int i = 0; i < VECTOR; i++) v[i] = rounded<T>(v[i]);
        });
    }

    // Maps all elements and stores the results.
    template <class Out, class Map>
    __device__ __forceinline__ void finish(RowOut<Out> out, float* shared, Map map) {
        if constexpr (is_8bit<Out>::value) {
            each(map);
            float peak = reduced<Peak>(shared, [](float v) { return fabsf(v); });
            float factor = to_range<Out>(peak);
            each([&](int, int column, float(&v)[VECTOR]) {
#pragma unroll
                for (int i = 0; i < VECTOR; i++) v[i] *= factor;
                store(out.values + column, v);
            });
            if (threadIdx.x == 0) *out.scale = peak / largest<Out>::value;
        } else {
            each([&](int slot, int column, float(&v)[VECTOR]) {
                map(slot, column, v);
                store(out.values + column, v);
            });
        }
    }
};

template <class T>
struct ReadRow {
    static constexpr bool KEEPS = false;

    struct Raw {
        const T* row;

        __device__ __forceinline__ Raw(const T* row, int) : row(row) {}
    };

    template <class Fill>
    struct Columns {
        Fill fill;

        explicit __device__ __forceinline__ Columns(Fill fill) : fill(fill) {}

        __device__ __forceinline__ void refresh(int) {}

        __device__ __forceinline__ void get(int, int column, float (&to)[1]) const { fill(column, to); }
    };

    const T* row;
    int width;

    __device__ __forceinline__ ReadRow(const Raw& raw, int width) : ReadRow(raw.row, width) {}

    __device__ __forceinline__ ReadRow(const T* row, int width) : row(row), width(width) {}

    template <class Visit>
    __device__ __forceinline__ void each(Visit visit) {
        for (int column = threadIdx.x; column < width; column += blockDim.x) {
            float v[1] = {widen(row[column])};
            visit(0, column, v);
        }
    }

    template <class By, class Of>
    __device__ __forceinline__ float reduced(float* shared, Of of) {
        float result = By::identity();
        each([&](int, int, float(&v)[1]) { result = By::of(result, of(v[0])); });
        return reduce<By>(result, shared);
    }

    __device__ __forceinline__ void get(int, int column, float (&to)[1]) const { to[0] = widen(row[column]); }

    template <class Map>
    __device__ __forceinline__ void replace(T* to, Map map) {
        each([&](int slot, int column, float(&v)[1]) {
            map(slot, column, v);
            to[column] = narrow<T>(v[0]);
        });
    }

    template <class Out, class Map>
    __device__ __forceinline__ void finish(RowOut<Out> out, float* shared, Map map) {
        if constexpr (is_8bit<Out>::value) {
            float peak = Peak::identity();
            each([&](int slot, int column, float(&v)[1]) {
                map(slot, column, v);
                peak = Peak::of(peak, fabsf(v[0]));
            });
            peak = reduce<Peak>(peak, shared);
            float factor = to_range<Out>(peak);
            each([&](int slot, int column, float(&v)[1]) {
                map(slot, column, v);
                out.values[column] = narrow<Out>(v[0] * factor);
            });
            if (threadIdx.x == 0) *out.scale = peak / largest<Out>::value;
        } else {
            each([&](int slot, int column, float(&v)[1]) {
                map(slot, column, v);
                out.values[column] = narrow<Out>(v[0]);
            });
        }
    }
};
