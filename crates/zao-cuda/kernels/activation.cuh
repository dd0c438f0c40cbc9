// Activation functions, each to the accuracy that a result of the given type can show.
#pragma once
#include "element.cuh"

__device__ __forceinline__ float exp2_approx(float x) {
    float y;
    asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
    return y;
}

__device__ __forceinline__ float reciprocal_approx(float x) {
    float y;
    asm("rcp.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
    return y;
}

constexpr float LOG2_E = 1.4426950408889634f;

// x / (1 + exp(-x)) for a result of type Out.
template <class Out>
__device__ __forceinline__ float silu_for(float x) {
    if constexpr (sizeof(Out) == 4) {
        return silu(x);
    } else {
        return x * reciprocal_approx(1.0f + exp2_approx(-LOG2_E * x));
    }
}

// tanh for a result of type Out. The absolute error of the short form is 2e-7: enough for what is
// added to values of size one, and no factor of a product of its own.
template <class Out>
__device__ __forceinline__ float tanh_for(float x) {
    if constexpr (sizeof(Out) == 4) {
        return tanhf(x);
    } else {
        return 1.0f - 2.0f * reciprocal_approx(1.0f + exp2_approx(2.0f * LOG2_E * x));
    }
}
