//! The cases that every device has to pass, in every precision with every family of instructions
//! that this machine has, and with one and several threads.

#![allow(missing_docs, reason = "the suite documents its cases")]

use std::num::NonZeroUsize;

use zao_cpu::{Cpu, CpuPrecision, Instructions, Settings};

/// A device with these instructions, or with the best there are where the machine has not got them.
fn cpu(instructions: Instructions, precision: CpuPrecision, threads: usize) -> Cpu {
    let instructions = instructions.is_available().then_some(instructions);
    let settings = Settings { precision, threads: NonZeroUsize::new(threads), instructions };
    Cpu::new(settings).expect("threads can be started")
}

macro_rules! variants {
    ($($name:ident: $instructions:ident $precision:ident $threads:literal;)*) => {$(
        mod $name {
            zao_backend::conformance_suite!(super::cpu(
                super::Instructions::$instructions,
                super::CpuPrecision::$precision,
                $threads
            ));
        }
    )*};
}

variants! {
    avx512_bf16_in_f32: Avx512Bf16 F32 1;
    avx512_bf16_in_bf16: Avx512Bf16 Bf16 3;
    avx512_bf16_in_int8: Avx512Bf16 Int8 3;
    avx512_in_f32: Avx512 F32 3;
    avx512_in_bf16: Avx512 Bf16 1;
    avx512_in_int8: Avx512 Int8 1;
    avx2_in_f32: Avx2 F32 3;
    avx2_in_bf16: Avx2 Bf16 3;
    avx2_in_int8: Avx2 Int8 3;
    portable_in_f32: Portable F32 1;
    portable_in_bf16: Portable Bf16 3;
    portable_in_int8: Portable Int8 3;
}
