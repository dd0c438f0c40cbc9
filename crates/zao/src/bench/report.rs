//! From the engine's measurements to the objects that `--json` prints.

use std::time::Duration;

use zao_api::{
    BenchGemm, BenchPicture, BenchProduct, BenchSetup, BenchStage, BenchStages, Speed, Spread,
};
use zao_engine::bench::{Bench, Drawing, Drawn, Measured, Product};
use zao_engine::{Job, peak_bytes};
use zao_request::on_the_wire;

use super::number;

/// Additions and multiplications in a TFLOP.
const TERA: f64 = 1e12;

/// What was measured on `bench`, where the machine does `peak` additions and multiplications a second.
fn setup(bench: &Bench, name: &str, peak: f64) -> BenchSetup {
    let device = bench.device();
    BenchSetup {
        bench: name.into(),
        model: bench.model().name.clone(),
        weights: bench.weights().name(),
        device: device.device,
        device_detail: device.detail,
        precision: on_the_wire(bench.precision()),
        peak_tflops: peak / TERA,
        peak_rss_bytes: peak_bytes(),
        kernels: device.kernels.into_iter().collect(),
    }
}

/// A stage, without what the command line knows of it.
pub(super) fn stage(bench: &Bench, name: &str, measured: &Measured) -> BenchStage {
    BenchStage {
        setup: setup(bench, name, measured.peak),
        width: None,
        height: None,
        tokens: None,
        batch: 1,
        speed: speed(&measured.runs, measured.flops, measured.peak),
        queued_seconds: spread(&measured.queued),
        load_seconds: measured.load.as_secs_f64(),
        output_rms: measured.output_rms,
    }
}

/// A whole picture.
pub(super) fn picture(bench: &Bench, job: &Job, tokens: usize, drawn: &Drawn) -> BenchPicture {
    let Drawn { runs, flops, peak } = drawn;
    let times = |of: fn(&Drawing) -> Duration| runs.iter().map(of).collect::<Vec<_>>();
    let stage = |of, flops| speed(&times(of), flops, *peak);
    let steps: Vec<Duration> =
        runs.iter().flat_map(|run| run.timings.steps.iter().copied()).collect();
    let ask = job.ask();
    BenchPicture {
        setup: setup(bench, "generate", *peak),
        width: number(ask.width),
        height: number(ask.height),
        tokens: number(tokens),
        steps: number(ask.steps),
        speed: stage(|run| run.total, flops.total()),
        stages: BenchStages {
            load: spread(&times(|run| run.timings.load)),
            text: stage(|run| run.timings.text, flops.text),
            denoise: stage(|run| run.timings.denoise, flops.denoise),
            step: spread(&steps),
            decode: stage(|run| run.timings.decode, flops.decode),
        },
    }
}

/// Products, all against the highest peak that was seen between them.
pub(super) fn gemm(bench: &Bench, measured: &[(Product, Measured)]) -> BenchGemm {
    let peak = measured.iter().map(|(_, measured)| measured.peak).fold(0.0, f64::max);
    let products = measured.iter().map(|(product, measured)| {
        let extent = bench.extent(*product);
        BenchProduct {
            layer: product.layer.as_str().into(),
            m: extent.m as u64,
            n: extent.n as u64,
            k: extent.k as u64,
            speed: speed(&measured.runs, measured.flops, peak),
        }
    });
    BenchGemm { products: products.collect(), setup: setup(bench, "gemm", peak) }
}

/// How fast `flops` additions and multiplications were done in each of `runs`.
fn speed(runs: &[Duration], flops: u64, peak: f64) -> Speed {
    let seconds = spread(runs);
    let rate = flops as f64 / seconds.median.max(f64::MIN_POSITIVE);
    Speed {
        seconds,
        tflop: flops as f64 / TERA,
        tflops: rate / TERA,
        share_of_peak: rate / peak.max(f64::MIN_POSITIVE),
    }
}

/// How `runs`, at least one, are spread.
pub(super) fn spread(runs: &[Duration]) -> Spread {
    let mut seconds: Vec<f64> = runs.iter().map(Duration::as_secs_f64).collect();
    seconds.sort_by(f64::total_cmp);
    let at = |index: usize| seconds.get(index).copied().unwrap_or(0.0);
    let n = seconds.len();
    Spread {
        median: f64::midpoint(at(n.saturating_sub(1) / 2), at(n / 2)),
        min: at(0),
        max: at(n.saturating_sub(1)),
        n: number(n),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle() {
        let of = |millis: &[u64]| {
            spread(&millis.iter().map(|&m| Duration::from_millis(m)).collect::<Vec<_>>())
        };
        let spread = of(&[3000, 1000, 9000]);
        assert_eq!(spread, Spread { median: 3.0, min: 1.0, max: 9.0, n: 3 });
        assert_eq!(of(&[4000, 1000]).median, 2.5);
        assert_eq!(of(&[4000]), Spread { median: 4.0, min: 4.0, max: 4.0, n: 1 });
    }

    #[test]
    fn speeds_are_shares_of_the_peak() {
        let speed = speed(&[Duration::from_secs(2)], 1_000_000_000_000, 2e12);
        assert_eq!((speed.tflop, speed.tflops, speed.share_of_peak), (1.0, 0.5, 0.25));
    }
}
