// A ring of stages in shared memory that the copy engine fills and warps empty, and where a thread stands in
// it. Producer and consumers each walk over the ring with an object of their own.
#pragma once

#include "sm90a_barrier.cuh"

template <int STAGES, unsigned STAGE_BYTES>
struct Sm90aRing {
    // Of the stages, and of their barriers: all that say "full", then all that say "empty".
    static constexpr unsigned BYTES = STAGES * STAGE_BYTES;
    static constexpr unsigned BARRIER_BYTES = STAGES * 16;

    unsigned stages;
    unsigned barriers;
    unsigned slot = 0;
    unsigned parity = 0;

    __device__ __forceinline__ Sm90aRing(unsigned stages, unsigned barriers) : stages(stages), barriers(barriers) {}

    // By one thread; `readers` warps arrive before a stage counts as empty.
    __device__ __forceinline__ void initialise(unsigned readers) const {
        for (int i = 0; i < STAGES; ++i) {
            barrier_init(barriers + i * 8, 1);
            barrier_init(barriers + (STAGES + i) * 8, readers);
        }
    }
    __device__ __forceinline__ unsigned stage() const { return stages + slot * STAGE_BYTES; }
    __device__ __forceinline__ unsigned full() const { return barriers + slot * 8; }
    __device__ __forceinline__ unsigned empty() const { return full() + STAGES * 8; }

    // The producer's: waits until the stage may be overwritten, and announces `bytes`.
    __device__ __forceinline__ void claim(unsigned bytes) const {
        barrier_wait(empty(), parity ^ 1);
        barrier_expect(full(), bytes);
    }
    // The consumers': waits until the stage has arrived.
    __device__ __forceinline__ void await() const { barrier_wait(full(), parity); }

    __device__ __forceinline__ void advance() {
        if (++slot == STAGES) {
            slot = 0;
            parity ^= 1;
        }
    }
};

// By each warp of a consumer: every block of the cluster learns that the warp has read the stage.
template <int CLUSTER>
DEVICE void release_stage(unsigned empty) {
    const unsigned lane = threadIdx.x & 31;
    if constexpr (CLUSTER == 1) {
        if (lane == 0) barrier_arrive(empty);
    } else {
        if (lane < CLUSTER) barrier_arrive_in(empty, lane);
    }
}
