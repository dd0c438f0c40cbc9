// Loads of boxes of a tensor by the copy engine, to one block or to several of a cluster. The box, the
// swizzle and what stands outside of the tensor (zeros) are in the tensor map, which the host encodes.
#pragma once

#include "sm90a_barrier.cuh"

// A CUtensorMap.
struct alignas(64) TensorMap {
    u64 opaque[16];
};

DEVICE void prefetch_map(const TensorMap* map) {
    asm volatile("prefetch.tensormap [%0];" ::"l"(map) : "memory");
}

// Brings a box as far as L2.
DEVICE void prefetch_box(const TensorMap* map, int x, int y) {
    asm volatile("cp.async.bulk.prefetch.tensor.2d.L2.global [%0, {%1, %2}];" ::"l"(map), "r"(x), "r"(y) : "memory");
}

// `hint` is an L2 cache policy as createpolicy makes them.
DEVICE void load_box(unsigned to, const TensorMap* map, int x, int y, unsigned barrier, u64 hint) {
    asm volatile(
        "cp.async.bulk.tensor.2d.shared::cluster.global.mbarrier::complete_tx::bytes.L2::cache_hint"
        " [%0], [%1, {%2, %3}], [%4], %5;" ::"r"(to),
        "l"(map), "r"(x), "r"(y), "r"(barrier), "l"(hint)
        : "memory");
}

// To the same place in every block of the cluster whose bit is set in `blocks`, each of whose barriers
// at `barrier` is told.
DEVICE void load_box_to(unsigned short blocks, unsigned to, const TensorMap* map, int x, int y, unsigned barrier,
                        u64 hint) {
    asm volatile(
        "cp.async.bulk.tensor.2d.shared::cluster.global.mbarrier::complete_tx::bytes.multicast::cluster"
        ".L2::cache_hint [%0], [%1, {%2, %3}], [%4], %5, %6;" ::"r"(to),
        "l"(map), "r"(x), "r"(y), "r"(barrier), "h"(blocks), "l"(hint)
        : "memory");
}

// The same of three-dimensional tensors.
DEVICE void load_box(unsigned to, const TensorMap* map, int x, int y, int z, unsigned barrier) {
    asm volatile(
        "cp.async.bulk.tensor.3d.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1, {%2, %3, %4}], [%5];" ::"r"(to),
        "l"(map), "r"(x), "r"(y), "r"(z), "r"(barrier)
        : "memory");
}

DEVICE void load_box_to(unsigned short blocks, unsigned to, const TensorMap* map, int x, int y, int z,
                        unsigned barrier) {
    asm volatile(
        "cp.async.bulk.tensor.3d.shared::cluster.global.mbarrier::complete_tx::bytes.multicast::cluster"
        " [%0], [%1, {%2, %3, %4}], [%5], %6;" ::"r"(to),
        "l"(map), "r"(x), "r"(y), "r"(z), "r"(barrier), "h"(blocks)
        : "memory");
}
