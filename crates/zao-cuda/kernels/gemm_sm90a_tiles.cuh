// The tiles that matrix multiplies for Hopper are compiled for. `src/linear/hopper.rs` has the same list and
// chooses among them.
#pragma once

#include "gemm_sm90a.cuh"

//                                                   warpgroups, rows of each, columns, cluster, depth, stages
#define SM90A_GEMM_TILES(type, Operand)                                     \
    SM90A_GEMM(gemm_##type##_192x192, Operand, 3, 64, 192, 1, 2, 1, 4)      \
    SM90A_GEMM(gemm_##type##_192x176, Operand, 3, 64, 176, 1, 2, 1, 4)      \
    SM90A_GEMM(gemm_##type##_192x160, Operand, 3, 64, 160, 1, 2, 1, 5)      \
    SM90A_GEMM(gemm_##type##_128x256, Operand, 2, 64, 256, 1, 2, 1, 4)      \
    SM90A_GEMM(gemm_##type##_128x192, Operand, 2, 64, 192, 1, 2, 1, 5)      \
    SM90A_GEMM(gemm_##type##_128x160, Operand, 2, 64, 160, 1, 2, 1, 6)      \
    SM90A_GEMM(gemm_##type##_128x128, Operand, 2, 64, 128, 1, 2, 1, 7)      \
    SM90A_GEMM(gemm_##type##_128x64, Operand, 2, 64, 64, 1, 2, 2, 4)        \
    SM90A_GEMM(gemm_##type##_64x64, Operand, 1, 64, 64, 1, 1, 2, 6)         \
    SM90A_GEMM(gemm_##type##_64x32, Operand, 1, 64, 32, 1, 1, 2, 8)

// Those of them that are compiled for rows that follow adapters, too.
#define SM90A_ADAPTED_TILES(type, Operand)                                       \
    SM90A_ADAPTED(adapted_##type##_192x192, Operand, 3, 64, 192, 1, 2, 1, 4)     \
    SM90A_ADAPTED(adapted_##type##_128x256, Operand, 2, 64, 256, 1, 2, 1, 4)     \
    SM90A_ADAPTED(adapted_##type##_128x128, Operand, 2, 64, 128, 1, 2, 1, 7)     \
    SM90A_ADAPTED(adapted_##type##_64x64, Operand, 1, 64, 64, 1, 1, 2, 6)
