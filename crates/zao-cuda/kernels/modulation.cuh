// The vector of adaLN outputs that modulates a row: which segment the row is of, and where its vector
// stands in the table.
#pragma once
#include "element.cuh"
#include "overlap.cuh"

// A table [segments, columns] of which each row modulates the rows of one segment.
struct Modulation {
    const void* table;    // first used column of the first row; null for no modulation
    const int* offsets;   // [segments + 1]: first row of each segment, then the number of rows
    int segments;
    int columns;          // elements from one row of the table to the next
    int table_is_bf16;    // else f32

    // The line at `column` of the vector of all rows, if there is one for all, without reading anything.
    __device__ __forceinline__ void bring_nearer(int column) const {
        if (segments != 1) return;
        const char* at = static_cast<const char*>(table);
        prefetch_line(at + (long long)column * (table_is_bf16 ? sizeof(bf16) : sizeof(float)));
    }
};

// The last segment that begins at or before `row`: empty ones before it are passed.
__device__ __forceinline__ int segment_of(const int* offsets, int segments, int row) {
    int low = 0, high = segments;
    while (high - low > 1) {
        int middle = (low + high) / 2;
        if (offsets[middle] <= row) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return low;
}

// The vector of one row, of rows that are visited in order.
struct Modulator {
    const Modulation& modulation;
    const float* f32 = nullptr;
    const bf16* narrow = nullptr;
    int end = -1;  // of the segment

    explicit __device__ __forceinline__ Modulator(const Modulation& m) : modulation(m) {}

    // Whether `row` has another vector than the row before it. The first row has.
    __device__ __forceinline__ bool moves_to(int row) {
        if (row < end) return false;
        if (modulation.table == nullptr) {
            end = 0x7fffffff;
            return true;
        }
        int segment = segment_of(modulation.offsets, modulation.segments, row);
        end = modulation.offsets[segment + 1];
        long long start = (long long)segment * modulation.columns;
        if (modulation.table_is_bf16) {
            narrow = static_cast<const bf16*>(modulation.table) + start;
        } else {
            f32 = static_cast<const float*>(modulation.table) + start;
        }
        return true;
    }

    __device__ __forceinline__ bool present() const { return f32 != nullptr || narrow != nullptr; }

    template <int N>
    __device__ __forceinline__ void get(int column, float (&to)[N]) const {
        if (f32 != nullptr) {
            load_unaligned(f32 + column, to);
        } else {
            load_unaligned(narrow + column, to);
        }
    }
};
