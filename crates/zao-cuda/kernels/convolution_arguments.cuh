// What every convolution kernel is given.
#pragma once

#include "ending.cuh"
#include "picture.cuh"

struct ConvolutionArguments {
    Picture picture;
    /// `[outputs, side, side, channels]`.
    const void* weight;
    /// The result, `[rows.count * rows.width, outputs]`, stored or accumulated.
    Ending ending;
    ResultRows rows;
    int outputs;
};
