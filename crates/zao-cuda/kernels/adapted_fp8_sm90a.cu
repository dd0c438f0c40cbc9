// Matrix multiplies for Hopper of e4m3 operands with a scale a row, for rows that follow adapters. How: gemm_sm90a.cuh.

#include "gemm_sm90a_tiles.cuh"

SM90A_ADAPTED_TILES(fp8, Fp8)
