//! Which vector instructions this machine has, and the plain loops that only need them to be wide.

use half::bf16;
use pulp::{Arch, WithSimd};

/// The instruction set that everything is compiled for at once and that is chosen at run time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Isa(Arch);

impl Isa {
    /// The best that this machine has.
    pub(crate) fn detect() -> Self {
        Self(Arch::new())
    }

    /// Every one that this machine has, so that tests do not leave the lesser ones untried.
    #[cfg(test)]
    pub(crate) fn all() -> Vec<Self> {
        let mut all = vec![Self(Arch::Scalar), Self::detect()];
        #[cfg(target_arch = "x86_64")]
        all.extend(pulp::x86::V3::try_new().map(|isa| Self(Arch::V3(isa))));
        all
    }

    /// Its name, for people.
    pub(crate) fn name(self) -> &'static str {
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            Arch::V4(_) => "AVX-512",
            #[cfg(target_arch = "x86_64")]
            Arch::V3(_) => "AVX2 and FMA",
            #[cfg(target_arch = "aarch64")]
            Arch::Neon(_) => "NEON",
            _ => "no vector instructions",
        }
    }

    /// Runs `op` compiled for this instruction set. A closure of plain loops is vectorised if it and
    /// all it calls are inlined: mark them `#[inline(always)]`.
    pub(crate) fn run<Op: WithSimd>(self, op: Op) -> Op::Output {
        self.0.dispatch(op)
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
fn round_to_bf16(value: f32) -> bf16 {
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
