//! How long a picture takes on a machine that is not here: arithmetic over what was measured of it elsewhere, bytes
//! over the bus, and both beside each other where weights are streamed. These are estimates: what a card keeps up of its
//! maker's figures was measured on one H100 (docs/benchmarks.md) and is taken for the others.

use std::num::NonZeroUsize;
use std::time::Duration;

use crate::bench::StageFlops;
use crate::devices;
use crate::known_cards::KnownCard;
use crate::{Instructions, MemoryPlan, Place, ResolvedPrecision, Result};

/// How fast a device is at what drawing consists of.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Speed {
    /// Additions and multiplications a second of the transformer.
    steps: f64,
    /// The same of the text encoder.
    text: f64,
    /// The same of the autoencoder.
    decode: f64,
    /// Bytes a second at which weights are read while few rows are multiplied by them.
    weights: f64,
    /// Bytes a second from page-locked memory to the device.
    bus: f64,
    /// Bytes a second from files, as they lie in memory already, to weights as the device keeps them.
    files: f64,
    /// Seconds from the start of a process until it loads.
    start: f64,
}

/// The most arithmetic of the processor of this machine, in additions and multiplications a second.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ProcessorPeaks {
    f32: f64,
    bf16: f64,
    int8: f64,
    /// Threads that compute.
    threads: usize,
}

/// What is drawn at once, as far as time depends on it.
#[derive(Clone, Copy, Debug)]
pub struct Drawn {
    /// Its arithmetic.
    pub flops: StageFlops,
    /// Steps of the longest picture.
    pub steps: usize,
    /// Pixels of all pictures.
    pub pixels: usize,
    /// The files of the model.
    pub stored: StoredBytes,
}

/// Bytes of a model's weights in its files.
#[derive(Clone, Copy, Debug)]
pub struct StoredBytes {
    /// Of the text encoder.
    pub text_encoder: u64,
    /// Of everything else.
    pub others: u64,
}

/// When pictures are there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Times {
    /// One step of all pictures of the batch.
    pub step: Duration,
    /// From the start of a process to the files of its first batch, with the model's files in the page cache.
    pub first: Duration,
    /// A batch in a process that has drawn before.
    pub next: Duration,
}

/// What one H100 kept up of its maker's figures: 638 of 989 TFLOP/s in bf16 and 995 of 1979 in fp8 at 1024x1024, of which 15 %
/// are attention in bf16, so that products are at 1106; int8 is taken for like fp8; 10.4 TFLOP of a decode in 22.2 ms; the text encoder's 6.6 GB in 3.9 ms at 3.35 TB/s.
const STEPS_IN_BF16: f64 = 0.645;
const PRODUCTS_IN_8_BITS: f64 = 0.559;
const ATTENTION: f64 = 0.15;
const DECODE: f64 = 0.472;
const WEIGHTS: f64 = 0.51;
/// Measured there too: 53.4 of 63 GB/s over the bus, and 11 GB/s from mapped files by eight threads.
const BUS: f64 = 0.85;
const FILES: f64 = 11e9;
/// The share of the shorter one that hides behind the longer, where products and copies of their weights go on together.
const OVERLAP: f64 = 2.0 / 3.0;
/// Seconds until a process loads, and seconds a pixel for the PNG and what else comes once a picture.
const START: f64 = 0.6;
const A_PIXEL: f64 = 27e-9;

/// What processors keep up of what they do at most, by the same document: steps, text and decoding.
const OF_PROCESSOR: [(ResolvedPrecision, f64, f64); 3] = [
    (ResolvedPrecision::F32, 0.80, 0.67),
    (ResolvedPrecision::Bf16, 0.81, 0.67),
    (ResolvedPrecision::Int8, 0.67, 0.64),
];
const DECODE_OF_PROCESSOR: f64 = 0.79;
/// Bytes a second that a processor reads from main memory while it multiplies few rows: a guess, two channels of which half
/// is kept up.
const MAIN_MEMORY: f64 = 35e9;
/// Bytes a second and thread of weights that are unpacked while few rows are multiplied: int4 on 16 threads took 0.58 s for
/// 2 GB, a quarter of which was the arithmetic.
const UNPACKED: f64 = 0.29e9;
/// Bytes of stored weights a second and thread that are packed, and that are quantised.
const PACKED: f64 = 1e9;
const QUANTISED: f64 = 0.38e9;

impl Speed {
    /// Everything at once, for bounds.
    pub(crate) const NO_TIME: Self = Self {
        steps: f64::INFINITY,
        text: f64::INFINITY,
        decode: f64::INFINITY,
        weights: f64::INFINITY,
        bus: f64::INFINITY,
        files: f64::INFINITY,
        start: 0.0,
    };

    /// What a card is thought to do in a precision; `None` in one that it has not got or that nobody has measured.
    #[must_use]
    pub fn of_card(card: &KnownCard, precision: ResolvedPrecision) -> Option<Self> {
        let bf16 = card.bf16_teraflops * 1e12;
        let in_8_bits = |factor: f64| {
            let products = (1.0 - ATTENTION) / (bf16 * factor * PRODUCTS_IN_8_BITS);
            1.0 / (products + ATTENTION / (bf16 * STEPS_IN_BF16))
        };
        let steps = match precision {
            ResolvedPrecision::Bf16 => bf16 * STEPS_IN_BF16,
            ResolvedPrecision::Fp8 if card.family.has_fp8() => in_8_bits(2.0),
            ResolvedPrecision::Int8 => in_8_bits(card.family.int8_factor()),
            ResolvedPrecision::F32 | ResolvedPrecision::Fp8 => return None,
        };
        let (generation, lanes) = card.bus;
        // 1 GB/s a lane from generation 3 on, doubled with each.
        let bus = 0.985e9 * f64::from(1 << (generation - 3)) * f64::from(lanes) * BUS;
        Some(Self {
            steps,
            text: steps,
            decode: bf16 * DECODE,
            weights: card.memory_gigabytes_per_second * 1e9 * WEIGHTS,
            bus,
            files: bus.min(FILES),
            start: START,
        })
    }

    /// What the processor of this machine does in a precision; `None` in one that it has not got.
    /// `packed` says that the model's files hold weights as a processor multiplies them.
    #[must_use]
    pub fn of_processor(
        peaks: &ProcessorPeaks,
        precision: ResolvedPrecision,
        packed: bool,
    ) -> Option<Self> {
        let (_, steps, text) = OF_PROCESSOR.into_iter().find(|row| row.0 == precision)?;
        let (peak, careful) = match precision {
            ResolvedPrecision::F32 => (peaks.f32, peaks.f32),
            ResolvedPrecision::Bf16 => (peaks.bf16, peaks.bf16),
            ResolvedPrecision::Int8 => (peaks.int8, peaks.bf16),
            ResolvedPrecision::Fp8 => return None,
        };
        let threads = peaks.threads as f64;
        let files = match precision {
            _ if packed => FILES,
            ResolvedPrecision::Int8 => QUANTISED * threads,
            _ => PACKED * threads,
        };
        Some(Self {
            steps: peak * steps,
            text: peak * text,
            decode: careful * DECODE_OF_PROCESSOR,
            weights: MAIN_MEMORY,
            bus: f64::INFINITY,
            files,
            start: 0.1,
        })
    }

    /// The same for weights that a processor unpacks each time, in place of reading them.
    pub(crate) fn unpacking(self, peaks: &ProcessorPeaks) -> Self {
        Self { weights: UNPACKED * peaks.threads as f64, files: FILES, ..self }
    }

    /// When what is drawn is there, as `plan` says; where that has the text encoder on the processor, `reader` is how fast
    /// that is.
    #[must_use]
    pub fn times(&self, plan: &MemoryPlan, drawn: &Drawn, reader: &Self) -> Times {
        let &Drawn { flops, steps, pixels, stored } = drawn;
        let of = |flops: u64, rate: f64| flops as f64 / rate;
        let (text, transformer) = (&plan.placement.text_encoder, &plan.placement.transformer);
        let comes = |placed: &crate::Placed| {
            let locked = placed.locked_bytes();
            let read = placed.streamed_bytes().saturating_sub(locked);
            locked as f64 / self.bus + read as f64 / self.files.min(self.bus)
        };
        let steps = steps.max(1) as f64;
        let step = beside(of(flops.denoise, self.steps) / steps, comes(transformer));
        let reader = if text.place == Place::Processor { reader } else { self };
        let multiplied = of(flops.text, reader.text).max(text.bytes as f64 / reader.weights);
        let picture = beside(multiplied, comes(text))
            + steps * step
            + of(flops.decode, self.decode)
            + pixels as f64 * A_PIXEL;
        let load = stored.others as f64 / self.files + stored.text_encoder as f64 / reader.files;
        let again = if plan.parts_take_turns() { load } else { 0.0 };
        let seconds = |seconds: f64| Duration::from_secs_f64(seconds.clamp(0.0, 1e9));
        Times {
            step: seconds(step),
            first: seconds(self.start + load + picture),
            next: seconds(again + picture),
        }
    }
}

/// Seconds of two things that go on together.
fn beside(one: f64, other: f64) -> f64 {
    one.max(other) + (1.0 - OVERLAP) * one.min(other)
}

impl ProcessorPeaks {
    /// A processor of so many threads, each of which does so much in every precision.
    #[cfg(test)]
    pub(crate) fn of(threads: usize, a_thread: f64) -> Self {
        let all = threads as f64 * a_thread;
        Self { f32: all, bf16: all, int8: all, threads }
    }

    /// Measures the processor of this machine, which takes about half a second. `None` for one thread a core, and for the
    /// fastest instructions.
    ///
    /// # Errors
    /// Instructions that it has not got.
    pub fn measure(
        threads: Option<NonZeroUsize>,
        instructions: Option<Instructions>,
    ) -> Result<Self> {
        let peak = |precision| -> Result<f64> {
            Ok(devices::cpu(precision, threads, instructions)?.peak()?)
        };
        let cores = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        Ok(Self {
            f32: peak(ResolvedPrecision::F32)?,
            bf16: peak(ResolvedPrecision::Bf16)?,
            int8: peak(ResolvedPrecision::Int8)?,
            threads: threads.unwrap_or(cores).get(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Architecture, Machine, Plans, Reads, Residency, Synthetic};

    const GB: u64 = 1_000_000_000;

    /// The plan and the times of one picture on a card of that name with so much memory.
    fn times(
        name: &str,
        vram: u64,
        precision: ResolvedPrecision,
        side: usize,
    ) -> (MemoryPlan, Times) {
        let synthetic = Synthetic {
            architecture: Architecture::ZImageTurbo,
            tokens: 64,
            weights: crate::WeightForm::Bf16,
        };
        let plans = Plans::synthetic(synthetic).unwrap();
        let jobs = plans.usual_jobs(zao_backend::Grid::new(side, side), 8, 0.0, 1).unwrap();
        let machine = Machine { vram: Some(vram), ram: 64 * GB };
        let plan = plans.plan(machine, precision, Reads::Device, Residency::Keep, &jobs).unwrap();
        let speed = Speed::of_card(KnownCard::find(name)[0], precision).unwrap();
        let flops = plans.flops(&jobs).unwrap();
        let drawn = Drawn { flops, steps: 8, pixels: side * side, stored: plans.stored() };
        (plan, speed.times(&plan, &drawn, &speed))
    }

    #[test]
    fn what_was_measured_on_an_h100_is_what_is_estimated_for_one() {
        use ResolvedPrecision::{Bf16, Fp8};
        // Forward, warm picture, start of a process to its file: docs/benchmarks.md.
        for (precision, side, step, next, first) in [
            (Bf16, 1024, 0.0871, Some(0.751), Some(3.04)),
            (Fp8, 1024, 0.0559, Some(0.506), Some(2.86)),
            (Bf16, 512, 0.0214, None, None),
            (Fp8, 512, 0.0134, None, None),
        ] {
            let (_, times) = times("H100 80GB HBM3", 80 * GB, precision, side);
            for (estimated, measured) in
                [(times.step, Some(step)), (times.next, next), (times.first, first)]
            {
                let Some(measured) = measured else { continue };
                let ratio = estimated.as_secs_f64() / measured;
                assert!((0.9..1.1).contains(&ratio), "{precision:?} {side}: {times:?} {measured}");
            }
        }
    }

    #[test]
    fn what_is_streamed_takes_as_long_as_the_bus() {
        let (plan, streamed) = times("4090", 8 * GB, ResolvedPrecision::Bf16, 1024);
        let (_, resident) = times("4090", 24 * GB, ResolvedPrecision::Bf16, 1024);
        let bytes = plan.placement.transformer.streamed_bytes();
        assert!(bytes > 5 * GB, "{plan:?}");
        let bus = bytes as f64 / (0.985e9 * 2.0 * 16.0 * BUS);
        let (streamed, resident) = (streamed.step.as_secs_f64(), resident.step.as_secs_f64());
        assert!(streamed > bus.max(resident) && streamed < bus + resident, "{streamed} {bus}");
    }

    #[test]
    fn a_processor_is_measured_and_has_no_fp8() {
        let peaks = ProcessorPeaks::measure(NonZeroUsize::new(1), None).unwrap();
        assert!(peaks.f32 > 1e8 && peaks.bf16 > 1e8 && peaks.int8 > 1e8, "{peaks:?}");
        assert!(Speed::of_processor(&peaks, ResolvedPrecision::Fp8, false).is_none());
        let files =
            |packed| Speed::of_processor(&peaks, ResolvedPrecision::Int8, packed).unwrap().files;
        assert!(files(true) > files(false), "a converted model need not be quantised");
    }
}
