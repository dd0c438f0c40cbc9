// Matrix multiplies in f32 arithmetic, for any size and any type of either operand: layers that are not
// rounded, the precision that everything is checked against, and widths that tensor cores cannot take.

#include "plain_tile.cuh"

struct PlainGemmArguments {
    /// `[m, k]`.
    const void* a;
    /// `[n, k]`.
    const void* w;
    Ending ending;
    int m;
    int n;
    int k;
    /// How `a` and `w` are stored, each a `Stored`; the scales of 8-bit operands are in `ending`.
    int a_type;
    int w_type;
};

template <int TILE_M, int TILE_N, int EACH_M, int EACH_N>
__device__ __forceinline__ void plain_gemm(const PlainGemmArguments& arguments) {
    using Tile = PlainTile<TILE_M, TILE_N, EACH_M, EACH_N>;
    __shared__ typename Tile::Memory memory;
    const int tiles_m = (arguments.m + TILE_M - 1) / TILE_M;
    const int top = blockIdx.x % tiles_m * TILE_M, left = blockIdx.x / tiles_m * TILE_N;
    const Dense a{arguments.a, arguments.a_type, arguments.m, arguments.k};
    const Dense w{arguments.w, arguments.w_type, arguments.n, arguments.k};
    Tile::run(
        memory,
        arguments.ending,
        top,
        left,
        arguments.m,
        arguments.n,
        arguments.k,
        a.fetched_type(),
        w.fetched_type(),
        [&](int, int row, int k) { return a.fetch(top + row, k); },
        [&](int row, int k) { return w.fetch(left + row, k); });
}

// Launch: ceil(m / TILE_M) * ceil(n / TILE_N) blocks of TILE_M / EACH_M * TILE_N / EACH_N threads.
#define PLAIN_GEMM(NAME, TILE_M, TILE_N, EACH_M, EACH_N)                                             \
    extern "C" __global__ void __launch_bounds__(TILE_M / EACH_M * (TILE_N / EACH_N))                \
        NAME(const __grid_constant__ PlainGemmArguments arguments) {                                \
        plain_gemm<TILE_M, TILE_N, EACH_M, EACH_N>(arguments);                                       \
    }

PLAIN_GEMM(gemm_f32_128x128, 128, 128, 8, 8)
PLAIN_GEMM(gemm_f32_32x64, 32, 64, 4, 4)
PLAIN_GEMM(gemm_f32_16x128, 16, 128, 2, 4)
