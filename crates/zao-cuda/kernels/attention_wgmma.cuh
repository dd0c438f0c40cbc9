// wgmma in bf16 with f32 sums, in the two forms that attention needs: scores (both operands in shared
// memory, K-major) and weighted values (probabilities in registers, values MN-major). Shapes of other
// kernels do not belong here.
#pragma once

#include "sm90a_wgmma.cuh"

// An operand in shared memory: 128-byte swizzled rows of 64 bf16, eight rows to a 1024-byte pattern.
// Only the low word of its descriptor changes from step to step.
struct Operand {
    unsigned low;

    // `chunk_stride`: bytes between neighbouring columns of 64 elements, used by MN-major operands only.
    __device__ __forceinline__ Operand(unsigned shared_address, unsigned chunk_stride)
        : low((chunk_stride >> 4) << 16 | (shared_address & 0x3ffff) >> 4) {}
    __device__ __forceinline__ unsigned long long at(int bytes) const {
        unsigned long long d;
        asm("mov.b64 %0, {%1, %2};" : "=l"(d) : "r"(low + (bytes >> 4)), "r"((1u << 30) | 64u));
        return d;
    }
};

// The compiler does not know that a wait changes registers: nothing that reads `r` may move above this.
template <int COUNT>
__device__ __forceinline__ void pin(float (&r)[COUNT]) {
#pragma unroll
    for (int i = 0; i < COUNT; i++) pin(r[i]);
}

template <int COUNT>
__device__ __forceinline__ void pin(unsigned (&r)[COUNT]) {
#pragma unroll
    for (int i = 0; i < COUNT; i++) pin(r[i]);
}

// s[64 x KEYS] (+)= q[64 x 16] k[KEYS x 16]^T
template <int KEYS>
struct Scores;

template <>
struct Scores<80> {
    template <bool ACCUMULATE>
    static __device__ __forceinline__ void product(float (&s)[40], unsigned long long q, unsigned long long k) {
        asm volatile(
            "{\n.reg .pred p;\nsetp.ne.b32 p, %42, 0;\n"
            "wgmma.mma_async.sync.aligned.m64n80k16.f32.bf16.bf16 {"
            "%0, %1, %2, %3, %4, %5, %6, %7, "
            "%8, %9, %10, %11, %12, %13, %14, %15, "
            "%16, %17, %18, %19, %20, %21, %22, %23, "
            "%24, %25, %26, %27, %28, %29, %30, %31, "
            "%32, %33, %34, %35, %36, %37, %38, %39"
            "}, %40, %41, p, 1, 1, 0, 0;\n}\n"
            : "+f"(s[0]), "+f"(s[1]), "+f"(s[2]), "+f"(s[3]),
              "+f"(s[4]), "+f"(s[5]), "+f"(s[6]), "+f"(s[7]),
              "+f"(s[8]), "+f"(s[9]), "+f"(s[10]), "+f"(s[11]),
              "+f"(s[12]), "+f"(s[13]), "+f"(s[14]), "+f"(s[15]),
              "+f"(s[16]), "+f"(s[17]), "+f"(s[18]), "+f"(s[19]),
              "+f"(s[20]), "+f"(s[21]), "+f"(s[22]), "+f"(s[23]),
              "+f"(s[24]), "+f"(s[25]), "+f"(s[26]), "+f"(s[27]),
              "+f"(s[28]), "+f"(s[29]), "+f"(s[30]), "+f"(s[31]),
              "+f"(s[32]), "+f"(s[33]), "+f"(s[34]), "+f"(s[35]),
              "+f"(s[36]), "+f"(s[37]), "+f"(s[38]), "+f"(s[39])
            : "l"(q), "l"(k), "n"(ACCUMULATE ? 1 : 0));
    }
};

// o[64 x 128] += p[64 x 16] v[16 x 128]
__device__ __forceinline__ void weigh_values(float (&o)[64], const unsigned *p, unsigned long long v) {
    asm volatile(
        "{\n.reg .pred p;\nsetp.ne.b32 p, 1, 0;\n"
        "wgmma.mma_async.sync.aligned.m64n128k16.f32.bf16.bf16 {"
        "%0, %1, %2, %3, %4, %5, %6, %7, "
        "%8, %9, %10, %11, %12, %13, %14, %15, "
        "%16, %17, %18, %19, %20, %21, %22, %23, "
        "%24, %25, %26, %27, %28, %29, %30, %31, "
        "%32, %33, %34, %35, %36, %37, %38, %39, "
        "%40, %41, %42, %43, %44, %45, %46, %47, "
        "%48, %49, %50, %51, %52, %53, %54, %55, "
        "%56, %57, %58, %59, %60, %61, %62, %63"
        "}, {%64, %65, %66, %67}, %68, p, 1, 1, 1;\n}\n"
        : "+f"(o[0]), "+f"(o[1]), "+f"(o[2]), "+f"(o[3]),
          "+f"(o[4]), "+f"(o[5]), "+f"(o[6]), "+f"(o[7]),
          "+f"(o[8]), "+f"(o[9]), "+f"(o[10]), "+f"(o[11]),
          "+f"(o[12]), "+f"(o[13]), "+f"(o[14]), "+f"(o[15]),
          "+f"(o[16]), "+f"(o[17]), "+f"(o[18]), "+f"(o[19]),
          "+f"(o[20]), "+f"(o[21]), "+f"(o[22]), "+f"(o[23]),
          "+f"(o[24]), "+f"(o[25]), "+f"(o[26]), "+f"(o[27]),
          "+f"(o[28]), "+f"(o[29]), "+f"(o[30]), "+f"(o[31]),
          "+f"(o[32]), "+f"(o[33]), "+f"(o[34]), "+f"(o[35]),
          "+f"(o[36]), "+f"(o[37]), "+f"(o[38]), "+f"(o[39]),
          "+f"(o[40]), "+f"(o[41]), "+f"(o[42]), "+f"(o[43]),
          "+f"(o[44]), "+f"(o[45]), "+f"(o[46]), "+f"(o[47]),
          "+f"(o[48]), "+f"(o[49]), "+f"(o[50]), "+f"(o[51]),
          "+f"(o[52]), "+f"(o[53]), "+f"(o[54]), "+f"(o[55]),
          "+f"(o[56]), "+f"(o[57]), "+f"(o[58]), "+f"(o[59]),
          "+f"(o[60]), "+f"(o[61]), "+f"(o[62]), "+f"(o[63])
        : "r"(p[0]), "r"(p[1]), "r"(p[2]), "r"(p[3]), "l"(v));
}
