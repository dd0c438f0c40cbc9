//! The most arithmetic that this card does: a large product of random numbers in the device's precision, whose kernel
//! is not waiting for anything but the multipliers. What a run is measured against.

use zao_backend::{Element, Region, Result};

use crate::CudaPrecision;
use crate::device::Cuda;
use crate::driver::{Buffer, DevicePtr, Event};
use crate::linear::{self, Ending, Product};
use crate::weight::Kept;

/// Multiplies before the first that is timed, and those that are.
const WARMING: usize = 3;
const TIMED: usize = 10;
/// Bytes of random numbers, which are repeated.
const PATTERN: usize = 4 << 20;

impl Cuda {
    /// Additions and multiplications a second of a large product, measured now.
    ///
    /// # Errors
    /// [`zao_backend::Error::OutOfMemory`], or a card that fails.
    pub fn peak(&self) -> Result<f64> {
        self.context().bind()?;
        let (side, element, kept) = match self.settings().precision {
            CudaPrecision::F32 => (4096, Element::F32, Kept::F32),
            CudaPrecision::Bf16 => (8192, Element::Bf16, Kept::Bf16),
            CudaPrecision::Fp8 => (8192, Element::Fp8, Kept::Fp8),
            CudaPrecision::Int8 => (8192, Element::Int8, Kept::Int8),
        };
        let out_element = if element == Element::F32 { Element::F32 } else { Element::Bf16 };
        let operands = self.random(2 * side * side * element.size(), element)?;
        let scales = self.random(side * size_of::<f32>(), Element::F32)?;
        let out = Buffer::new(self.context(), side * side * out_element.size(), Region::Step)?;
        let scaled = matches!(element, Element::Fp8 | Element::Int8);
        let scales = if scaled { scales.start() } else { DevicePtr::NULL };
        let product = Product {
            x: operands.start(),
            x_scales: scales,
            x_element: element,
            weight: operands.start().plus(side * side * element.size()),
            weight_scales: scales,
            weight_kept: kept,
            bias: DevicePtr::NULL,
            ending: Ending::Store,
            out: out.start(),
            out_element,
            out_width: side,
            rows: side,
            outputs: side,
            inputs: side,
        };
        let (start, end) = (Event::new(self.context())?, Event::new(self.context())?);
        for _ in 0..WARMING {
            linear::multiply(self, &product)?;
        }
        start.record(self.stream())?;
        for _ in 0..TIMED {
            linear::multiply(self, &product)?;
        }
        end.record(self.stream())?;
        end.wait()?;
        let seconds = f64::from(end.since(&start)?) / 1e3;
        Ok(2.0 * (side as f64).powi(3) * TIMED as f64 / seconds)
    }

    /// At least `bytes` bytes of numbers of ordinary size: equal ones would take less power, and so be faster.
    fn random(&self, bytes: usize, element: Element) -> Result<Buffer> {
        let mut state = 1u64;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 40) as f32 / (1u64 << 23) as f32 - 1.0
        };
        let pattern: Vec<u8> = match element {
            Element::F32 => (0..PATTERN / 4).flat_map(|_| next().to_le_bytes()).collect(),
            Element::Bf16 => {
                let bf16 = half::bf16::from_f32;
                (0..PATTERN / 2).flat_map(|_| bf16(next()).to_le_bytes()).collect()
            }
            Element::Int8 => {
                (0..PATTERN).map(|_| ((next() * 127.0) as i8).cast_unsigned()).collect()
            }
            // Exponents from 2^-3 to 2^0, any mantissa, any sign.
            Element::Fp8 => (0..PATTERN)
                .map(|_| (next() * 127.0) as i8)
                .map(|bits| bits.cast_unsigned() & 0xbf | 0x20)
                .collect(),
            Element::U8 => vec![0; PATTERN],
        };
        let buffer = Buffer::new(self.context(), bytes.next_multiple_of(PATTERN), Region::Step)?;
        for at in (0..buffer.len()).step_by(PATTERN) {
            // SAFETY: the buffer is as large as so many patterns.
            unsafe { self.stream().upload(buffer.start().plus(at), &pattern)? };
        }
        Ok(buffer)
    }
}
