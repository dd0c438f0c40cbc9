// Warp-wide matrix multiplies (mma.sync) and the loads that feed them (ldmatrix), sm_80 and newer.
//
// All three operand types hold 32 bytes of the summed dimension in a step and have the same layout in
// bytes, so a kernel that counts in bytes serves all of them: A is 16 rows, B 8 rows ("columns" of the
// product), each lane `4 * group + member` holds bytes `4 * member ..` of the rows `group` (+ 8).
#pragma once

#include "numbers.cuh"

/// Four 8x16-byte blocks; lane `l` gives the address of row `l % 8` of block `l / 8`.
__device__ __forceinline__ void load_blocks(unsigned (&blocks)[4], unsigned address) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];\n"
                 : "=r"(blocks[0]), "=r"(blocks[1]), "=r"(blocks[2]), "=r"(blocks[3])
                 : "r"(address)
                 : "memory");
}

/// bf16 operands, f32 sums.
struct Bf16Operands {
    using Sum = float;
    static constexpr int BYTES = 2;
    static __device__ __forceinline__ void multiply(
        Sum (&sum)[4], const unsigned (&a)[4], unsigned b0, unsigned b1) {
        asm volatile(
            "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, "
            "{%8, %9}, {%0, %1, %2, %3};\n"
            : "+f"(sum[0]), "+f"(sum[1]), "+f"(sum[2]), "+f"(sum[3])
            : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
    }
};

/// Signed bytes, exact sums.
struct Int8Operands {
    using Sum = int;
    static constexpr int BYTES = 1;
    static __device__ __forceinline__ void multiply(
        Sum (&sum)[4], const unsigned (&a)[4], unsigned b0, unsigned b1) {
        asm volatile(
            "mma.sync.aligned.m16n8k32.row.col.s32.s8.s8.s32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, "
            "{%8, %9}, {%0, %1, %2, %3};\n"
            : "+r"(sum[0]), "+r"(sum[1]), "+r"(sum[2]), "+r"(sum[3])
            : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
    }
};

#if __CUDA_ARCH__ >= 890
/// fp8 e4m3 operands, f32 sums.
struct Fp8Operands {
    using Sum = float;
    static constexpr int BYTES = 1;
    static __device__ __forceinline__ void multiply(
        Sum (&sum)[4], const unsigned (&a)[4], unsigned b0, unsigned b1) {
        asm volatile(
            "mma.sync.aligned.m16n8k32.row.col.f32.e4m3.e4m3.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, "
            "{%8, %9}, {%0, %1, %2, %3};\n"
            : "+f"(sum[0]), "+f"(sum[1]), "+f"(sum[2]), "+f"(sum[3])
            : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
    }
};
#endif
