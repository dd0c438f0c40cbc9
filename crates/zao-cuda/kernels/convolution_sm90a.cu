// 3x3 convolutions for Hopper. How: convolution_sm90a.cuh. Names say the patch of results by how many outputs a
// block computes at once; src/convolution/hopper.rs chooses.

#include "convolution_sm90a.cuh"

//                                         warpgroups, rows of each, patch columns, outputs, cluster, stages
SM90A_CONVOLUTION(convolution_16x16_by_128, 2, 128, 16, 128, 1, 2, 9)
SM90A_CONVOLUTION(convolution_8x16_by_256, 2, 64, 16, 256, 1, 2, 5)
SM90A_CONVOLUTION(convolution_8x16_by_128, 2, 64, 16, 128, 1, 3, 10)
