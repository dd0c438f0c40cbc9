//! The committed images of CUDA kernels belong to the committed sources. Whether the compiler still makes them is what
//! `cargo xtask kernels --check` finds out, which needs the compiler.

use xtask::kernels;

#[test]
fn every_kernel_was_compiled_from_the_source_beside_it() {
    let faults = kernels::stale(&kernels::folder()).expect("the kernels can be read");
    assert!(faults.is_empty(), "run `cargo xtask kernels`:\n{}", faults.join("\n"));
}
