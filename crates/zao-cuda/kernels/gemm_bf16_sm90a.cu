// Matrix multiplies for Hopper of bf16 operands. How: gemm_sm90a.cuh.

#include "gemm_sm90a_tiles.cuh"

SM90A_GEMM_TILES(bf16, Bf16)
