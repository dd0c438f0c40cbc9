// How a convolution walks over a picture `[height * width, channels]` of which some rows are in memory,
// and what a cell goes through first. What is multiplied with it is not here.
#pragma once

#include "numbers.cuh"

struct Picture {
    /// The rows that are in memory, bf16 or f32.
    const void* x;
    /// `[means; factors; shifts]`, `[3, channels]`, or null.
    const float* norm;
    /// Extent of what the kernel walks over: of the whole picture, or of its quarter cells.
    int height;
    int width;
    /// The first row that is in memory, how many are, and the cells of each.
    int held_top;
    int held_height;
    int held_width;
    int channels;
    /// 1 where a cell in memory is walked over as 2x2 cells.
    int quarter;
    /// Cells between two results (1 or 2), and rows of zeros before the first cell.
    int step;
    int pad;
    /// Side of the kernel, 1 or 3.
    int side;
    /// Whether `silu` follows the norm.
    int silu;
};

/// The rows of a result that are computed.
struct ResultRows {
    int first;
    int count;
    /// Cells of a row.
    int width;
};

/// Which cell in memory the tap `tap` of the result at row `y` and column `x` sees; -1 for the zeros around.
__device__ __forceinline__ int seen_cell(const Picture& picture, int y, int x, int tap) {
    const int down = picture.side == 3 ? tap / 3 : 0;
    const int across = picture.side == 3 ? tap - down * 3 : 0;
    y = y * picture.step - picture.pad + down;
    x = x * picture.step - picture.pad + across;
    const bool inside = static_cast<unsigned>(y) < static_cast<unsigned>(picture.height) &&
        static_cast<unsigned>(x) < static_cast<unsigned>(picture.width);
    const int held =
        ((y >> picture.quarter) - picture.held_top) * picture.held_width + (x >> picture.quarter);
    return inside ? held : -1;
}

/// `value` of channel `channel` after the norm, exactly as its definition says.
__device__ __forceinline__ float normalised(const Picture& picture, int channel, float value) {
    const float* norm = picture.norm + channel;
    const float y = fmaf(value - norm[0], norm[picture.channels], norm[2 * picture.channels]);
    return picture.silu ? silu(y) : y;
}

/// A norm folded into a factor and an addend, which is exact enough where values are rounded to bf16.
__device__ __forceinline__ float2 folded_norm(const float* norm, int channels, int channel) {
    const float factor = norm[channels + channel];
    return make_float2(factor, fmaf(-norm[channel], factor, norm[2 * channels + channel]));
}

/// `silu` or nothing, without a branch: `value / (1 + 2^(value * slope + offset))`.
struct Activation {
    float slope;
    float offset;

    __device__ __forceinline__ explicit Activation(bool silu) :
        slope(silu ? -1.4426950408889634f : 0.0f), offset(silu ? 0.0f : -200.0f) {}

    __device__ __forceinline__ float operator()(float value) const {
        float power, part;
        asm("ex2.approx.ftz.f32 %0, %1;\n" : "=f"(power) : "f"(fmaf(value, slope, offset)));
        asm("rcp.approx.ftz.f32 %0, %1;\n" : "=f"(part) : "f"(1.0f + power));
        return value * part;
    }
};

/// Eight bf16 values after the norm, rounded back to bf16; `folded` has what `folded_norm` gives for each.
__device__ __forceinline__ uint4 normalised_chunk(
    const float2* folded, Activation activation, uint4 chunk) {
    unsigned words[4] = {chunk.x, chunk.y, chunk.z, chunk.w};
#pragma unroll
    for (int i = 0; i < 4; ++i) {
        const float4 pair = reinterpret_cast<const float4*>(folded)[i];
        const float low = fmaf(low_bf16(words[i]), pair.x, pair.y);
        const float high = fmaf(high_bf16(words[i]), pair.z, pair.w);
        words[i] = pack_bf16(activation(low), activation(high));
    }
    return make_uint4(words[0], words[1], words[2], words[3]);
}
