//! Times a product on random numbers: the kernel here and the library, at a few numbers of rows. Before that the
//! library has to show that its results are right and that a row has the same bits in any company.

use zao_backend::{Element, Error, Region, Result};

use super::choice::{End, Measured, Operands, ROWS, Shape};
use super::library::{at_once, run, task};
use super::{Product, by_own_kernel};
use crate::device::Cuda;
use crate::driver::{Buffer, DevicePtr, Event, Launch, Pinned, args};
use crate::libraries::{CublasLt, Plan};

/// What came out.
#[derive(Clone, Debug)]
pub(crate) enum Outcome {
    /// Times.
    Measured(Measured),
    /// The library does not multiply this, or there was no memory to find out.
    Refused(String),
    /// It multiplies wrongly.
    Wrong(String),
}

/// Rows whose bits are compared, and which `x` consists of again and again: a block of them has one result, wherever
/// it stands.
const BLOCK: usize = ROWS[0];
/// Multiplies that are timed together, for each of [`ROWS`], and how often that is done.
const TIMED: [usize; ROWS.len()] = [8, 4, 2];
const TIMES: usize = 2;
/// Relative error that rounding to bf16 explains, about four times over.
const ERROR: f64 = 1e-2;
/// The same for fp8: Hopper's tensor cores keep 14 bits of such sums or so, which is 2e-2 beside exact ones.
const ERROR_FP8: f64 = 5e-2;

/// Measures `shape` with the weight of `product`. What the card itself refuses, the next operation hears too.
pub(crate) fn measure(cuda: &Cuda, library: &CublasLt, shape: Shape, product: &Product) -> Outcome {
    match measured(cuda, library, shape, product) {
        Ok(outcome) => outcome,
        Err(Error::OutOfMemory { .. }) => Outcome::Refused("no memory to measure it".into()),
        Err(error) => Outcome::Refused(error.to_string()),
    }
}

fn measured(cuda: &Cuda, library: &CublasLt, shape: Shape, product: &Product) -> Result<Outcome> {
    let mut sample = Sample::new(cuda, shape, product)?;
    let whole = sample.product;
    let scales = [whole.x_scales, product.weight_scales];
    let mut plans = Vec::new();
    for rows in ROWS {
        match library.plan(task(shape, at_once(shape, rows)), scales, None) {
            Ok(plan) => plans.push(plan),
            Err(why) => return Ok(Outcome::Refused(why)),
        }
    }
    let by_library = |plan: &mut Plan, at: usize| {
        let product = Product { rows: ROWS[at], ..whole };
        run(cuda, library, shape, &product, plan).map(|_| ())
    };
    let own = |at: usize| by_own_kernel(cuda, &Product { rows: ROWS[at], ..whole });

    // The blocks of the largest are what all others have to agree with.
    let largest = ROWS.len() - 1;
    sample.poison(cuda)?;
    by_library(&mut plans[largest], largest)?;
    let [first, last] = [sample.block(cuda, 0)?, sample.block(cuda, ROWS[largest] - BLOCK)?];
    sample.poison(cuda)?;
    own(0)?;
    let ours = sample.block(cuda, 0)?;
    let error = sample.error(&first, &ours);
    let bound = match shape.operands {
        Operands::Bf16 => ERROR,
        Operands::Fp8 => ERROR_FP8,
    };
    if error > bound {
        return Ok(Outcome::Wrong(format!("its {shape} is off by {error:.1e}")));
    }
    let mut alike = first == last;
    let mut algorithms = [0, 1, largest];
    for at in 0..largest {
        let mut agrees = |plan: &mut Plan| {
            sample.poison(cuda)?;
            by_library(plan, at)?;
            Result::Ok(sample.block(cuda, 0)? == first)
        };
        if agrees(&mut plans[at])? {
            continue;
        }
        algorithms[at] = largest;
        let algorithm = Some(plans[largest].algorithm());
        match library.plan(task(shape, at_once(shape, ROWS[at])), scales, algorithm) {
            Ok(plan) => plans[at] = plan,
            Err(why) => return Ok(Outcome::Refused(why)),
        }
        alike &= agrees(&mut plans[at])?;
    }

    let mut measured =
        Measured { own: [0.0; 3], library: [0.0; 3], algorithms: alike.then_some(algorithms) };
    for (at, plan) in plans.iter_mut().enumerate() {
        let count = TIMED[at];
        own(at)?;
        let mut best = [f64::INFINITY; 2];
        // In turn, since the card's clock follows what it does.
        for _ in 0..TIMES {
            best[0] = best[0].min(time(cuda, count, &mut || own(at))?);
            best[1] = best[1].min(time(cuda, count, &mut || by_library(plan, at))?);
        }
        [measured.own[at], measured.library[at]] = best;
    }
    Ok(Outcome::Measured(measured))
}

/// Microseconds of one of `count` calls.
fn time(cuda: &Cuda, count: usize, call: &mut dyn FnMut() -> Result<()>) -> Result<f64> {
    let (start, end) = (Event::new(cuda.context())?, Event::new(cuda.context())?);
    start.record(cuda.stream())?;
    for _ in 0..count {
        call()?;
    }
    end.record(cuda.stream())?;
    end.wait()?;
    Ok(f64::from(end.since(&start)?) * 1e3 / count as f64)
}

/// Inputs, and room for results.
struct Sample {
    /// At the largest of [`ROWS`].
    product: Product,
    /// Bytes of a row of the result.
    out_row: usize,
    accumulates: bool,
    /// Where a block comes back to.
    pinned: Pinned,
    _memory: [Buffer; 3],
}

impl Sample {
    fn new(cuda: &Cuda, shape: Shape, product: &Product) -> Result<Self> {
        let rows = ROWS[ROWS.len() - 1];
        let buffer = |bytes| Buffer::new(cuda.context(), bytes, Region::Step);
        let block = BLOCK * product.inputs * product.x_element.size();
        let x = buffer(block * (rows / BLOCK))?;
        let width = if shape.end == End::SwiGlu { shape.outputs / 2 } else { shape.outputs };
        let out_row = width * product.out_element.size();
        let (out, scales) = (buffer(rows * out_row)?, buffer(rows * size_of::<f32>())?);
        let values = random(product.x_element, BLOCK * product.inputs);
        // SAFETY: the buffer is many times as large.
        unsafe { cuda.stream().upload(x.start(), &values)? };
        let copy = cuda.kernel("sequence", "copy_bytes")?;
        let mut filled = block;
        while filled < x.len() {
            let count = filled.min(x.len() - filled);
            let grid = [crate::address::blocks(count, 4096)?, 1, 1];
            let launch = Launch { grid, block: [256, 1, 1], ..Launch::ONE };
            let to = x.start().plus(filled);
            // SAFETY: both pieces are of the buffer and do not overlap.
            unsafe { cuda.run(&copy, launch, args![x.start(), to, count as i64])? };
            filled += count;
        }
        let some: Vec<f32> = (0..rows).map(|row| 0.01 + (row % BLOCK) as f32 * 1e-4).collect();
        // SAFETY: the buffer is as large.
        unsafe { cuda.stream().upload(scales.start(), bytemuck::cast_slice(&some))? };
        let x_scales = match product.x_scales {
            DevicePtr::NULL => DevicePtr::NULL,
            _ => scales.start(),
        };
        let product = Product { x: x.start(), x_scales, out: out.start(), rows, ..*product };
        let accumulates = shape.end == End::Accumulate;
        let pinned = Pinned::new(cuda.context(), BLOCK * out_row)?;
        Ok(Self { product, out_row, accumulates, pinned, _memory: [x, out, scales] })
    }

    /// Makes the blocks that are compared what nobody would write, or zeros if something is added to them.
    fn poison(&self, cuda: &Cuda) -> Result<()> {
        let bytes = vec![if self.accumulates { 0 } else { 0xff }; BLOCK * self.out_row];
        for first in [0, self.product.rows - BLOCK] {
            let to = self.product.out.plus(first * self.out_row);
            // SAFETY: both blocks are of the result.
            unsafe { cuda.stream().upload(to, &bytes)? };
        }
        Ok(())
    }

    /// The results of a block of rows.
    fn block(&mut self, cuda: &Cuda, first: usize) -> Result<Vec<u8>> {
        let bytes = BLOCK * self.out_row;
        let from = self.product.out.plus(first * self.out_row);
        // SAFETY: the block is of the result, and is waited for.
        unsafe { cuda.stream().download_pinned(&mut self.pinned, from, bytes)? };
        cuda.stream().wait()?;
        Ok(self.pinned.bytes()[..bytes].to_vec())
    }

    /// How far `got` is from `expected`, as a part of its length.
    fn error(&self, got: &[u8], expected: &[u8]) -> f64 {
        let f32 = self.product.out_element == Element::F32;
        relative_error(&values(got, f32), &values(expected, f32))
    }
}

/// Bytes of the card as numbers.
fn values(bytes: &[u8], f32: bool) -> Vec<f32> {
    if f32 {
        bytes.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect()
    } else {
        let bf16 = |b: &[u8]| half::bf16::from_le_bytes([b[0], b[1]]).to_f32();
        bytes.chunks_exact(2).map(bf16).collect()
    }
}

fn relative_error(got: &[f32], expected: &[f32]) -> f64 {
    let square = |value: f32| f64::from(value).powi(2);
    let off: f64 = got.iter().zip(expected).map(|(a, b)| square(a - b)).sum();
    let all: f64 = expected.iter().copied().map(square).sum();
    let error = (off / all).sqrt();
    // What is no number is as bad as can be.
    if error.is_nan() { f64::INFINITY } else { error }
}

/// So many random numbers of ordinary size: zeros would be faster, and show no error.
fn random(element: Element, count: usize) -> Vec<u8> {
    let mut state = 1u64;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 40) as f32 / (1u64 << 23) as f32 - 1.0
    };
    match element {
        // Exponents from 2^-3 to 2^0, any mantissa, any sign.
        Element::Fp8 => {
            (0..count).map(|_| ((next() * 127.0) as i8).cast_unsigned() & 0xbf | 0x20).collect()
        }
        _ => (0..count).flat_map(|_| half::bf16::from_f32(next()).to_le_bytes()).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_relative_and_what_is_no_number_is_no_small_error() {
        assert!(relative_error(&[1.0, 2.0], &[1.0, 2.0]) == 0.0);
        assert!((relative_error(&[0.0, 4.0], &[3.0, 4.0]) - 0.6).abs() < 1e-12);
        assert!(relative_error(&[f32::NAN], &[1.0]) > ERROR);
        assert_eq!(values(&[0x80, 0x3f], false), [1.0]);
        assert_eq!(values(&2.5f32.to_le_bytes(), true), [2.5]);
    }

    #[test]
    fn random_numbers_are_of_ordinary_size() {
        let bf16 = values(&random(Element::Bf16, 1000), false);
        assert!(bf16.iter().all(|value| value.abs() <= 1.0));
        assert!(bf16.iter().filter(|value| value.abs() > 0.1).count() > 800);
        assert!(random(Element::Fp8, 1000).iter().all(|byte| byte & 0x7f < 0x7f));
    }
}
