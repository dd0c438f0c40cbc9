// Hopper's warpgroup matrix instruction: 64 rows of A times N rows of B, both in shared memory with 128
// bytes of K a row in the 128-byte swizzle, into registers. One specialisation a type and N.
//
// Accumulators of a thread (lane l of warp w in its warpgroup): element 4 j + 2 h + e is row
// 16 w + l / 4 + 8 h, column 8 j + 2 (l % 4) + e.
#pragma once

#include "sm90a_barrier.cuh"

// Types of the operands: what their products are summed in, how many of them 128 bytes hold, whether
// sums are scaled by row and column at the end.
struct Bf16 {
    using Sum = float;
    static constexpr int WIDTH = 64;
    static constexpr bool SCALED = false;
};
struct Fp8 {
    using Sum = float;
    static constexpr int WIDTH = 128;
    static constexpr bool SCALED = true;
};
struct Int8 {
    using Sum = int;
    static constexpr int WIDTH = 128;
    static constexpr bool SCALED = true;
};

// The descriptor of rows of 128 bytes in the 128-byte swizzle, 8 rows an atom of 1024 bytes, from
// `address` on, which is aligned to an atom. Adding 2 moves on by 32 bytes of K.
DEVICE u64 operand_descriptor(unsigned address) {
    return u64(1) << 62 | u64(1024 >> 4) << 32 | u64(1) << 16 | (address & 0x3FFFF) >> 4;
}

// Before the first instruction that writes registers which something else has touched.
DEVICE void wgmma_fence() {
    asm volatile("wgmma.fence.sync.aligned;" ::: "memory");
}

DEVICE void wgmma_commit() {
    asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory");
}

template <int PENDING>
DEVICE void wgmma_wait() {
    asm volatile("wgmma.wait_group.sync.aligned %0;" ::"n"(PENDING) : "memory");
}

// Keeps the compiler from moving a use of an accumulator over a wait.
DEVICE void pin(float& value) {
    asm volatile("" : "+f"(value)::"memory");
}
DEVICE void pin(int& value) {
    asm volatile("" : "+r"(value)::"memory");
}
DEVICE void pin(unsigned& value) {
    asm volatile("" : "+r"(value)::"memory");
}

template <class Operand, int N>
struct Wgmma;

// Names of the first 8 G registers of an instruction, and the operands that they stand for.
#define NAMES_1 "%0, %1, %2, %3, %4, %5, %6, %7"
#define NAMES_2 NAMES_1 ", %8, %9, %10, %11, %12, %13, %14, %15"
#define NAMES_3 NAMES_2 ", %16, %17, %18, %19, %20, %21, %22, %23"
#define NAMES_4 NAMES_3 ", %24, %25, %26, %27, %28, %29, %30, %31"
#define NAMES_5 NAMES_4 ", %32, %33, %34, %35, %36, %37, %38, %39"
#define NAMES_6 NAMES_5 ", %40, %41, %42, %43, %44, %45, %46, %47"
#define NAMES_7 NAMES_6 ", %48, %49, %50, %51, %52, %53, %54, %55"
#define NAMES_8 NAMES_7 ", %56, %57, %58, %59, %60, %61, %62, %63"
#define NAMES_9 NAMES_8 ", %64, %65, %66, %67, %68, %69, %70, %71"
#define NAMES_10 NAMES_9 ", %72, %73, %74, %75, %76, %77, %78, %79"
#define NAMES_11 NAMES_10 ", %80, %81, %82, %83, %84, %85, %86, %87"
#define NAMES_12 NAMES_11 ", %88, %89, %90, %91, %92, %93, %94, %95"
#define NAMES_13 NAMES_12 ", %96, %97, %98, %99, %100, %101, %102, %103"
#define NAMES_14 NAMES_13 ", %104, %105, %106, %107, %108, %109, %110, %111"
#define NAMES_15 NAMES_14 ", %112, %113, %114, %115, %116, %117, %118, %119"
#define NAMES_16 NAMES_15 ", %120, %121, %122, %123, %124, %125, %126, %127"
#define SUMS_OF(c, i) c(d[i]), c(d[i + 1]), c(d[i + 2]), c(d[i + 3]), c(d[i + 4]), c(d[i + 5]), c(d[i + 6]), c(d[i + 7])
#define SUMS_1(c) SUMS_OF(c, 0)
#define SUMS_2(c) SUMS_1(c), SUMS_OF(c, 8)
#define SUMS_3(c) SUMS_2(c), SUMS_OF(c, 16)
#define SUMS_4(c) SUMS_3(c), SUMS_OF(c, 24)
#define SUMS_5(c) SUMS_4(c), SUMS_OF(c, 32)
#define SUMS_6(c) SUMS_5(c), SUMS_OF(c, 40)
#define SUMS_7(c) SUMS_6(c), SUMS_OF(c, 48)
#define SUMS_8(c) SUMS_7(c), SUMS_OF(c, 56)
#define SUMS_9(c) SUMS_8(c), SUMS_OF(c, 64)
#define SUMS_10(c) SUMS_9(c), SUMS_OF(c, 72)
#define SUMS_11(c) SUMS_10(c), SUMS_OF(c, 80)
#define SUMS_12(c) SUMS_11(c), SUMS_OF(c, 88)
#define SUMS_13(c) SUMS_12(c), SUMS_OF(c, 96)
#define SUMS_14(c) SUMS_13(c), SUMS_OF(c, 104)
#define SUMS_15(c) SUMS_14(c), SUMS_OF(c, 112)
#define SUMS_16(c) SUMS_15(c), SUMS_OF(c, 120)

// `d` = A B^T, added to what it holds unless `accumulate` is zero.
#define WGMMA_OF(Operand, N, K, TYPES, G, A, B, P, CONSTRAINT, IMMEDIATES)                                      \
    template <>                                                                                              \
    struct Wgmma<Operand, N> {                                                                               \
        DEVICE void issue(Operand::Sum (&d)[N / 2], u64 a, u64 b, int accumulate) {                          \
            asm volatile("{\n.reg .pred p;\nsetp.ne.b32 p, %" #P ", 0;\n"                                   \
                         "wgmma.mma_async.sync.aligned.m64n" #N "k" #K "." TYPES " {" NAMES_##G              \
                         "}, %" #A ", %" #B ", p" IMMEDIATES ";\n}\n"                                        \
                         : SUMS_##G(CONSTRAINT)                                                              \
                         : "l"(a), "l"(b), "r"(accumulate));                                                 \
        }                                                                                                    \
    };
#define WGMMA(N, G, A, B, P)                                                          \
    WGMMA_OF(Bf16, N, 16, "f32.bf16.bf16", G, A, B, P, "+f", ", 1, 1, 0, 0")          \
    WGMMA_OF(Fp8, N, 32, "f32.e4m3.e4m3", G, A, B, P, "+f", ", 1, 1")                 \
    WGMMA_OF(Int8, N, 32, "s32.s8.s8", G, A, B, P, "+r", "")

WGMMA(32, 2, 16, 17, 18)
WGMMA(48, 3, 24, 25, 26)
WGMMA(64, 4, 32, 33, 34)
WGMMA(96, 6, 48, 49, 50)
WGMMA(128, 8, 64, 65, 66)
WGMMA(160, 10, 80, 81, 82)
WGMMA(176, 11, 88, 89, 90)
WGMMA(192, 12, 96, 97, 98)
WGMMA(208, 13, 104, 105, 106)
WGMMA(224, 14, 112, 113, 114)
WGMMA(240, 15, 120, 121, 122)
WGMMA(256, 16, 128, 129, 130)

#undef WGMMA
#undef WGMMA_OF
