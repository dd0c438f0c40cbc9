//! Numbers in 8 bits: 4 of exponent and 3 of mantissa, without infinities. How rows are rounded to them is the same
//! here and on cards.

use super::Scaled;

/// The largest number, which the largest value of a row becomes.
const LARGEST: f32 = 448.0;

/// The bits of the largest number.
const LARGEST_BITS: u8 = 0x7e;

/// Below this all of a row is zero: its reciprocal would be infinite.
const SMALLEST: f32 = 1e-35;

/// The smallest number with all bits of mantissa; below it the step is constant.
const NORMAL: f32 = 1.0 / 64.0;

impl Scaled {
    /// Rounds a row to [`super::ScaledKind::E4m3`], written to `out`, and returns its scale: the same bytes and scale
    /// that a card makes when it loads the row.
    ///
    /// # Panics
    /// When `out` is not as long as `row`.
    pub fn round_to_e4m3(row: &[f32], out: &mut [u8]) -> f32 {
        assert_eq!(row.len(), out.len(), "each value has its place");
        let peak = row.iter().fold(0.0, |peak: f32, value| peak.max(value.abs()));
        let factor = if peak < SMALLEST { 0.0 } else { LARGEST / peak };
        for (out, value) in out.iter_mut().zip(row) {
            *out = narrow(value * factor);
        }
        peak / LARGEST
    }
}

/// The number nearest to `value`, ties to even; what is larger than the largest becomes that.
fn narrow(value: f32) -> u8 {
    let sign = (value.to_bits() >> 24) as u8 & 0x80;
    let magnitude = value.abs();
    let bits = if magnitude >= LARGEST {
        LARGEST_BITS
    } else if magnitude < NORMAL {
        // A number of steps of 2^-9.
        (magnitude * 512.0).round_ties_even() as u8
    } else {
        // Three bits of mantissa stay; the bias of the exponent is 7 instead of 127.
        let bits = magnitude.to_bits();
        let rounded = bits + 0x7ffff + (bits >> 20 & 1);
        ((rounded >> 20) - (120 << 3)) as u8
    };
    sign | bits
}

/// What a byte stands for. Exponent and mantissa where `f32` has them; the product moves the exponent, also of what is below the smallest
/// normal number.
#[inline(always)]
pub(super) fn widen(byte: u8) -> f32 {
    let sign = u32::from(byte & 128) << 24;
    let size = f32::from_bits(u32::from(byte & 127) << 20) * f32::from_bits((127 + 120) << 23);
    let size = if byte & 127 == 127 { f32::NAN } else { size };
    f32::from_bits(size.to_bits() | sign)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_becomes_itself_and_what_lies_between_the_nearest() {
        for byte in 0..LARGEST_BITS {
            let (low, high) = (widen(byte), widen(byte + 1));
            let middle = f32::midpoint(low, high);
            let even = if byte % 2 == 0 { byte } else { byte + 1 };
            assert_eq!((narrow(low), narrow(-low)), (byte, byte | 0x80));
            assert_eq!((narrow(middle), narrow(-middle)), (even, even | 0x80), "{middle}");
            assert_eq!(narrow(middle.next_down()), byte);
            assert_eq!(narrow(middle.next_up()), byte + 1);
        }
        assert_eq!([narrow(LARGEST), narrow(1e30), narrow(-1e30)], [0x7e, 0x7e, 0xfe]);
    }

    #[test]
    fn the_largest_of_a_row_keeps_its_value_and_nothing_is_divided_by_zero() {
        let mut out = [0; 4];
        let scale = Scaled::round_to_e4m3(&[0.5, -7.0, 0.001, 3.5], &mut out);
        assert_eq!((scale, out[1]), (7.0 / 448.0, 0xfe));
        assert_eq!(widen(out[3]) * scale, 3.5);
        for small in [0.0, 1e-36] {
            assert!(Scaled::round_to_e4m3(&[small; 4], &mut out) < 1e-30);
            assert_eq!(out, [0; 4]);
        }
    }
}
