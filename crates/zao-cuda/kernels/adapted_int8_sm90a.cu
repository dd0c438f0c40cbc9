// Matrix multiplies for Hopper of 8-bit integers with a scale a row, for rows that follow adapters. How: gemm_sm90a.cuh.

#include "gemm_sm90a_tiles.cuh"

SM90A_ADAPTED_TILES(int8, Int8)
