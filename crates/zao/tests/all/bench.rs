//! `zao bench` on the smallest model: what it reports, and what it refuses. How fast anything is, is NOT
//! judged.

use serde::de::DeserializeOwned;
use zao_api::{BenchGemm, BenchPicture, BenchScenarios, BenchSetup, BenchStage, Speed, Spread};

use crate::folder::Folder;

/// More than that of the machine's peak nothing reaches, however it was measured.
const MOST_OF_PEAK: f64 = 1.5;

fn bench<T: DeserializeOwned>(command: &str, args: &[&str]) -> T {
    let folder = Folder::new();
    let common = ["--synthetic", "tiny", "--threads", "2", "--json"];
    let said = folder.run(&[&["bench", command], &common[..], args].concat()).ok();
    assert_eq!(said.err, "", "no progress where nobody looks");
    assert_eq!(folder.names(), [""; 0], "nothing is written");
    serde_json::from_slice(&said.out).unwrap()
}

/// The same of work that is set beside the machine's peak, in `speeds`. Both are measured one after the other, so a machine that is
/// busy with something else in one of them makes nonsense of it: then it is run again, three times at most.
fn bench_beside_peak<T: DeserializeOwned>(
    command: &str,
    args: &[&str],
    speeds: impl Fn(&T) -> Vec<Speed>,
) -> T {
    let is_plausible = |run: &T| speeds(run).iter().all(|speed| speed.share_of_peak < MOST_OF_PEAK);
    let mut runs = (0..3).map(|_| bench(command, args));
    let first = runs.next().unwrap();
    if is_plausible(&first) { first } else { runs.find(is_plausible).unwrap_or(first) }
}

#[track_caller]
fn assert_set_up(setup: &BenchSetup, bench: &str) {
    assert_eq!((setup.bench.as_str(), setup.model.as_str()), (bench, "tiny"));
    assert!(setup.device == "cpu" && setup.device_detail.contains("2 threads"), "{setup:?}");
    assert!(setup.peak_tflops > 1e-4, "{setup:?}");
    assert!(setup.kernels.contains_key("linear"), "{setup:?}");
    #[cfg(target_os = "linux")]
    assert!(setup.peak_rss_bytes > Some(1 << 20), "{setup:?}");
}

#[track_caller]
fn assert_spread(Spread { median, min, max, n }: Spread, repeat: u32) {
    assert_eq!(n, repeat);
    assert!(0.0 < min && min <= median && median <= max, "{min} {median} {max}");
}

#[track_caller]
fn assert_fast(speed: Speed, repeat: u32) {
    assert_spread(speed.seconds, repeat);
    assert!(speed.tflop > 0.0 && speed.tflops > 0.0, "{speed:?}");
    assert!(0.0 < speed.share_of_peak && speed.share_of_peak < MOST_OF_PEAK, "{speed:?}");
    let rate = speed.tflop / speed.seconds.median;
    assert!((rate / speed.tflops - 1.0).abs() < 1e-9, "{speed:?}");
}

#[test]
fn a_forward_is_measured() {
    let args = ["--size", "96x64", "--repeat", "4"];
    let one = bench_beside_peak("forward", &args, |it: &BenchStage| vec![it.speed]);
    assert_set_up(&one.setup, "forward");
    assert_fast(one.speed, 4);
    assert_eq!((one.width, one.height, one.tokens, one.batch), (Some(96), Some(64), Some(64), 1));
    assert!((0.2..5.0).contains(&one.output_rms) && one.load_seconds > 0.0, "{one:?}");

    let args = ["--size", "96x64", "--repeat", "1", "--batch", "3", "--precision", "bf16"];
    let three: BenchStage = bench("forward", &args);
    assert_eq!((three.batch, three.setup.precision.as_str()), (3, "bf16"));
    assert!((three.speed.tflop / one.speed.tflop - 3.0).abs() < 1e-9);
}

#[test]
fn scenarios_are_measured() {
    let args = ["--size", "32", "--steps", "2", "--repeat", "2", "--batches", "1,3"];
    let used: BenchScenarios = bench("scenarios", &args);
    assert_eq!((used.bench.as_str(), used.model.as_str()), ("scenarios", "tiny"));
    let cold = &used.cold;
    for spread in [cold.open, cold.load, cold.draw, cold.total, used.warm.seconds] {
        assert_spread(spread, 2);
    }
    assert!(cold.load.min + cold.draw.min <= cold.total.max, "{cold:?}");
    let pictures: Vec<_> = used.batches.iter().map(|batch| batch.pictures).collect();
    assert_eq!(pictures, [1, 3]);
    let three = &used.batches[1];
    assert!((three.seconds_per_picture * 3.0 / three.seconds.median - 1.0).abs() < 1e-9);
    #[cfg(target_os = "linux")]
    assert!(used.memory.idle < used.memory.loaded, "{:?}", used.memory);
    assert!(used.memory.loaded <= used.memory.peak && used.memory.planned > 0, "{used:?}");
}

#[test]
fn a_caption_is_measured() {
    let args = ["--tokens", "40", "--repeat", "2"];
    let text = bench_beside_peak("text", &args, |it: &BenchStage| vec![it.speed]);
    assert_set_up(&text.setup, "text");
    assert_fast(text.speed, 2);
    assert_eq!((text.width, text.height, text.tokens), (None, None, Some(40)));
    assert!((0.2..20.0).contains(&text.output_rms), "{text:?}");
}

#[test]
fn a_decoder_is_measured() {
    let args = ["--size", "64", "--repeat", "3"];
    let vae = bench_beside_peak("vae", &args, |it: &BenchStage| vec![it.speed]);
    assert_set_up(&vae.setup, "vae");
    assert_fast(vae.speed, 3);
    assert_eq!((vae.width, vae.height, vae.tokens), (Some(64), Some(64), None));
    assert!((0.1..5.0).contains(&vae.output_rms), "{vae:?}");
}

#[test]
fn a_whole_picture_is_measured_stage_by_stage() {
    let args = ["--size", "64", "--steps", "3", "--repeat", "2", "--tokens", "5"];
    let speeds = |BenchPicture { speed, stages, .. }: &BenchPicture| {
        vec![*speed, stages.text, stages.denoise, stages.decode]
    };
    let picture = bench_beside_peak("generate", &args, speeds);
    assert_set_up(&picture.setup, "generate");
    assert_eq!((picture.width, picture.height), (64, 64));
    assert_eq!((picture.tokens, picture.steps), (5, 3));
    let stages = &picture.stages;
    for speed in speeds(&picture) {
        assert_fast(speed, 2);
    }
    assert_spread(stages.load, 2);
    assert_spread(stages.step, 6);
    let tflop = stages.text.tflop + stages.denoise.tflop + stages.decode.tflop;
    assert!((tflop / picture.speed.tflop - 1.0).abs() < 1e-9, "{picture:?}");
    let parts = [stages.load, stages.text.seconds, stages.denoise.seconds, stages.decode.seconds];
    assert!(parts.iter().map(|part| part.min).sum::<f64>() <= picture.speed.seconds.max);
}

#[test]
fn products_are_measured_for_every_number_of_rows() {
    let args = ["--tokens", "33,64", "--repeat", "2"];
    let speeds = |gemm: &BenchGemm| gemm.products.iter().map(|it| it.speed).collect();
    let gemm = bench_beside_peak("gemm", &args, speeds);
    assert_set_up(&gemm.setup, "gemm");
    let shapes: Vec<_> =
        gemm.products.iter().map(|it| (it.layer.as_str(), it.m, it.k, it.n)).collect();
    let layers = |m| {
        [
            ("qkv", m, 256, 768),
            ("out", m, 256, 256),
            ("swiglu", m, 256, 1364),
            ("down", m, 682, 256),
        ]
    };
    assert_eq!(shapes, [layers(33), layers(64)].concat());
    for product in &gemm.products {
        assert_fast(product.speed, 2);
        let flops = 2.0 * (product.m * product.k * product.n) as f64;
        assert!((product.speed.tflop * 1e12 / flops - 1.0).abs() < 1e-9, "{product:?}");
    }
    // A picture of 64x64 has 16 patches, padded to 32, and a caption of 64.
    let gemm: BenchGemm = bench("gemm", &["--size", "64", "--repeat", "1"]);
    assert!(gemm.products.iter().all(|product| product.m == 96), "{gemm:?}");
}

#[test]
fn people_get_a_table() {
    let folder = Folder::new();
    let args = ["--synthetic", "tiny", "--size", "64", "--repeat", "1"];
    for command in ["forward", "vae", "generate", "gemm"] {
        let said = folder.run(&[&["bench", command], &args[..]].concat()).ok();
        for word in ["tiny", "median s", "TFLOP/s", "of peak", "this machine's peak", "linear: "] {
            assert!(said.text().contains(word), "no {word} in {}", said.text());
        }
    }
}

#[test]
fn what_cannot_be_measured_is_refused_in_one_line() {
    let folder = Folder::new();
    for (args, code, parts) in [
        (&["forward"][..], 2, &["--synthetic"][..]),
        (&["forward", "--synthetic", "huge"], 2, &["huge", "z-image-turbo, tiny"]),
        (&["forward", "--synthetic", "tiny", "--size", "100"], 2, &["100x100", "96x96"]),
        (&["vae", "--synthetic", "tiny", "--size", "0x64"], 2, &["0x64", "16x16"]),
        (&["vae", "--synthetic", "tiny", "--size", "64x"], 2, &["--size"]),
        (&["forward", "--synthetic", "tiny", "--repeat", "0"], 2, &["--repeat", "from 1 to"]),
        (&["forward", "--synthetic", "tiny", "--batch", "0"], 2, &["--batch", "from 1 to"]),
        (&["text", "--synthetic", "tiny", "--tokens", "513"], 2, &["--tokens", "from 1 to 512"]),
        (&["text", "--synthetic", "tiny", "--size", "64"], 2, &["--size"]),
        (&["generate", "--synthetic", "tiny", "--steps", "0"], 2, &["--steps", "from 1 to"]),
        (&["scenarios", "--synthetic", "tiny", "--batches", "0"], 2, &["--batches", "from 1 to"]),
        (&["scenarios", "--synthetic", "tiny", "--model", "demo"], 2, &["--model"]),
        (&["scenarios", "--model", "no-such-model"], 2, &["no-such-model"]),
        (&["gemm", "--synthetic", "tiny", "--tokens", "1,,2"], 2, &["--tokens", "from 1 to"]),
        // Before anything is made: a thousandth of what the weights need.
        (
            &["forward", "--synthetic", "z-image-turbo", "--memory-limit", "12"],
            1,
            &["forward at 512x512", "weights alone need", "raise the memory limit"],
        ),
        (
            &["generate", "--synthetic", "z-image-turbo", "--memory-limit", "12"],
            1,
            &["512x512", "weights alone need", "raise the memory limit"],
        ),
        (
            &["vae", "--synthetic", "tiny", "--size", "1024", "--memory-limit", "40"],
            1,
            &["decoding 1024x1024", "smaller size"],
        ),
    ] {
        folder.run(&[&["bench"], args].concat()).complains(code, parts);
    }
}
