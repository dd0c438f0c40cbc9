//! Which vector instructions this machine has, and the plain loops that only need them to be wide.

use half::bf16;
use pulp::{Arch, WithSimd};
use zao_backend::{Error, Result};

use crate::memory::DEVICE;
use crate::peak;

/// A family of instructions that a device can be told to use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Instructions {
    /// AVX-512 with `vdpbf16ps` for products of bf16.
    Avx512Bf16,
    /// AVX-512; products of bf16 are multiply-adds of widened numbers.
    Avx512,
    /// AVX2 and FMA.
    Avx2,
    /// What every machine of this architecture has.
    Portable,
}

impl Instructions {
    /// Every family, the best first.
    pub const ALL: [Self; 4] = [Self::Avx512Bf16, Self::Avx512, Self::Avx2, Self::Portable];

    /// The name by which it is asked for.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Avx512Bf16 => "avx512-bf16",
            Self::Avx512 => "avx512",
            Self::Avx2 => "avx2",
            Self::Portable => "portable",
        }
    }

    /// Whether this machine has it.
    #[must_use]
    pub fn is_available(self) -> bool {
        Isa::with(self).is_ok()
    }
}

impl std::str::FromStr for Instructions {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|family| family.as_str() == name).ok_or_else(|| {
            let known = Self::ALL.map(Self::as_str).join(", ");
            refused(format!("there are no instructions {name:?}; there are: {known}"))
        })
    }
}

fn refused(message: String) -> Error {
    Error::Device { op: "choose instructions", device: DEVICE.into(), message }
}

/// The instruction set that everything is compiled for at once and that is chosen at run time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Isa {
    arch: Arch,
    instructions: Instructions,
    multiplies_bytes: bool,
}

impl Isa {
    /// The best that this machine has. Where it has an instruction for bf16, that is used if it is
    /// faster than multiply-adds of widened numbers, which it is not everywhere.
    pub(crate) fn detect() -> Self {
        let has = |instructions| Self::with(instructions).ok();
        let bf16 = has(Instructions::Avx512Bf16).filter(|_| peak::bf16_dot_is_faster());
        bf16.or_else(|| has(Instructions::Avx512))
            .or_else(|| has(Instructions::Avx2))
            .unwrap_or_else(Self::portable)
    }

    /// These instructions.
    ///
    /// # Errors
    /// [`Error::Device`] when this machine has not got them.
    pub(crate) fn with(instructions: Instructions) -> Result<Self> {
        let isa = match instructions {
            #[cfg(target_arch = "x86_64")]
            Instructions::Avx512Bf16 if !is_x86_feature_detected!("avx512bf16") => None,
            #[cfg(target_arch = "x86_64")]
            Instructions::Avx512Bf16 | Instructions::Avx512 => {
                let multiplies_bytes = is_x86_feature_detected!("avx512vnni");
                pulp::x86::V4::try_new().map(|isa| Self {
                    arch: Arch::V4(isa),
                    instructions,
                    multiplies_bytes,
                })
            }
            #[cfg(target_arch = "x86_64")]
            Instructions::Avx2 => {
                let multiplies_bytes = is_x86_feature_detected!("avxvnni");
                pulp::x86::V3::try_new().map(|isa| Self {
                    arch: Arch::V3(isa),
                    instructions,
                    multiplies_bytes,
                })
            }
            Instructions::Portable => Some(Self::portable()),
            #[cfg(not(target_arch = "x86_64"))]
            _ => None,
        };
        isa.ok_or_else(|| {
            let best = Self::detect().instructions.as_str();
            let name = instructions.as_str();
            refused(format!("this machine has no {name} instructions; the best it has are {best}"))
        })
    }

    /// Plain loops. On x86-64 they are kept from wider instructions; elsewhere the best is taken.
    fn portable() -> Self {
        let arch = if cfg!(target_arch = "x86_64") { Arch::Scalar } else { Arch::new() };
        Self { arch, instructions: Instructions::Portable, multiplies_bytes: true }
    }

    /// Every one that this machine has, so that tests do not leave the lesser ones untried.
    #[cfg(test)]
    pub(crate) fn all() -> Vec<Self> {
        Instructions::ALL.into_iter().filter_map(|family| Self::with(family).ok()).collect()
    }

    /// The family of instructions.
    pub(crate) fn instructions(self) -> Instructions {
        self.instructions
    }

    /// Whether products of bf16 are made of bf16 words.
    pub(crate) fn multiplies_bf16(self) -> bool {
        self.instructions == Instructions::Avx512Bf16
    }

    /// Whether products of 8-bit integers are made of words of four; else they are widened to 16 bits.
    pub(crate) fn multiplies_bytes(self) -> bool {
        self.multiplies_bytes
    }

    /// Its name, for people.
    pub(crate) fn name(self) -> &'static str {
        match (self.instructions, self.multiplies_bytes, self.arch) {
            (Instructions::Avx512Bf16, true, _) => "AVX-512 BF16 VNNI",
            (Instructions::Avx512Bf16, false, _) => "AVX-512 BF16",
            (Instructions::Avx512, true, _) => "AVX-512 VNNI",
            (Instructions::Avx512, false, _) => "AVX-512",
            (Instructions::Avx2, true, _) => "AVX2 and FMA with VNNI",
            (Instructions::Avx2, false, _) => "AVX2 and FMA",
            #[cfg(target_arch = "aarch64")]
            (Instructions::Portable, _, Arch::Neon(_)) => "NEON",
            (Instructions::Portable, ..) => "no vector instructions",
        }
    }

    /// Runs `op` compiled for this instruction set. A closure of plain loops is vectorised if it and
    /// all it calls are inlined: mark them `#[inline(always)]`.
    pub(crate) fn run<Op: WithSimd>(self, op: Op) -> Op::Output {
        self.arch.dispatch(op)
    }

    /// Widens bf16 exactly.
    pub(crate) fn widen(self, from: &[bf16], to: &mut [f32]) {
        self.run(
            #[inline(always)]
            || {
                for (to, from) in to.iter_mut().zip(from) {
                    *to = f32::from_bits(u32::from(from.to_bits()) << 16);
                }
            },
        );
    }

    /// Rounds to bf16, ties to even.
    pub(crate) fn narrow(self, from: &[f32], to: &mut [bf16]) {
        self.run(
            #[inline(always)]
            || {
                for (to, from) in to.iter_mut().zip(from) {
                    *to = round_to_bf16(*from);
                }
            },
        );
    }
}

/// The sum of `value` over a row, in an order that only the row's length decides. It is fast only
/// inside [`Isa::run`].
#[inline(always)]
pub(crate) fn sum(row: &[f32], value: impl Fn(f32) -> f32) -> f32 {
    const LANES: usize = 16;
    let mut lanes = [0.0f32; LANES];
    let (chunks, tail) = row.as_chunks::<LANES>();
    for chunk in chunks {
        for (lane, &x) in lanes.iter_mut().zip(chunk) {
            *lane += value(x);
        }
    }
    for (lane, &x) in lanes.iter_mut().zip(tail) {
        *lane += value(x);
    }
    let mut width = LANES / 2;
    while width > 0 {
        for i in 0..width {
            lanes[i] += lanes[i + width];
        }
        width /= 2;
    }
    lanes[0]
}

/// One value to bf16 without a branch.
#[inline(always)]
pub(crate) fn round_to_bf16(value: f32) -> bf16 {
    let bits = value.to_bits();
    let rounded = bits.wrapping_add(0x7fff + (bits >> 16 & 1));
    let quiet = bits | 0x0040_0000;
    let kept = if value.is_nan() { quiet } else { rounded };
    bf16::from_bits((kept >> 16) as u16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounding_agrees_with_the_half_crate() {
        let mut x = 1u32;
        let mut values = vec![0.0, -0.0, f32::INFINITY, f32::NEG_INFINITY, f32::MAX, f32::NAN];
        values.extend((0..10_000).map(|_| {
            x = x.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            f32::from_bits(x)
        }));
        let mut narrowed = vec![bf16::ZERO; values.len()];
        Isa::detect().narrow(&values, &mut narrowed);
        for (&value, &narrow) in values.iter().zip(&narrowed) {
            let expected = bf16::from_f32(value);
            assert!(narrow == expected || (narrow.is_nan() && expected.is_nan()), "{value}");
        }
        let mut widened = vec![0.0; values.len()];
        Isa::detect().widen(&narrowed, &mut widened);
        for (&wide, &narrow) in widened.iter().zip(&narrowed) {
            assert!(wide == narrow.to_f32() || wide.is_nan());
        }
    }

    #[test]
    fn sums_count_every_element_once() {
        for length in 0..70usize {
            let row: Vec<f32> = (1..=length).map(|i| i as f32).collect();
            let expected = (length * (length + 1) / 2) as f32;
            assert_eq!(
                Isa::detect().run(
                    #[inline(always)]
                    || sum(&row, |x| x)
                ),
                expected
            );
        }
    }
}
