//! The most arithmetic that this machine does: multiply-adds in registers, on all threads at once,
//! with nothing to load and nothing to wait for. What a kernel is measured against, not how one works.

#![allow(
    unsafe_code,
    reason = "functions compiled for an instruction set are called if it is there"
)]

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use zao_backend::Result;

use crate::device::Cpu;
use crate::isa::Instructions;
use crate::settings::CpuPrecision;
use crate::threads::Work;

#[cfg(target_arch = "x86_64")]
mod x86;

/// The numbers that a multiply-add multiplies; it adds them up in 32 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arithmetic {
    /// Single precision.
    F32,
    /// bf16, or bf16 widened to `f32` first: whichever this machine does faster.
    Bf16,
    /// Bytes.
    Int8,
}

impl From<CpuPrecision> for Arithmetic {
    fn from(precision: CpuPrecision) -> Self {
        match precision {
            CpuPrecision::F32 => Self::F32,
            CpuPrecision::Bf16 => Self::Bf16,
            CpuPrecision::Int8 => Self::Int8,
        }
    }
}

/// How long one measurement takes, and how many are made: the best of them counts, because whatever
/// disturbs a measurement only makes it smaller.
const SPAN: Duration = Duration::from_millis(40);
const ATTEMPTS: usize = 5;

/// Rounds between two looks at the clock: some microseconds.
const ROUNDS: usize = 1000;

/// Independent chains of one instruction.
#[derive(Clone, Copy)]
struct Chains {
    /// Goes so many times around all chains.
    run: fn(usize),
    /// Additions and multiplications of a round.
    operations: usize,
}

impl Cpu {
    /// Additions and multiplications a second of the arithmetic that this device's precision uses, all
    /// threads together. It takes about a fifth of a second for each way of doing it.
    ///
    /// # Errors
    /// No memory for the threads' scratch.
    pub fn peak(&self) -> Result<f64> {
        self.peak_of(self.settings.precision.into())
    }

    /// [`Cpu::peak`] of the given arithmetic.
    ///
    /// # Errors
    /// No memory for the threads' scratch.
    pub fn peak_of(&self, arithmetic: Arithmetic) -> Result<f64> {
        let mut best = 0.0_f64;
        for chains in ways(arithmetic, self.isa.instructions()) {
            for _ in 0..ATTEMPTS {
                best = best.max(self.rate(chains)?);
            }
        }
        Ok(best)
    }

    /// Operations a second on all threads. Each has one item, and works on it for a time, not for a
    /// number of rounds: so all of them work at once, and one that wakes late does not count less.
    fn rate(&self, chains: Chains) -> Result<f64> {
        let total = AtomicU64::new(0);
        self.threads.for_each(Work::Large, 0, 0..self.threads.count(), |_, _| {
            let start = Instant::now();
            let (mut rounds, mut elapsed) = (0, Duration::ZERO);
            while elapsed < SPAN {
                (chains.run)(ROUNDS);
                rounds += ROUNDS;
                elapsed = start.elapsed();
            }
            let rate = (rounds * chains.operations) as f64 / elapsed.as_secs_f64();
            total.fetch_add(rate as u64, Ordering::Relaxed);
        })?;
        Ok(total.into_inner() as f64)
    }
}

/// What of these instructions does this arithmetic here.
fn ways(arithmetic: Arithmetic, instructions: Instructions) -> Vec<Chains> {
    #[cfg(target_arch = "x86_64")]
    {
        let found = x86::ways(arithmetic, instructions);
        if !found.is_empty() {
            return found;
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = instructions;
    vec![match arithmetic {
        Arithmetic::F32 | Arithmetic::Bf16 => Chains { run: plain_f32, operations: 2 * LANES },
        Arithmetic::Int8 => Chains { run: plain_i32, operations: 2 * LANES },
    }]
}

/// Whether the instruction for bf16, where there is one, multiplies more bf16 than multiply-adds of
/// widened numbers do. On Zen 4 and 5 it does twice as many, on Golden Cove half as many: so far apart
/// that a tenth of a millisecond tells.
pub(crate) fn bf16_dot_is_faster() -> bool {
    /// Long enough to outlast an interruption in one attempt of several.
    const ATTEMPTS: usize = 8;
    static ANSWER: OnceLock<bool> = OnceLock::new();
    let rate = |chains: &Chains| {
        let start = Instant::now();
        (chains.run)(ROUNDS);
        (ROUNDS * chains.operations) as f64 / start.elapsed().as_secs_f64()
    };
    *ANSWER.get_or_init(|| match ways(Arithmetic::Bf16, Instructions::Avx512Bf16).as_slice() {
        [widened, paired] => {
            // In turns: what slows the machine down for longer slows both down.
            let best = |best: (f64, f64), _| (best.0.max(rate(widened)), best.1.max(rate(paired)));
            let (widened, paired) = (0..ATTEMPTS).fold((0.0, 0.0), best);
            paired > widened
        }
        _ => false,
    })
}

/// Chains of the plain loops: four-lane registers, and a few of them.
const LANES: usize = 48;

fn plain_f32(rounds: usize) {
    let (factor, term) = std::hint::black_box((0.5_f32, 0.25_f32));
    let mut sums = [term; LANES];
    for _ in 0..rounds {
        for sum in &mut sums {
            *sum = *sum * factor + term;
        }
    }
    std::hint::black_box(sums);
}

fn plain_i32(rounds: usize) {
    let (factor, term) = std::hint::black_box((3_i32, 5_i32));
    let mut sums = [term; LANES];
    for _ in 0..rounds {
        for sum in &mut sums {
            *sum = sum.wrapping_mul(factor).wrapping_add(term);
        }
    }
    std::hint::black_box(sums);
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;

    use super::*;
    use crate::Settings;

    #[test]
    fn every_arithmetic_has_a_plausible_peak() {
        let settings = Settings { threads: NonZeroUsize::new(1), ..Settings::default() };
        let cpu = Cpu::new(settings).unwrap();
        let measured = || {
            let peaks = [Arithmetic::F32, Arithmetic::Bf16, Arithmetic::Int8]
                .map(|arithmetic| cpu.peak_of(arithmetic).unwrap());
            for peak in peaks {
                assert!((1e8..1e14).contains(&peak), "{peaks:?}");
            }
            peaks
        };
        // Both are the best of two ways of which one is the same. Another program may have the processor during one of them.
        let are_alike = |[f32, bf16, _]: [f64; 3]| bf16 > 0.5 * f32;
        assert!((0..5).any(|_| are_alike(measured())), "{:?}", measured());
    }

    #[test]
    fn plain_loops_are_a_way_everywhere() {
        for run in [plain_f32, plain_i32] {
            let chains = Chains { run, operations: 2 * LANES };
            let cpu = Cpu::new(Settings::default()).unwrap();
            assert!(cpu.rate(chains).unwrap() > 1e7);
        }
    }
}
