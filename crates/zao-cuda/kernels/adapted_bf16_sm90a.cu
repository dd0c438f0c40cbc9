// Matrix multiplies for Hopper of bf16 operands, for rows that follow adapters. How: gemm_sm90a.cuh.

#include "gemm_sm90a_tiles.cuh"

SM90A_ADAPTED_TILES(bf16, Bf16)
