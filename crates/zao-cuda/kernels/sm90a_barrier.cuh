// How the threads of a Hopper cluster wait for each other and for the copy engine: mbarriers in shared
// memory, named barriers of some warps, the barrier of the cluster. Addresses are 32-bit shared ones.
// What the copies themselves do is in sm90a_tma.cuh.
#pragma once

#define DEVICE static __device__ __forceinline__

typedef unsigned long long u64;

DEVICE unsigned shared_address(const void* pointer) {
    return static_cast<unsigned>(__cvta_generic_to_shared(pointer));
}

DEVICE void barrier_init(unsigned barrier, unsigned arrivals) {
    asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;" ::"r"(barrier), "r"(arrivals) : "memory");
}

// Makes initialised barriers visible to the cluster and to the copy engine.
DEVICE void barrier_init_done() {
    asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory");
}

// One arrival, and `bytes` more that copies have to bring before the phase ends.
DEVICE void barrier_expect(unsigned barrier, unsigned bytes) {
    asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" ::"r"(barrier), "r"(bytes)
                 : "memory");
}

DEVICE void barrier_arrive(unsigned barrier) {
    asm volatile("mbarrier.arrive.shared::cta.b64 _, [%0];" ::"r"(barrier) : "memory");
}

// An arrival at the barrier that stands at the same place in block `rank` of the cluster. It is for readers that
// are through: an arrival that also released writes to the cluster would wait for memory each time.
DEVICE void barrier_arrive_in(unsigned barrier, unsigned rank) {
    asm volatile(
        "{\n"
        ".reg .b32 remote;\n"
        "mapa.shared::cluster.u32 remote, %0, %1;\n"
        "mbarrier.arrive.shared::cluster.b64 _, [remote];\n"
        "}\n" ::"r"(barrier),
        "r"(rank)
        : "memory");
}

DEVICE bool barrier_passed(unsigned barrier, unsigned parity) {
    unsigned passed;
    asm volatile(
        "{\n"
        ".reg .pred p;\n"
        "mbarrier.try_wait.parity.shared::cta.b64 p, [%1], %2;\n"
        "selp.b32 %0, 1, 0, p;\n"
        "}\n"
        : "=r"(passed)
        : "r"(barrier), "r"(parity)
        : "memory");
    return passed;
}

// Waits for the phase of that parity to end.
DEVICE void barrier_wait(unsigned barrier, unsigned parity) {
#ifdef BOUNDED_WAITS
    for (unsigned tries = 0; !barrier_passed(barrier, parity); ++tries) {
        if (tries == 1u << 22) asm volatile("trap;");
    }
#else
    while (!barrier_passed(barrier, parity)) {
    }
#endif
}

// Orders this thread's ordinary stores to shared memory before what the tensor cores and copies do.
DEVICE void fence_async_proxy() {
    asm volatile("fence.proxy.async.shared::cta;" ::: "memory");
}

// A barrier of `threads` threads, whole warps, by its number.
DEVICE void named_wait(int id, int threads) {
    asm volatile("bar.sync %0, %1;" ::"r"(id), "r"(threads) : "memory");
}

DEVICE unsigned cluster_rank() {
    unsigned rank;
    asm volatile("mov.u32 %0, %%cluster_ctarank;" : "=r"(rank));
    return rank;
}

// All threads of all blocks of the cluster. Nothing but initialised barriers is made visible.
DEVICE void cluster_sync() {
    asm volatile("barrier.cluster.arrive.relaxed.aligned;\nbarrier.cluster.wait.aligned;" ::: "memory");
}
