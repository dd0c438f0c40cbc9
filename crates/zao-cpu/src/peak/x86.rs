//! Chains of the multiply-add instructions of x86-64, as many as hide their latency and fit into its
//! registers. Which of them a precision uses is said here and nowhere else.

use std::arch::x86_64::*;
use std::hint::black_box;

use super::{Arithmetic, Chains};
use crate::isa::Instructions;

/// Chains of a function below: with two operands they fill 26 of 32, or 14 of 16, registers.
const WIDE: usize = 24;
const NARROW: usize = 12;

/// The fastest of these instructions for this arithmetic; none if the machine has no vectors.
pub(super) fn ways(arithmetic: Arithmetic, instructions: Instructions) -> Vec<Chains> {
    let wide = match instructions {
        Instructions::Avx512Bf16 | Instructions::Avx512 => is_x86_feature_detected!("avx512f"),
        Instructions::Avx2 => false,
        Instructions::Portable => return Vec::new(),
    };
    // Widened bf16 is a way of AVX-512 whatever else there is.
    let bf16 = wide && is_x86_feature_detected!("avx512bf16");
    match arithmetic {
        Arithmetic::F32 => f32_way(wide).into_iter().collect(),
        Arithmetic::Bf16 => {
            // SAFETY: it was just detected.
            let run = |rounds| unsafe { dpbf16_512(rounds) };
            let paired = bf16.then_some(Chains { run, operations: WIDE * 64 });
            f32_way(wide).into_iter().chain(paired).collect()
        }
        Arithmetic::Int8 => int8_way(wide).into_iter().collect(),
    }
}

fn f32_way(wide: bool) -> Option<Chains> {
    if wide {
        // SAFETY: it was just detected.
        Some(Chains { run: |rounds| unsafe { fmadd_512(rounds) }, operations: WIDE * 32 })
    } else if is_x86_feature_detected!("avx") && is_x86_feature_detected!("fma") {
        // SAFETY: it was just detected.
        Some(Chains { run: |rounds| unsafe { fmadd_256(rounds) }, operations: NARROW * 16 })
    } else {
        None
    }
}

fn int8_way(wide: bool) -> Option<Chains> {
    if wide && is_x86_feature_detected!("avx512vnni") {
        // SAFETY: it was just detected.
        Some(Chains { run: |rounds| unsafe { dpbusd_512(rounds) }, operations: WIDE * 128 })
    } else if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("avxvnni") {
        // SAFETY: it was just detected.
        Some(Chains { run: |rounds| unsafe { dpbusd_256(rounds) }, operations: NARROW * 64 })
    } else if is_x86_feature_detected!("avx2") {
        // SAFETY: it was just detected.
        Some(Chains { run: |rounds| unsafe { madd_256(rounds) }, operations: NARROW * 32 })
    } else {
        None
    }
}

/// A function that goes around its chains, each of them in a register: written out, because an array
/// of them would live in memory whenever the loop is not unrolled.
macro_rules! chains {
    (
        $(#[$features:meta])* $name:ident: $start:expr, $operand:expr,
        |$sum:ident, $by:ident| $step:expr, $($chain:ident)*
    ) => {
        $(#[$features])*
        fn $name(rounds: usize) {
            // Nothing is known of either, so that nothing can be computed beforehand.
            let ($by, start) = (black_box($operand), black_box($start));
            $(let mut $chain = start;)*
            for _ in 0..rounds {
                $($chain = { let $sum = $chain; $step };)*
            }
            $(black_box($chain);)*
        }
    };
}

macro_rules! wide {
    ($($function:tt)*) => {
        chains!($($function)*, a b c d e f g h i j k l m n o p q r s t u v w x);
    };
}

macro_rules! narrow {
    ($($function:tt)*) => { chains!($($function)*, a b c d e f g h i j k l); };
}

wide!(#[target_feature(enable = "avx512f")] fmadd_512:
    _mm512_set1_ps(0.0), _mm512_set1_ps(0.5), |sum, by| _mm512_fmadd_ps(by, by, sum));
wide!(#[target_feature(enable = "avx512f,avx512bf16")] dpbf16_512:
    _mm512_set1_ps(0.0), pairs_of_bf16(), |sum, by| _mm512_dpbf16_ps(sum, by, by));
wide!(#[target_feature(enable = "avx512f,avx512vnni")] dpbusd_512:
    _mm512_set1_epi32(0), _mm512_set1_epi8(3), |sum, by| _mm512_dpbusd_epi32(sum, by, by));
narrow!(#[target_feature(enable = "avx,fma")] fmadd_256:
    _mm256_set1_ps(0.0), _mm256_set1_ps(0.5), |sum, by| _mm256_fmadd_ps(by, by, sum));
narrow!(#[target_feature(enable = "avx2,avxvnni")] dpbusd_256:
    _mm256_set1_epi32(0), _mm256_set1_epi8(3), |sum, by| _mm256_dpbusd_avx_epi32(sum, by, by));
// This one has no sum of its own: the chain goes through a factor, which cannot be taken out of the
// loop either.
narrow!(#[target_feature(enable = "avx2")] madd_256:
    _mm256_set1_epi16(1), _mm256_set1_epi16(3), |sum, by| _mm256_madd_epi16(sum, by));

/// One half in every lane.
#[target_feature(enable = "avx512f,avx512bf16")]
fn pairs_of_bf16() -> __m512bh {
    _mm512_cvtne2ps_pbh(_mm512_set1_ps(0.5), _mm512_set1_ps(0.5))
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;

    use super::*;
    use crate::{Cpu, Settings};

    /// On a machine with AVX-512 nothing else runs the ways of lesser ones.
    #[test]
    fn the_ways_of_lesser_machines_work_too() {
        let mut ways = Vec::new();
        if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
            // SAFETY: it was just detected.
            let run = |rounds| unsafe { fmadd_256(rounds) };
            ways.push(Chains { run, operations: NARROW * 16 });
            // SAFETY: it was just detected.
            let run = |rounds| unsafe { madd_256(rounds) };
            ways.push(Chains { run, operations: NARROW * 32 });
        }
        if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("avxvnni") {
            // SAFETY: it was just detected.
            let run = |rounds| unsafe { dpbusd_256(rounds) };
            ways.push(Chains { run, operations: NARROW * 64 });
        }
        let settings = Settings { threads: NonZeroUsize::new(1), ..Settings::default() };
        let cpu = Cpu::new(settings).unwrap();
        for way in ways {
            let rate = cpu.rate(way).unwrap();
            assert!((1e9..1e14).contains(&rate), "{rate}");
        }
    }
}
