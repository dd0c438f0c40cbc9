// Convolutions in f32 arithmetic, for any number of channels and any stored type, of any kernel and
// stride: the precision that everything is checked against, and channel counts that tensor cores
// cannot take.

#include "convolution_arguments.cuh"
#include "plain_tile.cuh"

struct PlainConvolutionArguments {
    ConvolutionArguments convolution;
    /// How the picture and the weight are stored, `STORED_F32` or `STORED_BF16` each.
    int x_type;
    int weight_type;
};

template <int TILE_M, int TILE_N, int EACH_M, int EACH_N>
__device__ __forceinline__ void plain_convolution(const PlainConvolutionArguments& arguments) {
    using Tile = PlainTile<TILE_M, TILE_N, EACH_M, EACH_N>;
    __shared__ typename Tile::Memory memory;
    const ConvolutionArguments& convolution = arguments.convolution;
    const Picture& picture = convolution.picture;
    const ResultRows& rows = convolution.rows;
    const int cells = rows.count * rows.width;
    const int tiles_n = (convolution.outputs + TILE_N - 1) / TILE_N;
    const int top = blockIdx.x / tiles_n * TILE_M, left = blockIdx.x % tiles_n * TILE_N;
    const int channels = picture.channels, k = picture.side * picture.side * channels;
    const Dense w{convolution.weight, arguments.weight_type, convolution.outputs, k};
    const int x_type = arguments.x_type;

    int ys[Tile::A_FOURS], xs[Tile::A_FOURS];
#pragma unroll
    for (int i = 0; i < Tile::A_FOURS; ++i) {
        const int cell = min(top + static_cast<int>(threadIdx.x + i * Tile::THREADS) / 4, cells - 1);
        ys[i] = rows.first + cell / rows.width;
        xs[i] = cell % rows.width;
    }
    auto value = [&](int i, int at) {
        const int tap = at / channels, channel = at - tap * channels;
        const int cell = at < k ? seen_cell(picture, ys[i], xs[i], tap) : -1;
        if (cell < 0) {
            return 0.0f;
        }
        const float x = stored_value(picture.x, x_type, static_cast<size_t>(cell) * channels + channel);
        return picture.norm == nullptr ? x : normalised(picture, channel, x);
    };
    auto fetch = [&](int i, int, int at) {
        if (channels % 4 != 0) {
            return four_values(make_float4(value(i, at), value(i, at + 1), value(i, at + 2), value(i, at + 3)));
        }
        const int tap = at / channels, channel = at - tap * channels;
        const int cell = at < k ? seen_cell(picture, ys[i], xs[i], tap) : -1;
        if (cell < 0) {
            return make_uint4(0, 0, 0, 0);
        }
        float4 x = values_of(
            stored_four(picture.x, x_type, static_cast<size_t>(cell) * channels + channel), x_type);
        if (picture.norm != nullptr) {
            x.x = normalised(picture, channel, x.x);
            x.y = normalised(picture, channel + 1, x.y);
            x.z = normalised(picture, channel + 2, x.z);
            x.w = normalised(picture, channel + 3, x.w);
        }
        return four_values(x);
    };
    Tile::run(
        memory,
        convolution.ending,
        top,
        left,
        cells,
        convolution.outputs,
        k,
        STORED_F32,
        w.fetched_type(),
        fetch,
        [&](int row, int at) { return w.fetch(left + row, at); });
}

// Launch: ceil(cells / TILE_M) * ceil(outputs / TILE_N) blocks of TILE_M / EACH_M * TILE_N / EACH_N threads.
#define PLAIN_CONVOLUTION(NAME, TILE_M, TILE_N, EACH_M, EACH_N)                                      \
    extern "C" __global__ void __launch_bounds__(TILE_M / EACH_M * (TILE_N / EACH_N))                \
        NAME(const __grid_constant__ PlainConvolutionArguments arguments) {                         \
        plain_convolution<TILE_M, TILE_N, EACH_M, EACH_N>(arguments);                                \
    }

PLAIN_CONVOLUTION(convolution_f32_128x128, 128, 128, 8, 8)
PLAIN_CONVOLUTION(convolution_f32_128x16, 128, 16, 4, 4)
