// The end of a Hopper matrix multiply: from the sums of one warpgroup's 64 rows, as wgmma leaves them in
// registers, to memory. What may happen on the way is listed in ending.cuh.
//
// The four lanes that share a row hold two neighbouring columns each, so they exchange words until each
// holds 16 bytes of its own: whole sectors are written without a detour through shared memory, which
// the operands need. Nothing branches: what lies outside of the matrix is a predicate of single accesses, so
// that many of them are on their way at once.
#pragma once

#include "ending.cuh"
#include "overlap.cuh"
#include "sm90a_wgmma.cuh"

// Of four lanes with four words each, lane q gets word q of all: done twice, it changes nothing.
DEVICE void exchange_in_quad(unsigned* word) {
    const bool odd = threadIdx.x & 1, upper = threadIdx.x & 2;
#pragma unroll
    for (int i = 0; i < 4; i += 2) {
        const unsigned other = __shfl_xor_sync(~0u, odd ? word[i] : word[i + 1], 1);
        word[i] = odd ? other : word[i];
        word[i + 1] = odd ? word[i + 1] : other;
    }
#pragma unroll
    for (int i = 0; i < 2; ++i) {
        const unsigned other = __shfl_xor_sync(~0u, upper ? word[i] : word[i + 2], 2);
        word[i] = upper ? other : word[i];
        word[i + 2] = upper ? word[i + 2] : other;
    }
}

// Two floats that do not change while a kernel runs, or zeros where `there` is false.
DEVICE float2 read_pair(const float* at, bool there) {
    float2 pair;
    asm("{\n.reg .pred p;\nsetp.ne.b32 p, %3, 0;\nmov.b32 %0, 0;\nmov.b32 %1, 0;\n"
        "@p ld.global.nc.v2.f32 {%0, %1}, [%2];\n}"
        : "=&f"(pair.x), "=&f"(pair.y)
        : "l"(at), "r"(int(there)));
    return pair;
}

// A line of what does not change while a kernel runs, to the first-level cache.
DEVICE void touch(const float* at) {
    asm volatile("prefetch.global.L1 [%0];" ::"l"(at));
}

// 16 bytes, or zeros.
DEVICE void read_words(unsigned* word, const void* at, bool there) {
    asm volatile(
        "{\n.reg .pred p;\nsetp.ne.b32 p, %5, 0;\nmov.b32 %0, 0;\nmov.b32 %1, 0;\nmov.b32 %2, 0;\nmov.b32 %3, 0;\n"
        "@p ld.global.v4.b32 {%0, %1, %2, %3}, [%4];\n}"
        : "=&r"(word[0]), "=&r"(word[1]), "=&r"(word[2]), "=&r"(word[3])
        : "l"(at), "r"(int(there))
        : "memory");
}

DEVICE void write_words(void* at, const unsigned* word, bool there) {
    asm volatile(
        "{\n.reg .pred p;\nsetp.ne.b32 p, %5, 0;\n@p st.global.v4.b32 [%0], {%1, %2, %3, %4};\n}" ::"l"(at), "r"(word[0]),
        "r"(word[1]), "r"(word[2]), "r"(word[3]), "r"(int(there))
        : "memory");
}

// Sums of a warpgroup's 64 rows by N columns from `left` on, of a matrix of `columns`; this thread's two rows
// are `first` and `second`, negative where there is none.
template <class Operand, int N>
struct Sm90aEnding {
    using Sum = typename Operand::Sum;
    const Ending& ending;
    const int first, second;
    const int left, columns;
    float first_scale = 1.0f, second_scale = 1.0f;

    __device__ __forceinline__ Sm90aEnding(const Ending& ending, int first, int second, int left, int columns)
        : ending(ending), first(first), second(second), left(left), columns(columns) {
        if constexpr (Operand::SCALED) {
            first_scale = ending.row_scale[max(first, 0)];
            second_scale = ending.row_scale[max(second, 0)];
        }
    }

    // Brings what `write` reads nearer, so that it need not wait when the sums are there.
    __device__ __forceinline__ void prefetch() const {
        const int thread = threadIdx.x & 127, q = threadIdx.x & 3;
        if constexpr (Operand::SCALED) {
            touch(ending.row_scale + max(first, 0));
            touch(ending.row_scale + max(second, 0));
        }
        // Factors of columns: every 32nd, and the last, since they need not begin a line of the cache.
        const int column = left + min(32 * thread, N - 1);
        if (32 * thread < N + 32 && column < columns) {
            if (Operand::SCALED) touch(ending.column_scale + column);
            if (ending.bias) touch(ending.bias + column);
        }
        if (ending.kind == ENDING_ACCUMULATE && !ending.out_f32) {
            const bf16* const out = static_cast<const bf16*>(ending.out);
#pragma unroll
            for (int c = 32 * q; c < N; c += 128) {
                if (first >= 0 && left + c < columns) prefetch_line(out + size_t(first) * ending.out_width + left + c);
                if (second >= 0 && left + c < columns) prefetch_line(out + size_t(second) * ending.out_width + left + c);
            }
        }
    }

    // The sums times their scales and, unless it is null, `gain` (as in Sm90aAddends).
    __device__ __forceinline__ void scale(float (&scaled)[N / 2], const Sum (&sums)[N / 2], const float* gain) const {
        const bool pairs = ending.kind == ENDING_SWIGLU;
#pragma unroll
        for (int j = 0; j < N / 8; ++j) {
            const int column = left + 8 * j + 2 * int(threadIdx.x & 3);
            const bool there = 8 * j < room();
            float2 factor = {1.0f, 1.0f};
            if (Operand::SCALED) factor = read_pair(ending.column_scale + column, there);
            if (gain && there) {
                factor.x *= gain[pairs ? column / 2 : column];
                factor.y *= gain[pairs ? column / 2 + columns / 2 : column + 1];
            }
#pragma unroll
            for (int v = 0; v < 4; ++v) {
                const float row = v < 2 ? first_scale : second_scale;
                scaled[4 * j + v] = float(sums[4 * j + v]) * (row * (v % 2 ? factor.y : factor.x));
            }
        }
    }

    __device__ __forceinline__ void write(const Sum (&sums)[N / 2]) const {
        if (ending.out_f32) {
            write_f32(sums);
        } else if (ending.kind == ENDING_SWIGLU) {
            write_swiglu(sums);
        } else if (ending.kind == ENDING_SILU) {
            write_bf16<ENDING_SILU>(sums);
        } else if (ending.kind == ENDING_ACCUMULATE) {
            write_bf16<ENDING_ACCUMULATE>(sums);
        } else {
            write_bf16<ENDING_STORE>(sums);
        }
    }

  private:
    // What four blocks of 8 columns are scaled by and what is added to them, for this lane's pair of each.
    struct Factors {
        float2 scale[4];
        float2 bias[4];
    };

    // Columns from `left` on that the matrix has, less those before this lane's pair.
    __device__ __forceinline__ int room() const { return columns - left - 2 * int(threadIdx.x & 3); }

    template <bool BIAS>
    __device__ __forceinline__ void read_factors(Factors& factors, int block) const {
        const int column = left + 2 * (threadIdx.x & 3);
#pragma unroll
        for (int i = 0; i < 4; ++i) {
            const int j = block + i;
            if (j >= N / 8) break;
            const bool there = 8 * j < room();
            if (Operand::SCALED) factors.scale[i] = read_pair(ending.column_scale + column + 8 * j, there);
            if (BIAS) factors.bias[i] = read_pair(ending.bias + column + 8 * j, there && ending.bias);
        }
    }

    // Block `j` of 8 columns, whose factors are at `i`: the pair of the first row, then that of the second.
    template <bool BIAS>
    __device__ __forceinline__ void values(float (&value)[4], const Sum (&sums)[N / 2], int j, const Factors& factors,
                                           int i) const {
#pragma unroll
        for (int v = 0; v < 4; ++v) {
            value[v] = float(sums[4 * j + v]);
            if (Operand::SCALED) {
                value[v] *= (v < 2 ? first_scale : second_scale) * (v % 2 ? factors.scale[i].y : factors.scale[i].x);
            }
            if (BIAS) value[v] += v % 2 ? factors.bias[i].y : factors.bias[i].x;
        }
    }

    // Block `j` of the two rows, as words of two bf16.
    template <int KIND>
    __device__ __forceinline__ void words(unsigned& above, unsigned& below, const Sum (&sums)[N / 2], int j,
                                          const Factors& factors, int i) const {
        float value[4];
        values<true>(value, sums, j, factors, i);
        if constexpr (KIND == ENDING_SILU) {
#pragma unroll
            for (int v = 0; v < 4; ++v) value[v] = fast_silu(value[v]);
        }
        // What is held has come to where the result goes.
        if constexpr (KIND == ENDING_ACCUMULATE) {
            value[0] += low_bf16(above);
            value[1] += high_bf16(above);
            value[2] += low_bf16(below);
            value[3] += high_bf16(below);
        }
        above = pack_bf16(value[0], value[1]);
        below = pack_bf16(value[2], value[3]);
    }

    template <int KIND>
    __device__ __forceinline__ void write_bf16(const Sum (&sums)[N / 2]) const {
        const int q = threadIdx.x & 3;
        // As many reads are on their way at once as there are registers for.
        constexpr int BATCH = N / 8 < 16 ? N / 8 / 4 * 4 : 16;
        bf16* const out = static_cast<bf16*>(ending.out) + left + 8 * q;
        bf16* const out_above = out + size_t(max(first, 0)) * ending.out_width;
        bf16* const out_below = out + size_t(max(second, 0)) * ending.out_width;
        // Columns that the matrix has from this lane's eight on.
        const int room = columns - left - 8 * q;
        Factors factors;
        read_factors<true>(factors, 0);
#pragma unroll
        for (int start = 0; start + 4 <= N / 8; start += BATCH) {
            unsigned above[BATCH], below[BATCH];
            if constexpr (KIND == ENDING_ACCUMULATE) {
#pragma unroll
                for (int b = 0; b < BATCH && start + b + 4 <= N / 8; b += 4) {
                    const int column = 8 * (start + b);
                    read_words(above + b, out_above + column, first >= 0 && column < room);
                    read_words(below + b, out_below + column, second >= 0 && column < room);
                }
            }
#pragma unroll
            for (int b = 0; b < BATCH && start + b + 4 <= N / 8; b += 4) {
                if constexpr (KIND == ENDING_ACCUMULATE) {
                    exchange_in_quad(above + b);
                    exchange_in_quad(below + b);
                }
                Factors next;
                if (start + b + 4 < N / 8) read_factors<true>(next, start + b + 4);
#pragma unroll
                for (int i = 0; i < 4; ++i) {
                    words<KIND>(above[b + i], below[b + i], sums, start + b + i, factors, i);
                }
                factors = next;
                exchange_in_quad(above + b);
                exchange_in_quad(below + b);
                const int column = 8 * (start + b);
                write_words(out_above + column, above + b, first >= 0 && column < room);
                write_words(out_below + column, below + b, second >= 0 && column < room);
            }
        }
        // Two blocks that are left: their four words are two rows by two chunks.
        if constexpr (N % 32 != 0) {
            constexpr int j = N / 8 - 2;
            const int row = q < 2 ? first : second, column = left + 8 * (j + (q & 1));
            const bool there = row >= 0 && column < columns;
            bf16* const at = static_cast<bf16*>(ending.out) + size_t(max(row, 0)) * ending.out_width + column;
            unsigned word[4];
            if constexpr (KIND == ENDING_ACCUMULATE) {
                read_words(word, at, there);
                exchange_in_quad(word);
            }
            words<KIND>(word[0], word[2], sums, j, factors, 0);
            words<KIND>(word[1], word[3], sums, j + 1, factors, 1);
            exchange_in_quad(word);
            write_words(at, word, there);
        }
    }

    // Lane q has every fourth column of the result, so a word pairs two blocks, and the exchange leaves
    // columns 0 4, 1 5, 2 6 and 3 7 in the four words.
    __device__ __forceinline__ void write_swiglu(const Sum (&sums)[N / 2]) const {
        const int q = threadIdx.x & 3, row = q < 2 ? first : second, chunk = q & 1;
        bf16* const out =
            static_cast<bf16*>(ending.out) + size_t(max(row, 0)) * ending.out_width + left / 2 + 8 * chunk;
        // Sums that the matrix has from those of this lane's eight columns on.
        const int room = row < 0 ? 0 : columns - left - 16 * chunk;
        Factors factors;
        read_factors<false>(factors, 0);
#pragma unroll
        for (int j = 0; j < N / 8; j += 4) {
            Factors next;
            if (j + 4 < N / 8) read_factors<false>(next, j + 4);
            unsigned word[4] = {0, 0, 0, 0};
#pragma unroll
            for (int i = 0; i < 4 && j + i < N / 8; i += 2) {
                float low[4], high[4];
                values<false>(low, sums, j + i, factors, i);
                values<false>(high, sums, j + i + 1, factors, i + 1);
                word[i / 2] = pack_bf16(fast_silu(low[0]) * low[1], fast_silu(high[0]) * high[1]);
                word[2 + i / 2] = pack_bf16(fast_silu(low[2]) * low[3], fast_silu(high[2]) * high[3]);
            }
            factors = next;
            exchange_in_quad(word);
            const unsigned ordered[4] = {__byte_perm(word[0], word[1], 0x5410), __byte_perm(word[2], word[3], 0x5410),
                                         __byte_perm(word[0], word[1], 0x7632), __byte_perm(word[2], word[3], 0x7632)};
            const bool there = 8 * j < room && (j + 4 <= N / 8 || chunk == 0);
            write_words(out + 4 * j, ordered, there);
        }
    }

    // For checking only, so not made fast.
    __device__ __forceinline__ void write_f32(const Sum (&sums)[N / 2]) const {
#pragma unroll
        for (int j = 0; j < N / 8; j += 4) {
            Factors factors;
            read_factors<true>(factors, j);
#pragma unroll
            for (int i = 0; i < 4 && j + i < N / 8; ++i) {
                const int column = left + 8 * (j + i) + 2 * (threadIdx.x & 3);
                float value[4];
                values<true>(value, sums, j + i, factors, i);
                if (first >= 0 && column < columns) {
                    write_pair(ending, first, column, value[0], value[1]);
                }
                if (second >= 0 && column < columns) {
                    write_pair(ending, second, column, value[2], value[3]);
                }
            }
        }
    }

    static __device__ __noinline__ void write_pair(const Ending& ending, int row, int column, float a, float b) {
        float* out = static_cast<float*>(ending.out) + size_t(row) * ending.out_width;
        if (ending.kind == ENDING_SWIGLU) {
            out[column / 2] = silu(a) * b;
            return;
        }
        if (ending.kind == ENDING_SILU) {
            a = silu(a);
            b = silu(b);
        }
        if (ending.kind == ENDING_ACCUMULATE) {
            a += out[column];
            b += out[column + 1];
        }
        out[column] = a;
        out[column + 1] = b;
    }
};
