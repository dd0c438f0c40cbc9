//! The cases that every device has to pass, in both precisions and with one and several threads.

#![allow(missing_docs, reason = "the suite documents its cases")]

use std::num::NonZeroUsize;

use zao_cpu::{Cpu, CpuPrecision, Settings};

fn cpu(precision: CpuPrecision, threads: usize) -> Cpu {
    let settings = Settings { precision, threads: NonZeroUsize::new(threads) };
    Cpu::new(settings).expect("threads can be started")
}

mod f32_on_one_thread {
    zao_backend::conformance_suite!(super::cpu(super::CpuPrecision::F32, 1));
}

mod f32_on_three_threads {
    zao_backend::conformance_suite!(super::cpu(super::CpuPrecision::F32, 3));
}

mod bf16_on_one_thread {
    zao_backend::conformance_suite!(super::cpu(super::CpuPrecision::Bf16, 1));
}

mod bf16_on_three_threads {
    zao_backend::conformance_suite!(super::cpu(super::CpuPrecision::Bf16, 3));
}
