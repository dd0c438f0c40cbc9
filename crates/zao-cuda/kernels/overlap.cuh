// Kernels that follow each other closely (programmatic dependent launch, from Hopper on): the blocks of one
// start while those of the kernel before it end. Nothing happens on earlier cards, nor where the host did not
// ask for it.
//
// What holds the order together: every kernel that is launched so waits before it reads what any kernel
// wrote or writes anything, and admits the next only after it has waited. So a kernel that has waited knows
// everything before it to be done, not only its predecessor, and memory that was freed may be used again in the order of the
// stream. Before the wait it may only bring memory nearer: L2 is where all kernels meet.
#pragma once

// Waits until the kernels before this one have written what they write.
__device__ __forceinline__ void await_kernel_before() {
#if __CUDA_ARCH__ >= 900
    asm volatile("griddepcontrol.wait;" ::: "memory");
#endif
}

// Lets the kernel after this one start as far as it can without what this one writes.
__device__ __forceinline__ void admit_kernel_after() {
#if __CUDA_ARCH__ >= 900
    asm volatile("griddepcontrol.launch_dependents;" ::: "memory");
#endif
}

// The same at once, for kernels that leave room beside them.
__device__ __forceinline__ void join_stream() {
    await_kernel_before();
    admit_kernel_after();
}

// Brings a line of memory to L2, where whoever writes it puts it too.
__device__ __forceinline__ void prefetch_line(const void* at) {
    asm volatile("prefetch.global.L2 [%0];" ::"l"(at));
}
