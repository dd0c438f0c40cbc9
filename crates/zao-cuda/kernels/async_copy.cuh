// Copies from global to shared memory that no register sees (cp.async, sm_80 and newer), 16 bytes a
// thread. The bulk copies of Hopper are not here.
#pragma once

/// The address of shared memory as PTX wants it.
__device__ __forceinline__ unsigned shared_address(const void* pointer) {
    return static_cast<unsigned>(__cvta_generic_to_shared(pointer));
}

/// Copies `bytes` (0 or 16) bytes and fills the rest of 16 with zeros. `source` must be a valid address
/// also when no byte is taken from it.
__device__ __forceinline__ void copy_async_16(unsigned target, const void* source, int bytes) {
    asm volatile("cp.async.cg.shared.global.L2::128B [%0], [%1], 16, %2;\n" ::"r"(target), "l"(source), "r"(bytes)
                 : "memory");
}

/// Closes the group of the copies issued since the last one.
__device__ __forceinline__ void copy_async_commit() {
    asm volatile("cp.async.commit_group;\n" ::: "memory");
}

/// Waits until at most the youngest `PENDING` groups of this thread are under way.
template <int PENDING>
__device__ __forceinline__ void copy_async_wait() {
    asm volatile("cp.async.wait_group %0;\n" ::"n"(PENDING) : "memory");
}
